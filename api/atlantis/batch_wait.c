/* Waiting for the end of a batch, which is the answer of the request that opened it. */
#include "api/atlantis/batch_wait.h"

#include "api/run/accept.h"
#include "api/server/request.h"

/* ---- the answer ---- */
static void got_view(struct request *req)
{
    struct batch_wait *wait = req->state;

    if (batch_view_is_refused(&wait->view))
        batch_view_refuse(req);
    else
        reply_data(req, MHD_HTTP_OK, &wait->view.data);
}

/* 202: the batch goes on without the client. So it is said too when Redis is away: who is
 * told to come again would start a second one. */
static void let_go(struct request *req)
{
    const struct batch_wait *wait = req->state;
    struct buf data = REPLY_BODY_INIT;
    struct json_writer w;

    accept_location(req, wait->batch_id);
    json_open(&w, &data);
    json_object(&w);
    json_add_text(&w, "runId", wait->batch_id);
    json_object_end(&w);
    reply_data(req, MHD_HTTP_ACCEPTED, &data);
}

/* ---- waiting ---- */
static void got_batch(struct request *req, const struct redisReply *reply)
{
    const struct batch_wait *wait = req->state;
    struct batch_record batch;

    if (batch_view_record(req, reply, "run", wait->batch_id, &batch) == 0)
        batch_view_start(req, &batch);
}

static void got_status(struct request *req, const struct redisReply *reply)
{
    const struct batch_wait *wait = req->state;
    const char *text = redis_reply_text(reply);
    enum batch_status status = BATCH_ERROR; /* whatever else it is will be found out */
    struct redis_cmd cmd;

    if (text != NULL)
        batch_status_parse(text, &status);
    if (batch_status_ended(status)) {
        queue_get_batch(&cmd, request_prefix(req), wait->batch_id);
        ask_one(req, &cmd, got_batch);
    } else if (wait_is_open(req)) {
        wait_park(req);
    } else {
        let_go(req);
    }
}

/* Those who wait read nothing but the status, again and again: a whole batch may be many
 * kilobytes. */
static void look(struct request *req)
{
    const struct batch_wait *wait = req->state;
    struct redis_cmd cmd;

    queue_get_batch_status(&cmd, request_prefix(req), wait->batch_id);
    ask_one(req, &cmd, got_status);
}

void batch_wait(struct request *req)
{
    struct batch_wait *wait = req->state;

    wait->view.then = got_view;
    wait_for_end(req, wait->batch_id, look, let_go);
}
