/* The streaming JSON writer. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/quote.h"

#define INT64_DIGITS 20

void json_open(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* What stands in front of every value and key. */
static void begin(struct json_writer *w)
{
    if (w->comma)
        buf_char(w->out, ',');
    w->comma = true;
}

static void open_bracket(struct json_writer *w, char bracket)
{
    begin(w);
    buf_char(w->out, bracket);
    w->comma = false;
}

static void close_bracket(struct json_writer *w, char bracket)
{
    buf_char(w->out, bracket);
    w->comma = true;
}

void json_object(struct json_writer *w)
{
    open_bracket(w, '{');
}

void json_object_end(struct json_writer *w)
{
    close_bracket(w, '}');
}

void json_array(struct json_writer *w)
{
    open_bracket(w, '[');
}

void json_array_end(struct json_writer *w)
{
    close_bracket(w, ']');
}

void json_key(struct json_writer *w, const char *key)
{
    begin(w);
    quote_json(key, strlen(key), w->out);
    buf_char(w->out, ':');
    w->comma = false;
}

void json_text(struct json_writer *w, const char *text)
{
    if (text == NULL)
        json_null(w);
    else
        json_text_n(w, text, strlen(text));
}

void json_text_n(struct json_writer *w, const char *bytes, size_t len)
{
    begin(w);
    quote_json(bytes, len, w->out);
}

void json_number(struct json_writer *w, int64_t number)
{
    char text[INT64_DIGITS], *end = text + sizeof text, *at = end;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;

    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--at = '-';
    json_raw(w, at, (size_t)(end - at));
}

void json_boolean(struct json_writer *w, bool value)
{
    json_raw(w, value ? "true" : "false", value ? 4 : 5);
}

void json_null(struct json_writer *w)
{
    json_raw(w, "null", 4);
}

void json_time(struct json_writer *w, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_BYTES];

    json_text(w, wall_ms == 0 ? NULL : clock_rfc3339(wall_ms, text));
}

void json_raw(struct json_writer *w, const char *json, size_t len)
{
    begin(w);
    buf_append(w->out, json, len);
}

void json_add_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_text(w, text);
}

void json_add_stored(struct json_writer *w, const char *key, const char *text)
{
    json_add_text(w, key, text[0] != '\0' ? text : NULL);
}

void json_add_number(struct json_writer *w, const char *key, int64_t number)
{
    json_key(w, key);
    json_number(w, number);
}

void json_add_boolean(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_boolean(w, value);
}

void json_add_null(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_null(w);
}

void json_add_time(struct json_writer *w, const char *key, int64_t wall_ms)
{
    json_key(w, key);
    json_time(w, wall_ms);
}

void json_add_raw(struct json_writer *w, const char *key, const char *json, size_t len)
{
    json_key(w, key);
    json_raw(w, json, len);
}
