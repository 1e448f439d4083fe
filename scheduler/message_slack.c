/* A message as Slack's Block Kit.
 *
 * Text of others stands in mrkdwn with & < > escaped, so that it makes no mention and no
 * link, in code marks, and with `verbatim`, so that Slack adds none of its own. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "scheduler/message_parts.h"

/* Slack counts characters; bytes are never fewer. */
#define TITLE_BYTES   150
#define SECTION_BYTES 2900
#define FIELD_BYTES   1900
/* Room for "and 1234 more". */
#define MORE_BYTES 40

static void escape(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            buf_str(out, "&amp;");
        else if (*text == '<')
            buf_str(out, "&lt;");
        else if (*text == '>')
            buf_str(out, "&gt;");
        else
            buf_char(out, *text);
    }
}

/* No text gets out of its code marks. */
static void code(struct buf *out, const char *text)
{
    AUTO(auto_free) char *tame = mem_dup(text);

    for (char *at = tame; (at = strchr(at, '`')) != NULL;)
        *at = '\'';
    buf_char(out, '`');
    escape(out, tame);
    buf_char(out, '`');
}

static void link_to(struct buf *out, const char *url, const char *words)
{
    if (strchr(url, '|'))
        return;
    buf_str(out, " <");
    escape(out, url);
    buf_fmt(out, "|%s>", words);
}

/* ---- blocks ---- */

static void add_mrkdwn(struct json_writer *w, const char *text)
{
    json_object(w);
    json_add_text(w, "type", "mrkdwn");
    json_add_text(w, "text", text);
    json_add_boolean(w, "verbatim", true);
    json_object_end(w);
}

static void add_section(struct json_writer *w, struct buf *text)
{
    if (text->len == 0)
        return;
    json_object(w);
    json_add_text(w, "type", "section");
    json_key(w, "text");
    add_mrkdwn(w, buf_text(text));
    json_object_end(w);
    buf_reset(text);
}

/* Cut to `max` bytes of whole characters. */
static char *cut(const char *text, size_t max)
{
    size_t len = strlen(text);

    if (len > max)
        for (len = max; len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80;)
            len--;
    return mem_dup_n(text, len);
}

static void add_header(struct json_writer *w, const struct message *message)
{
    AUTO(auto_free) char *title = cut(message->title, TITLE_BYTES);

    json_object(w);
    json_add_text(w, "type", "header");
    json_key(w, "text");
    json_object(w);
    json_add_text(w, "type", "plain_text");
    json_add_text(w, "text", title);
    json_object_end(w);
    json_object_end(w);
}

static void print_line(const struct message_line *line, struct buf *out)
{
    buf_fmt(out, "%s ", line->mark);
    if (line->code[0]) {
        code(out, line->code);
        buf_char(out, ' ');
    }
    escape(out, line->words);
    if (line->url)
        link_to(out, line->url, "run");
    buf_char(out, '\n');
}

/* As many sections as the lines need. */
static void add_lines(struct json_writer *w, const struct message *message)
{
    AUTO(buf_done) struct buf section = BUF_INIT(SECTION_BYTES);
    AUTO(buf_done) struct buf line = BUF_INIT(SECTION_BYTES - MORE_BYTES);

    escape(&section, message->lead);
    if (section.len > 0)
        buf_char(&section, '\n');
    for (size_t i = 0; i < message->line_count; i++) {
        buf_reset(&line);
        print_line(&message->lines[i], &line);
        if (section.len + line.len > SECTION_BYTES - MORE_BYTES)
            add_section(w, &section);
        buf_append(&section, line.data, line.len);
    }
    if (message->more > 0)
        buf_fmt(&section, "and %lld more", (long long)message->more);
    add_section(w, &section);
}

static void add_facts(struct json_writer *w, const struct message *message)
{
    if (message->fact_count == 0)
        return;
    json_object(w);
    json_add_text(w, "type", "section");
    json_key(w, "fields");
    json_array(w);
    for (size_t i = 0; i < message->fact_count; i++) {
        AUTO(buf_done) struct buf text = BUF_INIT(FIELD_BYTES);

        buf_fmt(&text, "*%s*\n", message->facts[i].label);
        code(&text, message->facts[i].value);
        add_mrkdwn(w, buf_text(&text));
    }
    json_array_end(w);
    json_object_end(w);
}

static void add_foot(struct json_writer *w, const struct message *message)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SECTION_BYTES);
    char time[CLOCK_RFC3339_BYTES];

    /* Shown in the reader's time zone. */
    if (message->since_ms > 0)
        buf_fmt(&text, "Since <!date^%lld^{date_short_pretty} {time}|%s>",
                (long long)(message->since_ms / 1000),
                clock_rfc3339(message->since_ms, time));
    if (message->url)
        link_to(&text, message->url, "Open the run");
    if (text.len == 0)
        return;
    json_object(w);
    json_add_text(w, "type", "context");
    json_key(w, "elements");
    json_array(w);
    add_mrkdwn(w, buf_text(&text));
    json_array_end(w);
    json_object_end(w);
}

void message_slack(const struct message *message, struct buf *out)
{
    AUTO(buf_done) struct buf fallback = BUF_INIT(SECTION_BYTES);
    struct json_writer w;

    escape(&fallback, message->title);
    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "text", buf_text(&fallback));
    json_add_boolean(&w, "unfurl_links", false);
    json_add_boolean(&w, "unfurl_media", false);
    json_key(&w, "blocks");
    json_array(&w);
    add_header(&w, message);
    add_lines(&w, message);
    add_facts(&w, message);
    add_foot(&w, message);
    json_array_end(&w);
    json_object_end(&w);
}
