/* A strict JSON checker: one step for each thing that may come next, a stack of open
 * containers, and the keys of the open objects. */
#include "common/json_check.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/parse.h"

/* cJSON copies a number into a buffer of 64 bytes and cuts what is longer. */
#define NUMBER_BYTES_MAX 63

struct key {
    const char *bytes; /* decoded; in check.decoded */
    size_t len;
    const char *source; /* where it stands in the document */
};

struct container {
    bool is_object;
    size_t first_key; /* of its keys in check.keys */
    char *decoded;    /* top of check.decoded when it was opened */
};

enum next { VALUE, VALUE_OR_END, KEY, KEY_OR_END, COMMA_OR_END, NOTHING };

struct check {
    const char *start, *end, *at;
    enum next next;
    bool fold_case;
    struct container *open; /* depth_max of them */
    int depth, depth_max;
    struct key *keys; /* of all open objects, innermost last */
    size_t key_count, key_cap;
    char *decoded, *decoded_top; /* the keys' bytes: never more than the document's */
    struct err *err;
};

static int fail(struct check *check, const char *at, const char *problem)
{
    size_t line = 1, column = 1;

    for (const char *p = check->start; p < at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80) {
            column++;
        }
    }
    return err_set(check->err, ERR_INPUT, "%s at line %zu, column %zu", problem, line,
                   column);
}

/* The next byte, or NUL (which is no part of any JSON) at the end. */
static char peek(const struct check *check)
{
    return check->at < check->end ? *check->at : '\0';
}

static void skip_blanks(struct check *check)
{
    while (check->at < check->end && (*check->at == ' ' || *check->at == '\n' ||
                                      *check->at == '\r' || *check->at == '\t'))
        check->at++;
}

static void skip_digits(struct check *check)
{
    while (peek(check) >= '0' && peek(check) <= '9')
        check->at++;
}

/* ---- strings ---- */

/* Where a decoded string goes; at NULL the bytes are only checked. */
struct sink {
    char *at;
    bool fold_case;
};

static void put(struct sink *sink, const char *bytes, size_t len)
{
    if (sink->at == NULL)
        return;
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];

        *sink->at++ = sink->fold_case && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
}

static void put_code_point(struct sink *sink, uint32_t c)
{
    if (c < 0x80)
        put(sink, (char[]){(char)c}, 1);
    else if (c < 0x800)
        put(sink, (char[]){(char)(0xC0 | c >> 6), (char)(0x80 | (c & 63))}, 2);
    else if (c < 0x10000)
        put(sink,
            (char[]){(char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 63)),
                     (char)(0x80 | (c & 63))},
            3);
    else
        put(sink,
            (char[]){(char)(0xF0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
                     (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))},
            4);
}

/* "\uXXXX" at check->at; -1 when it is not one. */
static int take_unit(struct check *check, uint32_t *unit)
{
    uint32_t number = 0;

    if (check->end - check->at < 6 || check->at[0] != '\\' || check->at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef";
        char c = check->at[i];
        const char *found = memchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c, 16);

        if (found == NULL)
            return -1;
        number = number << 4 | (uint32_t)(found - digits);
    }
    check->at += 6;
    *unit = number;
    return 0;
}

static int take_unicode_escape(struct check *check, struct sink *sink)
{
    const char *escape = check->at;
    uint32_t high, low;

    if (take_unit(check, &high) < 0)
        return fail(check, escape, "invalid \\u escape");
    if (high == 0)
        return fail(check, escape, "\\u0000 is not allowed");
    if (high >= 0xD800 && high <= 0xDFFF) {
        if (high >= 0xDC00 || take_unit(check, &low) < 0 || low < 0xDC00 || low > 0xDFFF)
            return fail(check, escape, "lone surrogate");
        high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    put_code_point(sink, high);
    return 0;
}

static int take_escape(struct check *check, struct sink *sink)
{
    static const char escapes[] = "\"\\/bfnrtu", meanings[] = "\"\\/\b\f\n\r\t";
    const char *found = NULL;

    if (check->end - check->at >= 2)
        found = memchr(escapes, check->at[1], sizeof escapes - 1);
    if (found == NULL)
        return fail(check, check->at, "invalid escape");
    if (*found == 'u')
        return take_unicode_escape(check, sink);
    put(sink, &meanings[found - escapes], 1);
    check->at += 2;
    return 0;
}

static int take_character(struct check *check, struct sink *sink)
{
    size_t width = parse_utf8_char(check->at, (size_t)(check->end - check->at));

    if (width == 0)
        return fail(check, check->at, "invalid UTF-8");
    if ((unsigned char)*check->at < ' ')
        return fail(check, check->at, "control character in a string");
    put(sink, check->at, width);
    check->at += width;
    return 0;
}

/* The string whose opening quote is at check->at. */
static int take_string(struct check *check, struct sink *sink)
{
    const char *opening = check->at++;

    while (check->at < check->end) {
        char c = *check->at;
        int result = 0;

        if (c == '"') {
            check->at++;
            return 0;
        }
        if (c == '\\')
            result = take_escape(check, sink);
        else
            result = take_character(check, sink);
        if (result < 0)
            return -1;
    }
    return fail(check, opening, "unterminated string");
}

/* ---- numbers and words ---- */

static int check_range(struct check *check, const char *number)
{
    size_t len = (size_t)(check->at - number);
    char text[NUMBER_BYTES_MAX + 1];

    if (len > NUMBER_BYTES_MAX)
        return fail(check, number, "number too long");
    memcpy(text, number, len);
    text[len] = '\0';
    if (!isfinite(strtod(text, NULL)))
        return fail(check, number, "number too large");
    return 0;
}

/* At least one digit. */
static int take_digits(struct check *check, const char *number)
{
    const char *digits = check->at;

    skip_digits(check);
    if (check->at == digits)
        return fail(check, number, "invalid number");
    return 0;
}

static int take_number(struct check *check)
{
    const char *number = check->at;
    bool exponent = false;

    if (peek(check) == '-')
        check->at++;
    if (peek(check) == '0')
        check->at++;
    else if (take_digits(check, number) < 0)
        return -1;
    if (peek(check) == '.') {
        check->at++;
        if (take_digits(check, number) < 0)
            return -1;
    }
    if (peek(check) == 'e' || peek(check) == 'E') {
        exponent = true;
        check->at++;
        if (peek(check) == '+' || peek(check) == '-')
            check->at++;
        if (take_digits(check, number) < 0)
            return -1;
    }
    if (exponent || check->at - number > NUMBER_BYTES_MAX)
        return check_range(check, number);
    return 0;
}

static int take_word(struct check *check)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t left = (size_t)(check->end - check->at);

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i]);

        if (len <= left && memcmp(check->at, words[i], len) == 0) {
            check->at += len;
            return 0;
        }
    }
    return fail(check, check->at, left > 0 ? "expected a value" : "unexpected end");
}

/* ---- containers ---- */

static int open_container(struct check *check, bool is_object)
{
    if (check->depth == check->depth_max)
        return fail(check, check->at, "nested too deeply");
    check->open[check->depth++] = (struct container){
        .is_object = is_object,
        .first_key = check->key_count,
        .decoded = check->decoded_top,
    };
    check->at++;
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

static int check_keys(struct check *check, size_t first)
{
    struct key *keys = check->keys + first;
    size_t count = check->key_count - first;

    if (count < 2)
        return 0;
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 1; i < count; i++)
        if (keys[i].len == keys[i - 1].len &&
            memcmp(keys[i].bytes, keys[i - 1].bytes, keys[i].len) == 0)
            return fail(check, keys[i].source, "duplicate key");
    return 0;
}

static int close_container(struct check *check)
{
    const struct container *closed = &check->open[check->depth - 1];

    if (check_keys(check, closed->first_key) < 0)
        return -1;
    check->key_count = closed->first_key;
    check->decoded_top = closed->decoded;
    check->depth--;
    check->at++;
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
    char c = peek(check);

    if (c == '{' || c == '[')
        return open_container(check, c == '{');
    check->next = check->depth > 0 ? COMMA_OR_END : NOTHING;
    if (c == '"')
        return take_string(check, &(struct sink){NULL, false});
    if (c == '-' || (c >= '0' && c <= '9'))
        return take_number(check);
    return take_word(check);
}

static int step_key(struct check *check)
{
    struct sink sink = {check->decoded_top, check->fold_case};
    struct key key = {.bytes = check->decoded_top, .source = check->at};

    if (peek(check) != '"')
        return fail(check, check->at, "expected a key in quotes");
    if (take_string(check, &sink) < 0)
        return -1;
    key.len = (size_t)(sink.at - key.bytes);
    check->decoded_top = sink.at;
    keep_key(check, key);
    skip_blanks(check);
    if (peek(check) != ':')
        return fail(check, check->at, "expected ':'");
    check->at++;
    check->next = VALUE;
    return 0;
}

static int step_comma_or_end(struct check *check)
{
    bool in_object = check->open[check->depth - 1].is_object;

    if (peek(check) == (in_object ? '}' : ']'))
        return close_container(check);
    if (peek(check) != ',')
        return fail(check, check->at,
                    in_object ? "expected ',' or '}'" : "expected ',' or ']'");
    check->at++;
    check->next = in_object ? KEY : VALUE;
    return 0;
}

static int step(struct check *check)
{
    skip_blanks(check);
    switch (check->next) {
    case VALUE_OR_END:
        return peek(check) == ']' ? close_container(check) : step_value(check);
    case VALUE:
        return step_value(check);
    case KEY_OR_END:
        return peek(check) == '}' ? close_container(check) : step_key(check);
    case KEY:
        return step_key(check);
    case COMMA_OR_END:
        return step_comma_or_end(check);
    case NOTHING:
        break;
    }
    return fail(check, check->at, "unexpected text after the document");
}

int json_check(const char *bytes, size_t len, int depth_max, bool fold_case,
               struct err *err)
{
    AUTO(auto_free) struct container *open = NULL;
    AUTO(auto_free) char *decoded = NULL;
    struct check check = {
        .start = bytes,
        .end = bytes + len,
        .at = bytes,
        .fold_case = fold_case,
        .depth_max = depth_max,
        .err = err,
    };
    int result = 0;

    check.open = open = mem_new((size_t)depth_max, sizeof *open);
    check.decoded_top = decoded = mem_new(len + 1, 1);
    while (result == 0 && (check.next != NOTHING || check.at < check.end)) {
        result = step(&check);
        if (check.next == NOTHING)
            skip_blanks(&check);
    }
    free(check.keys);
    return result;
}
