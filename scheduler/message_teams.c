/* A message as an Adaptive Card.
 *
 * Teams reads Markdown in text blocks and facts; text runs of a RichTextBlock are shown
 * as they are, so all text stands in those. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "scheduler/message_parts.h"

/* Teams takes 28 KB; what comes after the lines has its own room. */
#define LINES_BYTES (20 * 1024)

static void add_run(struct json_writer *w, const char *text, const char *weight,
                    const char *font)
{
    json_object(w);
    json_add_text(w, "type", "TextRun");
    json_add_text(w, "text", text);
    if (weight)
        json_add_text(w, "weight", weight);
    if (font)
        json_add_text(w, "fontType", font);
    json_object_end(w);
}

static void open_text(struct json_writer *w)
{
    json_object(w);
    json_add_text(w, "type", "RichTextBlock");
    json_key(w, "inlines");
    json_array(w);
}

static void close_text(struct json_writer *w)
{
    json_array_end(w);
    json_object_end(w);
}

static void add_plain(struct json_writer *w, const char *text, const char *weight)
{
    if (text[0] == '\0')
        return;
    open_text(w);
    add_run(w, text, weight, NULL);
    close_text(w);
}

static void add_line(struct json_writer *w, const struct message_line *line)
{
    AUTO(auto_free) char *mark = mem_fmt("%s ", line->mark);
    AUTO(auto_free) char *words = mem_fmt(" %s", line->words);

    open_text(w);
    add_run(w, mark, NULL, NULL);
    if (line->code[0])
        add_run(w, line->code, NULL, "Monospace");
    add_run(w, words, NULL, NULL);
    close_text(w);
}

static void add_lines(struct json_writer *w, const struct message *message)
{
    int64_t more = message->more;
    AUTO(auto_free) char *words = NULL;

    for (size_t i = 0; i < message->line_count; i++)
        if (w->out->len < LINES_BYTES)
            add_line(w, &message->lines[i]);
        else
            more++;
    if (more == 0)
        return;
    words = mem_fmt("and %lld more", (long long)more);
    add_plain(w, words, NULL);
}

static void add_facts(struct json_writer *w, const struct message *message)
{
    char time[CLOCK_RFC3339_BYTES];

    for (size_t i = 0; i < message->fact_count; i++) {
        AUTO(auto_free) char *label = mem_fmt("%s: ", message->facts[i].label);

        open_text(w);
        add_run(w, label, "Bolder", NULL);
        add_run(w, message->facts[i].value, NULL, "Monospace");
        close_text(w);
    }
    if (message->since_ms > 0) {
        AUTO(auto_free)
        char *since = mem_fmt("Since %s", clock_rfc3339(message->since_ms, time));

        add_plain(w, since, NULL);
    }
}

static void add_actions(struct json_writer *w, const struct message *message)
{
    if (!message->url)
        return;
    json_key(w, "actions");
    json_array(w);
    json_object(w);
    json_add_text(w, "type", "Action.OpenUrl");
    json_add_text(w, "title", "Open the run");
    json_add_text(w, "url", message->url);
    json_object_end(w);
    json_array_end(w);
}

static void print_card(struct json_writer *w, const struct message *message)
{
    json_object(w);
    json_add_text(w, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json");
    json_add_text(w, "type", "AdaptiveCard");
    json_add_text(w, "version", "1.4");
    json_key(w, "body");
    json_array(w);
    add_plain(w, message->title, "Bolder");
    add_plain(w, message->lead, NULL);
    add_lines(w, message);
    add_facts(w, message);
    json_array_end(w);
    add_actions(w, message);
    json_object_end(w);
}

void message_teams(const struct message *message, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "type", "message");
    json_key(&w, "attachments");
    json_array(&w);
    json_object(&w);
    json_add_text(&w, "contentType", "application/vnd.microsoft.card.adaptive");
    json_add_null(&w, "contentUrl");
    json_key(&w, "content");
    print_card(&w, message);
    json_object_end(&w);
    json_array_end(&w);
    json_object_end(&w);
}
