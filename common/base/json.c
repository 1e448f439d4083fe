/* Reading JSON: the checks of json_check, then cJSON; getters; a node as text. */
#include "common/base/json.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json_check.h"

#define INT_LIMIT 9007199254740992.0 /* 2^53: beyond it doubles skip whole numbers */

static bool is_whole(double number)
{
    return fabs(number) < INT_LIMIT && (double)(int64_t)number == number;
}

cJSON *json_parse(const char *bytes, size_t len, int depth_max, bool fold_case,
                  struct err *err)
{
    cJSON *doc;

    assert(depth_max > 0 && depth_max < CJSON_NESTING_LIMIT);
    if (json_check(bytes, len, depth_max, fold_case, err) < 0)
        return NULL;
    doc = cJSON_ParseWithLength(bytes, len);
    if (doc == NULL)
        err_set(err, ERR_INPUT, "invalid JSON");
    return doc;
}

void auto_json(cJSON **doc)
{
    cJSON_Delete(*doc);
}

const cJSON *json_get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

const char *json_string(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(json_get(object, key));
}

int64_t json_int(const cJSON *object, const char *key, int64_t fallback)
{
    const cJSON *node = json_get(object, key);

    if (!cJSON_IsNumber(node) || !is_whole(node->valuedouble))
        return fallback;
    return (int64_t)node->valuedouble;
}

bool json_bool(const cJSON *object, const char *key, bool fallback)
{
    const cJSON *node = json_get(object, key);

    return cJSON_IsBool(node) ? cJSON_IsTrue(node) : fallback;
}

static void print_number(struct json_writer *w, double number)
{
    char text[32];

    if (!isfinite(number)) {
        json_null(w);
        return;
    }
    if (is_whole(number)) {
        json_number(w, (int64_t)number);
        return;
    }
    /* 15 digits read best; 17 are always exact. */
    snprintf(text, sizeof text, "%.15g", number);
    if (strtod(text, NULL) != number)
        snprintf(text, sizeof text, "%.17g", number);
    json_raw(w, text, strlen(text));
}

/* As deep as the tree, which json_parse has bounded. */
static void print_node(struct json_writer *w, const cJSON *node)
{
    if (cJSON_IsString(node)) {
        json_text(w, node->valuestring);
    } else if (cJSON_IsNumber(node)) {
        print_number(w, node->valuedouble);
    } else if (cJSON_IsBool(node)) {
        json_boolean(w, cJSON_IsTrue(node));
    } else if (cJSON_IsObject(node)) {
        json_object(w);
        for (const cJSON *child = node->child; child != NULL; child = child->next) {
            json_key(w, child->string);
            print_node(w, child);
        }
        json_object_end(w);
    } else if (cJSON_IsArray(node)) {
        json_array(w);
        for (const cJSON *child = node->child; child != NULL; child = child->next)
            print_node(w, child);
        json_array_end(w);
    } else if (cJSON_IsRaw(node)) {
        json_raw(w, node->valuestring, strlen(node->valuestring));
    } else {
        json_null(w);
    }
}

void json_print(const cJSON *node, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    print_node(&w, node);
}

void json_add_node(struct json_writer *w, const char *key, const cJSON *node)
{
    json_key(w, key);
    print_node(w, node);
}
