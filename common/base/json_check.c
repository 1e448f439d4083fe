/* A strict JSON checker: one step for each thing that may come next, a stack of open
 * containers, and the keys of the open objects. */
#include "common/base/json_check.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/json_scan.h"
#include "common/base/mem.h"

#define FEW_KEYS 16

struct key {
    const char *bytes; /* decoded */
    size_t len;
    const char *source; /* where it stands in the document */
};

struct container {
    bool is_object;
    size_t first_key; /* of its keys in check.keys */
};

enum next { VALUE, VALUE_OR_END, KEY, KEY_OR_END, COMMA_OR_END, NOTHING };

struct check {
    struct json_scan scan;
    enum next next;
    bool fold_case;
    struct container *open; /* depth_max of them */
    int depth, depth_max;
    struct key *keys; /* of all open objects, innermost last */
    size_t key_count, key_cap;
    char *decoded_top; /* behind the last decoded key */
};

static int fail_here(const struct check *check, const char *problem)
{
    return json_scan_fail(&check->scan, check->scan.at, problem);
}

static int open_container(struct check *check, bool is_object)
{
    if (check->depth == check->depth_max)
        return fail_here(check, "nested too deeply");
    check->open[check->depth++] = (struct container){
        .is_object = is_object,
        .first_key = check->key_count,
    };
    check->scan.at++;
    check->next = is_object ? KEY_OR_END : VALUE_OR_END;
    return 0;
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);

    if (order != 0)
        return order;
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return a->source < b->source ? -1 : 1;
}

static bool is_same(const struct key *a, const struct key *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* The later one of two equal keys, or NULL. Sorting many keeps this from being quadratic;
 * a few are compared with one another sooner than sorted. */
static const struct key *find_duplicate(struct key *keys, size_t count)
{
    if (count > FEW_KEYS)
        qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 1; i < count; i++)
        for (size_t j = count > FEW_KEYS ? i - 1 : 0; j < i; j++)
            if (is_same(&keys[i], &keys[j]))
                return &keys[i];
    return NULL;
}

static int check_keys(struct check *check, size_t first)
{
    size_t count = check->key_count - first;
    const struct key *duplicate = NULL;

    if (count > 1)
        duplicate = find_duplicate(check->keys + first, count);
    if (duplicate != NULL)
        return json_scan_fail(&check->scan, duplicate->source, "duplicate key");
    return 0;
}

static int close_container(struct check *check)
{
    const struct container *closed = &check->open[check->depth - 1];

    if (check_keys(check, closed->first_key) < 0)
        return -1;
    check->key_count = closed->first_key;
    check->depth--;
    check->scan.at++;
    check->next = check->depth > 0 ? COMMA_OR_END : NOTHING;
    return 0;
}

static void keep_key(struct check *check, struct key key)
{
    if (check->key_count == check->key_cap) {
        check->key_cap = check->key_cap > 0 ? check->key_cap * 2 : 16;
        check->keys = mem_grow(check->keys, check->key_cap, sizeof *check->keys);
    }
    check->keys[check->key_count++] = key;
}

/* ---- what may come next ---- */

static int step_value(struct check *check)
{
    char c = json_scan_peek(&check->scan);

    if (c == '{' || c == '[')
        return open_container(check, c == '{');
    check->next = check->depth > 0 ? COMMA_OR_END : NOTHING;
    if (c == '"')
        return json_scan_string(&check->scan, &(struct json_sink){NULL, false});
    if (c == '-' || (c >= '0' && c <= '9'))
        return json_scan_number(&check->scan);
    return json_scan_word(&check->scan);
}

static int step_key(struct check *check)
{
    struct json_sink sink = {check->decoded_top, check->fold_case};
    struct key key = {.bytes = check->decoded_top, .source = check->scan.at};

    if (json_scan_peek(&check->scan) != '"')
        return fail_here(check, "expected a key in quotes");
    if (json_scan_string(&check->scan, &sink) < 0)
        return -1;
    key.len = (size_t)(sink.at - key.bytes);
    check->decoded_top = sink.at;
    keep_key(check, key);
    json_scan_blanks(&check->scan);
    if (json_scan_peek(&check->scan) != ':')
        return fail_here(check, "expected ':'");
    check->scan.at++;
    check->next = VALUE;
    return 0;
}

static int step_comma_or_end(struct check *check)
{
    bool in_object = check->open[check->depth - 1].is_object;

    if (json_scan_peek(&check->scan) == (in_object ? '}' : ']'))
        return close_container(check);
    if (json_scan_peek(&check->scan) != ',')
        return fail_here(check,
                         in_object ? "expected ',' or '}'" : "expected ',' or ']'");
    check->scan.at++;
    check->next = in_object ? KEY : VALUE;
    return 0;
}

static int step(struct check *check)
{
    json_scan_blanks(&check->scan);
    switch (check->next) {
    case VALUE_OR_END:
        return json_scan_peek(&check->scan) == ']' ? close_container(check)
                                                   : step_value(check);
    case VALUE:
        return step_value(check);
    case KEY_OR_END:
        return json_scan_peek(&check->scan) == '}' ? close_container(check)
                                                   : step_key(check);
    case KEY:
        return step_key(check);
    case COMMA_OR_END:
        return step_comma_or_end(check);
    case NOTHING:
        break;
    }
    return fail_here(check, "unexpected text after the document");
}

int json_check(const char *bytes, size_t len, int depth_max, bool fold_case,
               struct err *err)
{
    AUTO(auto_free) struct container *open = mem_new((size_t)depth_max, sizeof *open);
    AUTO(auto_free) char *decoded = mem_new(len + 1, 1); /* all keys */
    struct check check = {
        .scan = {.start = bytes, .end = bytes + len, .at = bytes, .err = err},
        .fold_case = fold_case,
        .open = open,
        .depth_max = depth_max,
        .decoded_top = decoded,
    };
    int result = 0;

    while (result == 0 && (check.next != NOTHING || check.scan.at < check.scan.end)) {
        result = step(&check);
        if (check.next == NOTHING)
            json_scan_blanks(&check.scan);
    }
    free(check.keys);
    return result;
}
