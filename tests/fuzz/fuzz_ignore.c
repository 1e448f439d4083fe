/* Fuzzes the ignore rules over {"rules": […], "runId": "…", "metadata": {…}}: a delete or
 * replace stays visible, the count fits the marks, what is ignored has rules that
 * matched, judging twice changes nothing, and no rule means nothing is ignored. */
#include <string.h>

#include "common/base/mem.h"
#include "common/registry/ignore.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS    INT64_C(1700000000000)
#define COUNT_MAX 1000000 /* of resources: more never was in one run */

static void check_mark(const cJSON *resource)
{
    const char *action = json_string(resource, "action");

    if (json_bool(resource, "ignored", false))
        must(ignore_is_allowed(resource) && strcmp(action, "delete") != 0 &&
             strcmp(action, "replace") != 0);
}

/* How many objects of the list are marked as ignored. */
static int64_t check_marks(const cJSON *metadata)
{
    const cJSON *list = json_get(metadata, "driftedResources");
    int64_t ignored = 0;

    for (const cJSON *item = cJSON_IsArray(list) ? list->child : NULL; item != NULL;
         item = item->next) {
        check_mark(item);
        ignored += json_bool(item, "ignored", false);
    }
    return ignored;
}

/* Each that is ignored is one rule's at least. */
static void check_matches(const int64_t *matches, size_t count, int64_t ignored)
{
    int64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += matches[i];
    must(sum >= ignored && (sum > 0) == (ignored > 0));
}

static void judge(const struct ignore_rules *rules, const char *run_id, cJSON *metadata)
{
    static const struct ignore_rules none = {0};
    AUTO(buf_done) struct buf once = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf twice = BUF_INIT(SIZE_MAX);
    AUTO(auto_free) int64_t *matches = mem_new(rules->count, sizeof *matches);
    int64_t left = ignore_apply(rules, run_id, NOW_MS, metadata);
    int64_t ignored = check_marks(metadata);

    must(left >= 0 && left == json_int(metadata, "driftedCount", 0));
    json_print(metadata, &once);
    must(ignore_apply_counting(rules, run_id, NOW_MS, metadata, matches) == left);
    check_matches(matches, rules->count, ignored);
    json_print(metadata, &twice);
    must(strcmp(buf_text(&once), buf_text(&twice)) == 0);
    must(ignore_apply(&none, run_id, NOW_MS, metadata) == left + ignored);
    must(check_marks(metadata) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(auto_json) cJSON *doc = NULL;
    AUTO(ignore_rules_done) struct ignore_rules rules = {0};
    cJSON *metadata;
    const cJSON *list;
    const char *run_id;
    struct err err = {0};

    doc = json_parse((const char *)data, size, JSON_DEPTH_MAX, false, &err);
    list = json_get(doc, "rules");
    run_id = json_string(doc, "runId");
    metadata = cJSON_GetObjectItemCaseSensitive(doc, "metadata");
    if (!cJSON_IsObject(metadata) || json_int(metadata, "driftedCount", 0) > COUNT_MAX)
        return 0;
    for (const cJSON *rule = cJSON_IsArray(list) ? list->child : NULL; rule != NULL;
         rule = rule->next)
        ignore_rules_add(&rules, NULL, rule);
    judge(&rules, run_id != NULL ? run_id : "", metadata);
    return 0;
}
