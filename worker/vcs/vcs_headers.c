/* What the headers of an API's answer say about asking again. Source: RFC 8288 (Link),
 * RFC 9110 (Retry-After), GitHub's "Rate limits for the REST API". */
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/vcs/vcs_parts.h"

/* The value of a header line (RFC 9110, 5.5), if it has that name; the caller frees. */
static char *header_value(const char *line, size_t len, const char *name)
{
    size_t name_len = strlen(name);

    if (len <= name_len || line[name_len] != ':' ||
        strncasecmp(line, name, name_len) != 0)
        return NULL;
    line += name_len + 1;
    len -= name_len + 1;
    for (; len > 0 && (*line == ' ' || *line == '\t'); line++)
        len--;
    while (len > 0 && strchr(" \t\r\n", line[len - 1]))
        len--;
    return mem_dup_n(line, len);
}

/* In seconds; a date (no API here sends one) counts as not said. */
static void take_wait(struct vcs_headers *said, const char *seconds)
{
    int64_t value;

    if (parse_int64(seconds, 0, INT32_MAX, &value) == 0)
        said->retry_ms = value * 1000;
}

/* When the limit ends, in seconds since 1970. */
static void take_reset(struct vcs_headers *said, const char *seconds)
{
    int64_t value, now_ms = clock_wall_ms();

    if (parse_int64(seconds, 0, INT32_MAX * INT64_C(4), &value))
        return;
    said->reset_ms = value * 1000 > now_ms ? value * 1000 - now_ms : 0;
}

void vcs_headers_take(struct vcs_headers *said, const char *line, size_t len)
{
    AUTO(auto_free) char *link = header_value(line, len, "Link");
    AUTO(auto_free) char *after = header_value(line, len, "Retry-After");
    AUTO(auto_free) char *remaining = header_value(line, len, "X-RateLimit-Remaining");
    AUTO(auto_free) char *reset = header_value(line, len, "X-RateLimit-Reset");

    if (link && strstr(link, "rel=\"next\""))
        said->more = true;
    if (after)
        take_wait(said, after);
    if (remaining && strcmp(remaining, "0") == 0)
        said->exhausted = true;
    if (reset)
        take_reset(said, reset);
}
