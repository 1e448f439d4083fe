/* One client that follows the log of a run. */
#include "api/log/log_watch.h"

#include <stdlib.h>

#include "api/log/log_feed.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

/* What may wait for a client; about a piece more when the last one is written. */
#define PENDING_MAX ((size_t)128 << 10)
#define PIECE_BYTES ((size_t)QUEUE_LOG_CHUNK_BYTES)
#define COMMENT_MS  15000
#define AGAIN_MS    500 /* Redis did not answer */
#define ASK_MS      5000
/* Entries of one read; more while they are small. */
#define ENTRIES_FIRST 16
#define ENTRIES_MAX   128

/* A read on its way; it outlives its watcher. */
struct log_read {
    struct log_watcher *watcher; /* NULL: gone */
    struct log_place from;
    size_t count; /* with fewer entries than that there are no more */
};

struct log_watcher {
    struct log_member member;
    struct request *req;
    struct log_writer out; /* its place: what the client has, or claims to have */
    struct log_place at;   /* of the live log: what there is of that, read so far */
    struct log_read *read; /* NULL: none */
    size_t count;          /* entries of the next one */
    bool placed;           /* `at` was found from where the client says it is */
    bool missed;           /* it read all there is, and yet the others are further */
    bool at_end;           /* of the live log, of a run that has ended */
    struct loop_timer again, comment;
};

static struct log_watcher *watcher_of(struct log_member *member)
{
    return LOOP_OWNER(member, struct log_watcher, member);
}

static void finish(struct log_watcher *w)
{
    log_write_end(&w->out, log_hub_status(w->member.hub));
    stream_end(w->req);
}

/* ---- what it reads ---- */
static void take(struct log_watcher *w, const struct log_entry *entry)
{
    struct log_place end = {entry->at.attempt, entry->at.offset + (int64_t)entry->len};
    size_t known;

    if (log_place_compare(&end, &w->at) > 0)
        w->at = end;
    if (log_place_compare(&end, &w->out.place) <= 0)
        return;
    if (entry->at.attempt > w->out.place.attempt)
        log_write_attempt(&w->out, entry->at.attempt);
    if (entry->at.offset > w->out.place.offset)
        log_write_gap(&w->out, entry->at.offset - w->out.place.offset);
    known = (size_t)(w->out.place.offset - entry->at.offset);
    w->out.place = end;
    log_write_bytes(&w->out, entry->bytes + known, entry->len - known);
}

static bool has_room(const struct log_watcher *w)
{
    return stream_pending(w->req) <= PENDING_MAX;
}

static void on_fresh(struct log_member *member, const struct log_entry *entry)
{
    struct log_watcher *w = watcher_of(member);

    if (!has_room(w))
        log_feed_stop_live(member);
    else
        take(w, entry);
}

static void go_on(struct log_watcher *w);

/* True: all of them. */
static bool take_all(struct log_watcher *w, const struct redisReply *entries)
{
    size_t before = stream_pending(w->req);

    for (size_t i = 0; i < redis_reply_count(entries); i++) {
        struct log_entry entry;

        if (!has_room(w))
            return false;
        if (queue_log_entry(redis_reply_at(entries, i), &entry))
            take(w, &entry);
    }
    if (w->count < ENTRIES_MAX && stream_pending(w->req) - before < PENDING_MAX / 4)
        w->count *= 2;
    return true;
}

static void go_on_later(struct log_watcher *w)
{
    loop_set(&w->req->api->loop, &w->again, clock_mono_ms() + AGAIN_MS);
}

/* It has read everything there is. */
static void caught_up(struct log_watcher *w, bool has_moved)
{
    if (log_hub_ended(w->member.hub)) {
        w->at_end = true;
    } else if (log_feed_go_live(&w->member, &w->at)) {
        w->missed = false;
        return;
    } else if (w->missed && !has_moved) { /* a Redis that has lost what the others saw */
        go_on_later(w);
        return;
    }
    w->missed = !has_moved;
    go_on(w);
}

static void got_entries(struct log_watcher *w, const struct log_read *read,
                        const struct redisReply *reply)
{
    bool has_all = take_all(w, reply) && redis_reply_count(reply) < read->count;

    if (!w->placed) {
        w->placed = true;
        go_on(w);
    } else if (has_all) {
        caught_up(w, log_place_compare(&read->from, &w->at) != 0);
    } else {
        go_on(w);
    }
}

static void on_entries(void *arg, const struct redisReply *reply, const struct err *err)
{
    AUTO(auto_free) struct log_read *read = arg;
    struct log_watcher *w = read->watcher;

    if (w == NULL)
        return;
    w->read = NULL;
    if (err != NULL)
        go_on_later(w);
    else if (stream_is_open(w->req))
        got_entries(w, read, reply);
}

static void read_entries(struct log_watcher *w)
{
    struct redis_link *redis = w->req->api->link.redis;
    const char *prefix = redis_link_prefix(redis);
    const char *run_id = log_hub_run_id(w->member.hub);
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    w->read = mem_new(1, sizeof *w->read);
    *w->read = (struct log_read){.watcher = w, .from = w->at, .count = w->count};
    if (w->placed)
        queue_get_log_from(&cmd, prefix, run_id, &w->at, (int64_t)w->count);
    else
        queue_get_log_at(&cmd, prefix, run_id, &w->out.place);
    redis_link_send(redis, &cmd, ASK_MS, on_entries, w->read);
}

/* ---- the end of the run ---- */
static void send_stored(struct log_watcher *w, const char *bytes, size_t len)
{
    int64_t attempts = log_hub_attempts(w->member.hub);

    if (w->out.place.attempt < attempts)
        log_write_attempt(&w->out, attempts);
    while (has_room(w) && (size_t)w->out.place.offset < len) {
        size_t at = (size_t)w->out.place.offset;
        size_t piece = len - at < PIECE_BYTES ? len - at : PIECE_BYTES;

        w->out.place.offset += (int64_t)piece;
        log_write_bytes(&w->out, bytes + at, piece);
    }
    if ((size_t)w->out.place.offset >= len)
        finish(w);
}

static void end_with_stored(struct log_watcher *w)
{
    const char *bytes;
    size_t len;
    enum log_stored stored = log_hub_stored(w->member.hub, &bytes, &len);

    if (stored == LOG_STORED_ASKED)
        return;
    if (stored == LOG_STORED_THERE) {
        send_stored(w, bytes, len);
        return;
    }
    /* The live log stays for some minutes. */
    if (!w->at_end) {
        read_entries(w);
        return;
    }
    if (stored == LOG_STORED_GONE)
        log_write_gap(&w->out, -1);
    finish(w);
}

/* Whatever comes next, if there is room and nothing is on its way. */
static void go_on(struct log_watcher *w)
{
    if (!stream_is_open(w->req) || w->read != NULL || w->again.place != 0 ||
        w->member.live || !has_room(w))
        return;
    if (log_hub_ended(w->member.hub))
        end_with_stored(w);
    else
        read_entries(w);
}

static void on_ended(struct log_member *member)
{
    go_on(watcher_of(member));
}

static void on_again(struct loop_timer *timer)
{
    go_on(LOOP_OWNER(timer, struct log_watcher, again));
}

/* ---- the stream ---- */
static void on_comment(struct loop_timer *timer)
{
    struct log_watcher *w = LOOP_OWNER(timer, struct log_watcher, comment);

    if (stream_pending(w->req) == 0)
        log_write_comment(&w->out);
    loop_set(&w->req->api->loop, timer, clock_mono_ms() + COMMENT_MS);
}

static void on_drained(struct request *req)
{
    go_on(req->state);
}

static void on_closed(struct request *req)
{
    struct log_watcher *w = req->state;

    if (w->read != NULL)
        w->read->watcher = NULL;
    loop_clear(&req->api->loop, &w->again);
    loop_clear(&req->api->loop, &w->comment);
    log_feed_leave(&w->member);
}

/* Events say by themselves whether it was the end; a text does not. */
static void on_drain(struct request *req)
{
    const struct log_watcher *w = req->state;

    if (w->out.form == LOG_FORM_TEXT)
        stream_cut(req);
    else
        stream_end(req);
}

static const struct stream_calls calls = {
    .kind = STREAM_LOG,
    .drained = on_drained,
    .closed = on_closed,
    .drain = on_drain,
};

void log_watch(struct request *req, const struct run_record *run, enum log_form form,
               const struct log_place *from)
{
    struct log_watcher *w = request_state(req, sizeof *w, NULL);

    w->req = req;
    w->out = (struct log_writer){.req = req, .form = form, .place = *from};
    w->count = ENTRIES_FIRST;
    w->again.fire = on_again;
    w->member.fresh = on_fresh;
    w->member.ended = on_ended;
    if (from->attempt < 1 || from->attempt > run->attempts)
        w->out.place = (struct log_place){.attempt = run->attempts};
    w->at = (struct log_place){.attempt = w->out.place.attempt};
    w->placed = w->out.place.offset == 0;
    stream_begin(req, log_form_type(form), &calls);
    if (!stream_is_open(req))
        return;
    log_feed_join(req->api->log_feed, &w->member, run);
    log_write_begin(&w->out);
    w->comment.fire = on_comment;
    if (form == LOG_FORM_EVENTS)
        loop_set(&req->api->loop, &w->comment, clock_mono_ms() + COMMENT_MS);
    go_on(w);
}
