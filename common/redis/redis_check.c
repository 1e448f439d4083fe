/* Is this Redis fit to hold runs? */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/redis/redis_internal.h"

#define VERSION_MAJOR_MIN 7
#define SKEW_MAX_MS       5000
#define STALE_MS          100 /* enough to replace a connection that went stale */
#define FIELD_BYTES       64
#define INFO_MAX          ((size_t)1 << 20)

enum weight { UNSAFE, FATAL };

__attribute__((format(printf, 3, 4))) static void
unfit(struct redis_fitness *out, enum weight weight, const char *format, ...)
{
    size_t used = strlen(out->reason);
    va_list args;

    if (!out->fit && used < sizeof out->reason)
        used += (size_t)snprintf(out->reason + used, sizeof out->reason - used, "; ");
    out->fit = false;
    out->fatal = out->fatal || weight == FATAL;
    if (used >= sizeof out->reason)
        return;
    va_start(args, format);
    vsnprintf(out->reason + used, sizeof out->reason - used, format, args);
    va_end(args);
}

/* One plain command of up to four words; those after the first NULL are not sent. */
static int ask(struct redis *redis, const char *const words[4], struct redisReply **reply,
               struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    cmd.repeatable = true;
    for (size_t i = 0; i < 4 && words[i] != NULL; i++)
        redis_cmd_arg(&cmd, words[i]);
    return redis_call(redis, &cmd, STALE_MS, reply, err);
}

static void check_server(const char *info, struct redis_fitness *out)
{
    char version[FIELD_BYTES], mode[FIELD_BYTES], role[FIELD_BYTES];
    char replicas[FIELD_BYTES];

    redis_info_field(info, "redis_version", version, sizeof version);
    redis_info_mode(info, mode, sizeof mode);
    redis_info_field(info, "role", role, sizeof role);
    if (strtol(version, NULL, 10) < VERSION_MAJOR_MIN)
        unfit(out, FATAL, "it is version %s, %d.0 is needed",
              version[0] != '\0' ? version : "unknown", VERSION_MAJOR_MIN);
    if (strcmp(mode, "standalone") != 0)
        unfit(out, FATAL, "it runs in %s mode, which is not supported", mode);
    if (strcmp(role, "master") != 0)
        unfit(out, UNSAFE, "it is a replica, not the master");
    redis_info_field(info, "connected_slaves", replicas, sizeof replicas);
    out->replicas = strtol(replicas, NULL, 10);
}

/* A master that sentinels may replace is told by its replicas' silence that it was. INFO
 * has this field where it heeds that. */
static void check_failover(const struct redis *redis, const char *info,
                           struct redis_fitness *out)
{
    char good[FIELD_BYTES];

    redis_info_field(info, "min_slaves_good_slaves", good, sizeof good);
    if (redis->address->sentinel_count == 0 || good[0] != '\0')
        return;
    snprintf(out->advice, sizeof out->advice,
             "sentinels may replace this master, and while it is cut off it goes on "
             "accepting what is lost then: set min-replicas-to-write to 1 or more, on "
             "the replicas too");
}

/* CONFIG tells what holds now; where it is forbidden INFO tells the same. */
static int setting(struct redis *redis, const char *info, const char *name,
                   const char *info_name, char value[FIELD_BYTES], struct err *err)
{
    const char *const words[4] = {"CONFIG", "GET", name, NULL};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    const char *text;

    if (ask(redis, words, &reply, err) < 0 && err->kind != ERR_PERM)
        return -1;
    text = redis_reply_text(redis_reply_at(reply, 1));
    if (text != NULL)
        snprintf(value, FIELD_BYTES, "%s", text);
    else
        redis_info_field(info, info_name, value, FIELD_BYTES);
    return 0;
}

static int check_settings(struct redis *redis, const char *info,
                          struct redis_fitness *out, struct err *err)
{
    char policy[FIELD_BYTES], append_only[FIELD_BYTES];

    if (setting(redis, info, "maxmemory-policy", "maxmemory_policy", policy, err) < 0 ||
        setting(redis, info, "appendonly", "aof_enabled", append_only, err) < 0)
        return -1;
    if (strcmp(policy, "noeviction") != 0)
        unfit(out, UNSAFE, "it may evict keys: maxmemory-policy is %s, not noeviction",
              policy);
    if (strcmp(append_only, "yes") != 0 && strcmp(append_only, "1") != 0)
        unfit(out, UNSAFE, "it keeps no append-only file: appendonly is %s", append_only);
    return 0;
}

static int check_clock(struct redis *redis, struct redis_fitness *out, struct err *err)
{
    const char *const words[4] = {"TIME"};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    int64_t before_ms = clock_wall_ms();
    int64_t server_ms;

    if (ask(redis, words, &reply, err) < 0)
        return -1;
    server_ms = redis_reply_int(redis_reply_at(reply, 0), 0) * 1000 +
                redis_reply_int(redis_reply_at(reply, 1), 0) / 1000;
    out->clock_skew_ms = server_ms - (before_ms + clock_wall_ms()) / 2;
    if (llabs(out->clock_skew_ms) > SKEW_MAX_MS)
        unfit(out, UNSAFE, "its clock is %" PRId64 " s off ours",
              out->clock_skew_ms / 1000);
    return 0;
}

/* Which schema the data have; sets the present one where there are none. */
static int check_schema(struct redis *redis, struct redis_fitness *out, struct err *err)
{
    AUTO(auto_free) char *key = mem_fmt("%smeta", redis_prefix(redis));
    AUTO(auto_free) char *present = mem_fmt("%d", REDIS_SCHEMA_VERSION);
    const char *const get[4] = {"HGET", key, "schema", NULL};
    const char *const put[4] = {"HSETNX", key, "schema", present};
    AUTO(redis_reply_free) struct redisReply *stored = NULL;
    int64_t version;

    if (ask(redis, get, &stored, err) < 0)
        return -1;
    if (redis_reply_text(stored) == NULL) {
        redis_reply_free(&stored);
        return ask(redis, put, &stored, err);
    }
    version = redis_reply_int(stored, -1);
    if (version < 1 || version > REDIS_SCHEMA_VERSION)
        unfit(out, FATAL, "its data have schema %s, this program knows up to %d",
              redis_reply_text(stored), REDIS_SCHEMA_VERSION);
    return 0;
}

int redis_check(struct redis *redis, struct redis_fitness *out, struct err *err)
{
    const char *const words[4] = {"INFO"};
    struct redis_fitness fitness = {.fit = true};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    const char *info;

    if (ask(redis, words, &reply, err) < 0) {
        if (!redis->unsupported)
            return -1;
        unfit(&fitness, FATAL, "%s", err->message);
        *out = fitness;
        return 0;
    }
    info = redis_reply_text(reply);
    if (info == NULL)
        return err_set(err, ERR_PERM, "this does not answer INFO like Redis");
    check_server(info, &fitness);
    check_failover(redis, info, &fitness);
    /* What has no usable answers is not asked further; nor is a replica written to. */
    if (fitness.fit &&
        (check_settings(redis, info, &fitness, err) < 0 ||
         check_clock(redis, &fitness, err) < 0 || check_schema(redis, &fitness, err) < 0))
        return -1;
    *out = fitness;
    return 0;
}
