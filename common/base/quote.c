/* JSON strings: runs of plain characters at once, the rest one by one. */
#include "common/base/quote.h"

#include <stdbool.h>

#include "common/base/parse.h"

#define REPLACEMENT "\xEF\xBF\xBD"

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c != '"' && c != '\\' && c < 0x7f;
}

static void append_escaped(unsigned char c, struct buf *out)
{
    static const char short_forms[128] = {
        ['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
        ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't',
    };
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', short_forms[c], '0', '0', hex[c >> 4], hex[c & 15]};

    if (escape[1] == '\0') {
        escape[1] = 'u';
        buf_append(out, escape, sizeof escape);
    } else {
        buf_append(out, escape, 2);
    }
}

void quote_json(const char *bytes, size_t len, struct buf *out)
{
    size_t start = 0, at = 0, width;

    buf_char(out, '"');
    while (at < len) {
        if (is_plain((unsigned char)bytes[at])) {
            at++;
            continue;
        }
        width = parse_utf8_char(bytes + at, len - at);
        if (width > 1) {
            at += width;
            continue;
        }
        buf_append(out, bytes + start, at - start);
        if (width == 0)
            buf_str(out, REPLACEMENT);
        else
            append_escaped((unsigned char)bytes[at], out);
        start = ++at;
    }
    buf_append(out, bytes + start, at - start);
    buf_char(out, '"');
}
