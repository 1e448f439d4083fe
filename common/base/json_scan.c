/* The leaves of a JSON document: blanks, strings, numbers, words. */
#include "common/base/json_scan.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"

/* cJSON copies a number into a buffer of 64 bytes and cuts what is longer. */
#define NUMBER_BYTES_MAX 63

int json_scan_fail(const struct json_scan *scan, const char *at, const char *problem)
{
    size_t line = 1, column = 1;

    for (const char *p = scan->start; p < at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80) {
            column++;
        }
    }
    return err_set(scan->err, ERR_INPUT, "%s at line %zu, column %zu", problem, line,
                   column);
}

/* The next byte, or NUL (which is no part of any JSON) at the end. */
char json_scan_peek(const struct json_scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

void json_scan_blanks(struct json_scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' ||
                                    *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

static void skip_digits(struct json_scan *scan)
{
    while (json_scan_peek(scan) >= '0' && json_scan_peek(scan) <= '9')
        scan->at++;
}

/* ---- strings ---- */

static void put(struct json_sink *sink, const char *bytes, size_t len)
{
    if (sink->at == NULL || len == 0)
        return;
    memcpy(sink->at, bytes, len);
    for (size_t i = 0; sink->fold_case && i < len; i++)
        if (sink->at[i] >= 'A' && sink->at[i] <= 'Z')
            sink->at[i] = (char)(sink->at[i] + ('a' - 'A'));
    sink->at += len;
}

static void put_code_point(struct json_sink *sink, uint32_t c)
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

/* "\uXXXX" at scan->at; -1 when it is not one. */
static int take_unit(struct json_scan *scan, uint32_t *unit)
{
    uint32_t number = 0;

    if (scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef";
        char c = scan->at[i];
        const char *found = memchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c, 16);

        if (found == NULL)
            return -1;
        number = number << 4 | (uint32_t)(found - digits);
    }
    scan->at += 6;
    *unit = number;
    return 0;
}

static int take_unicode_escape(struct json_scan *scan, struct json_sink *sink)
{
    const char *escape = scan->at;
    uint32_t high, low;

    if (take_unit(scan, &high) < 0)
        return json_scan_fail(scan, escape, "invalid \\u escape");
    if (high == 0)
        return json_scan_fail(scan, escape, "\\u0000 is not allowed");
    if (high >= 0xD800 && high <= 0xDFFF) {
        if (high >= 0xDC00 || take_unit(scan, &low) < 0 || low < 0xDC00 || low > 0xDFFF)
            return json_scan_fail(scan, escape, "lone surrogate");
        high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    put_code_point(sink, high);
    return 0;
}

static int take_escape(struct json_scan *scan, struct json_sink *sink)
{
    static const char escapes[] = "\"\\/bfnrtu", meanings[] = "\"\\/\b\f\n\r\t";
    const char *found = NULL;

    if (scan->end - scan->at >= 2)
        found = memchr(escapes, scan->at[1], sizeof escapes - 1);
    if (found == NULL)
        return json_scan_fail(scan, scan->at, "invalid escape");
    if (*found == 'u')
        return take_unicode_escape(scan, sink);
    put(sink, &meanings[found - escapes], 1);
    scan->at += 2;
    return 0;
}

static int take_character(struct json_scan *scan, struct json_sink *sink)
{
    size_t width = parse_utf8_char(scan->at, (size_t)(scan->end - scan->at));

    if (width == 0)
        return json_scan_fail(scan, scan->at, "invalid UTF-8");
    if ((unsigned char)*scan->at < ' ')
        return json_scan_fail(scan, scan->at, "control character in a string");
    put(sink, scan->at, width);
    scan->at += width;
    return 0;
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

/* Passes over the ASCII characters that need no closer look: nearly all there are. */
static void take_plain(struct json_scan *scan, struct json_sink *sink)
{
    const char *at = scan->at;

    while (at < scan->end && is_plain((unsigned char)*at))
        at++;
    put(sink, scan->at, (size_t)(at - scan->at));
    scan->at = at;
}

int json_scan_string(struct json_scan *scan, struct json_sink *sink)
{
    const char *opening = scan->at++;
    int result = 0;

    while (result == 0) {
        take_plain(scan, sink);
        if (scan->at == scan->end)
            return json_scan_fail(scan, opening, "unterminated string");
        if (*scan->at == '"') {
            scan->at++;
            return 0;
        }
        result = *scan->at == '\\' ? take_escape(scan, sink) : take_character(scan, sink);
    }
    return -1;
}

/* ---- numbers and words ---- */

static int check_range(struct json_scan *scan, const char *number)
{
    size_t len = (size_t)(scan->at - number);
    char text[NUMBER_BYTES_MAX + 1];

    if (len > NUMBER_BYTES_MAX)
        return json_scan_fail(scan, number, "number too long");
    memcpy(text, number, len);
    text[len] = '\0';
    if (!isfinite(strtod(text, NULL)))
        return json_scan_fail(scan, number, "number too large");
    return 0;
}

/* At least one digit. */
static int take_digits(struct json_scan *scan, const char *number)
{
    const char *digits = scan->at;

    skip_digits(scan);
    if (scan->at == digits)
        return json_scan_fail(scan, number, "invalid number");
    return 0;
}

int json_scan_number(struct json_scan *scan)
{
    const char *number = scan->at;
    bool exponent = false;

    if (json_scan_peek(scan) == '-')
        scan->at++;
    if (json_scan_peek(scan) == '0')
        scan->at++;
    else if (take_digits(scan, number) < 0)
        return -1;
    if (json_scan_peek(scan) == '.') {
        scan->at++;
        if (take_digits(scan, number) < 0)
            return -1;
    }
    if (json_scan_peek(scan) == 'e' || json_scan_peek(scan) == 'E') {
        exponent = true;
        scan->at++;
        if (json_scan_peek(scan) == '+' || json_scan_peek(scan) == '-')
            scan->at++;
        if (take_digits(scan, number) < 0)
            return -1;
    }
    if (exponent || scan->at - number > NUMBER_BYTES_MAX)
        return check_range(scan, number);
    return 0;
}

int json_scan_word(struct json_scan *scan)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t left = (size_t)(scan->end - scan->at);

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i]);

        if (len <= left && memcmp(scan->at, words[i], len) == 0) {
            scan->at += len;
            return 0;
        }
    }
    return json_scan_fail(scan, scan->at,
                          left > 0 ? "expected a value" : "unexpected end");
}
