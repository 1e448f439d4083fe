/* JSON values seen as trees. */
#include "worker/report/report_tree.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

const cJSON *tree_value(const cJSON *node)
{
    return cJSON_IsNull(node) ? NULL : node;
}

bool tree_is_container(const cJSON *node)
{
    return (cJSON_IsObject(node) || cJSON_IsArray(node)) && node->child;
}

bool tree_has_true(const cJSON *node)
{
    if (cJSON_IsTrue(node))
        return true;
    if (!tree_is_container(node))
        return false;
    for (const cJSON *child = node->child; child; child = child->next)
        if (tree_has_true(child))
            return true;
    return false;
}

/* ---- children ---- */

static int by_key(const void *a, const void *b)
{
    const cJSON *const *left = a, *const *right = b;

    return strcmp((*left)->string, (*right)->string);
}

static bool in_order(const struct tree_children *children)
{
    for (size_t i = 1; i < children->count; i++)
        if (by_key(&children->list[i - 1], &children->list[i]) > 0)
            return false;
    return true;
}

void tree_children_init(struct tree_children *children, const cJSON *node)
{
    size_t count = 0;

    *children = (struct tree_children){0};
    if (!tree_is_container(node))
        return;
    for (const cJSON *child = node->child; child; child = child->next)
        count++;
    children->list = mem_new(count, sizeof(const cJSON *));
    for (const cJSON *child = node->child; child; child = child->next)
        children->list[children->count++] = child;
    if (cJSON_IsObject(node) && !in_order(children))
        qsort(children->list, count, sizeof(const cJSON *), by_key);
}

void tree_children_done(struct tree_children *children)
{
    free(children->list);
    *children = (struct tree_children){0};
}

/* ---- equality ---- */

static bool equal_children(const cJSON *a, const cJSON *b)
{
    AUTO(tree_children_done) struct tree_children left = {0};
    AUTO(tree_children_done) struct tree_children right = {0};
    bool keyed = cJSON_IsObject(a);

    tree_children_init(&left, a);
    tree_children_init(&right, b);
    if (left.count != right.count)
        return false;
    for (size_t i = 0; i < left.count; i++)
        if ((keyed && by_key(&left.list[i], &right.list[i]) != 0) ||
            !tree_equal(left.list[i], right.list[i]))
            return false;
    return true;
}

bool tree_equal(const cJSON *a, const cJSON *b)
{
    a = tree_value(a);
    b = tree_value(b);
    if (a == b)
        return true;
    if (!a || !b || (a->type & 0xff) != (b->type & 0xff))
        return false;
    if (cJSON_IsString(a))
        return strcmp(a->valuestring, b->valuestring) == 0;
    if (cJSON_IsNumber(a))
        return !(a->valuedouble < b->valuedouble) && !(a->valuedouble > b->valuedouble);
    return cJSON_IsBool(a) || equal_children(a, b);
}

/* ---- digests ---- */

/* The finaliser of splitmix64: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

/* FNV-1a. */
static uint64_t digest_text(const char *text)
{
    uint64_t digest = 0xcbf29ce484222325U;

    for (; *text; text++)
        digest = (digest ^ (unsigned char)*text) * 0x100000001b3U;
    return digest;
}

static uint64_t digest_number(double number)
{
    uint64_t bits = 0;

    number += 0.0; /* -0 equals 0 */
    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

static uint64_t digest_children(const cJSON *node)
{
    uint64_t digest = 0;

    for (const cJSON *child = node->child; child; child = child->next) {
        if (cJSON_IsObject(node)) /* in any order */
            digest += mix(digest_text(child->string) ^ mix(tree_digest(child)));
        else
            digest = mix(digest ^ tree_digest(child));
    }
    return digest;
}

uint64_t tree_digest(const cJSON *node)
{
    node = tree_value(node);
    if (!node)
        return 0;
    if (cJSON_IsString(node))
        return mix(digest_text(node->valuestring));
    if (cJSON_IsNumber(node))
        return mix(digest_number(node->valuedouble));
    return mix(digest_children(node) + (uint64_t)(node->type & 0xff));
}
