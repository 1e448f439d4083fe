/* GET …/runs/{run}/log: what terraform printed, so far or in full, or as it comes. */
#include <inttypes.h>
#include <string.h>

#include "api/handlers.h"
#include "api/log/log_event.h"
#include "api/log/log_watch.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/base/zip.h"
#include "common/queue/queue.h"

#define TYPE_TEXT       "text/plain; charset=utf-8"
#define TYPE_EVENTS     "text/event-stream"
#define LOG_MAX         ((size_t)8 << 20)
#define ENTRIES_A_ROUND 64

struct run_log {
    bool follows;
    struct buf text;
    struct log_place place; /* read so far */
};

static void log_done(void *state)
{
    buf_done(&((struct run_log *)state)->text);
}

/* ---- of a run that goes on: the stream ---- */
static void take_entry(struct run_log *log, const struct log_entry *entry)
{
    if (entry->at.attempt > log->place.attempt) {
        buf_reset(&log->text);
        log->place = (struct log_place){.attempt = entry->at.attempt};
    }
    if (entry->at.offset > log->place.offset)
        buf_fmt(&log->text, "\n[%" PRId64 " bytes left out]\n",
                entry->at.offset - log->place.offset);
    buf_append(&log->text, entry->bytes, entry->len);
    log->place.offset = entry->at.offset + (int64_t)entry->len;
}

static void send_text(struct request *req)
{
    struct run_log *log = req->state;

    log->text.over = false;
    reply_text(req, MHD_HTTP_OK, TYPE_TEXT, &log->text);
}

static void got_entries(struct request *req, const struct redisReply *reply);

static void ask_entries(struct request *req)
{
    struct run_log *log = req->state;
    struct redis_cmd cmd;

    queue_get_log_from(&cmd, request_prefix(req), req->match.params[0], &log->place,
                       ENTRIES_A_ROUND);
    ask_one(req, &cmd, got_entries);
}

static void got_entries(struct request *req, const struct redisReply *reply)
{
    struct run_log *log = req->state;
    size_t count = redis_reply_count(reply);

    for (size_t i = 0; i < count; i++) {
        struct log_entry entry;

        if (queue_log_entry(redis_reply_at(reply, i), &entry))
            take_entry(log, &entry);
    }
    if (count < ENTRIES_A_ROUND || log->text.over)
        send_text(req);
    else
        ask_entries(req);
}

/* ---- of one that has ended: its result, or what a lost worker had sent ---- */
static void got_stored(struct request *req, const struct redisReply *reply)
{
    struct run_log *log = req->state;
    struct run_result result;
    struct err err;

    if (queue_get_result_reply(reply, RESULT_LOG, &result, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (result.log == NULL)
        ask_entries(req);
    else if (zip_inflate(result.log, result.log_len, &log->text, &err) < 0)
        reply_failure(req, &err);
    else
        send_text(req);
}

/* ---- as it comes ---- */
static bool wants_events(const struct request *req)
{
    const char *accept = request_header(req, MHD_HTTP_HEADER_ACCEPT);

    return accept != NULL && strcasestr(accept, TYPE_EVENTS) != NULL;
}

static void watch(struct request *req, const struct run_record *run)
{
    enum log_form form = wants_events(req) ? LOG_FORM_EVENTS : LOG_FORM_TEXT;
    const char *last = request_header(req, "Last-Event-ID");
    struct log_place from = {0};

    if (last == NULL) /* a page cannot set headers of an EventSource */
        last = request_query(req, "lastEventId");
    if (form == LOG_FORM_EVENTS && last != NULL)
        log_event_place(last, &from);
    log_watch(req, run, form, &from);
}

/* ?follow=1; -1: answered. */
static int read_follow(struct request *req, bool *follows)
{
    const char *follow = request_query(req, "follow");
    AUTO(problems_done) struct problems problems = {0};

    *follows = wants_events(req) || (follow != NULL && strcmp(follow, "1") == 0);
    if (follow == NULL || strcmp(follow, "0") == 0 || strcmp(follow, "1") == 0)
        return 0;
    problems_add(&problems, "follow", "follow must be 1 or 0");
    reply_problems(req, &problems);
    return -1;
}

/* ---- which run ---- */
static void got_run(struct request *req, const struct redisReply *reply)
{
    const struct run_log *log = req->state;
    const char *run_id = req->match.params[0];
    struct run_record run;
    struct redis_cmd cmd;
    struct err err;

    if (queue_get_run_reply(reply, run_id, &run, &err) < 0) {
        reply_failure(req, &err);
    } else if (run.id == NULL || !request_may_see(req, run.project_id)) {
        reply_error(req, REPLY_NOT_FOUND, "there is no run %s", run_id);
    } else if (log->follows) {
        watch(req, &run);
    } else if (run_status_ended(run.status)) {
        queue_get_result(&cmd, request_prefix(req), run_id, RESULT_LOG);
        ask_one(req, &cmd, got_stored);
    } else {
        ask_entries(req);
    }
}

void handle_run_log(struct request *req)
{
    struct run_log *log = request_state(req, sizeof *log, log_done);
    struct redis_cmd cmd;

    if (read_follow(req, &log->follows) < 0)
        return;
    buf_init(&log->text, LOG_MAX);
    queue_get_run(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_run);
}
