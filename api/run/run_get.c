/* GET …/drift/{run} and …/runs/{run}: one run, with its ETag and long poll. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/atlantis/batch_get.h"
#include "api/handlers.h"
#include "api/run/run_cache.h"
#include "api/run/run_get.h"
#include "api/run/run_text.h"
#include "api/server/poll.h"
#include "api/server/request.h"
#include "common/base/mem.h"

#define BODY_FIRST  1024
#define SHOWN_PARTS (RESULT_OUTPUT | RESULT_APPLIED | RESULT_METADATA)

void run_get_done(void *state)
{
    struct run_get *get = state;

    buf_done(&get->body);
    scoped_done(&get->scoped);
}

static void start_over(struct run_get *get)
{
    size_t room;

    run_get_done(get);
    buf_init(&get->body, REPLY_BODY_MAX);
    buf_reserve(&get->body, BODY_FIRST, &room);
    json_open(&get->w, &get->body);
}

static void finish(struct request *req, const struct run_shown *shown)
{
    struct run_get *get = req->state;

    run_json_close(&get->w, &get->note, shown);
    if (get->note.status != RUN_DRIFT_DETECTED)
        run_cache_put(req->api->run_cache, &get->note, get->etag, &get->body);
    reply_header(req, MHD_HTTP_HEADER_ETAG, get->etag);
    reply_json(req, MHD_HTTP_OK, &get->body);
}

static void got_result(struct request *req, const struct redisReply *reply)
{
    struct run_get *get = req->state;
    AUTO(run_text_done) struct run_text text = {0};
    struct err err;

    if (run_text_read(&text, reply, SHOWN_PARTS, &get->note,
                      get->note.status == RUN_DRIFT_DETECTED ? &get->scoped.rules : NULL,
                      &err) < 0)
        reply_failure(req, &err);
    else
        finish(req, &text.shown);
}

static void show(struct request *req)
{
    static const struct run_shown nothing = {0};
    struct run_get *get = req->state;
    struct redis_cmd cmd;

    if (!run_status_ended(get->note.status)) {
        finish(req, &nothing);
        return;
    }
    queue_get_result(&cmd, request_prefix(req), get->note.id, SHOWN_PARTS);
    ask_one(req, &cmd, got_result);
}

/* The run as it is now is known. */
static void compare(struct request *req)
{
    struct run_get *get = req->state;

    snprintf(get->etag, sizeof get->etag, "\"%s-%" PRId64 "-%" PRId64 "\"",
             get->note.version, get->scoped.rules.revision, get->scoped.rules.active);
    if (get->as_it_is ||
        poll_is_news(req, get->etag, run_status_ended(get->note.status))) {
        show(req);
        return;
    }
    run_get_done(get);
    poll_no_news(req, get->etag);
}

/* ---- the run ---- */
static void ask_rules(struct request *req)
{
    struct run_get *get = req->state;
    struct scoped *scoped = &get->scoped;

    scoped->project_id = get->note.project_id;
    scoped->workspace_id = get->note.workspace_id;
    memcpy(scoped->scope, get->note.scope, sizeof scoped->scope);
    scoped->optional = true;
    scoped->then = compare;
    scoped_ask(req);
}

void run_get_show(struct request *req, const struct run_record *run)
{
    struct run_get *get = req->state;

    start_over(get);
    run_json_open(&get->w, run);
    run_note(&get->note, run);
    if (run->status == RUN_DRIFT_DETECTED)
        ask_rules(req);
    else
        compare(req);
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, req->match.params[0], &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (run.id == NULL) {
        batch_get(req);
        return;
    }
    if (!request_may_see(req, run.project_id)) {
        reply_error(req, REPLY_NOT_FOUND, "there is no run %s", run.id);
        return;
    }
    run_get_show(req, &run);
}

static void ask_run(struct request *req)
{
    struct redis_cmd cmd;

    queue_get_run(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_run);
}

/* ---- what a poll costs: is the answer we have still the run's? ---- */
static void show_cached(struct request *req, const struct cached_run *cached)
{
    struct buf body = REPLY_BODY_INIT;

    if (!request_may_see(req, cached->project_id)) {
        reply_error(req, REPLY_NOT_FOUND, "there is no run %s", cached->id);
        return;
    }
    if (!poll_is_news(req, cached->etag, cached->ended)) {
        poll_no_news(req, cached->etag);
        return;
    }
    buf_append(&body, cached->body, cached->len);
    reply_header(req, MHD_HTTP_HEADER_ETAG, cached->etag);
    reply_json(req, MHD_HTTP_OK, &body);
}

static void got_version(struct request *req, const struct redisReply *reply)
{
    const struct cached_run *cached =
        run_cache_find(req->api->run_cache, req->match.params[0]);
    const char *version = redis_reply_text(reply);

    if (cached != NULL && version != NULL && strcmp(version, cached->version) == 0)
        show_cached(req, cached);
    else
        ask_run(req);
}

static void look(struct request *req)
{
    struct redis_cmd cmd;

    if (run_cache_find(req->api->run_cache, req->match.params[0]) == NULL) {
        ask_run(req);
        return;
    }
    queue_get_version(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_version);
}

void handle_run_get(struct request *req)
{
    request_state(req, sizeof(struct run_get), run_get_done);
    if (poll_begin(req, look) == 0)
        look(req);
}
