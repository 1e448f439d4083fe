/* The ignore rules of a workspace as people see them. */
#include "api/drift/ignore_json.h"

#define KEPT_MS (INT64_C(24) * 60 * 60 * 1000 * REGISTRY_IGNORE_DAYS)

static void write_rule(struct json_writer *w, const char *id,
                       const struct ignore_rule *rule, int64_t now_ms)
{
    json_add_text(w, "id", id);
    json_add_text(w, "source", rule->id != NULL ? "request" : "workspace");
    json_add_text(w, "scope", rule->run_id != NULL ? "run" : "workspace");
    json_add_text(w, "address", rule->address);
    json_add_text(w, "attribute", rule->attribute);
    json_add_text(w, "reason", rule->reason);
    json_add_text(w, "runId", rule->run_id);
    json_add_time(w, "createdAt", rule->created_ms);
    json_add_text(w, "createdBy", rule->created_by);
    json_add_time(w, "expiresAt", rule->expires_ms);
    json_add_boolean(w, "expired", ignore_rule_is_expired(rule, now_ms));
}

static void write_matches(struct json_writer *w, const char *id,
                          const struct redisReply *ignored, int64_t now_ms)
{
    struct registry_matches matches;

    registry_matches_of(ignored, id, now_ms, &matches);
    json_add_number(w, "matches", matches.count);
    json_add_time(w, "lastMatchedAt", matches.last_ms);
}

void ignore_json_write(struct json_writer *w, const struct rules *rules,
                       const struct redisReply *ignored, int64_t now_ms)
{
    json_array(w);
    for (size_t i = 0; i < rules->list.count; i++) {
        const struct ignore_rule *rule = &rules->list.list[i];
        char id[SIGN_ID_BYTES];

        if (ignore_rule_is_expired(rule, now_ms - KEPT_MS))
            continue;
        rules_id(rules, i, id);
        json_object(w);
        write_rule(w, id, rule, now_ms);
        write_matches(w, id, ignored, now_ms);
        json_object_end(w);
    }
    json_array_end(w);
}
