/* What of a run's drift counts. */
#include "scheduler/drift_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

/* Counts that tell two sets apart whose lists were cut. */
static const char *const count_keys[] = {"driftedCount", "toAdd", "toChange", "toDestroy",
                                         "toImport"};

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = json_string(object, key);

    return text ? text : "";
}

static int severity_rank(const char *severity)
{
    static const char *const worst_first[] = {"critical", "warning", "info"};
    int rank = 0;

    while (rank < (int)ARRAY_LEN(worst_first) && strcmp(severity, worst_first[rank]) != 0)
        rank++;
    return rank;
}

static int by_text(const cJSON *a, const cJSON *b, const char *key)
{
    return strcmp(text_of(a, key), text_of(b, key));
}

static int by_name(const void *left, const void *right)
{
    const cJSON *const *a = left;
    const cJSON *const *b = right;
    int order = by_text(*a, *b, "address");

    return order ? order : by_text(*a, *b, "action");
}

static int by_severity(const void *left, const void *right)
{
    const cJSON *const *a = left;
    const cJSON *const *b = right;
    int order =
        severity_rank(text_of(*a, "severity")) - severity_rank(text_of(*b, "severity"));

    return order ? order : by_name(left, right);
}

static void list_what_counts(struct drift_set *set)
{
    const cJSON *all = json_get(set->metadata, "driftedResources");

    if (!cJSON_IsArray(all))
        return;
    set->list = mem_new((size_t)cJSON_GetArraySize(all) + 1, sizeof(cJSON *));
    for (const cJSON *item = all->child; item; item = item->next)
        if (cJSON_IsObject(item) && !json_bool(item, "ignored", false))
            set->list[set->count++] = item;
}

static void take_id(struct drift_set *set)
{
    size_t count = 0;
    AUTO(auto_free)
    const char **parts = mem_new(2 * set->count + ARRAY_LEN(count_keys), sizeof(char *));
    char numbers[ARRAY_LEN(count_keys)][24];

    if (set->count > 0)
        qsort(set->list, set->count, sizeof(cJSON *), by_name);
    for (size_t i = 0; i < set->count; i++) {
        parts[count++] = text_of(set->list[i], "address");
        parts[count++] = text_of(set->list[i], "action");
    }
    for (size_t i = 0; set->counted > (int64_t)set->count && i < ARRAY_LEN(count_keys);
         i++) {
        snprintf(numbers[i], sizeof(numbers[i]), "%lld",
                 (long long)json_int(set->metadata, count_keys[i], 0));
        parts[count++] = numbers[i];
    }
    sign_id(parts, count, set->id);
}

/* Metadata that is not there, or cannot be read: the run's own word for it. */
static void trust_status(const struct outbox_entry *entry, struct drift_set *set)
{
    AUTO(auto_json) cJSON *summary = NULL;
    struct err err;

    if (entry->status != RUN_DRIFT_DETECTED)
        return;
    summary = json_parse(entry->run.summary, strlen(entry->run.summary), JSON_DEPTH_MAX,
                         false, &err);
    set->counted = json_int(summary, "driftedCount", 1);
    sign_id(&entry->run.summary, 1, set->id);
}

static void read_rules(const struct outbox_entry *entry, struct rules *rules)
{
    rules_add_ignores(rules, entry->ignores);
    rules_add_workspace(rules, &entry->pair);
}

void drift_set_read(const struct outbox_entry *entry, struct drift_set *out)
{
    AUTO(rules_done) struct rules rules = {0};
    struct err err;

    *out = (struct drift_set){0};
    if (entry->metadata)
        out->metadata = json_parse(entry->metadata, entry->metadata_len,
                                   RULES_METADATA_DEPTH_MAX, false, &err);
    if (!cJSON_IsObject(out->metadata)) {
        trust_status(entry, out);
        return;
    }
    read_rules(entry, &rules);
    out->counted = rules_apply_counting(&rules, entry->run.id, entry->now_ms,
                                        out->metadata, &out->matches, &out->match_count);
    list_what_counts(out);
    if (out->counted > 0)
        take_id(out);
    if (out->count > 0)
        qsort(out->list, out->count, sizeof(cJSON *), by_severity);
}

void drift_set_done(struct drift_set *set)
{
    cJSON_Delete(set->metadata);
    free(set->list);
    free(set->matches);
    *set = (struct drift_set){0};
}

const char *drift_set_severity(const struct drift_set *set)
{
    return set->count > 0 ? json_string(set->list[0], "severity") : NULL;
}
