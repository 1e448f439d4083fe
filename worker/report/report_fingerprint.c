/* What identifies a drift: equal for two plans that found the same of the same resources.
 * Of all of them, and of their values before any is masked: what is cut or masked may be
 * another in each run. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/sign.h"
#include "common/registry/ignore.h"
#include "worker/report/report_model.h"

static void add_value(cJSON *change, const char *key, const char *json)
{
    cJSON *value = json != NULL ? cJSON_Parse(json) : cJSON_CreateNull();

    cJSON_AddItemToObject(change, key, value != NULL ? value : cJSON_CreateNull());
}

/* As ignore_drift_id reads it; the caller frees. */
static cJSON *as_json(const struct drifted *resource)
{
    cJSON *node = cJSON_CreateObject();
    cJSON *changes = cJSON_AddArrayToObject(node, "changes");

    cJSON_AddStringToObject(node, "action", resource->action);
    for (size_t i = 0; i < resource->changes.count; i++) {
        const struct change *from = &resource->changes.list[i];
        cJSON *change = cJSON_CreateObject();

        cJSON_AddStringToObject(change, "attribute", from->attribute);
        add_value(change, "before", from->before);
        add_value(change, "after", from->after);
        cJSON_AddItemToArray(changes, change);
    }
    return node;
}

void report_fingerprint_add(struct report_prints *prints, const struct drifted *resource)
{
    AUTO(auto_json) cJSON *node = as_json(resource);
    char drift[SIGN_ID_BYTES];
    const char *const parts[] = {
        resource->address, resource->deposed != NULL ? resource->deposed : "", drift};

    ignore_drift_id(node, drift);
    if (prints->count == prints->cap) {
        prints->cap = prints->cap > 0 ? 2 * prints->cap : 64;
        prints->list = mem_grow(prints->list, prints->cap, sizeof *prints->list);
    }
    sign_id(parts, ARRAY_LEN(parts), prints->list[prints->count++].id);
}

static int by_id(const void *a, const void *b)
{
    const struct report_print_one *left = a, *right = b;

    return strcmp(left->id, right->id);
}

void report_fingerprint_end(struct report_prints *prints, char id[SIGN_ID_BYTES])
{
    AUTO(auto_free) const char **parts = mem_new(prints->count + 1, sizeof *parts);

    id[0] = '\0';
    if (prints->count > 0) {
        qsort(prints->list, prints->count, sizeof *prints->list, by_id);
        for (size_t i = 0; i < prints->count; i++)
            parts[i] = prints->list[i].id;
        sign_id(parts, prints->count, id);
    }
    free(prints->list);
    *prints = (struct report_prints){0};
}
