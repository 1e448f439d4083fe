/* Walking through a JSON document that has been checked. */
#include "common/base/json_walk.h"

#include <string.h>

#include "common/base/json_check.h"
#include "common/base/json_scan.h"
#include "common/base/parse.h"

#define INT_BYTES 24

int json_walk_open(struct json_walk *walk, const char *bytes, size_t len, int depth_max,
                   struct err *err)
{
    if (json_check(bytes, len, depth_max, false, err) < 0)
        return -1;
    *walk = (struct json_walk){bytes, bytes + len};
    return 0;
}

static void blanks(struct json_walk *walk)
{
    while (walk->at < walk->end && strchr(" \t\r\n", *walk->at) != NULL)
        walk->at++;
}

char json_walk_peek(struct json_walk *walk)
{
    blanks(walk);
    return walk->at < walk->end ? *walk->at : '\0';
}

void json_walk_enter(struct json_walk *walk)
{
    blanks(walk);
    walk->at++;
}

bool json_walk_next(struct json_walk *walk)
{
    char c = json_walk_peek(walk);

    if (c == ',')
        walk->at++;
    if (c == '}' || c == ']' || c == '\0') {
        walk->at += c != '\0';
        return false;
    }
    return true;
}

/* The end of the string that comes, behind its quote. */
static const char *string_end(const struct json_walk *walk)
{
    const char *at = walk->at + 1;

    while (at < walk->end && *at != '"')
        at += *at == '\\' ? 2 : 1;
    return at < walk->end ? at + 1 : walk->end;
}

/* What it means, in as many bytes as it has at most. */
static void decode(struct json_walk *walk, char *into, size_t *len)
{
    struct err ignored;
    struct json_scan scan = {walk->at, walk->end, walk->at, &ignored};
    struct json_sink sink = {.at = into};

    (void)json_scan_string(&scan, &sink);
    walk->at = scan.at;
    *len = (size_t)(sink.at - into);
}

void json_walk_key(struct json_walk *walk, char key[JSON_WALK_KEY_BYTES])
{
    size_t len = 0;
    const char *end;

    blanks(walk);
    end = string_end(walk);
    if (end - walk->at < JSON_WALK_KEY_BYTES)
        decode(walk, key, &len);
    key[len] = '\0';
    walk->at = end;
    blanks(walk);
    walk->at++; /* the colon */
}

/* No string and no container. */
static void skip_word(struct json_walk *walk)
{
    while (walk->at < walk->end && strchr(",]} \t\r\n", *walk->at) == NULL)
        walk->at++;
}

void json_walk_skip(struct json_walk *walk)
{
    size_t depth = 0;

    do {
        char c = json_walk_peek(walk);

        if (c == '{' || c == '[')
            depth++;
        if (c == '}' || c == ']')
            depth--;
        if (c == '"')
            walk->at = string_end(walk);
        else if (strchr("{}[],:", c) != NULL)
            walk->at += c != '\0';
        else
            skip_word(walk);
    } while (depth > 0 && walk->at < walk->end);
}

bool json_walk_text(struct json_walk *walk, struct buf *out)
{
    size_t room, source, len = 0;
    char *into;

    if (json_walk_peek(walk) != '"') {
        json_walk_skip(walk);
        return false;
    }
    source = (size_t)(string_end(walk) - walk->at);
    into = buf_reserve(out, source, &room);
    if (room < source) {
        out->over = true;
        json_walk_skip(walk);
        return true;
    }
    decode(walk, into, &len);
    buf_advance(out, len);
    return true;
}

bool json_walk_bool(struct json_walk *walk)
{
    bool value = json_walk_peek(walk) == 't';

    json_walk_skip(walk);
    return value;
}

int64_t json_walk_int(struct json_walk *walk, int64_t fallback)
{
    char text[INT_BYTES];
    const char *start;
    int64_t value = fallback;
    size_t len;

    (void)json_walk_peek(walk);
    start = walk->at;
    json_walk_skip(walk);
    len = (size_t)(walk->at - start);
    if (len < sizeof text) {
        memcpy(text, start, len);
        text[len] = '\0';
        if (parse_int64(text, INT64_MIN, INT64_MAX, &value) < 0)
            value = fallback;
    }
    return value;
}
