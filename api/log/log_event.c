/* The log of a run as server-sent events. */
#include "api/log/log_event.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/parse.h"

#define RETRY_MS     2000
#define ID_BYTES     40
#define PLACE_MAX    ((int64_t)1 << 53)
#define CHAR_BYTES   4 /* longest of UTF-8 */
#define CONTINUES(c) (((unsigned char)(c)&0xc0) == 0x80)

bool log_event_place(const char *id, struct log_place *out)
{
    const char *dash = strchr(id, '-');
    size_t len = dash != NULL ? (size_t)(dash - id) : 0;
    char attempt[ID_BYTES];
    struct log_place place;

    if (len == 0 || len >= sizeof attempt)
        return false;
    memcpy(attempt, id, len);
    attempt[len] = '\0';
    if (parse_int64(attempt, 0, PLACE_MAX, &place.attempt) < 0 ||
        parse_int64(dash + 1, 0, PLACE_MAX, &place.offset) < 0)
        return false;
    *out = place;
    return true;
}

/* ---- UTF-8 ---- */
static size_t char_bytes(unsigned char first)
{
    if (first >= 0xf0 && first <= 0xf4)
        return CHAR_BYTES;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xc2 && first < 0xe0 ? 2 : 1;
}

size_t log_event_tail(const char *bytes, size_t len)
{
    for (size_t back = 1; back < CHAR_BYTES && back <= len; back++) {
        const char *at = bytes + len - back;

        if (!CONTINUES(*at))
            return char_bytes((unsigned char)*at) > back ? back : 0;
    }
    return 0;
}

/* ---- events ---- */
static void put_id(struct buf *out, const struct log_place *after)
{
    buf_fmt(out, "id: %" PRId64 "-%" PRId64 "\n", after->attempt, after->offset);
}

/* Both ends of lines that the format knows, so that no log can speak as an event. */
static size_t line_bytes(const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);
    size_t line = end != NULL ? (size_t)(end - bytes) : len;
    const char *cr = memchr(bytes, '\r', line);

    return cr != NULL ? (size_t)(cr - bytes) : line;
}

/* The client puts lines together with LF and drops the last one: a line each, the one
 * after the last LF too. */
void log_event_data(struct buf *out, const struct log_place *after, const char *bytes,
                    size_t len)
{
    put_id(out, after);
    for (;;) {
        size_t line = line_bytes(bytes, len);

        buf_str(out, "data: ");
        buf_append(out, bytes, line);
        buf_char(out, '\n');
        if (line == len)
            break;
        line += bytes[line] == '\r' && line + 1 < len && bytes[line + 1] == '\n' ? 2 : 1;
        bytes += line;
        len -= line;
    }
    buf_char(out, '\n');
}

void log_event_gap(struct buf *out, const struct log_place *after, int64_t missing)
{
    put_id(out, after);
    buf_str(out, "event: gap\ndata: {\"bytes\":");
    if (missing >= 0)
        buf_fmt(out, "%" PRId64, missing);
    else
        buf_str(out, "null");
    buf_str(out, "}\n\n");
}

void log_event_attempt(struct buf *out, const struct log_place *after)
{
    put_id(out, after);
    buf_fmt(out, "event: attempt\ndata: %" PRId64 "\n\n", after->attempt);
}

void log_event_end(struct buf *out, const struct log_place *after, const char *status)
{
    put_id(out, after);
    buf_fmt(out, "event: end\ndata: {\"status\":\"%s\"}\n\n", status);
}

void log_event_begin(struct buf *out)
{
    buf_fmt(out, "retry: %d\n\n", RETRY_MS);
}

void log_event_comment(struct buf *out)
{
    buf_str(out, ": \n\n");
}
