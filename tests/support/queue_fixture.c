/* A queue for a test. */
#include "tests/support/queue_fixture.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/redis/scripts.h"

#define SCRIPTS_MAX 128
#define START_MS    INT64_C(1800000000000)
#define TIMEOUT_MS  10000

static const struct {
    const char *from, *to;
} replaced[] = {
    {"redis.call('TIME')", "redis.call('HMGET', KEYS[1] .. 'test', 's', 'us')"},
    {"redis.call('INFO', 'server')", "redis.call('HGET', KEYS[1] .. 'test', 'info')"},
};

static struct redis_script variants[SCRIPTS_MAX];
static const struct redis_script *variant_list[SCRIPTS_MAX + 1];

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "queue_fixture: %s: %s\n", what, err ? err->message : "");
    abort();
}

static char *sha1_hex(const char *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char *hex = mem_new(1, 2 * EVP_MAX_MD_SIZE + 1);

    if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha1(), NULL) != 1)
        die("SHA-1", NULL);
    for (unsigned i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return hex;
}

/* The text with the first `from` replaced. */
static char *with_replaced(char *text, const char *from, const char *to)
{
    char *found = strstr(text, from);
    char *changed;

    if (found == NULL)
        return text;
    changed = mem_fmt("%.*s%s%s", (int)(found - text), text, to, found + strlen(from));
    free(text);
    return changed;
}

static void make_variants(void)
{
    for (size_t i = 0; scripts_all[i] != NULL; i++) {
        char *text = mem_dup_n((const char *)scripts_all[i]->text, scripts_all[i]->len);

        if (strstr(text, replaced[0].from) == NULL)
            die("a script that does not read the time", NULL);
        for (size_t j = 0; j < ARRAY_LEN(replaced); j++)
            text = with_replaced(text, replaced[j].from, replaced[j].to);
        variants[i] = (struct redis_script){.name = scripts_all[i]->name,
                                            .text = (unsigned char *)text,
                                            .len = strlen(text),
                                            .sha1 = sha1_hex(text)};
        variant_list[i] = &variants[i];
    }
}

static void free_variants(void)
{
    for (size_t i = 0; variant_list[i] != NULL; i++) {
        free((void *)(uintptr_t)variants[i].text);
        free((void *)(uintptr_t)variants[i].sha1);
        variant_list[i] = NULL;
    }
}

void queue_fixture_start(struct queue_fixture *fixture)
{
    make_variants();
    redis_server_start(&fixture->server, REDIS_SERVER_MEMORY, NULL);
    fixture->redis =
        redis_new(&fixture->server.address, FIXTURE_PREFIX, variant_list, TIMEOUT_MS);
    queue_fixture_reset(fixture);
}

void queue_fixture_stop(struct queue_fixture *fixture)
{
    redis_free(fixture->redis);
    redis_server_stop(&fixture->server);
    free_variants();
}

static void set_clock(const struct queue_fixture *fixture, struct redis_cmd *cmd)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HSET");
    redis_cmd_arg(cmd, FIXTURE_PREFIX "test");
    redis_cmd_arg(cmd, "s");
    redis_cmd_int(cmd, fixture->now_ms / 1000);
    redis_cmd_arg(cmd, "us");
    redis_cmd_int(cmd, fixture->now_ms % 1000 * 1000);
}

/* The command with its script as the fixture has it; borrows the bytes. */
static struct redis_cmd with_variant(const struct redis_cmd *cmd)
{
    struct redis_cmd copy = *cmd;

    for (size_t i = 0; variant_list[i] != NULL && cmd->script != NULL; i++)
        if (strcmp(variant_list[i]->name, cmd->script->name) == 0)
            copy.script = variant_list[i];
    return copy;
}

/* The clock is written only when it has moved: Redis may have no memory left for that. */
static int try_call(struct queue_fixture *fixture, const struct redis_cmd *cmd,
                    struct redisReply **reply, struct err *err)
{
    AUTO(redis_reply_free) struct redisReply *clock_reply = NULL;
    AUTO(redis_cmd_done) struct redis_cmd clock = {0};
    struct redis_cmd copy = with_variant(cmd);

    if (fixture->now_ms == fixture->told_ms)
        return redis_call(fixture->redis, &copy, TIMEOUT_MS, reply, err);
    set_clock(fixture, &clock);
    fixture->told_ms = fixture->now_ms;
    return redis_call2(fixture->redis, &clock, &copy, TIMEOUT_MS, &clock_reply, reply,
                       err);
}

int queue_fixture_call_all(struct queue_fixture *fixture, const struct redis_cmd *cmds,
                           size_t count, struct redisReply **replies, struct err *err)
{
    struct redis_cmd copies[REDIS_CALL_MAX];

    if (fixture->now_ms != fixture->told_ms) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        AUTO(redis_cmd_done) struct redis_cmd clock = {0};

        set_clock(fixture, &clock);
        if (redis_call(fixture->redis, &clock, 0, &reply, err) < 0)
            return -1;
        fixture->told_ms = fixture->now_ms;
    }
    for (size_t i = 0; i < count; i++)
        copies[i] = with_variant(&cmds[i]);
    return redis_call_all(fixture->redis, copies, count, 0, replies, err);
}

struct redisReply *queue_fixture_send(struct queue_fixture *fixture,
                                      const struct redis_cmd *cmd)
{
    struct redisReply *reply = NULL;
    struct err err;

    if (try_call(fixture, cmd, &reply, &err) < 0)
        die(cmd->script != NULL ? cmd->script->name : "a command", &err);
    return reply;
}

struct redisReply *queue_fixture_call(struct queue_fixture *fixture,
                                      struct redis_cmd *cmd)
{
    struct redisReply *reply = queue_fixture_send(fixture, cmd);

    redis_cmd_done(cmd);
    return reply;
}

const char *queue_fixture_refusal(struct queue_fixture *fixture, struct redis_cmd *cmd,
                                  struct err *err)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    int result = try_call(fixture, cmd, &reply, err);

    redis_cmd_done(cmd);
    return result < 0 ? err->message : "";
}

struct redisReply *queue_fixture_plain(struct queue_fixture *fixture, const char *words)
{
    AUTO(auto_free) char *text = mem_dup(words);
    struct redis_cmd cmd;
    char *rest = text;

    redis_cmd_init(&cmd);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (cmd.count == 1)
            redis_cmd_fmt(&cmd, "%s%s", FIXTURE_PREFIX, word);
        else
            redis_cmd_arg(&cmd, word);
    }
    return queue_fixture_call(fixture, &cmd);
}

const char *queue_fixture_ask(struct queue_fixture *fixture, const char *format, ...)
{
    static char answer[512];
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    char words[512];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    reply = queue_fixture_plain(fixture, words);
    if (reply->type == REDIS_REPLY_INTEGER)
        snprintf(answer, sizeof answer, "%lld", reply->integer);
    else
        snprintf(answer, sizeof answer, "%s",
                 redis_reply_text(reply) ? redis_reply_text(reply) : "");
    return answer;
}

void queue_fixture_advance(struct queue_fixture *fixture, int64_t ms)
{
    fixture->now_ms += ms;
}

void queue_fixture_uptime(struct queue_fixture *fixture, int64_t seconds)
{
    queue_fixture_ask(fixture, "HSET test info uptime_in_seconds:%" PRId64, seconds);
}

void queue_fixture_reset(struct queue_fixture *fixture)
{
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "FLUSHALL");
    freeReplyObject(queue_fixture_call(fixture, &cmd));
    fixture->now_ms = START_MS;
    fixture->told_ms = 0;
    queue_fixture_uptime(fixture, 3600);
}
