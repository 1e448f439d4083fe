/* GET …/runs/{run}/log: what terraform printed, so far or in full. */
#include <string.h>

#include "api/handlers.h"
#include "api/request.h"
#include "common/mem.h"
#include "common/queue.h"
#include "common/zip.h"

#define TYPE_TEXT       "text/plain; charset=utf-8"
#define LOG_MAX         ((size_t)8 << 20)
#define ENTRIES_A_ROUND 64
#define ENTRY_ID_BYTES  48

struct run_log {
    struct buf text;
    int64_t attempt;           /* whose text this is */
    char last[ENTRY_ID_BYTES]; /* newest entry read, "": none */
};

static void log_done(void *state)
{
    buf_done(&((struct run_log *)state)->text);
}

/* ---- of a run that goes on: the stream ---- */
static void take_entry(struct run_log *log, const struct redisReply *entry)
{
    const char *id = redis_reply_text(redis_reply_at(entry, 0));
    const struct redisReply *fields = redis_reply_at(entry, 1);
    const struct redisReply *bytes = NULL;
    int64_t attempt = 0;

    for (size_t i = 0; i + 1 < redis_reply_count(fields); i += 2) {
        const char *name = redis_reply_text(redis_reply_at(fields, i));

        if (name != NULL && strcmp(name, "bytes") == 0)
            bytes = redis_reply_at(fields, i + 1);
        else if (name != NULL && strcmp(name, "attempt") == 0)
            attempt = redis_reply_int(redis_reply_at(fields, i + 1), 0);
    }
    if (id != NULL && strlen(id) < sizeof log->last)
        memcpy(log->last, id, strlen(id) + 1);
    if (attempt != log->attempt)
        buf_reset(&log->text);
    log->attempt = attempt;
    if (redis_reply_text(bytes) != NULL)
        buf_append(&log->text, redis_reply_text(bytes), redis_reply_len(bytes));
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

    queue_get_log(&cmd, request_prefix(req), req->match.params[0], log->last,
                  ENTRIES_A_ROUND);
    ask_one(req, &cmd, got_entries);
}

static void got_entries(struct request *req, const struct redisReply *reply)
{
    struct run_log *log = req->state;
    size_t count = redis_reply_count(reply);

    for (size_t i = 0; i < count; i++)
        take_entry(log, redis_reply_at(reply, i));
    if (count < ENTRIES_A_ROUND || log->text.over)
        send_text(req);
    else
        ask_entries(req);
}

/* ---- of one that has ended: its result ---- */
static void got_stored(struct request *req, const struct redisReply *reply)
{
    struct run_log *log = req->state;
    struct run_result result;
    struct err err;

    if (queue_get_result_reply(reply, RESULT_LOG, &result, &err) < 0 ||
        (result.log != NULL &&
         zip_inflate(result.log, result.log_len, &log->text, &err) < 0))
        reply_failure(req, &err);
    else
        send_text(req);
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    const char *run_id = req->match.params[0];
    struct run_record run;
    struct redis_cmd cmd;
    struct err err;

    if (queue_get_run_reply(reply, run_id, &run, &err) < 0) {
        reply_failure(req, &err);
    } else if (run.id == NULL) {
        reply_error(req, REPLY_NOT_FOUND, "there is no run %s", run_id);
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

    buf_init(&log->text, LOG_MAX);
    queue_get_run(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_run);
}
