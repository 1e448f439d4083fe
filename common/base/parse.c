/* Small parsers: numbers, times, names, patterns, lists. */
#include "common/base/parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The digits at *text, at least one; *text moves behind them. */
static int take_digits(const char **text, int64_t *out)
{
    int64_t number = 0;
    const char *at = *text;

    for (; is_digit(*at); at++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *at - '0', &number))
            return -1;
    if (at == *text)
        return -1;
    *text = at;
    *out = number;
    return 0;
}

int parse_int64(const char *text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = *text == '-';
    int64_t number;

    text += negative;
    if (take_digits(&text, &number) < 0 || *text != '\0')
        return -1;
    if (negative)
        number = -number;
    if (number < min || number > max)
        return -1;
    *out = number;
    return 0;
}

int parse_bool(const char *text, bool *out)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {
        {"true", true},   {"1", true},  {"yes", true}, {"on", true},
        {"false", false}, {"0", false}, {"no", false}, {"off", false},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *out = words[i].value;
            return 0;
        }
    }
    return -1;
}

struct unit {
    const char *name;
    int64_t factor;
};

static int parse_quantity(const char *text, const struct unit *units, size_t count,
                          int64_t *out)
{
    int64_t number;

    if (take_digits(&text, &number) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, units[i].name) != 0)
            continue;
        if (__builtin_mul_overflow(number, units[i].factor, &number))
            return -1;
        *out = number;
        return 0;
    }
    return -1;
}

int parse_duration_ms(const char *text, int64_t *out_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
    };

    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return 0;
    }
    return parse_quantity(text, units, ARRAY_LEN(units), out_ms);
}

int parse_size_bytes(const char *text, int64_t *out_bytes)
{
    static const struct unit units[] = {
        {"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};

    return parse_quantity(text, units, ARRAY_LEN(units), out_bytes);
}

bool parse_is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !is_hex(text[i]))
            return false;
    }
    return text[36] == '\0';
}

/* 1 to `max` of [A-Za-z0-9._-]. */
static bool is_name(const char *text, size_t max)
{
    size_t len = 0;

    for (; text[len] != '\0'; len++)
        if (len == max || (!is_alnum(text[len]) && strchr("._-", text[len]) == NULL))
            return false;
    return len > 0;
}

bool parse_is_id(const char *text)
{
    return is_alnum(text[0]) && is_name(text, 64);
}

bool parse_is_request_id(const char *text)
{
    return is_name(text, 64);
}

bool parse_is_tf_workspace(const char *text)
{
    return is_name(text, 90) && text[0] != '-' && strcmp(text, ".") != 0 &&
           strcmp(text, "..") != 0;
}

static bool same(char pattern, char text, bool ignore_case)
{
    return pattern == text || (ignore_case && lower(pattern) == lower(text));
}

static bool glob(const char *pattern, const char *text, bool ignore_case, int64_t *steps)
{
    const char *star = NULL, *resume = NULL;

    while (*text != '\0') {
        if (--*steps < 0)
            return false;
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*pattern == '?' ||
                   (*pattern != '\0' && same(*pattern, *text, ignore_case))) {
            pattern++;
            text++;
        } else if (star != NULL) { /* the last star takes one byte more */
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool parse_glob(const char *pattern, const char *text, bool ignore_case)
{
    int64_t steps = INT64_MAX;

    return glob(pattern, text, ignore_case, &steps);
}

bool parse_glob_within(const char *pattern, const char *text, int64_t *steps)
{
    bool fits = glob(pattern, text, false, steps);

    if (*steps < 0)
        *steps = 0;
    return fits;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

char **parse_list(const char *text, char separator, size_t *count)
{
    char **list = NULL;
    size_t fields = 0;

    for (const char *end; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
        const char *last = end = strchrnul(text, separator);

        while (text < last && is_blank(*text))
            text++;
        while (last > text && is_blank(last[-1]))
            last--;
        if (text == last)
            continue;
        list = mem_grow(list, fields + 1, sizeof *list);
        list[fields++] = mem_dup_n(text, (size_t)(last - text));
    }
    *count = fields;
    return list;
}

void parse_list_free(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}
