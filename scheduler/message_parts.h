/* Parts of message.c: what is said, apart from how Slack or Teams want it.
 *
 *     message        which events make which message
 *     message_text   the words: one event, a digest
 *     message_slack  Block Kit
 *     message_teams  an Adaptive Card */
#ifndef KEDGE_SCHEDULER_MESSAGE_PARTS_H
#define KEDGE_SCHEDULER_MESSAGE_PARTS_H

#include "common/base/json.h"
#include "scheduler/message.h"

/* "<mark> <code> <words>", each may be "". Texts may hold any character but control ones:
 * who prints them escapes them. */
struct message_line {
    const char *mark; /* a coloured dot */
    char *code;       /* an address, a workspace */
    char *words;
    char *url; /* NULL: no link */
};
struct message_fact {
    const char *label;
    char *value;
};
#define MESSAGE_FACTS_MAX 6

struct message {
    char *title;
    char *lead; /* "": none */
    struct message_line lines[MESSAGE_DIGEST_LINES];
    size_t line_count;
    int64_t more; /* that have no line */
    struct message_fact facts[MESSAGE_FACTS_MAX];
    size_t fact_count;
    int64_t since_ms; /* 0: not said */
    char *url;        /* NULL: no link */
};
/* `docs`: events that were parsed, at least one. */
void message_text_one(const cJSON *doc, struct message *out);
void message_text_digest(const cJSON *const *docs, size_t count, struct message *out);
void message_done(struct message *message);

void message_slack(const struct message *message, struct buf *out);
void message_teams(const struct message *message, struct buf *out);

#endif
