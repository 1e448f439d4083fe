/* Ignore rules: reading them, and judging the drifted resources of one run. */
#include "common/ignore.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/canonical.h"
#include "common/mem.h"
#include "common/parse.h"
#include "common/sign.h"

#define CHANGE_BYTES_MAX (4 * 1024 * 1024)

/* ---- rules ---- */

static void rule_done(struct ignore_rule *rule)
{
    free(rule->address);
    free(rule->attribute);
    free(rule->run_id);
    free(rule->drift);
    *rule = (struct ignore_rule){0};
}

void ignore_rules_done(struct ignore_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        rule_done(&rules->list[i]);
    free(rules->list);
    *rules = (struct ignore_rules){0};
}

/* An optional text: absent and null leave *out; anything but a text that is not empty is
 * -1. */
static int read_text(const cJSON *rule, const char *key, char **out)
{
    const cJSON *node = json_get(rule, key);

    if (node == NULL || cJSON_IsNull(node))
        return 0;
    if (!cJSON_IsString(node) || node->valuestring[0] == '\0')
        return -1;
    *out = mem_dup(node->valuestring);
    return 0;
}

static int read_expiry(const cJSON *rule, int64_t *out_ms)
{
    AUTO(auto_free) char *text = NULL;

    if (read_text(rule, "expiresAt", &text) < 0)
        return -1;
    return text == NULL ? 0 : parse_rfc3339_ms(text, out_ms);
}

static int read_rule(const cJSON *json, struct ignore_rule *rule)
{
    if (read_text(json, "address", &rule->address) < 0 ||
        read_text(json, "attribute", &rule->attribute) < 0 ||
        read_text(json, "runId", &rule->run_id) < 0 ||
        read_text(json, "drift", &rule->drift) < 0 ||
        read_expiry(json, &rule->expires_ms) < 0)
        return -1;
    rule->exact = rule->run_id != NULL || json_bool(json, "exact", false);
    return rule->address != NULL ? 0 : -1;
}

void ignore_rules_add(struct ignore_rules *rules, const cJSON *rule)
{
    AUTO(rule_done) struct ignore_rule read = {0};

    if (!cJSON_IsObject(rule) || read_rule(rule, &read) < 0)
        return;
    rules->list = mem_grow(rules->list, rules->count + 1, sizeof *rules->list);
    rules->list[rules->count++] = read;
    read = (struct ignore_rule){0};
}

/* ---- the fingerprint of a drift ---- */

static int by_text(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;

    return strcmp(*a, *b);
}

static char *change_text(const cJSON *change)
{
    static const char *const keys[] = {"attribute", "before", "after"};
    struct buf text = BUF_INIT(CHANGE_BYTES_MAX);

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        canonical_print(json_get(change, keys[i]), &text);
        buf_char(&text, ' ');
    }
    return buf_take(&text);
}

static size_t length(const cJSON *array)
{
    return cJSON_IsArray(array) ? (size_t)cJSON_GetArraySize(array) : 0;
}

static const cJSON *first(const cJSON *array)
{
    return cJSON_IsArray(array) ? array->child : NULL;
}

void ignore_drift_id(const cJSON *resource, char id[33])
{
    const cJSON *changes = json_get(resource, "changes");
    size_t count = 0;
    AUTO(auto_free) char **texts = mem_new(length(changes) + 1, sizeof *texts);

    for (const cJSON *change = first(changes); change != NULL; change = change->next)
        texts[++count] = change_text(change);
    qsort(texts + 1, count, sizeof *texts, by_text);
    texts[0] = mem_dup(json_string(resource, "action"));
    sign_id((const char *const *)texts, count + 1, id);
    for (size_t i = 0; i <= count; i++)
        free(texts[i]);
}

/* ---- judging ---- */

/* The rules that still hold, and those of them that are about the resource at hand. */
struct judge {
    const char *run_id;
    const struct ignore_rule **live;
    size_t live_count;
    const struct ignore_rule **near;
    size_t near_count;
};

static void judge_done(struct judge *judge)
{
    free(judge->live);
    free(judge->near);
}

static void judge_init(struct judge *judge, const struct ignore_rules *rules,
                       const char *run_id, int64_t now_ms)
{
    *judge = (struct judge){.run_id = run_id};
    judge->live = mem_new(rules->count, sizeof(struct ignore_rule *));
    judge->near = mem_new(rules->count, sizeof(struct ignore_rule *));
    for (size_t i = 0; i < rules->count; i++) {
        const struct ignore_rule *rule = &rules->list[i];

        if (rule->expires_ms == 0 || rule->expires_ms > now_ms)
            judge->live[judge->live_count++] = rule;
    }
}

static bool is_address_of(const struct ignore_rule *rule, const char *address)
{
    return rule->exact ? strcmp(rule->address, address) == 0
                       : parse_glob(rule->address, address, false);
}

/* Is the rule one of this run, or of a run in which this resource drifted alike? `drift`
 * is the resource's fingerprint, "" until it is needed. */
static bool is_of_run(const struct ignore_rule *rule, const char *run_id,
                      const cJSON *resource, char drift[SIGN_ID_BYTES])
{
    if (rule->run_id == NULL || strcmp(rule->run_id, run_id) == 0)
        return true;
    if (rule->drift == NULL)
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

        if (is_address_of(rule, address) &&
            is_of_run(rule, judge->run_id, resource, drift))
            judge->near[judge->near_count++] = rule;
    }
}

static bool is_change_ignored(const struct judge *judge, const cJSON *change)
{
    const char *attribute = json_string(change, "attribute");

    for (size_t i = 0; attribute != NULL && i < judge->near_count; i++) {
        if (parse_glob(judge->near[i]->attribute, attribute, false))
            return true;
    }
    return false;
}

/* A delete takes the thing away, a replace too: no rule may hide that. What does not say
 * what it does is not hidden either. */
static bool may_ignore(const cJSON *resource)
{
    const char *action = json_string(resource, "action");

    return action != NULL && strcmp(action, "delete") != 0 &&
           strcmp(action, "replace") != 0;
}

static bool is_ignored(struct judge *judge, const cJSON *resource)
{
    const cJSON *changes = json_get(resource, "changes");

    if (!may_ignore(resource))
        return false;
    find_near(judge, resource);
    for (size_t i = 0; i < judge->near_count; i++) {
        if (judge->near[i]->attribute == NULL)
            return true;
    }
    for (const cJSON *change = first(changes); change != NULL; change = change->next) {
        if (!is_change_ignored(judge, change))
            return false;
    }
    return judge->near_count > 0 && length(changes) > 0;
}

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

int64_t ignore_apply(const struct ignore_rules *rules, const char *run_id, int64_t now_ms,
                     cJSON *metadata)
{
    cJSON *resources = cJSON_GetObjectItemCaseSensitive(metadata, "driftedResources");
    AUTO(judge_done) struct judge judge = {0};
    int64_t marked = count_marked(resources);
    int64_t cut = json_int(metadata, "driftedCount", marked) - marked;
    int64_t left;

    assert(cJSON_IsObject(metadata) && run_id != NULL);
    judge_init(&judge, rules, run_id, now_ms);
    for (cJSON *item = cJSON_IsArray(resources) ? resources->child : NULL; item != NULL;
         item = item->next)
        if (cJSON_IsObject(item))
            set_item(item, "ignored", cJSON_CreateBool(is_ignored(&judge, item)));
    left = count_marked(resources) + (cut > 0 ? cut : 0);
    set_item(metadata, "driftedCount", cJSON_CreateNumber((double)left));
    return left;
}
