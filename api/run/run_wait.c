/* Waiting for the end of a run, which is the answer of the request that started it. */
#include "api/run/run_wait.h"

#include <string.h>

#include "api/run/accept.h"
#include "api/server/request.h"

/* 202: the run goes on without the client. So it is said too when Redis is away: who is
 * told to come again would start a second one. */
static void let_go(struct request *req)
{
    const struct run_wait *wait = req->state;
    struct enqueued enqueued = {.outcome = ENQUEUE_NEW};

    memcpy(enqueued.run_id, wait->run_id, sizeof enqueued.run_id);
    accept_reply(req, &enqueued);
}

static bool is_over(enum run_status status)
{
    return run_status_ended(status) || status == RUN_ORPHANED;
}

static void answer(struct request *req, const struct run_record *run)
{
    const struct run_wait *wait = req->state;

    if (wait->answers == NULL || !wait->answers(req, run))
        run_get_show(req, run);
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    const struct run_wait *wait = req->state;
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, wait->run_id, &run, &err) < 0)
        reply_failure(req, &err);
    else if (run.id == NULL)
        reply_error(req, REPLY_NOT_FOUND, "there is no run %s", wait->run_id);
    else if (is_over(run.status))
        answer(req, &run);
    else if (wait_is_open(req))
        wait_park(req);
    else
        let_go(req);
}

static void look(struct request *req)
{
    const struct run_wait *wait = req->state;
    struct redis_cmd cmd;

    queue_get_run(&cmd, request_prefix(req), wait->run_id);
    ask_one(req, &cmd, got_run);
}

void run_wait(struct request *req)
{
    struct run_wait *wait = req->state;

    wait->get.as_it_is = true;
    wait_for_end(req, wait->run_id, look, let_go);
}
