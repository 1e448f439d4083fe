/* An event as JSON: {"type", "timestamp", "data"}, what receivers of generic hooks read
 * and messages to people are made of. Pure. */
#ifndef KEDGE_SCHEDULER_NEWS_EVENT_H
#define KEDGE_SCHEDULER_NEWS_EVENT_H

#include "scheduler/drift_set.h"

#define NEWS_RESOURCES_MAX 100

struct news_words {
    enum hook_event type;
    const struct outbox_entry *entry;
    const struct drift_set *set; /* NULL: it says nothing about drift */
    int64_t at_ms;               /* when it came to pass */
    int64_t since_ms;            /* of the drift; 0: not said */
    const char *before;          /* JSON of the event told before this one; "": none */
    const char *public_url;      /* NULL: no link */
};
/* Appends at most OUTBOX_EVENT_BYTES: resources that do not fit are counted as "more". */
void news_event_print(const struct news_words *words, struct buf *out);
/* The same event at another time and under another name. */
void news_event_repeat(const char *json, enum hook_event type, int64_t at_ms,
                       struct buf *out);

#endif
