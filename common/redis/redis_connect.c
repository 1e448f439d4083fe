/* What both Redis clients do with a connection: the pause between attempts, and the
 * greeting. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_internal.h"

void redis_backoff_grow(struct redis_backoff *backoff)
{
    int64_t twice_ms = 2 * backoff->pause_ms;

    if (twice_ms < REDIS_PAUSE_MIN_MS)
        twice_ms = REDIS_PAUSE_MIN_MS;
    backoff->pause_ms = twice_ms < REDIS_PAUSE_MAX_MS ? twice_ms : REDIS_PAUSE_MAX_MS;
    backoff->until_mono_ms = clock_mono_ms() + backoff->pause_ms;
}

void redis_backoff_reset(struct redis_backoff *backoff)
{
    *backoff = (struct redis_backoff){0};
}

void redis_words_write(struct buf *out, const char *word, const char *arg1,
                       const char *arg2)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, word);
    if (arg1 != NULL)
        redis_cmd_arg(&cmd, arg1);
    if (arg2 != NULL)
        redis_cmd_arg(&cmd, arg2);
    redis_cmd_write(&cmd, false, out);
}

/* ---- the greeting ---- */

/* INFO goes before what a Sentinel or a cluster would refuse with a sentence of its own.
 */
static void write_to_redis(struct redis_greeting *greeting, struct buf *out)
{
    const struct redis_address *address = greeting->lookup->address;
    char db[16];

    if (address->password != NULL) {
        redis_words_write(out, "AUTH", address->user, address->password);
        greeting->asked++;
    }
    redis_words_write(out, "INFO", "server", NULL);
    greeting->info_at = greeting->asked++;
    if (address->sentinel_count > 0) {
        redis_words_write(out, "ROLE", NULL, NULL);
        greeting->role_at = greeting->asked++;
    }
    if (address->db != 0) {
        snprintf(db, sizeof db, "%d", address->db);
        redis_words_write(out, "SELECT", db, NULL);
        greeting->asked++;
    }
    greeting->first_script = greeting->asked;
    greeting->asked += redis_scripts_write(greeting->scripts, out);
}

void redis_greeting_write(struct redis_greeting *greeting, struct buf *out)
{
    greeting->asked = greeting->answered = 0;
    greeting->info_at = greeting->role_at = greeting->first_script = SIZE_MAX;
    if (greeting->lookup->asking)
        greeting->asked = redis_lookup_write(greeting->lookup, out);
    else
        write_to_redis(greeting, out);
}

static int read_info(struct redis_greeting *greeting, const char *info, struct err *err)
{
    char mode[16];

    redis_info_mode(info, mode, sizeof mode);
    greeting->unsupported = strcmp(mode, "sentinel") == 0 || strcmp(mode, "cluster") == 0;
    if (strcmp(mode, "sentinel") == 0)
        return err_set(err, ERR_PERM,
                       "this is a Sentinel; it is given as "
                       "redis+sentinel://host:port/name-of-the-master");
    if (strcmp(mode, "cluster") == 0)
        return err_set(err, ERR_PERM,
                       "it runs in cluster mode, and Redis Cluster is not supported");
    redis_info_field(info, "run_id", greeting->server_id, sizeof greeting->server_id);
    return 0;
}

static int check_script(const struct redis_script *script, const char *sha1,
                        struct err *err)
{
    if (strcmp(sha1, script->sha1) == 0)
        return 0;
    return err_set(err, ERR_PERM, "script %s: its SHA-1 is %s, the build says %s",
                   script->name, sha1, script->sha1);
}

static int read_from_redis(struct redis_greeting *greeting, size_t at,
                           const struct redisReply *reply, struct err *err)
{
    const char *text = redis_reply_text(reply);

    if (redis_reply_kind(reply, err) != REDIS_OK)
        return -1;
    if (at == greeting->role_at)
        return redis_lookup_check_role(reply, err);
    if (text == NULL)
        return err_set(err, ERR_PERM, "this does not answer like Redis");
    if (at == greeting->info_at)
        return read_info(greeting, text, err);
    if (at < greeting->first_script)
        return 0;
    return check_script(greeting->scripts[at - greeting->first_script], text, err);
}

int redis_greeting_read(struct redis_greeting *greeting, const struct redisReply *reply,
                        struct err *err)
{
    struct redis_lookup *lookup = greeting->lookup;
    size_t at = greeting->answered++;
    bool is_last = greeting->answered == greeting->asked;

    if (lookup->asking)
        return redis_lookup_read(lookup, reply, is_last, err);
    if (read_from_redis(greeting, at, reply, err) < 0)
        return -1;
    if (is_last)
        redis_lookup_settle(lookup);
    return 0;
}
