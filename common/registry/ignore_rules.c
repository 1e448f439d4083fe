/* The ignore rules that hold for a workspace. */
#include "common/registry/ignore_rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

void rules_done(struct rules *rules)
{
    ignore_rules_done(&rules->list);
    *rules = (struct rules){0};
}

static void newer(struct rules *rules, int64_t revision)
{
    if (revision > rules->revision)
        rules->revision = revision;
}

static void count_active(struct rules *rules)
{
    int64_t now_ms = clock_wall_ms();

    rules->active = 0;
    for (size_t i = 0; i < rules->list.count; i++)
        rules->active += !ignore_rule_is_expired(&rules->list.list[i], now_ms);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* How many rules of the document before this one are alike. */
static size_t count_alike(const struct ignore_rules *list, size_t index)
{
    const struct ignore_rule *rule = &list->list[index];
    size_t count = 0;

    for (size_t i = 0; i < index; i++)
        count += list->list[i].id == NULL &&
                 strcmp(list->list[i].address, rule->address) == 0 &&
                 is_same_text(list->list[i].attribute, rule->attribute);
    return count;
}

void rules_id(const struct rules *rules, size_t index, char id[SIGN_ID_BYTES])
{
    const struct ignore_rule *rule = &rules->list.list[index];
    char place[24];
    const char *const parts[] = {"document", rule->address, rule->attribute, place};

    assert(index < rules->list.count);
    if (rule->id != NULL) {
        snprintf(id, SIGN_ID_BYTES, "%s", rule->id);
        return;
    }
    snprintf(place, sizeof place, "%zu", count_alike(&rules->list, index));
    sign_id(parts, ARRAY_LEN(parts), id);
}

void rules_add_ignores(struct rules *rules, const struct redisReply *reply)
{
    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        const char *name = redis_reply_text(redis_reply_at(reply, i));
        const struct redisReply *value = redis_reply_at(reply, i + 1);
        AUTO(auto_json) cJSON *rule = NULL;
        struct err err;

        if (name == NULL || redis_reply_text(value) == NULL)
            continue;
        if (strcmp(name, "revision") == 0) {
            newer(rules, redis_reply_int(value, 0));
            continue;
        }
        rule = json_parse(redis_reply_text(value), redis_reply_len(value), JSON_DEPTH_MAX,
                          false, &err);
        if (rule != NULL)
            ignore_rules_add(&rules->list, name, rule);
    }
    count_active(rules);
}

void rules_add_workspace(struct rules *rules, const struct registry_pair *pair)
{
    AUTO(auto_json) cJSON *workspace = NULL;
    const cJSON *list;
    struct err err;

    newer(rules, pair->project.revision);
    if (pair->workspace_json == NULL)
        return;
    workspace = json_parse(pair->workspace_json, strlen(pair->workspace_json),
                           JSON_DEPTH_MAX, false, &err);
    list = json_get(workspace, "ignore");
    if (cJSON_IsArray(list))
        for (const cJSON *rule = list->child; rule != NULL; rule = rule->next)
            ignore_rules_add(&rules->list, NULL, rule);
    count_active(rules);
}

int64_t rules_apply_counting(const struct rules *rules, const char *run_id,
                             int64_t now_ms, cJSON *metadata, struct rule_match **matches,
                             size_t *count)
{
    const struct ignore_rules *list = &rules->list;
    AUTO(auto_free) int64_t *numbers = mem_new(list->count, sizeof *numbers);
    int64_t left = ignore_apply_counting(list, run_id, now_ms, metadata, numbers);
    struct rule_match *found = mem_new(list->count, sizeof *found);
    size_t used = 0;

    for (size_t i = 0; i < list->count && used < REGISTRY_MATCHED_MAX; i++) {
        if (numbers[i] == 0)
            continue;
        rules_id(rules, i, found[used].id);
        found[used++].count = numbers[i];
    }
    *matches = found;
    *count = used;
    return left;
}

int64_t rules_apply(const struct rules *rules, const char *run_id, const char *metadata,
                    size_t len, bool with_list, struct buf *out)
{
    AUTO(auto_json) cJSON *doc = NULL;
    struct err err;
    int64_t left;

    doc = json_parse(metadata, len, RULES_METADATA_DEPTH_MAX, false, &err);
    if (!cJSON_IsObject(doc)) {
        buf_append(out, metadata, len);
        return 0;
    }
    left = ignore_apply(&rules->list, run_id, clock_wall_ms(), doc);
    if (!with_list)
        cJSON_DeleteItemFromObjectCaseSensitive(doc, "driftedResources");
    json_print(doc, out);
    return left;
}
