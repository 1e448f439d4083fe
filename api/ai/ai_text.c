/* Text of a model, put together from pieces. */
#include "api/ai/ai_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/parse.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define HALF_BYTES  3 /* of a surrogate pair */

/* ---- characters ---- */
/* As many bytes of `bytes` as begin half a pair: lead byte, then from..to, then any
 * continuation. */
static size_t half_len(const char *bytes, size_t len, unsigned char from,
                       unsigned char to)
{
    const unsigned char *at = (const unsigned char *)bytes;

    if (len == 0 || at[0] != 0xed)
        return 0;
    if (len == 1)
        return 1;
    if (at[1] < from || at[1] > to)
        return 0;
    if (len == 2)
        return 2;
    return (at[2] & 0xc0) == 0x80 ? HALF_BYTES : 0;
}

static unsigned half_value(const char *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes;

    return (unsigned)(at[1] & 0x0f) << 6 | (at[2] & 0x3f);
}

static void put_pair(const char *high, const char *low, struct buf *out)
{
    unsigned code =
        0x10000 + ((half_value(high) & 0x3ff) << 10 | (half_value(low) & 0x3ff));

    buf_char(out, (char)(0xf0 | code >> 18));
    buf_char(out, (char)(0x80 | (code >> 12 & 0x3f)));
    buf_char(out, (char)(0x80 | (code >> 6 & 0x3f)));
    buf_char(out, (char)(0x80 | (code & 0x3f)));
}

static bool is_control(const char *at, size_t len)
{
    unsigned char c = (unsigned char)at[0];

    if (len == 1)
        return (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f;
    return len == 2 && c == 0xc2 && (unsigned char)at[1] < 0xa0;
}

/* May more bytes make a character of these? */
static bool is_beginning(const char *bytes, size_t len)
{
    unsigned char lead = (unsigned char)bytes[0];
    size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    if (lead < 0xc2 || lead > 0xf4 || len >= wanted)
        return false;
    for (size_t i = 1; i < len; i++)
        if (((unsigned char)bytes[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* Bytes that were taken; 0: what is left may be the beginning of a character. */
static size_t take_high(const char *at, size_t len, struct buf *out)
{
    size_t low = half_len(at + HALF_BYTES, len - HALF_BYTES, 0xb0, 0xbf);

    if (low == HALF_BYTES) {
        put_pair(at, at + HALF_BYTES, out);
        return (size_t)2 * HALF_BYTES;
    }
    if (low == len - HALF_BYTES)
        return 0;
    buf_str(out, REPLACEMENT);
    return HALF_BYTES;
}

static size_t take_one(const char *at, size_t len, struct buf *out)
{
    size_t char_len = parse_utf8_char(at, len);

    if (char_len > 0 && !is_control(at, char_len)) {
        buf_append(out, at, char_len);
        return char_len;
    }
    if (char_len == 0 && half_len(at, len, 0xa0, 0xaf) == HALF_BYTES)
        return take_high(at, len, out);
    if (char_len == 0 && is_beginning(at, len))
        return 0;
    buf_str(out, REPLACEMENT);
    if (half_len(at, len, 0xb0, 0xbf) == HALF_BYTES)
        return HALF_BYTES;
    return char_len > 0 ? char_len : 1;
}

/* Returns how much of it is not taken yet: less than AI_HELD_BYTES. */
static size_t take_all(const char *bytes, size_t len, struct buf *out)
{
    size_t i = 0, taken = 1;

    while (i < len && taken > 0) {
        taken = take_one(bytes + i, len - i, out);
        i += taken;
    }
    return len - i;
}

void ai_text_add(struct ai_text *text, const char *bytes, size_t len, struct buf *out)
{
    size_t left;

    /* Byte by byte until what was held is out; then all at once. */
    while (text->len > 0 && len > 0) {
        text->held[text->len++] = *bytes++;
        len--;
        left = take_all(text->held, text->len, out);
        memmove(text->held, text->held + text->len - left, left);
        text->len = left;
    }
    if (len == 0)
        return;
    left = take_all(bytes, len, out);
    memcpy(text->held, bytes + len - left, left);
    text->len = left;
}

void ai_text_end(struct ai_text *text, struct buf *out)
{
    if (text->len > 0)
        buf_str(out, REPLACEMENT);
    text->len = 0;
}

/* ---- JSON ---- */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Of "\uXXXX" at that place; -1: there is none. */
static int escape_at(const char *at, const char *end)
{
    int value = 0;

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool is_half(int code)
{
    return code >= 0xd800 && code <= 0xdfff;
}

static char *put_three(char *to, int code)
{
    *to++ = (char)(0xe0 | code >> 12);
    *to++ = (char)(0x80 | (code >> 6 & 0x3f));
    *to++ = (char)(0x80 | (code & 0x3f));
    return to;
}

size_t ai_text_repair_json(char *json, size_t len)
{
    const char *at = json, *end = json + len;
    char *to = json;

    while (at < end) {
        int code = escape_at(at, end);
        int next = code >= 0xd800 && code < 0xdc00 ? escape_at(at + 6, end) : -1;
        size_t same = at[0] == '\\' && end - at > 1 ? 2 : 1;

        if (next >= 0xdc00 && next <= 0xdfff) {
            same = 12;
        } else if (code == 0 || is_half(code)) {
            to = put_three(to, code == 0 ? 0xfffd : code);
            at += 6;
            continue;
        }
        memmove(to, at, same);
        to += same;
        at += same;
    }
    return (size_t)(to - json);
}
