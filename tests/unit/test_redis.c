/* The blocking Redis client, its commands, replies and addresses, and the check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_internal.h"
#include "tests/support/redis_fake.h"
#include "tests/support/redis_server.h"

#define PREFIX     "{test}:"
#define TIMEOUT_MS 1000
#define SHORT_MS   300 /* where the time-out is the point */
#define BUDGET_MS  5000
/* For what must not take long, on a machine that may be busy. */
#define SLACK_MS 2000

#define ECHO_TEXT "#!lua\nreturn ARGV[1]"
#define ECHO_SHA1 "3a8485c1393a4c5f62edc979750b8f5dde1d2de7"
static const struct redis_script echo_script = {.name = "echo",
                                                .text = (const unsigned char *)ECHO_TEXT,
                                                .len = sizeof ECHO_TEXT - 1,
                                                .sha1 = ECHO_SHA1};
static const struct redis_script *const scripts[] = {&echo_script, NULL};
#define LOADS_ECHO                                                                       \
    {                                                                                    \
        .command = "SCRIPT", .reply = "$40\r\n" ECHO_SHA1 "\r\n"                         \
    }
#define END_OF_RULES                                                                     \
    {                                                                                    \
        .command = NULL                                                                  \
    }

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

/* ---- addresses ---- */

static void assert_same(const char *got, const char *want)
{
    assert_string_equal(got != NULL ? got : "(null)", want != NULL ? want : "(null)");
}

static void an_address_that_is_understood(void **state)
{
    static const struct {
        const char *url, *host;
        int port, db;
        const char *socket_path, *user, *password;
    } cases[] = {
        {"redis://127.0.0.1:6379/0", "127.0.0.1", 6379, 0, NULL, NULL, NULL},
        {"redis://r", "r", 6379, 0, NULL, NULL, NULL},
        {"redis://r/", "r", 6379, 0, NULL, NULL, NULL},
        {"REDIS://r:1/15", "r", 1, 15, NULL, NULL, NULL},
        {"redis://[::1]:65535", "::1", 65535, 0, NULL, NULL, NULL},
        {"redis://[fe80::1]/2", "fe80::1", 6379, 2, NULL, NULL, NULL},
        {"redis://:p%40ss@r", "r", 6379, 0, NULL, NULL, "p@ss"},
        {"redis://me:a:b@c@r:7", "r", 7, 0, NULL, "me", "a:b@c"},
        {"unix:///run/redis.sock", NULL, 0, 0, "/run/redis.sock", NULL, NULL},
        {"unix:///a%20b?db=3&password=x%26y&user=u", NULL, 0, 3, "/a b", "u", "x&y"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_address got;
        struct err err = {.message = ""};

        if (redis_address_parse(cases[i].url, &got, &err) < 0)
            fail_msg("%s: %s", cases[i].url, err.message);
        assert_same(got.at.host, cases[i].host);
        assert_int_equal(got.at.port, cases[i].port);
        assert_int_equal(got.db, cases[i].db);
        assert_same(got.socket_path, cases[i].socket_path);
        assert_same(got.user, cases[i].user);
        assert_same(got.password, cases[i].password);
        redis_address_done(&got);
    }
}

static void an_address_of_sentinels_that_is_understood(void **state)
{
    static const char url[] = "redis+sentinel://me:p%2fw@s1,[::1]:7,s3:26380/my%20master/"
                              "2?sentinel-user=su&sentinel-password=s%26p";
    struct redis_address got;
    struct err err = {.message = ""};

    (void)state;
    if (redis_address_parse(url, &got, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(got.master, "my master");
    assert_int_equal(got.sentinel_count, 3);
    assert_string_equal(got.sentinels[0].host, "s1");
    assert_int_equal(got.sentinels[0].port, 26379);
    assert_string_equal(got.sentinels[1].host, "::1");
    assert_int_equal(got.sentinels[1].port, 7);
    assert_string_equal(got.sentinels[2].host, "s3");
    assert_int_equal(got.sentinels[2].port, 26380);
    assert_int_equal(got.db, 2);
    assert_string_equal(got.user, "me");
    assert_string_equal(got.password, "p/w");
    assert_string_equal(got.sentinel_user, "su");
    assert_string_equal(got.sentinel_password, "s&p");
    assert_null(got.at.host);
    assert_false(got.secure);
    redis_address_done(&got);
}

static void an_address_that_is_refused_says_why_and_hides_the_password(void **state)
{
    static const struct {
        const char *url, *why;
    } cases[] = {
        {"http://r", "it must start with redis://"},
        {"", "it must start with redis://"},
        {"redis://", "host is missing"},
        {"redis://:6379", "host is missing"},
        {"redis://[::1", "closed by ]"},
        {"redis://[::1]x", "closed by ]"},
        {"redis://r:0", "port"},
        {"redis://r:65536", "port"},
        {"redis://r:", "port"},
        {"redis://:secret@r:secret", "port"},
        {"redis+sentinel://:secret@/m", "host is missing"},
        {"redis+sentinel://a,,b/m", "host is missing"},
        {"redis+sentinel://a:secret/m", "port"},
        {"redis+sentinel://a", "/master"},
        {"redis+sentinel://a/", "/master"},
        {"redis+sentinel://a/m/secret", "database"},
        {"redis+sentinel://a/m/0?secret=1", "after the ?"},
        {"redis+sentinel://a/m?sentinel-user=secret", "sentinel-password"},
        {"redis+sentinel://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a/m", "at most 16"},
        {"redis://r/x", "database"},
        {"redis://r/-1", "database"},
        {"redis://r/1/2", "database"},
        {"redis://r?db=1", "/database"},
        {"redis://secret@r", "user:password"},
        {"redis://:secret%zz@r", "two hex digits"},
        {"redis://:secret%0@r", "two hex digits"},
        {"redis://:secret%00@r", "not 00"},
        {"unix://redis.sock", "absolute path"},
        {"unix://", "absolute path"},
        {"unix:///r?user=secret", "a user needs a password"},
        {"unix:///r?db=x", "database"},
        {"unix:///r?timeout=1", "after the ?"},
        {"unix:///0123456789012345678901234567890123456789012345678901234567890123456789"
         "012345678901234567890123456789012345678",
         "longer"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_address got;
        struct err err = {.message = ""};

        if (redis_address_parse(cases[i].url, &got, &err) == 0)
            fail_msg("%s was accepted", cases[i].url);
        assert_int_equal(err.kind, ERR_INPUT);
        assert_contains(err.message, cases[i].why);
        assert_null(strstr(err.message, "secret"));
    }
}

/* ---- commands ---- */

static void a_command_is_written_byte_for_byte(void **state)
{
    static const char want[] = "*5\r\n$3\r\nSET\r\n$0\r\n\r\n$3\r\na\0b\r\n"
                               "$20\r\n-9223372036854775808\r\n$4\r\nx-07\r\n";
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    AUTO(buf_done) struct buf out = BUF_INIT(1000);

    (void)state;
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "SET");
    redis_cmd_arg(&cmd, NULL);
    redis_cmd_bytes(&cmd, "a\0b", 3);
    redis_cmd_int(&cmd, INT64_MIN);
    redis_cmd_fmt(&cmd, "x-%02d", 7);
    redis_cmd_write(&cmd, false, &out);
    assert_int_equal(out.len, sizeof want - 1);
    assert_memory_equal(out.data, want, out.len);
    assert_true(out.len <= redis_cmd_bound(&cmd));
    assert_false(cmd.repeatable);
}

static void a_script_is_written_as_evalsha_or_eval(void **state)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    AUTO(buf_done) struct buf by_sha = BUF_INIT(1000);
    AUTO(buf_done) struct buf by_text = BUF_INIT(1000);

    (void)state;
    redis_cmd_script(&cmd, &echo_script, PREFIX);
    redis_cmd_arg(&cmd, "hi");
    redis_cmd_write(&cmd, false, &by_sha);
    redis_cmd_write(&cmd, true, &by_text);
    assert_string_equal(buf_text(&by_sha),
                        "*5\r\n$7\r\nEVALSHA\r\n$40\r\n" ECHO_SHA1
                        "\r\n$1\r\n1\r\n$7\r\n" PREFIX "\r\n$2\r\nhi\r\n");
    assert_string_equal(buf_text(&by_text),
                        "*5\r\n$4\r\nEVAL\r\n$20\r\n" ECHO_TEXT
                        "\r\n$1\r\n1\r\n$7\r\n" PREFIX "\r\n$2\r\nhi\r\n");
    assert_true(by_sha.len <= redis_cmd_bound(&cmd));
    assert_true(cmd.repeatable);
}

/* ---- replies ---- */

static struct redisReply *reply_of(const char *bytes)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    redisReaderFeed(reader, bytes, strlen(bytes));
    assert_int_equal(redisReaderGetReply(reader, &reply), 0);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static void each_error_reply_has_its_meaning(void **state)
{
    static const struct {
        const char *bytes;
        enum redis_reply_kind kind;
        enum err_kind err;
    } cases[] = {
        {"+OK\r\n", REDIS_OK, ERR_NONE},
        {"$-1\r\n", REDIS_OK, ERR_NONE},
        {"-LOADING Redis is loading\r\n", REDIS_RETRY, ERR_TEMP},
        {"-MASTERDOWN Link is down\r\n", REDIS_RETRY, ERR_TEMP},
        {"-TRYAGAIN later\r\n", REDIS_RETRY, ERR_TEMP},
        {"-NOREPLICAS Not enough\r\n", REDIS_RETRY, ERR_TEMP},
        {"-BUSY running a script\r\n", REDIS_RETRY, ERR_TEMP},
        {"-MISCONF cannot persist\r\n", REDIS_RETRY, ERR_TEMP},
        {"-ERR max number of clients reached\r\n", REDIS_RETRY, ERR_TEMP},
        {"-READONLY replica\r\n", REDIS_DROP, ERR_TEMP},
        {"-UNBLOCKED force unblock\r\n", REDIS_DROP, ERR_TEMP},
        {"-OOM command not allowed\r\n", REDIS_OOM, ERR_TEMP},
        {"-NOSCRIPT No matching script\r\n", REDIS_NOSCRIPT, ERR_TEMP},
        {"-MOVED 1 a:1\r\n", REDIS_BUG, ERR_PERM},
        {"-ASK 1 a:1\r\n", REDIS_BUG, ERR_PERM},
        {"-BUSYGROUP exists\r\n", REDIS_BUG, ERR_PERM},
        {"-ERR max number of something\r\n", REDIS_BUG, ERR_PERM},
        {"-WRONGTYPE Operation\r\n", REDIS_BUG, ERR_PERM},
        {"-LOADING\r\n", REDIS_RETRY, ERR_TEMP},
        {"-\r\n", REDIS_BUG, ERR_PERM},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(redis_reply_free) struct redisReply *reply = reply_of(cases[i].bytes);
        struct err err = {.kind = ERR_NONE};

        if (redis_reply_kind(reply, &err) != cases[i].kind || err.kind != cases[i].err)
            fail_msg("%s has another meaning: %s", cases[i].bytes, err.message);
    }
}

static void reading_a_reply_never_fails(void **state)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = reply_of("*5\r\n:7\r\n$2\r\n42\r\n$-1\r\n$1\r\nx\r\n"
                                        "*0\r\n");

    (void)state;
    assert_int_equal(redis_reply_count(reply), 5);
    assert_int_equal(redis_reply_int(redis_reply_at(reply, 0), -1), 7);
    assert_int_equal(redis_reply_int(redis_reply_at(reply, 1), -1), 42);
    assert_int_equal(redis_reply_len(redis_reply_at(reply, 1)), 2);
    assert_null(redis_reply_text(redis_reply_at(reply, 2)));
    assert_int_equal(redis_reply_int(redis_reply_at(reply, 2), -1), -1);
    assert_int_equal(redis_reply_int(redis_reply_at(reply, 3), -1), -1);
    assert_int_equal(redis_reply_count(redis_reply_at(reply, 4)), 0);
    assert_null(redis_reply_at(reply, 5));
    assert_null(redis_reply_at(redis_reply_at(reply, 0), 0));
    assert_null(redis_reply_text(redis_reply_at(reply, 0)));
    assert_int_equal(redis_reply_len(NULL), 0);
    assert_int_equal(redis_reply_int(NULL, 3), 3);
}

static void a_field_of_info_is_found_whole(void **state)
{
    static const char info[] =
        "# A\r\nxrole:no\r\nrole_x:no\r\nrole:master\r\nempty:\r\n";
    char value[7];

    (void)state;
    assert_string_equal(redis_info_field(info, "role", value, sizeof value), "master");
    assert_string_equal(redis_info_field(info, "role", value, 4), "mas");
    assert_string_equal(redis_info_field(info, "empty", value, sizeof value), "");
    assert_string_equal(redis_info_field(info, "rol", value, sizeof value), "");
}

/* ---- calls ---- */

/* One plain command, or a script call when `word` is NULL. */
static int call_word(struct redis *redis, const char *word, int64_t budget_ms,
                     struct redisReply **reply, struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {.count = 0};

    if (word != NULL)
        redis_cmd_init(&cmd);
    else
        redis_cmd_script(&cmd, &echo_script, PREFIX);
    redis_cmd_arg(&cmd, word != NULL ? word : "hi");
    return redis_call(redis, &cmd, budget_ms, reply, err);
}

static void call_expects(struct redis *redis, const char *word, const char *want)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct err err = {.message = ""};

    if (call_word(redis, word, BUDGET_MS, &reply, &err) < 0)
        fail_msg("%s: %s", word != NULL ? word : "script", err.message);
    assert_string_equal(redis_reply_text(reply), want);
}

static void a_call_gets_its_reply_and_scripts_are_there_at_once(void **state)
{
    struct redis_server server;
    struct redis *redis;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, scripts, TIMEOUT_MS);
    assert_false(redis_connected(redis));
    assert_string_equal(redis_server_id(redis), "");
    call_expects(redis, "PING", "PONG");
    call_expects(redis, NULL, "hi");
    assert_true(redis_connected(redis));
    assert_int_equal(redis_generation(redis), 1);
    assert_int_equal(strlen(redis_server_id(redis)), 40);
    assert_string_equal(redis_prefix(redis), PREFIX);
    redis_free(redis);
    redis_server_stop(&server);
}

static void scripts_that_redis_lost_are_sent_whole(void **state)
{
    struct redis_server server;
    struct redis *redis;
    AUTO(redis_cmd_done) struct redis_cmd flush;
    AUTO(redis_cmd_done) struct redis_cmd echo;
    AUTO(redis_reply_free) struct redisReply *reply1 = NULL;
    AUTO(redis_reply_free) struct redisReply *reply2 = NULL;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, scripts, TIMEOUT_MS);
    redis_cmd_init(&flush);
    redis_cmd_arg(&flush, "SCRIPT");
    redis_cmd_arg(&flush, "FLUSH");
    redis_cmd_script(&echo, &echo_script, PREFIX);
    redis_cmd_arg(&echo, "again");
    assert_int_equal(redis_call2(redis, &flush, &echo, 0, &reply1, &reply2, &err), 0);
    assert_string_equal(redis_reply_text(reply1), "OK");
    assert_string_equal(redis_reply_text(reply2), "again");
    assert_int_equal(redis_generation(redis), 1);
    redis_free(redis);
    redis_server_stop(&server);
}

static void a_script_with_another_digest_than_the_build_says_is_refused(void **state)
{
    static const struct redis_script wrong = {
        .name = "wrong",
        .text = (const unsigned char *)ECHO_TEXT,
        .len = sizeof ECHO_TEXT - 1,
        .sha1 = "0123456789012345678901234567890123456789"};
    static const struct redis_script *const list[] = {&wrong, NULL};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_server server;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, list, TIMEOUT_MS);
    assert_int_equal(call_word(redis, "PING", BUDGET_MS, &reply, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_contains(err.message, "script wrong");
    redis_free(redis);
    redis_server_stop(&server);
}

static void a_frozen_server_is_a_time_out_and_then_a_new_connection(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_server server;
    struct redis *redis;
    struct err err;
    int64_t start_ms;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, scripts, SHORT_MS);
    call_expects(redis, "PING", "PONG");
    redis_server_freeze(&server);
    start_ms = clock_mono_ms();
    assert_int_equal(call_word(redis, NULL, 0, &reply, &err), -1);
    assert_in_range(clock_mono_ms() - start_ms, SHORT_MS - 50, SHORT_MS + SLACK_MS);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_contains(err.message, "no answer within 300 ms");
    assert_false(redis_connected(redis));
    redis_server_thaw(&server);
    call_expects(redis, NULL, "hi");
    assert_int_equal(redis_generation(redis), 2);
    redis_free(redis);
    redis_server_stop(&server);
}

static void a_restart_changes_server_id_and_generation(void **state)
{
    struct redis_server server;
    struct redis *redis;
    char before[64];

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, scripts, TIMEOUT_MS);
    call_expects(redis, NULL, "hi");
    memcpy(before, redis_server_id(redis), 41);
    redis_server_restart(&server);
    call_expects(redis, NULL, "hi");
    assert_int_equal(redis_generation(redis), 2);
    assert_string_not_equal(redis_server_id(redis), before);
    redis_free(redis);
    redis_server_stop(&server);
}

static void while_redis_is_away_calls_fail_soon_and_name_it(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_server server;
    struct redis *redis;
    struct err err;
    int64_t start_ms;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, scripts, TIMEOUT_MS);
    redis_server_kill(&server);
    start_ms = clock_mono_ms();
    assert_int_equal(call_word(redis, "PING", 200, &reply, &err), -1);
    assert_in_range(clock_mono_ms() - start_ms, 0, SLACK_MS);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_contains(err.message, server.socket_path);
    assert_contains(err.message, "cannot connect");
    assert_true(redis->backoff.pause_ms > 0);
    redis_server_restart(&server);
    call_expects(redis, "PING", "PONG");
    assert_int_equal(redis->backoff.pause_ms, 0);
    redis_free(redis);
    redis_server_stop(&server);
}

static void a_wrong_password_is_final_and_not_told(void **state)
{
    static const char *const options[] = {"--requirepass", "right", NULL};
    static char wrong[] = "wr0ng-secret", right[] = "right", user[] = "default";
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_address address;
    struct redis_server server;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, options);
    address = server.address;
    address.db = 3;
    address.password = wrong;
    redis = redis_new(&address, PREFIX, scripts, TIMEOUT_MS);
    assert_int_equal(call_word(redis, "PING", BUDGET_MS, &reply, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_contains(err.message, "WRONGPASS");
    assert_null(strstr(err.message, wrong));
    redis_free(redis);
    address.password = right;
    address.user = user;
    redis = redis_new(&address, PREFIX, scripts, TIMEOUT_MS);
    call_expects(redis, NULL, "hi");
    redis_free(redis);
    redis_server_stop(&server);
}

static void a_full_redis_is_temporary_and_not_tried_again(void **state)
{
    static const char *const options[] = {"--maxmemory", "1", NULL};
    AUTO(redis_cmd_done) struct redis_cmd set;
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_server server;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, options);
    redis = redis_new(&server.address, PREFIX, scripts, TIMEOUT_MS);
    redis_cmd_init(&set);
    redis_cmd_arg(&set, "SET");
    redis_cmd_arg(&set, "key");
    redis_cmd_arg(&set, "value");
    assert_int_equal(redis_call(redis, &set, BUDGET_MS, &reply, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_contains(err.message, "out of memory");
    call_expects(redis, "PING", "PONG");
    assert_int_equal(redis_generation(redis), 1);
    redis_free(redis);
    redis_server_stop(&server);
}

/* How a call ends when the server answers in some nasty way, and what was sent. Rule 0 is
 * the nasty one, rule 1 what comes after it is used up. */
struct nasty {
    const char *name;
    const char *word; /* NULL: a script */
    struct redis_fake_rule rules[4];
    bool ends_well;
    enum err_kind err;
    const char *message;
    int hits0, hits1;
    uint64_t generation;
};

static const struct nasty nasty_cases[] = {
    {.name = "LOADING is waited for, even by a plain command",
     .word = "GET",
     .rules = {{"GET", "-LOADING wait\r\n", 3, false}, {"GET", "+hi\r\n", 0, false}},
     .ends_well = true,
     .hits0 = 3,
     .hits1 = 1,
     .generation = 1},
    {.name = "READONLY drops the connection and is tried again",
     .word = "GET",
     .rules = {{"GET", "-READONLY no\r\n", 1, false}, {"GET", "+hi\r\n", 0, false}},
     .ends_well = true,
     .hits0 = 1,
     .hits1 = 1,
     .generation = 2},
    {.name = "a hang-up before the reply: the script is replayed",
     .rules = {{"EVALSHA", "", 2, true}, {"EVALSHA", "+hi\r\n", 0, false}, LOADS_ECHO},
     .ends_well = true,
     .hits0 = 2,
     .hits1 = 1,
     .generation = 3},
    {.name = "half a reply: the script is replayed",
     .rules = {{"EVALSHA", "$2\r\nh", 1, true},
               {"EVALSHA", "+hi\r\n", 0, false},
               LOADS_ECHO},
     .ends_well = true,
     .hits0 = 1,
     .hits1 = 1,
     .generation = 2},
    {.name = "garbage: the script is replayed",
     .rules = {{"EVALSHA", "HTTP/1.1 400\r\n", 1, false},
               {"EVALSHA", "+hi\r\n", 0, false},
               LOADS_ECHO},
     .ends_well = true,
     .hits0 = 1,
     .hits1 = 1,
     .generation = 2},
    {.name = "silence: the script is replayed",
     .rules = {{"EVALSHA", NULL, 1, false}, {"EVALSHA", "+hi\r\n", 0, false}, LOADS_ECHO},
     .ends_well = true,
     .hits0 = 1,
     .hits1 = 1,
     .generation = 2},
    {.name = "a hang-up before the reply: a plain command is not repeated",
     .word = "INCR",
     .rules = {{"INCR", "", 1, true}, {"INCR", "+hi\r\n", 0, false}},
     .err = ERR_TEMP,
     .message = "Server closed the connection",
     .hits0 = 1,
     .generation = 1},
    {.name = "NOSCRIPT for EVAL too: never in a loop",
     .rules = {{"EVALSHA", "-NOSCRIPT no\r\n", 0, false},
               {"EVAL", "-NOSCRIPT no\r\n", 0, false},
               LOADS_ECHO},
     .err = ERR_PERM,
     .message = "EVAL with NOSCRIPT",
     .hits0 = 1,
     .hits1 = 1,
     .generation = 1},
    {.name = "a hang-up after NOSCRIPT: replayed from the start",
     .rules = {{"EVALSHA", "-NOSCRIPT no\r\n", 2, false},
               {"EVAL", "", 1, true},
               {"EVAL", "+hi\r\n", 0, false},
               LOADS_ECHO},
     .ends_well = true,
     .hits0 = 2,
     .hits1 = 1,
     .generation = 2},
    {.name = "OOM is told at once",
     .rules = {{"EVALSHA", "-OOM no\r\n", 0, false}, {"EVAL", "", 0, true}, LOADS_ECHO},
     .err = ERR_TEMP,
     .message = "out of memory",
     .hits0 = 1,
     .generation = 1},
    {.name = "MOVED is a clear error",
     .word = "GET",
     .rules = {{"GET", "-MOVED 1 a:1\r\n", 0, false}, {"PUT", "", 0, true}},
     .err = ERR_PERM,
     .message = "Cluster is not supported",
     .hits0 = 1,
     .generation = 1},
    {.name = "any other error is final",
     .rules = {{"EVALSHA", "-ERR bad script\r\n", 0, false},
               {"EVAL", "", 0, true},
               LOADS_ECHO},
     .err = ERR_PERM,
     .message = "bad script",
     .hits0 = 1,
     .generation = 1},
    {.name = "LOADING while greeting is waited for",
     .word = "GET",
     .rules = {{"INFO", "-LOADING wait\r\n", 2, false}, {"GET", "+hi\r\n", 0, false}},
     .ends_well = true,
     .hits0 = 2,
     .hits1 = 1,
     .generation = 1},
};

static void run_nasty(const struct nasty *nasty)
{
    struct redis_fake_rule rules[5] = {{.command = NULL}};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct err err = {.message = ""};
    struct redis_fake fake;
    struct redis *redis;
    int result;

    memcpy(rules, nasty->rules, sizeof nasty->rules);
    redis_fake_start(&fake, rules);
    redis = redis_new(&fake.address, PREFIX, nasty->word == NULL ? scripts : NULL,
                      TIMEOUT_MS);
    result = call_word(redis, nasty->word, BUDGET_MS, &reply, &err);
    if ((result == 0) != nasty->ends_well || (result < 0 && err.kind != nasty->err))
        fail_msg("%s: %d %s", nasty->name, result, err.message);
    if (result == 0)
        assert_string_equal(redis_reply_text(reply), "hi");
    else
        assert_contains(err.message, nasty->message);
    if (redis_fake_hits(&fake, 0) != nasty->hits0 ||
        redis_fake_hits(&fake, 1) != nasty->hits1 ||
        redis_generation(redis) != nasty->generation)
        fail_msg("%s: %d and %d hits, generation %d", nasty->name,
                 redis_fake_hits(&fake, 0), redis_fake_hits(&fake, 1),
                 (int)redis_generation(redis));
    redis_free(redis);
    redis_fake_stop(&fake);
}

static void nasty_answers_end_as_the_rules_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(nasty_cases); i++)
        run_nasty(&nasty_cases[i]);
}

static void a_pair_is_replayed_as_a_pair_unless_one_is_not_repeatable(void **state)
{
    static const struct redis_fake_rule rules[] = {{"TWO", "", 1, true},
                                                   {"TWO", "+two\r\n", 1, false},
                                                   {"ONE", "+one\r\n", 0, false},
                                                   {"TWO", "", 0, true},
                                                   END_OF_RULES};
    struct redis_cmd one, two;
    AUTO(redis_reply_free) struct redisReply *reply1 = NULL;
    AUTO(redis_reply_free) struct redisReply *reply2 = NULL;
    struct redis_fake fake;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_fake_start(&fake, rules);
    redis = redis_new(&fake.address, PREFIX, NULL, TIMEOUT_MS);
    redis_cmd_init(&one);
    redis_cmd_arg(&one, "ONE");
    redis_cmd_init(&two);
    redis_cmd_arg(&two, "TWO");
    one.repeatable = two.repeatable = true;
    assert_int_equal(redis_call2(redis, &one, &two, BUDGET_MS, &reply1, &reply2, &err),
                     0);
    assert_string_equal(redis_reply_text(reply1), "one");
    assert_string_equal(redis_reply_text(reply2), "two");
    assert_int_equal(redis_fake_hits(&fake, 2), 2);
    redis_reply_free(&reply1);
    redis_reply_free(&reply2);
    one.repeatable = false;
    assert_int_equal(redis_call2(redis, &one, &two, BUDGET_MS, &reply1, &reply2, &err),
                     -1);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_null(reply1);
    assert_int_equal(redis_fake_hits(&fake, 2), 3);
    redis_cmd_done(&one);
    redis_cmd_done(&two);
    redis_free(redis);
    redis_fake_stop(&fake);
}

/* ---- many at once ---- */
static void free_all(struct redis_cmd *cmds, struct redisReply **replies, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        redis_cmd_done(&cmds[i]);
        redis_reply_free(&replies[i]);
    }
}

/* Scripts that echo their number; Redis has just lost them. */
static void as_many_replies_come_in_their_order(void **state)
{
    struct redis_cmd cmds[REDIS_CALL_MAX];
    struct redisReply *replies[REDIS_CALL_MAX];
    struct redis_server server;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, scripts, TIMEOUT_MS);
    redis_cmd_init(&cmds[0]);
    redis_cmd_arg(&cmds[0], "SCRIPT");
    redis_cmd_arg(&cmds[0], "FLUSH");
    for (int64_t i = 1; i < REDIS_CALL_MAX; i++) {
        redis_cmd_script(&cmds[i], &echo_script, PREFIX);
        redis_cmd_int(&cmds[i], i);
    }
    assert_int_equal(redis_call_all(redis, cmds, REDIS_CALL_MAX, 0, replies, &err), 0);
    for (int64_t i = 1; i < REDIS_CALL_MAX; i++)
        assert_int_equal(redis_reply_int(replies[i], -1), i);
    assert_int_equal(redis_generation(redis), 1);
    assert_int_equal(redis_call_all(redis, cmds, 0, 0, replies, &err), 0);
    free_all(cmds, replies, REDIS_CALL_MAX);
    redis_free(redis);
    redis_server_stop(&server);
}

static void one_that_fails_leaves_no_reply_of_any(void **state)
{
    static const char *const words[] = {"PING", "NONSENSE", "PING"};
    struct redis_cmd cmds[ARRAY_LEN(words)];
    struct redisReply *replies[ARRAY_LEN(words)];
    struct redis_server server;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, NULL, TIMEOUT_MS);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        redis_cmd_init(&cmds[i]);
        redis_cmd_arg(&cmds[i], words[i]);
    }
    assert_int_equal(
        redis_call_all(redis, cmds, ARRAY_LEN(words), BUDGET_MS, replies, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_contains(err.message, "NONSENSE");
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        assert_null(replies[i]);
    /* The connection is as good as before. */
    assert_int_equal(redis_call_all(redis, cmds, 1, BUDGET_MS, replies, &err), 0);
    assert_string_equal(redis_reply_text(replies[0]), "PONG");
    assert_int_equal(redis_generation(redis), 1);
    free_all(cmds, replies, ARRAY_LEN(words));
    redis_free(redis);
    redis_server_stop(&server);
}

static void several_are_replayed_together_when_all_may_be(void **state)
{
    static const struct redis_fake_rule rules[] = {{"TWO", "", 1, true},
                                                   {"TWO", "+two\r\n", 1, false},
                                                   {"ONE", "+one\r\n", 0, false},
                                                   {"TWO", "", 0, true},
                                                   END_OF_RULES};
    static const char *const words[] = {"ONE", "TWO", "ONE"};
    struct redis_cmd cmds[ARRAY_LEN(words)];
    struct redisReply *replies[ARRAY_LEN(words)];
    struct redis_fake fake;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_fake_start(&fake, rules);
    redis = redis_new(&fake.address, PREFIX, NULL, TIMEOUT_MS);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        redis_cmd_init(&cmds[i]);
        redis_cmd_arg(&cmds[i], words[i]);
        cmds[i].repeatable = true;
    }
    assert_int_equal(
        redis_call_all(redis, cmds, ARRAY_LEN(words), BUDGET_MS, replies, &err), 0);
    assert_string_equal(redis_reply_text(replies[2]), "one");
    assert_int_equal(redis_generation(redis), 2);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        redis_reply_free(&replies[i]);
    cmds[2].repeatable = false;
    assert_int_equal(
        redis_call_all(redis, cmds, ARRAY_LEN(words), BUDGET_MS, replies, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_null(replies[0]);
    assert_int_equal(redis_fake_hits(&fake, 3), 1);
    free_all(cmds, replies, ARRAY_LEN(words));
    redis_free(redis);
    redis_fake_stop(&fake);
}

static void more_than_one_write_may_have_is_refused(void **state)
{
    enum { COUNT = 5 };
    AUTO(auto_free) char *most = mem_new(REDIS_COMMAND_MAX - 64, 1);
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    struct redis_cmd cmds[COUNT];
    struct redisReply *replies[COUNT];
    struct redis_server server;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, NULL, TIMEOUT_MS);
    redis_cmd_init(&cmd);
    cmd.repeatable = true;
    redis_cmd_arg(&cmd, "EXISTS");
    redis_cmd_bytes(&cmd, most, REDIS_COMMAND_MAX - 64);
    for (size_t i = 0; i < COUNT; i++)
        cmds[i] = cmd; /* of the same bytes */
    assert_int_equal(redis_call_all(redis, cmds, COUNT, BUDGET_MS, replies, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_contains(err.message, "5 commands");
    assert_null(replies[0]);
    redis_free(redis);
    redis_server_stop(&server);
}

/* ---- the pause ---- */
static void attempts_are_paced_by_a_growing_pause(void **state)
{
    static const struct redis_fake_rule rules[] = {{"INFO", "", 0, true}, END_OF_RULES};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_fake fake;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_fake_start(&fake, rules);
    redis = redis_new(&fake.address, PREFIX, NULL, TIMEOUT_MS);
    assert_int_equal(call_word(redis, "PING", 600, &reply, &err), -1);
    /* At 0, 50, 150 and 350 ms; a slow machine makes fewer, none makes more. */
    assert_in_range(redis_fake_hits(&fake, 0), 2, 4);
    for (int i = 0; i < 100; i++)
        assert_int_equal(call_word(redis, "PING", 0, &reply, &err), -1);
    assert_in_range(redis_fake_hits(&fake, 0), 2, 5);
    assert_contains(err.message, "Server closed the connection");
    redis_free(redis);
    redis_fake_stop(&fake);
}

static void the_pause_doubles_up_to_two_seconds(void **state)
{
    static const int64_t want_ms[] = {50, 100, 200, 400, 800, 1600, 2000, 2000};
    struct redis_backoff backoff = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(want_ms); i++) {
        redis_backoff_grow(&backoff);
        assert_int_equal(backoff.pause_ms, want_ms[i]);
        assert_in_range(backoff.until_mono_ms, clock_mono_ms(),
                        clock_mono_ms() + want_ms[i]);
    }
    redis_backoff_reset(&backoff);
    redis_backoff_grow(&backoff);
    assert_int_equal(backoff.pause_ms, 50);
}

static void a_command_without_end_is_refused(void **state)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    AUTO(auto_free) char *half = mem_new(REDIS_COMMAND_MAX / 2, 1);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_server server;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
    redis = redis_new(&server.address, PREFIX, NULL, TIMEOUT_MS);
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "DEL");
    redis_cmd_bytes(&cmd, half, REDIS_COMMAND_MAX / 2);
    redis_cmd_bytes(&cmd, half, REDIS_COMMAND_MAX / 2);
    assert_int_equal(redis_call(redis, &cmd, BUDGET_MS, &reply, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    redis_free(redis);
    redis_server_stop(&server);
}

/* ---- the socket ---- */

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;

    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void the_socket_has_its_options(void **state)
{
    static const struct redis_fake_rule rules[] = {END_OF_RULES};
    struct timeval limit = {0};
    socklen_t len = sizeof limit;
    struct redis_fake fake;
    struct redis *redis;
    int fd;

    (void)state;
    redis_fake_start(&fake, rules);
    redis = redis_new(&fake.address, PREFIX, NULL, 1500);
    call_expects(redis, "PING", "OK");
    fd = redis->context->fd;
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 10);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 5);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 10000);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &len), 0);
    assert_int_equal(limit.tv_sec * 1000 + limit.tv_usec / 1000, 1500);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &len), 0);
    assert_int_equal(limit.tv_sec * 1000 + limit.tv_usec / 1000, 1500);
    redis_free(redis);
    redis_fake_stop(&fake);
}

static void a_connect_that_nobody_answers_times_out(void **state)
{
    static char host[] = "127.0.0.1";
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    AUTO(auto_close) int listener = socket(AF_INET, SOCK_STREAM, 0);
    AUTO(auto_close) int filler = socket(AF_INET, SOCK_STREAM, 0);
    struct redis_address address = {.at.host = host};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis *redis;
    struct err err;
    int64_t start_ms = clock_mono_ms();

    (void)state;
    /* A queue of length 0 that is full: further SYNs are dropped. */
    assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
    assert_int_equal(connect(filler, (struct sockaddr *)&name, sizeof name), 0);
    address.at.port = ntohs(name.sin_port);
    redis = redis_new(&address, PREFIX, NULL, SHORT_MS);
    assert_int_equal(call_word(redis, "PING", 0, &reply, &err), -1);
    assert_in_range(clock_mono_ms() - start_ms, SHORT_MS - 50, SHORT_MS + SLACK_MS);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_contains(err.message, "cannot connect");
    redis_free(redis);
}

/* ---- the check ---- */

struct fitness_case {
    const char *name;
    enum redis_server_disk disk;
    const char *options[5];
    bool fit, fatal;
    const char *reason;
};

static const struct fitness_case fitness_cases[] = {
    {"good", REDIS_SERVER_APPEND_ONLY, {NULL}, true, false, ""},
    {"no file", REDIS_SERVER_MEMORY, {NULL}, false, false, "appendonly is no"},
    {"evicts",
     REDIS_SERVER_APPEND_ONLY,
     {"--maxmemory-policy", "allkeys-lru", NULL},
     false,
     false,
     "allkeys-lru"},
    {"CONFIG is forbidden, good",
     REDIS_SERVER_APPEND_ONLY,
     {"--rename-command", "CONFIG", "", NULL},
     true,
     false,
     ""},
    {"CONFIG is forbidden, no file",
     REDIS_SERVER_MEMORY,
     {"--rename-command", "CONFIG", "", NULL},
     false,
     false,
     "appendonly is 0"},
    {"replica",
     REDIS_SERVER_APPEND_ONLY,
     {"--replicaof", "127.0.0.1", "1", NULL},
     false,
     false,
     "replica"},
};

static void check_expects(const char *name, struct redis *redis, bool fit, bool fatal,
                          const char *reason)
{
    struct redis_fitness fitness;
    struct err err = {.message = ""};

    if (redis_check(redis, &fitness, &err) < 0)
        fail_msg("%s: %s", name, err.message);
    if (fitness.fit != fit || fitness.fatal != fatal)
        fail_msg("%s: fit %d, fatal %d: %s", name, fitness.fit, fitness.fatal,
                 fitness.reason);
    assert_contains(fitness.reason, reason);
    if (fit)
        assert_string_equal(fitness.reason, "");
}

static void an_unfit_redis_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fitness_cases); i++) {
        const struct fitness_case *this = &fitness_cases[i];
        struct redis_server server;
        struct redis *redis;

        redis_server_start(&server, this->disk, this->options);
        redis = redis_new(&server.address, PREFIX, NULL, TIMEOUT_MS);
        check_expects(this->name, redis, this->fit, this->fatal, this->reason);
        redis_free(redis);
        redis_server_stop(&server);
    }
}

static void set_schema(struct redis *redis, const char *version)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct err err;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "HSET");
    redis_cmd_arg(&cmd, PREFIX "meta");
    redis_cmd_arg(&cmd, "schema");
    redis_cmd_arg(&cmd, version);
    assert_int_equal(redis_call(redis, &cmd, 0, &reply, &err), 0);
}

static void a_schema_that_is_newer_or_unreadable_is_fatal(void **state)
{
    struct redis_server server;
    struct redis *redis;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_APPEND_ONLY, NULL);
    redis = redis_new(&server.address, PREFIX, NULL, TIMEOUT_MS);
    set_schema(redis, "1");
    check_expects("the present one", redis, true, false, "");
    set_schema(redis, "2");
    check_expects("a newer one", redis, false, true, "schema 2");
    set_schema(redis, "x");
    check_expects("nonsense", redis, false, true, "schema x");
    redis_free(redis);
    redis_server_stop(&server);
}

static void the_check_writes_the_schema_where_there_is_none(void **state)
{
    AUTO(redis_cmd_done) struct redis_cmd get;
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_server server;
    struct redis *redis;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_APPEND_ONLY, NULL);
    redis = redis_new(&server.address, PREFIX, NULL, TIMEOUT_MS);
    check_expects("empty", redis, true, false, "");
    redis_cmd_init(&get);
    redis_cmd_arg(&get, "HGET");
    redis_cmd_arg(&get, PREFIX "meta");
    redis_cmd_arg(&get, "schema");
    assert_int_equal(redis_call(redis, &get, 0, &reply, &err), 0);
    assert_int_equal(redis_reply_int(reply, -1), REDIS_SCHEMA_VERSION);
    redis_free(redis);
    redis_server_stop(&server);
}

static void the_check_survives_a_restart_in_between(void **state)
{
    struct redis_server server;
    struct redis *redis;
    struct redis_fitness fitness;
    struct err err;

    (void)state;
    redis_server_start(&server, REDIS_SERVER_APPEND_ONLY, NULL);
    redis = redis_new(&server.address, PREFIX, NULL, TIMEOUT_MS);
    check_expects("before", redis, true, false, "");
    redis_server_restart(&server);
    check_expects("after", redis, true, false, "");
    redis_server_kill(&server);
    assert_int_equal(redis_check(redis, &fitness, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    redis_free(redis);
    redis_server_stop(&server);
}

#define INFO_OF(len, version, mode)                                                      \
    {                                                                                    \
        .command = "INFO", .reply = "$" len "\r\nredis_version:" version                 \
                                    "\r\nredis_mode:" mode "\r\nrole:master\r\n\r\n"     \
    }

static void what_only_another_server_would_say_is_judged(void **state)
{
    static const struct {
        const char *name;
        struct redis_fake_rule rules[5];
        bool fatal;
        const char *reason;
    } cases[] = {
        {"old", {INFO_OF("58", "6.2.14", "standalone")}, true, "version 6.2.14"},
        {"cluster", {INFO_OF("55", "7.0.15", "cluster")}, true, "cluster mode"},
        {"a cluster of Valkey",
         {{.command = "INFO",
           .reply = "$55\r\nredis_version:7.2.4\r\nserver_mode:cluster\r\n"
                    "role:master\r\n\r\n"}},
         true,
         "cluster mode"},
        {"clock",
         {INFO_OF("58", "7.0.15", "standalone"),
          {.command = "TIME", .reply = "*2\r\n$10\r\n1000000000\r\n$1\r\n0\r\n"},
          {.command = "HGET", .reply = "$1\r\n1\r\n"},
          {.command = "CONFIG", .reply = "*2\r\n$1\r\nx\r\n$10\r\nnoeviction\r\n"}},
         false,
         "clock"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_fake fake;
        struct redis *redis;

        redis_fake_start(&fake, cases[i].rules);
        redis = redis_new(&fake.address, PREFIX, NULL, TIMEOUT_MS);
        check_expects(cases[i].name, redis, false, cases[i].fatal, cases[i].reason);
        redis_free(redis);
        redis_fake_stop(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_that_is_understood),
        cmocka_unit_test(an_address_of_sentinels_that_is_understood),
        cmocka_unit_test(an_address_that_is_refused_says_why_and_hides_the_password),
        cmocka_unit_test(a_command_is_written_byte_for_byte),
        cmocka_unit_test(a_script_is_written_as_evalsha_or_eval),
        cmocka_unit_test(each_error_reply_has_its_meaning),
        cmocka_unit_test(reading_a_reply_never_fails),
        cmocka_unit_test(a_field_of_info_is_found_whole),
        cmocka_unit_test(a_call_gets_its_reply_and_scripts_are_there_at_once),
        cmocka_unit_test(scripts_that_redis_lost_are_sent_whole),
        cmocka_unit_test(a_script_with_another_digest_than_the_build_says_is_refused),
        cmocka_unit_test(a_frozen_server_is_a_time_out_and_then_a_new_connection),
        cmocka_unit_test(a_restart_changes_server_id_and_generation),
        cmocka_unit_test(while_redis_is_away_calls_fail_soon_and_name_it),
        cmocka_unit_test(a_wrong_password_is_final_and_not_told),
        cmocka_unit_test(a_full_redis_is_temporary_and_not_tried_again),
        cmocka_unit_test(nasty_answers_end_as_the_rules_say),
        cmocka_unit_test(a_pair_is_replayed_as_a_pair_unless_one_is_not_repeatable),
        cmocka_unit_test(as_many_replies_come_in_their_order),
        cmocka_unit_test(one_that_fails_leaves_no_reply_of_any),
        cmocka_unit_test(several_are_replayed_together_when_all_may_be),
        cmocka_unit_test(more_than_one_write_may_have_is_refused),
        cmocka_unit_test(attempts_are_paced_by_a_growing_pause),
        cmocka_unit_test(the_pause_doubles_up_to_two_seconds),
        cmocka_unit_test(a_command_without_end_is_refused),
        cmocka_unit_test(the_socket_has_its_options),
        cmocka_unit_test(a_connect_that_nobody_answers_times_out),
        cmocka_unit_test(an_unfit_redis_is_found),
        cmocka_unit_test(a_schema_that_is_newer_or_unreadable_is_fatal),
        cmocka_unit_test(the_check_writes_the_schema_where_there_is_none),
        cmocka_unit_test(the_check_survives_a_restart_in_between),
        cmocka_unit_test(what_only_another_server_would_say_is_judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
