/* Ignore rules: reading them, and the fingerprint of a drift. */
#include "common/registry/ignore.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/canonical.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/sign.h"

#define CHANGE_BYTES_MAX (4 * 1024 * 1024)

/* ---- rules ---- */

static void rule_done(struct ignore_rule *rule)
{
    free(rule->id);
    free(rule->address);
    free(rule->attribute);
    free(rule->run_id);
    free(rule->drift);
    free(rule->reason);
    free(rule->created_by);
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
    if (text == NULL)
        return 0;
    if (parse_rfc3339_ms(text, out_ms) < 0)
        return -1;
    if (*out_ms <= 0) /* long over, not never */
        *out_ms = 1;
    return 0;
}

static int read_rule(const cJSON *json, struct ignore_rule *rule)
{
    if (read_text(json, "address", &rule->address) < 0 ||
        read_text(json, "attribute", &rule->attribute) < 0 ||
        read_text(json, "runId", &rule->run_id) < 0 ||
        read_text(json, "drift", &rule->drift) < 0 ||
        read_expiry(json, &rule->expires_ms) < 0)
        return -1;
    rule->reason = mem_dup(json_string(json, "reason"));
    rule->created_by = mem_dup(json_string(json, "createdBy"));
    rule->created_ms = json_int(json, "createdAtMs", 0);
    rule->exact = rule->run_id != NULL || json_bool(json, "exact", false);
    return rule->address != NULL ? 0 : -1;
}

void ignore_rules_add(struct ignore_rules *rules, const char *id, const cJSON *rule)
{
    AUTO(rule_done) struct ignore_rule read = {0};

    if (!cJSON_IsObject(rule) || read_rule(rule, &read) < 0)
        return;
    read.id = mem_dup(id);
    rules->list = mem_grow(rules->list, rules->count + 1, sizeof *rules->list);
    rules->list[rules->count++] = read;
    read = (struct ignore_rule){0};
}

bool ignore_rule_is_expired(const struct ignore_rule *rule, int64_t now_ms)
{
    return rule->expires_ms != 0 && rule->expires_ms <= now_ms;
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

/* What a report that is too long says in place of any value. */
#define LEFT_OUT "(left out)"

static bool is_left_out(const cJSON *change, const char *key)
{
    const char *text = json_string(change, key);

    return text != NULL && strcmp(text, LEFT_OUT) == 0;
}

bool ignore_has_drift_id(const cJSON *resource)
{
    const cJSON *changes = json_get(resource, "changes");

    if (!json_bool(resource, "truncated", false))
        return true;
    for (const cJSON *change = first(changes); change != NULL; change = change->next)
        if (is_left_out(change, "before") || is_left_out(change, "after"))
            return false;
    return first(changes) != NULL;
}
