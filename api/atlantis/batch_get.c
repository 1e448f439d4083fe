/* GET of a batch: …/runs/{id} and …/drift/{id}, with its ETag and long poll, and
 * /api/drift/remediate/{id}. */
#include "api/atlantis/batch_get.h"

#include <stdio.h>

#include "api/atlantis/batch_view.h"
#include "api/atlantis/repository.h"
#include "api/handlers.h"
#include "api/server/poll.h"
#include "api/server/request.h"
#include "common/base/mem.h"

/* ---- v1 ---- */
struct batch_get {
    struct batch_view view; /* first */
    struct buf body;
    struct json_writer w;
    char etag[64];
};

static void get_done(void *state)
{
    struct batch_get *get = state;

    batch_view_done(&get->view);
    buf_done(&get->body);
}

static void add_error(struct json_writer *w, const struct batch_record *batch)
{
    json_key(w, "error");
    if (batch->error_code[0] == '\0') {
        json_null(w);
        return;
    }
    json_object(w);
    json_add_text(w, "code", batch->error_code);
    json_add_text(w, "message", batch->error_message);
    json_object_end(w);
}

/* Everything but the result. */
static void open_body(struct batch_get *get, const struct batch_record *batch)
{
    struct json_writer *w = &get->w;

    buf_done(&get->body);
    get->body = REPLY_BODY_INIT;
    json_open(w, &get->body);
    json_object(w);
    json_add_text(w, "id", batch->id);
    json_add_text(w, "kind", batch_kind_name(batch->kind));
    json_add_text(w, "status", batch_status_name(batch->status));
    json_add_stored(w, "trigger", batch->trigger);
    if (batch->project_id[0] != '\0')
        json_add_text(w, "projectId", batch->project_id);
    json_add_stored(w, "commit", batch->commit);
    add_error(w, batch);
    json_key(w, "runs");
    json_array(w);
    for (size_t i = 0; i < batch_run_count(batch); i++)
        json_text(w, batch_run_at(batch, i));
    json_array_end(w);
    json_add_time(w, "queuedAt", batch->queued_at_ms);
    json_add_time(w, "startedAt", batch->started_at_ms);
    json_add_time(w, "endedAt", batch->ended_at_ms);
}

static void end_body(struct request *req)
{
    struct batch_get *get = req->state;

    json_object_end(&get->w);
    reply_header(req, MHD_HTTP_HEADER_ETAG, get->etag);
    reply_json(req, MHD_HTTP_OK, &get->body);
}

static void got_result(struct request *req)
{
    struct batch_get *get = req->state;
    struct buf *data = &get->view.data;

    if (batch_view_is_refused(&get->view))
        json_add_null(&get->w, "result");
    else
        json_add_raw(&get->w, "result", buf_text(data), data->len);
    get->body.over = get->body.over || data->over;
    buf_done(data); /* not twice while a slow client reads */
    end_body(req);
}

static void got_batch(struct request *req, const struct redisReply *reply)
{
    struct batch_get *get = req->state;
    struct batch_record batch;
    bool ended;

    if (batch_view_record(req, reply, "run", req->match.params[0], &batch) < 0)
        return;
    if (!request_may_see(req, batch.project_id)) {
        reply_error(req, REPLY_NOT_FOUND, "there is no run %s", batch.id);
        return;
    }
    ended = batch_status_ended(batch.status);
    snprintf(get->etag, sizeof get->etag, "\"%s\"", batch.version);
    if (!poll_is_news(req, get->etag, ended)) {
        poll_no_news(req, get->etag);
        return;
    }
    open_body(get, &batch);
    if (ended) {
        batch_view_start(req, &batch);
        return;
    }
    json_add_null(&get->w, "result");
    end_body(req);
}

static void look(struct request *req)
{
    struct redis_cmd cmd;

    queue_get_batch(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_batch);
}

void batch_get(struct request *req)
{
    struct batch_get *get = request_state(req, sizeof *get, get_done);

    get->view.then = got_result;
    wait_turn_to(req, look);
    look(req);
}

/* ---- a remediation ---- */
static void remediation_done(void *state)
{
    batch_view_done(state);
}

static void show_remediation(struct request *req)
{
    struct batch_view *view = req->state;

    reply_data(req, MHD_HTTP_OK, &view->data);
}

static void got_remediation(struct request *req, const struct redisReply *reply)
{
    const char *id = req->match.params[0];
    struct batch_record batch;

    if (batch_view_record(req, reply, "remediation", id, &batch) < 0)
        return;
    if (batch.kind == BATCH_REMEDIATE)
        batch_view_start(req, &batch);
    else
        reply_error(req, REPLY_NOT_FOUND, "there is no remediation %s", id);
}

void handle_remediate_get(struct request *req)
{
    struct batch_view *view;
    struct redis_cmd cmd;

    if (!repository_has_drift(req))
        return;
    view = request_state(req, sizeof *view, remediation_done);
    view->then = show_remediation;
    queue_get_batch(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_remediation);
}

void handle_remediate_unnamed(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};

    problems_add_missing(&problems, "id");
    reply_problems(req, &problems);
}
