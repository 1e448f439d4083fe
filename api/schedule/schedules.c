/* /api/v1/drift/schedule: the schedules of a workspace, and one by its id. */
#include "api/handlers.h"
#include "api/registry/scoped.h"
#include "api/schedule/schedule_json.h"
#include "api/server/request.h"
#include "common/base/mem.h"

static void unknown(struct request *req)
{
    reply_error(req, REPLY_NOT_FOUND, "there is no schedule %s", req->match.params[0]);
}

/* ---- GET list ---- */
static void got_pair(struct request *req, const struct redisReply *reply)
{
    const struct scoped *scoped = req->state;
    struct registry_pair pair;
    struct err err;

    if (registry_get_pair_reply(reply, &pair, &err) < 0)
        reply_failure(req, &err);
    else
        scoped_is_there(req, &pair, scoped->project_id, scoped->workspace_id);
}

static void got_list(struct request *req, const struct redisReply *reply)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;
    struct err err;

    json_open(&w, &body);
    json_object(&w);
    json_key(&w, "schedules");
    if (schedule_json_list(&w, reply, &err) < 0) {
        buf_done(&body);
        reply_failure(req, &err);
        return;
    }
    json_object_end(&w);
    reply_json(req, MHD_HTTP_OK, &body);
}

void handle_schedule_list(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct scoped *scoped = request_state(req, sizeof *scoped, NULL);
    struct redis_cmd cmd;

    scoped_read(req, scoped, &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    registry_get_pair(&cmd, request_prefix(req), scoped->project_id,
                      scoped->workspace_id);
    ask(req, &cmd, got_pair);
    schedule_list(&cmd, request_prefix(req), scoped->scope);
    ask(req, &cmd, got_list);
    ask_go(req);
}

/* ---- one ---- */
/* The schedule of the path; false when the answer is given. */
static bool read_one(struct request *req, const struct redisReply *reply,
                     struct schedule *out)
{
    int64_t now_ms;
    struct err err;

    if (schedule_get_reply(reply, req->match.params[0], &now_ms, out, &err) < 0) {
        reply_failure(req, &err);
        return false;
    }
    if (out->id != NULL && request_may_see(req, out->project_id))
        return true;
    unknown(req);
    return false;
}

static void ask_one_schedule(struct request *req, ask_then *then)
{
    struct redis_cmd cmd;

    schedule_get(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, then);
}

/* ---- GET ---- */
static void got_one(struct request *req, const struct redisReply *reply)
{
    struct buf body = REPLY_BODY_INIT;
    struct schedule schedule;
    struct json_writer w;

    if (!read_one(req, reply, &schedule))
        return;
    json_open(&w, &body);
    schedule_json(&w, &schedule);
    reply_json(req, MHD_HTTP_OK, &body);
}

void handle_schedule_get(struct request *req)
{
    ask_one_schedule(req, got_one);
}

/* ---- DELETE ---- */
static void deleted(struct request *req, const struct redisReply *reply)
{
    enum schedule_outcome outcome;
    struct err err;

    if (schedule_delete_reply(reply, &outcome, &err) < 0)
        reply_failure(req, &err);
    else if (outcome == SCHEDULE_UNKNOWN)
        unknown(req);
    else
        reply_done(req);
}

static void got_doomed(struct request *req, const struct redisReply *reply)
{
    char scope[SIGN_ID_BYTES];
    struct schedule schedule;
    struct redis_cmd cmd;

    if (!read_one(req, reply, &schedule))
        return;
    registry_scope(schedule.project_id, schedule.workspace_id, scope);
    schedule_delete(&cmd, request_prefix(req), schedule.id, scope);
    ask_one(req, &cmd, deleted);
}

void handle_schedule_delete(struct request *req)
{
    ask_one_schedule(req, got_doomed);
}
