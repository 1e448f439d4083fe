/* UTF-8 by RFC 3629: the shortest form only, no surrogates, nothing above U+10FFFF. */
#include <string.h>

#include "common/base/parse.h"

/* Smallest and largest second byte allowed after a lead byte (RFC 3629, section 4). */
static bool is_second(unsigned char lead, unsigned char second)
{
    unsigned char least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;

    return second >= least && second <= most;
}

static size_t width_of(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

size_t parse_utf8_char(const char *bytes, size_t len)
{
    unsigned char c[4] = {0};
    size_t width;

    if (len == 0)
        return 0;
    memcpy(c, bytes, len < sizeof c ? len : sizeof c);
    width = width_of(c[0]);
    if (width > len || (width > 1 && !is_second(c[0], c[1])))
        return 0;
    for (size_t i = 2; i < width; i++)
        if ((c[i] & 0xC0) != 0x80)
            return 0;
    return width;
}

bool parse_is_utf8(const char *bytes, size_t len)
{
    for (size_t at = 0, width; at < len; at += width) {
        width = parse_utf8_char(bytes + at, len - at);
        if (width == 0 || bytes[at] == '\0')
            return false;
    }
    return true;
}
