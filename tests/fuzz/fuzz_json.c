/* Fuzzes the JSON reader: what is refused says why; what is accepted survives being
 * printed and read again, value by value and byte by byte. */
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "tests/fuzz/fuzz.h"

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Order matters and numbers are exact, unlike cJSON_Compare. */
static bool is_same(const cJSON *a, const cJSON *b)
{
    const cJSON *left = a->child, *right = b->child;

    if ((a->type & 0xFF) != (b->type & 0xFF) || !is_same_text(a->string, b->string) ||
        !is_same_text(a->valuestring, b->valuestring))
        return false;
    if (cJSON_IsNumber(a) && memcmp(&a->valuedouble, &b->valuedouble, sizeof(double)))
        return a->valuedouble == 0 && b->valuedouble == 0; /* -0 is printed as 0 */
    for (; left != NULL && right != NULL; left = left->next, right = right->next)
        if (!is_same(left, right))
            return false;
    return left == right;
}

/* No object has a key twice, at any depth. */
static void check_keys(const cJSON *node)
{
    for (const cJSON *item = node->child; item != NULL; item = item->next) {
        for (const cJSON *other = node->child; item->string && other != item;
             other = other->next)
            must(strcmp(item->string, other->string) != 0);
        check_keys(item);
    }
}

static void check_round_trip(const cJSON *doc)
{
    AUTO(buf_done) struct buf once = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf twice = BUF_INIT(SIZE_MAX);
    AUTO(auto_json) cJSON *again = NULL;
    struct err err = {0};

    check_keys(doc);
    json_print(doc, &once);
    must(parse_is_utf8(buf_text(&once), once.len));
    again = json_parse(once.data, once.len, JSON_DEPTH_MAX, false, &err);
    must(again != NULL && is_same(doc, again));
    json_print(again, &twice);
    must(strcmp(buf_text(&once), buf_text(&twice)) == 0);
}

/* The same bytes with a depth and a rule for keys; true when they are accepted. */
static bool try_text(const char *text, size_t size, int depth_max, bool fold_case)
{
    AUTO(auto_json) cJSON *doc = NULL;
    struct err err = {0};

    doc = json_parse(text, size, depth_max, fold_case, &err);
    if (doc == NULL)
        must(err.kind == ERR_INPUT && err.message[0] != '\0');
    else
        check_round_trip(doc);
    return doc != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of exactly that size: a byte read behind it is noticed. */
    AUTO(auto_free) char *text = mem_new(size, 1);
    bool accepted;

    if (size > 0)
        memcpy(text, data, size);
    accepted = try_text(text, size, JSON_DEPTH_MAX, false);
    if (try_text(text, size, JSON_DEPTH_MAX, true) || try_text(text, size, 3, false))
        must(accepted);
    return 0;
}
