/* Canonical JSON: sorts the members of every object on the way out. */
#include "common/base/canonical.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/quote.h"

static int by_key(const void *left, const void *right)
{
    const cJSON *const *a = left;
    const cJSON *const *b = right;

    return strcmp((*a)->string, (*b)->string);
}

static void print_object(const cJSON *object, struct buf *out)
{
    size_t count = (size_t)cJSON_GetArraySize(object);
    AUTO(auto_free) const cJSON **members = mem_new(count, sizeof(cJSON *));
    size_t i = 0;

    for (const cJSON *member = object->child; member != NULL; member = member->next)
        members[i++] = member;
    qsort(members, count, sizeof(cJSON *), by_key);
    buf_char(out, '{');
    for (i = 0; i < count; i++) {
        if (i > 0)
            buf_char(out, ',');
        quote_json(members[i]->string, strlen(members[i]->string), out);
        buf_char(out, ':');
        canonical_print(members[i], out);
    }
    buf_char(out, '}');
}

static void print_array(const cJSON *array, struct buf *out)
{
    buf_char(out, '[');
    for (const cJSON *item = array->child; item != NULL; item = item->next) {
        if (item != array->child)
            buf_char(out, ',');
        canonical_print(item, out);
    }
    buf_char(out, ']');
}

void canonical_print(const cJSON *node, struct buf *out)
{
    if (node == NULL)
        buf_str(out, "null");
    else if (cJSON_IsObject(node))
        print_object(node, out);
    else if (cJSON_IsArray(node))
        print_array(node, out);
    else
        json_print(node, out);
}

void canonical_print_object(const char *json, struct buf *out)
{
    AUTO(auto_json) cJSON *object = NULL;
    struct err err;

    if (json == NULL)
        return;
    object = json_parse(json, strlen(json), JSON_DEPTH_MAX, false, &err);
    assert(cJSON_IsObject(object));
    if (object->child != NULL)
        canonical_print(object, out);
}
