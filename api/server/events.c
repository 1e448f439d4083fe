/* The reader of the events stream. */
#include "api/server/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/log/log_feed.h"
#include "api/server/wait.h"
#include "common/base/mem.h"
#include "common/queue/queue.h"

#define BLOCK_MS       5000
#define REPLY_MS       (BLOCK_MS + 3000)
#define EVENTS_A_READ  1000
#define EVENT_ID_BYTES 48

struct events {
    struct api *api;
    struct link link;
    char last[EVENT_ID_BYTES]; /* id of the newest event seen; "": not known */
    bool asking;               /* a reply is on its way */
};

struct events *events_new(struct api *api)
{
    struct events *events = mem_new(1, sizeof *events);

    events->api = api;
    link_open(&events->link, &api->loop, &api->redis, api->conf->redis_prefix);
    return events;
}

void events_free(struct events *events)
{
    if (events == NULL)
        return;
    link_close(&events->link);
    free(events);
}

static void keep_id(struct events *events, const char *id)
{
    snprintf(events->last, sizeof events->last, "%s", id);
}

/* Redis is away: what happens meanwhile is missed. */
static void lost(struct events *events)
{
    events->asking = false;
    events->last[0] = '\0';
}

/* Any run may have changed. */
static void tell_all(const struct events *events)
{
    waiters_all_stale(events->api->waiters);
    log_feed_all_stale(events->api->log_feed);
}

/* ---- reading on ---- */
/* An id is "milliseconds-number". */
static void parse_id(const char *id, uint64_t *ms, uint64_t *number)
{
    char *end;

    *ms = strtoull(id, &end, 10);
    *number = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
}

/* Does `first` stand after `last` in the stream? */
static bool is_after(const char *first, const char *last)
{
    uint64_t first_ms, first_number, last_ms, last_number;

    parse_id(first, &first_ms, &first_number);
    parse_id(last, &last_ms, &last_number);
    return first_ms > last_ms || (first_ms == last_ms && first_number > last_number);
}

static void on_first(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct events *events = arg;
    const char *first = redis_reply_text(reply);

    if (err == NULL && first != NULL && is_after(first, events->last))
        tell_all(events);
}

/* One event: [id, [field, value, …]]. */
static void take_event(struct events *events, const struct redisReply *event)
{
    const struct redisReply *fields = redis_reply_at(event, 1);
    const char *id = redis_reply_text(redis_reply_at(event, 0));

    if (id != NULL)
        keep_id(events, id);
    for (size_t i = 0; i + 1 < redis_reply_count(fields); i += 2) {
        const char *name = redis_reply_text(redis_reply_at(fields, i));
        const char *value = redis_reply_text(redis_reply_at(fields, i + 1));

        if (name == NULL || value == NULL || strcmp(name, "run") != 0)
            continue;
        waiters_event(events->api->waiters, value);
        log_feed_event(events->api->log_feed, value);
    }
}

/* [[stream, [event, …]]], or nil when the time was over. */
static void on_events(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct events *events = arg;
    const struct redisReply *list = redis_reply_at(redis_reply_at(reply, 0), 1);

    if (err != NULL) {
        lost(events);
        return;
    }
    events->asking = false;
    for (size_t i = 0; i < redis_reply_count(list); i++)
        take_event(events, redis_reply_at(list, i));
}

static void read_on(struct events *events)
{
    AUTO(redis_cmd_done) struct redis_cmd first = {0};
    AUTO(redis_cmd_done) struct redis_cmd rest = {0};
    const char *prefix = redis_link_prefix(events->link.redis);

    queue_first_event(&first, prefix);
    redis_link_send(events->link.redis, &first, REPLY_MS, on_first, events);
    queue_read_events(&rest, prefix, events->last, BLOCK_MS, EVENTS_A_READ);
    redis_link_send(events->link.redis, &rest, REPLY_MS, on_events, events);
}

/* ---- beginning ---- */
static void on_last(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct events *events = arg;
    const char *id;

    if (err != NULL) {
        lost(events);
        return;
    }
    id = queue_last_event_id(reply);
    events->asking = false;
    keep_id(events, id != NULL ? id : "0-0");
    tell_all(events);
}

static void begin(struct events *events)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    queue_last_event(&cmd, redis_link_prefix(events->link.redis));
    redis_link_send(events->link.redis, &cmd, REPLY_MS, on_last, events);
}

void events_need(struct events *events)
{
    if (events->asking || !redis_link_ready(events->link.redis))
        return;
    events->asking = true;
    if (events->last[0] == '\0')
        begin(events);
    else
        read_on(events);
}

int64_t events_turn(struct events *events)
{
    if (waiters_count(events->api->waiters) > 0 ||
        log_feed_listens(events->api->log_feed))
        events_need(events);
    else if (!events->asking)
        events->last[0] = '\0';
    return link_turn(&events->link);
}
