/* Ignore rules: judging the drifted resources of one run. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/sign.h"
#include "common/registry/ignore.h"

/* Steps of matching patterns that one run may cost: several times what the longest report
 * takes under rules as people write them, and less than a second. */
#define STEPS_MAX INT64_C(300000000)

/* The rules that still hold, and those of them that are about the resource at hand. */
struct judge {
    const struct ignore_rules *rules;
    const char *run_id;
    const struct ignore_rule **live;
    size_t live_count;
    const struct ignore_rule **near;
    size_t near_count;
    int64_t *matches; /* of each of the rules; NULL: nobody counts */
    bool *needed;     /* of those near: while counting */
    int64_t steps;    /* left; without any no pattern fits */
};

static void judge_done(struct judge *judge)
{
    free(judge->live);
    free(judge->near);
    free(judge->needed);
}

static void judge_init(struct judge *judge, const struct ignore_rules *rules,
                       const char *run_id, int64_t now_ms, int64_t *matches)
{
    *judge = (struct judge){
        .rules = rules, .run_id = run_id, .matches = matches, .steps = STEPS_MAX};
    judge->live = mem_new(rules->count, sizeof(struct ignore_rule *));
    judge->near = mem_new(rules->count, sizeof(struct ignore_rule *));
    judge->needed = mem_new(rules->count, sizeof(bool));
    for (size_t i = 0; i < rules->count; i++)
        if (!ignore_rule_is_expired(&rules->list[i], now_ms))
            judge->live[judge->live_count++] = &rules->list[i];
}

static const cJSON *first(const cJSON *array)
{
    return cJSON_IsArray(array) ? array->child : NULL;
}

/* ---- which rules are about a resource ---- */

static bool is_address_of(struct judge *judge, const struct ignore_rule *rule,
                          const char *address)
{
    return rule->exact ? strcmp(rule->address, address) == 0
                       : parse_glob_within(rule->address, address, &judge->steps);
}

/* Is the rule one of this run, or of a run in which this resource drifted alike? `drift`
 * is the resource's fingerprint, "" until it is needed. */
static bool is_of_run(const struct ignore_rule *rule, const char *run_id,
                      const cJSON *resource, char drift[SIGN_ID_BYTES])
{
    if (rule->run_id == NULL || strcmp(rule->run_id, run_id) == 0)
        return true;
    if (rule->drift == NULL || !ignore_has_drift_id(resource))
        return false;
    if (drift[0] == '\0')
        ignore_drift_id(resource, drift);
    return strcmp(rule->drift, drift) == 0;
}

static void find_near(struct judge *judge, const cJSON *resource)
{
    const char *address = json_string(resource, "address");
    char drift[SIGN_ID_BYTES] = "";

    judge->near_count = 0;
    for (size_t i = 0; address != NULL && i < judge->live_count; i++) {
        const struct ignore_rule *rule = judge->live[i];

        if (is_address_of(judge, rule, address) &&
            is_of_run(rule, judge->run_id, resource, drift))
            judge->near[judge->near_count++] = rule;
    }
}

/* ---- do they cover all of it? ---- */

static bool covers(struct judge *judge, const struct ignore_rule *rule,
                   const cJSON *change)
{
    const char *attribute = json_string(change, "attribute");

    return attribute != NULL &&
           parse_glob_within(rule->attribute, attribute, &judge->steps);
}

/* The first that covers a change, by its place among those near; their number: none. */
static size_t who_covers(struct judge *judge, const cJSON *change)
{
    size_t i = 0;

    while (i < judge->near_count && !covers(judge, judge->near[i], change))
        i++;
    return i;
}

static bool covers_alone(struct judge *judge, const struct ignore_rule *rule,
                         const cJSON *changes)
{
    if (rule->attribute == NULL)
        return true;
    for (const cJSON *change = first(changes); change != NULL; change = change->next)
        if (!covers(judge, rule, change))
            return false;
    return first(changes) != NULL;
}

static bool cover_together(struct judge *judge, const cJSON *changes)
{
    for (size_t i = 0; i < judge->near_count; i++)
        if (judge->near[i]->attribute == NULL)
            return true;
    for (const cJSON *change = first(changes); change != NULL; change = change->next)
        if (who_covers(judge, change) == judge->near_count)
            return false;
    return judge->near_count > 0 && first(changes) != NULL;
}

bool ignore_is_allowed(const cJSON *resource)
{
    static const char *const harmless[] = {"create", "update", "import", "forget"};
    const char *action = json_string(resource, "action");

    for (size_t i = 0; action != NULL && i < ARRAY_LEN(harmless); i++)
        if (strcmp(action, harmless[i]) == 0)
            return true;
    return false;
}

/* ---- who gets the match ---- */

static void count_match(const struct judge *judge, const struct ignore_rule *rule)
{
    judge->matches[rule - judge->rules->list]++;
}

/* Of a resource that is ignored. */
static void count_matches(struct judge *judge, const cJSON *changes)
{
    for (size_t i = 0; i < judge->near_count; i++) {
        if (covers_alone(judge, judge->near[i], changes)) {
            count_match(judge, judge->near[i]);
            return;
        }
    }
    memset(judge->needed, 0, judge->near_count * sizeof(bool));
    for (const cJSON *change = first(changes); change != NULL; change = change->next) {
        size_t place = who_covers(judge, change);

        if (place < judge->near_count) /* else the steps have come to their end */
            judge->needed[place] = true;
    }
    for (size_t i = 0; i < judge->near_count; i++)
        if (judge->needed[i])
            count_match(judge, judge->near[i]);
}

static bool is_ignored(struct judge *judge, const cJSON *resource)
{
    const cJSON *changes = json_get(resource, "changes");

    if (!ignore_is_allowed(resource))
        return false;
    find_near(judge, resource);
    if (!cover_together(judge, changes))
        return false;
    if (judge->matches != NULL)
        count_matches(judge, changes);
    return true;
}

/* ---- the metadata of a run ---- */

/* Puts an item in its old place, or at the end. */
static void set_item(cJSON *object, const char *key, cJSON *item)
{
    if (!cJSON_ReplaceItemInObjectCaseSensitive(object, key, item))
        cJSON_AddItemToObject(object, key, item);
}

/* How many of the list count, as it is marked now. */
static int64_t count_marked(const cJSON *resources)
{
    int64_t count = 0;

    for (const cJSON *item = first(resources); item != NULL; item = item->next)
        count += !json_bool(item, "ignored", false);
    return count;
}

int64_t ignore_apply_counting(const struct ignore_rules *rules, const char *run_id,
                              int64_t now_ms, cJSON *metadata, int64_t *matches)
{
    cJSON *resources = cJSON_GetObjectItemCaseSensitive(metadata, "driftedResources");
    AUTO(judge_done) struct judge judge = {0};
    int64_t marked = count_marked(resources);
    int64_t cut = json_int(metadata, "driftedCount", marked) - marked;
    int64_t left;

    assert(cJSON_IsObject(metadata) && run_id != NULL);
    judge_init(&judge, rules, run_id, now_ms, matches);
    for (cJSON *item = cJSON_IsArray(resources) ? resources->child : NULL; item != NULL;
         item = item->next)
        if (cJSON_IsObject(item))
            set_item(item, "ignored", cJSON_CreateBool(is_ignored(&judge, item)));
    left = count_marked(resources) + (cut > 0 ? cut : 0);
    /* A run that failed has no counts, and gets none here. */
    if (cJSON_IsArray(resources) || json_get(metadata, "driftedCount") != NULL)
        set_item(metadata, "driftedCount", cJSON_CreateNumber((double)left));
    return left;
}

int64_t ignore_apply(const struct ignore_rules *rules, const char *run_id, int64_t now_ms,
                     cJSON *metadata)
{
    return ignore_apply_counting(rules, run_id, now_ms, metadata, NULL);
}
