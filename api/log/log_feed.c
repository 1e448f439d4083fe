/* The logs that somebody watches: members, and the connection that blocks for them. */
#include "api/log/log_feed.h"

#include <inttypes.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/log/log_hub.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#define BLOCK_MS         5000
#define BLOCK_POOR_MS    100 /* when nobody can unblock it */
#define MORE_MS          3000
#define UNBLOCK_MS       20 /* it may have come too early: again */
#define FAILURE_PAUSE_MS 100
/* A read costs Redis some microseconds a log, whether it has news or not. */
#define LOGS_A_MS 100
/* Of one log; of all together so many that a read stays some megabytes. */
#define ENTRIES_MAX 64
#define ENTRIES_MIN 2
#define ENTRIES_ALL 512

struct log_feed *log_feed_new(struct api *api)
{
    struct log_feed *feed = mem_new(1, sizeof *feed);

    feed->api = api;
    link_open(&feed->link, &api->loop, &api->redis, api->conf->redis_prefix);
    return feed;
}

void log_feed_free(struct log_feed *feed)
{
    if (feed == NULL)
        return;
    link_close(&feed->link);
    for (size_t i = 0; i < LOG_FEED_BUCKETS; i++)
        while (feed->buckets[i] != NULL) {
            feed->buckets[i]->replies = 0;
            log_hub_let_go(feed->buckets[i]);
        }
    free(feed);
}

bool log_feed_listens(const struct log_feed *feed)
{
    return feed->hubs > 0;
}

void log_feed_event(struct log_feed *feed, const char *run_id)
{
    struct log_hub *hub = log_hub_find(feed, run_id);

    if (hub != NULL && !hub->over)
        log_hub_look(hub);
}

void log_feed_all_stale(struct log_feed *feed)
{
    for (size_t i = 0; i < LOG_FEED_BUCKETS && feed->hubs > 0; i++)
        for (struct log_hub *hub = feed->buckets[i]; hub != NULL; hub = hub->next)
            if (!hub->over)
                log_hub_look(hub);
}

/* ---- members ---- */
void log_feed_join(struct log_feed *feed, struct log_member *member,
                   const struct run_record *run)
{
    struct log_hub *hub = log_hub_of(feed, run);

    member->hub = hub;
    member->next = hub->members;
    member->link = &hub->members;
    if (hub->members != NULL)
        hub->members->link = &member->next;
    hub->members = member;
    /* It may have changed since it was read, before anybody listened. */
    if (!hub->over)
        log_hub_look(hub);
}

void log_feed_leave(struct log_member *member)
{
    struct log_hub *hub = member->hub;

    if (hub == NULL)
        return;
    log_feed_stop_live(member);
    member->hub = NULL;
    *member->link = member->next;
    if (member->next != NULL)
        member->next->link = member->link;
    log_hub_let_go(hub);
}

bool log_feed_go_live(struct log_member *member, const struct log_place *place)
{
    struct log_hub *hub = member->hub;

    if (hub->live == 0) {
        hub->place = *place;
        hub->feed->live_hubs++;
        hub->feed->outdated = true;
    } else if (log_place_compare(place, &hub->place) < 0) {
        return false;
    }
    hub->live++;
    member->live = true;
    return true;
}

void log_feed_stop_live(struct log_member *member)
{
    struct log_hub *hub = member->hub;

    if (!member->live)
        return;
    member->live = false;
    hub->live--;
    if (hub->live == 0)
        hub->feed->live_hubs--;
}

/* ---- what comes ---- */
static void hand_out(struct log_hub *hub, const struct log_entry *entry)
{
    struct log_member *next;

    hub->place = entry->at;
    hub->place.offset += (int64_t)entry->len;
    for (struct log_member *member = hub->members; member != NULL; member = next) {
        next = member->next;
        if (member->live)
            member->fresh(member, entry);
    }
}

/* [key, entries] of one log. */
static void take_log(struct log_feed *feed, const struct redisReply *log)
{
    const char *run_id = queue_log_run_id(feed->api->conf->redis_prefix,
                                          redis_reply_text(redis_reply_at(log, 0)));
    struct log_hub *hub = run_id != NULL ? log_hub_find(feed, run_id) : NULL;
    const struct redisReply *entries = redis_reply_at(log, 1);
    struct log_entry entry;

    /* Who became live meanwhile began elsewhere: the next read is for them. */
    if (hub == NULL || log_place_compare(&hub->place, &hub->asked) != 0)
        return;
    for (size_t i = 0; i < redis_reply_count(entries) && hub->live > 0; i++)
        if (queue_log_entry(redis_reply_at(entries, i), &entry))
            hand_out(hub, &entry);
}

static void on_logs(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct log_feed *feed = arg;

    feed->reading = false;
    if (err != NULL) { /* where each log stands is known: it goes on there */
        if (err->kind != ERR_TEMP)
            log_error("logs_unread", "reason=%s", err->message);
        feed->read_mono_ms = clock_mono_ms() + FAILURE_PAUSE_MS;
        return;
    }
    for (size_t i = 0; i < redis_reply_count(reply); i++)
        take_log(feed, redis_reply_at(reply, i));
}

/* ---- the connection ---- */
static void on_client_id(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct log_feed *feed = arg;

    if (err == NULL)
        feed->client_id = redis_reply_int(reply, 0);
}

static void learn_client_id(struct log_feed *feed)
{
    struct redis_cmd cmd;

    feed->generation = redis_link_generation(feed->link.redis);
    feed->client_id = 0;
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "CLIENT");
    redis_cmd_arg(&cmd, "ID");
    redis_link_send(feed->link.redis, &cmd, MORE_MS, on_client_id, feed);
    redis_cmd_done(&cmd);
}

/* The connection that blocks takes no other command: this one goes over the main one. */
static void unblock(struct log_feed *feed)
{
    struct redis_cmd cmd;

    feed->unblock_mono_ms = clock_mono_ms() + UNBLOCK_MS;
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "CLIENT");
    redis_cmd_arg(&cmd, "UNBLOCK");
    redis_cmd_int(&cmd, feed->client_id);
    redis_link_send(feed->api->link.redis, &cmd, MORE_MS, NULL, NULL);
    redis_cmd_done(&cmd);
}

static size_t list_live(struct log_feed *feed, struct log_cursor *cursors)
{
    size_t count = 0;

    for (size_t i = 0; i < LOG_FEED_BUCKETS && count < feed->live_hubs; i++)
        for (struct log_hub *hub = feed->buckets[i]; hub != NULL; hub = hub->next) {
            if (hub->live == 0)
                continue;
            hub->asked = hub->place;
            cursors[count++] = (struct log_cursor){hub->run_id, hub->place};
        }
    return count;
}

static int64_t entries_each(size_t logs)
{
    size_t each = logs > 0 ? ENTRIES_ALL / logs : ENTRIES_MAX;

    if (each < ENTRIES_MIN)
        return ENTRIES_MIN;
    return each < ENTRIES_MAX ? (int64_t)each : ENTRIES_MAX;
}

static void read_logs(struct log_feed *feed)
{
    AUTO(auto_free)
    struct log_cursor *cursors = mem_new(feed->live_hubs, sizeof *cursors);
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    size_t count = list_live(feed, cursors);
    int64_t block_ms = feed->client_id > 0 ? BLOCK_MS : BLOCK_POOR_MS;

    queue_read_logs(&cmd, redis_link_prefix(feed->link.redis), cursors, count, block_ms,
                    entries_each(count));
    feed->reading = true;
    feed->outdated = false;
    feed->read_mono_ms = clock_mono_ms() + (int64_t)count / LOGS_A_MS;
    redis_link_send(feed->link.redis, &cmd, BLOCK_MS + MORE_MS, on_logs, feed);
}

/* In how many ms something is to be done, -1: nothing. */
static int64_t go_on(struct log_feed *feed)
{
    int64_t now_ms = clock_mono_ms();
    int64_t *due_ms = feed->reading ? &feed->unblock_mono_ms : &feed->read_mono_ms;

    if (feed->live_hubs == 0 || !redis_link_ready(feed->link.redis) ||
        (feed->reading && (!feed->outdated || feed->client_id == 0)))
        return -1;
    if (feed->generation != redis_link_generation(feed->link.redis))
        learn_client_id(feed);
    if (now_ms < *due_ms)
        return *due_ms - now_ms;
    if (feed->reading)
        unblock(feed);
    else
        read_logs(feed);
    return feed->reading && feed->outdated ? UNBLOCK_MS : -1;
}

int64_t log_feed_turn(struct log_feed *feed)
{
    int64_t in_ms = go_on(feed);
    int64_t sleep_ms = link_turn(&feed->link);

    return sleep_ms < 0 || (in_ms >= 0 && in_ms < sleep_ms) ? in_ms : sleep_ms;
}
