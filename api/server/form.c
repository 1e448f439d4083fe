/* application/x-www-form-urlencoded. */
#include "api/server/form.h"

#include <string.h>
#include <strings.h>

bool form_is_type(const char *content_type)
{
    static const char type[] = "application/x-www-form-urlencoded";
    size_t len = sizeof type - 1;

    return strncasecmp(content_type, type, len) == 0 &&
           (content_type[len] == '\0' || strchr("; \t", content_type[len]) != NULL);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode(const char *at, const char *end, struct buf *out)
{
    while (at < end) {
        const char *plain = at;
        int high, low;

        while (at < end && *at != '%' && *at != '+')
            at++;
        buf_append(out, plain, (size_t)(at - plain));
        if (at == end)
            return;
        high = end - at > 2 ? hex_digit(at[1]) : -1;
        low = high >= 0 ? hex_digit(at[2]) : -1;

        if (*at == '%' && low >= 0) {
            buf_char(out, (char)(high * 16 + low));
            at += 3;
        } else {
            buf_char(out, *at == '+' ? ' ' : '%');
            at++;
        }
    }
}

bool form_field(const char *body, size_t len, const char *name, struct buf *out)
{
    const char *at = body, *end = body + len;
    size_t name_len = strlen(name);

    while (at < end) {
        const char *next = memchr(at, '&', (size_t)(end - at));

        if (next == NULL)
            next = end;
        if ((size_t)(next - at) > name_len && memcmp(at, name, name_len) == 0 &&
            at[name_len] == '=') {
            decode(at + name_len + 1, next, out);
            return true;
        }
        at = next + 1;
    }
    return false;
}
