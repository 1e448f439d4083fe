/* The registry's ignore rules: those that people set, and how often each rule matched. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/redis/scripts.h"
#include "common/registry/ignore.h"
#include "common/registry/registry.h"

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static void get_hash(struct redis_cmd *cmd, const char *prefix, const char *name,
                     const char *id)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HGETALL");
    redis_cmd_fmt(cmd, "%s%s:%s", prefix, name, id);
}

void registry_get_ignores(struct redis_cmd *cmd, const char *prefix, const char *scope)
{
    get_hash(cmd, prefix, "ignores", scope);
}

void registry_get_ignored(struct redis_cmd *cmd, const char *prefix, const char *scope)
{
    get_hash(cmd, prefix, "ignored", scope);
}

/* What of a rule the script must know: when it ends (0: never), and whether it is of one
 * run. A rule that nobody would read is the caller's defect. */
static void add_facts(struct redis_cmd *cmd, const struct registry_ignore *rule)
{
    AUTO(auto_json) cJSON *json = NULL;
    AUTO(ignore_rules_done) struct ignore_rules read = {0};
    struct err err;

    json = json_parse(rule->json, strlen(rule->json), JSON_DEPTH_MAX, false, &err);
    ignore_rules_add(&read, rule->id, json);
    assert(read.count == 1);
    redis_cmd_int(cmd, read.list[0].expires_ms);
    redis_cmd_arg(cmd, rule->run_id);
    redis_cmd_int(cmd, read.list[0].run_id != NULL);
}

void registry_put_ignore(struct redis_cmd *cmd, const char *prefix,
                         const struct registry_ignore *rule)
{
    AUTO(buf_done) struct buf by = BUF_INIT(REGISTRY_JSON_BYTES_MAX);
    struct json_writer w;

    json_open(&w, &by);
    json_text(&w, rule->by);
    redis_cmd_script(cmd, script("registry_put_ignore"), prefix);
    redis_cmd_arg(cmd, rule->scope);
    redis_cmd_arg(cmd, rule->id);
    redis_cmd_arg(cmd, rule->json);
    add_facts(cmd, rule);
    redis_cmd_arg(cmd, buf_text(&by));
}

void registry_delete_ignore(struct redis_cmd *cmd, const char *prefix, const char *scope,
                            const char *rule_id)
{
    redis_cmd_script(cmd, script("registry_delete_ignore"), prefix);
    redis_cmd_arg(cmd, scope);
    redis_cmd_arg(cmd, rule_id);
}

/* ---- matches ---- */

static void read_line(const char *line, int64_t now_ms, struct registry_matches *out)
{
    int64_t first_day = now_ms / DAY_MS - REGISTRY_IGNORE_DAYS + 1;
    char *at;

    out->last_ms = strtoll(line, &at, 10);
    while (*at == ' ') {
        int64_t day = strtoll(at, &at, 10);
        int64_t count = *at == ':' ? strtoll(at + 1, &at, 10) : 0;

        if (day >= first_day)
            out->count += count;
    }
    if (out->count == 0)
        out->last_ms = 0;
}

void registry_matches_of(const struct redisReply *reply, const char *rule_id,
                         int64_t now_ms, struct registry_matches *out)
{
    *out = (struct registry_matches){0};
    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        const char *id = redis_reply_text(redis_reply_at(reply, i));
        const char *line = redis_reply_text(redis_reply_at(reply, i + 1));

        if (id != NULL && line != NULL && strcmp(id, rule_id) == 0) {
            read_line(line, now_ms, out);
            return;
        }
    }
}
