/* A watched run: what is known of it, and the log that was stored when it ended. */
#include "api/log/log_hub.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/zip.h"

#define ASK_MS        5000
#define LOOK_EVERY_MS 10000 /* an event may be missed */
#define LOOK_AGAIN_MS 500   /* Redis did not answer */
#define LOG_MAX       ((size_t)8 << 20)
/* Of stored logs in memory; one that is larger is there alone. */
#define STORED_BYTES_MAX ((size_t)32 << 20)

/* ---- the table ---- */
static struct log_hub **bucket(struct log_feed *feed, const char *run_id)
{
    return &feed->buckets[hash_text(HASH_INIT, run_id) & (LOG_FEED_BUCKETS - 1)];
}

struct log_hub *log_hub_find(struct log_feed *feed, const char *run_id)
{
    struct log_hub *hub = *bucket(feed, run_id);

    while (hub != NULL && strcmp(hub->run_id, run_id) != 0)
        hub = hub->next;
    return hub;
}

static void take_run(struct log_hub *hub, const struct run_record *run)
{
    hub->status = run->status;
    hub->attempts = run->attempts;
    hub->dropped = run->output_dropped;
    hub->over = run_status_ended(run->status) || run->status == RUN_ORPHANED;
}

/* What somebody else has read. An orphan that a person has ended may have a log now. */
static void hear_of(struct log_hub *hub, const struct run_record *run)
{
    if (!run_status_ended(run->status) || run->status == hub->status)
        return;
    take_run(hub, run);
    if (hub->stored_state == STORED_NONE)
        hub->stored_state = STORED_UNKNOWN;
}

static void on_look_again(struct loop_timer *timer)
{
    log_hub_look(LOOP_OWNER(timer, struct log_hub, look_again));
}

struct log_hub *log_hub_of(struct log_feed *feed, const struct run_record *run)
{
    struct log_hub *hub = log_hub_find(feed, run->id);
    struct log_hub **head = bucket(feed, run->id);

    if (hub != NULL) {
        hear_of(hub, run);
        return hub;
    }
    hub = mem_new(1, sizeof *hub);
    hub->feed = feed;
    snprintf(hub->run_id, sizeof hub->run_id, "%s", run->id);
    hub->look_again.fire = on_look_again;
    hub->next = *head;
    hub->link = head;
    if (*head != NULL)
        (*head)->link = &hub->next;
    *head = hub;
    feed->hubs++;
    take_run(hub, run);
    return hub;
}

static void drop_stored(struct log_hub *hub)
{
    if (hub->stored_state != STORED_THERE)
        return;
    hub->feed->stored_bytes -= hub->stored.len;
    *hub->stored_link = hub->stored_next;
    if (hub->stored_next != NULL)
        hub->stored_next->stored_link = hub->stored_link;
    buf_done(&hub->stored);
    hub->stored_state = STORED_UNKNOWN;
}

void log_hub_let_go(struct log_hub *hub)
{
    if (hub->members != NULL)
        return;
    loop_clear(&hub->feed->api->loop, &hub->look_again);
    drop_stored(hub);
    if (hub->replies > 0)
        return;
    *hub->link = hub->next;
    if (hub->next != NULL)
        hub->next->link = hub->link;
    hub->feed->hubs--;
    free(hub);
}

/* ---- what is asked of Redis ---- */
static void send_for(struct log_hub *hub, struct redis_cmd *cmd,
                     redis_link_callback *done)
{
    hub->replies++;
    redis_link_send(hub->feed->api->link.redis, cmd, ASK_MS, done, hub);
    redis_cmd_done(cmd);
}

/* False: nobody needs the hub any more. */
static bool answered(struct log_hub *hub)
{
    bool needed = hub->members != NULL;

    hub->replies--;
    if (!needed)
        log_hub_let_go(hub);
    return needed;
}

static void look_in(struct log_hub *hub, int64_t ms)
{
    loop_set(&hub->feed->api->loop, &hub->look_again, clock_mono_ms() + ms);
}

/* A member may leave while it is called, and only itself. */
static void tell_members(struct log_hub *hub)
{
    struct log_member *next;

    hub->replies++; /* it stays */
    for (struct log_member *member = hub->members; member != NULL; member = next) {
        next = member->next;
        log_feed_stop_live(member);
        member->ended(member);
    }
    hub->replies--;
    log_hub_let_go(hub);
}

/* ---- the stored log ---- */
static void keep_stored(struct log_hub *hub)
{
    struct log_feed *feed = hub->feed;
    struct log_hub **last;

    hub->stored_state = STORED_THERE;
    hub->stored_next = feed->stored;
    hub->stored_link = &feed->stored;
    if (feed->stored != NULL)
        feed->stored->stored_link = &hub->stored_next;
    feed->stored = hub;
    feed->stored_bytes += hub->stored.len;
    while (feed->stored_bytes > STORED_BYTES_MAX && feed->stored->stored_next != NULL) {
        for (last = &feed->stored; (*last)->stored_next != NULL;)
            last = &(*last)->stored_next;
        drop_stored(*last);
    }
}

static int unpack(struct log_hub *hub, const struct redisReply *reply, struct err *err)
{
    struct run_result result;

    if (queue_get_result_reply(reply, RESULT_LOG, &result, err) < 0)
        return -1;
    if (result.log == NULL) {
        hub->stored_state = STORED_NONE;
        return 0;
    }
    buf_init(&hub->stored, LOG_MAX);
    if (zip_inflate(result.log, result.log_len, &hub->stored, err) < 0) {
        buf_done(&hub->stored);
        return err_wrap(err, "stored log of run %s", hub->run_id);
    }
    keep_stored(hub);
    return 0;
}

static void on_stored(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct log_hub *hub = arg;
    struct err broken;

    if (!answered(hub))
        return;
    hub->stored_state = STORED_UNKNOWN;
    if (err != NULL && err->kind == ERR_TEMP) {
        look_in(hub, LOOK_AGAIN_MS);
        return;
    }
    if (err != NULL || unpack(hub, reply, &broken) < 0) {
        log_error("log_unreadable", "run_id=%s reason=%s", hub->run_id,
                  err != NULL ? err->message : broken.message);
        hub->stored_state = STORED_NONE;
    }
    tell_members(hub);
}

static void ask_stored(struct log_hub *hub)
{
    struct redis_cmd cmd;

    assert(hub->stored_state == STORED_UNKNOWN);
    hub->stored_state = STORED_ASKED;
    queue_get_result(&cmd, redis_link_prefix(hub->feed->api->link.redis), hub->run_id,
                     RESULT_LOG);
    send_for(hub, &cmd, on_stored);
}

enum log_stored log_hub_stored(struct log_hub *hub, const char **bytes, size_t *len)
{
    switch (hub->stored_state) {
    case STORED_UNKNOWN:
        ask_stored(hub);
        return LOG_STORED_ASKED;
    case STORED_ASKED:
        return LOG_STORED_ASKED;
    case STORED_THERE:
        *bytes = buf_text(&hub->stored);
        *len = hub->stored.len;
        return LOG_STORED_THERE;
    case STORED_NONE:
        break;
    }
    return hub->dropped ? LOG_STORED_GONE : LOG_STORED_NONE;
}

/* ---- the run ---- */
/* Members that joined when it had ended may have asked for what is stored already. */
static void go_to_stored(struct log_hub *hub)
{
    switch (hub->stored_state) {
    case STORED_UNKNOWN:
        ask_stored(hub);
        break;
    case STORED_ASKED:
        break;
    case STORED_THERE:
    case STORED_NONE:
        tell_members(hub);
        break;
    }
}

static void found(struct log_hub *hub, const struct redisReply *reply)
{
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, hub->run_id, &run, &err) < 0) {
        log_error("run_unreadable", "run_id=%s reason=%s", hub->run_id, err.message);
        look_in(hub, LOOK_EVERY_MS);
        return;
    }
    if (run.id != NULL)
        take_run(hub, &run);
    else /* forgotten, with its log */
        hub->over = hub->dropped = true;
    if (!hub->over && hub->stale)
        log_hub_look(hub);
    else if (!hub->over)
        look_in(hub, LOOK_EVERY_MS);
    else
        go_to_stored(hub);
}

static void on_run(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct log_hub *hub = arg;

    hub->looking = false;
    if (!answered(hub))
        return;
    if (err == NULL)
        found(hub, reply);
    else
        look_in(hub, LOOK_AGAIN_MS);
}

void log_hub_look(struct log_hub *hub)
{
    struct redis_cmd cmd;

    if (hub->looking || hub->members == NULL) {
        hub->stale = true;
        return;
    }
    if (hub->over) { /* the stored log is what could not be read */
        if (hub->stored_state == STORED_UNKNOWN)
            ask_stored(hub);
        return;
    }
    hub->looking = true;
    hub->stale = false;
    queue_get_run(&cmd, redis_link_prefix(hub->feed->api->link.redis), hub->run_id);
    send_for(hub, &cmd, on_run);
}

const char *log_hub_run_id(const struct log_hub *hub)
{
    return hub->run_id;
}

bool log_hub_ended(const struct log_hub *hub)
{
    return hub->over;
}

const char *log_hub_status(const struct log_hub *hub)
{
    return run_status_shown(hub->status);
}

int64_t log_hub_attempts(const struct log_hub *hub)
{
    return hub->attempts;
}
