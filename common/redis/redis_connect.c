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

static void put(struct buf *out, const char *word, const char *arg1, const char *arg2)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, word);
    if (arg1 != NULL)
        redis_cmd_arg(&cmd, arg1);
    redis_cmd_arg(&cmd, arg2);
    redis_cmd_write(&cmd, false, out);
}

static size_t script_count(const struct redis_greeting *greeting)
{
    size_t count = 0;

    while (greeting->scripts != NULL && greeting->scripts[count] != NULL)
        count++;
    return count;
}

void redis_greeting_write(struct redis_greeting *greeting, struct buf *out)
{
    const struct redis_address *address = greeting->address;
    char db[16];

    greeting->asked = greeting->answered = 0;
    if (address->password != NULL) {
        put(out, "AUTH", address->user, address->password);
        greeting->asked++;
    }
    if (address->db != 0) {
        snprintf(db, sizeof db, "%d", address->db);
        put(out, "SELECT", NULL, db);
        greeting->asked++;
    }
    put(out, "INFO", NULL, "server");
    greeting->asked++;
    greeting->asked += redis_scripts_write(greeting->scripts, out);
}

int redis_greeting_read(struct redis_greeting *greeting, const struct redisReply *reply,
                        struct err *err)
{
    size_t first_script = greeting->asked - script_count(greeting);
    size_t at = greeting->answered++;
    const struct redis_script *script;
    const char *text;

    if (redis_reply_kind(reply, err) != REDIS_OK)
        return -1;
    text = redis_reply_text(reply);
    if (text == NULL)
        return err_set(err, ERR_PERM, "this does not answer like Redis");
    if (at + 1 == first_script)
        redis_info_field(text, "run_id", greeting->server_id, sizeof greeting->server_id);
    if (at < first_script)
        return 0;
    script = greeting->scripts[at - first_script];
    if (strcmp(text, script->sha1) != 0)
        return err_set(err, ERR_PERM, "script %s: its SHA-1 is %s, the build says %s",
                       script->name, text, script->sha1);
    return 0;
}
