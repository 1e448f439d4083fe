/* POST /api/v1/drift/schedule and PUT …/{scheduleId}.
 *
 * A schedule is stored together with its next tick, which is found here by the clock of
 * Redis. So each change is read, made and put back on the condition that nobody else has
 * changed the schedule or fired its tick; whoever comes second reads again. */
#include <string.h>

#include "api/handlers.h"
#include "api/registry/scoped.h"
#include "api/schedule/schedule_fields.h"
#include "api/schedule/schedule_json.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

#define READS_MAX 5 /* of a schedule that changes while we look */

#define PATH "/api/v1/drift/schedule/"

static void show(struct request *req, unsigned status, const struct schedule *schedule)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    schedule_json(&w, schedule);
    reply_json(req, status, &body);
}

static void reply_problem(struct request *req, const char *field, const char *message)
{
    AUTO(problems_done) struct problems problems = {0};

    problems_add(&problems, field, "%s: %s", field, message);
    reply_problems(req, &problems);
}

/* The next tick of a schedule that is new or has another rhythm. -1: the answer is given.
 */
static int set_tick(struct request *req, struct schedule *schedule, int64_t now_ms)
{
    const struct zone *zone;
    struct cron cron;
    struct err err;

    schedule->tick_ms = 0;
    if (!schedule->enabled)
        return 0;
    if (cron_parse(schedule->cron, &cron, &err) < 0) {
        reply_failure(req, &err);
        return -1;
    }
    if (zones_get(req->api->zones, schedule->timezone, &zone, &err) < 0) {
        /* A stored one may be gone from this machine. */
        if (err.kind == ERR_INPUT)
            reply_problem(req, "timezone", err.message);
        else
            reply_failure(req, &err);
        return -1;
    }
    /* The first that is due later than now: a tick may be over and its due time not. */
    now_ms -= schedule_offset_ms(schedule->spread, schedule->jitter_s);
    schedule->tick_ms = schedule_first(&cron, zone, now_ms);
    return 0;
}

/* ---- POST ---- */
struct creation {
    const char *project_id, *workspace_id; /* in the body */
    char id[SIGN_UUID_BYTES];
};

static void created(struct request *req, const struct redisReply *reply)
{
    const struct creation *creation = req->state;
    enum schedule_outcome outcome;
    struct schedule schedule;
    struct err err;

    if (schedule_put_reply(reply, &outcome, &schedule, &err) < 0) {
        reply_failure(req, &err);
    } else if (outcome == SCHEDULE_FULL) {
        reply_error(req, REPLY_CONFLICT,
                    "workspace %s/%s has %d schedules: delete one first",
                    creation->project_id, creation->workspace_id, SCHEDULES_MAX);
    } else if (outcome != SCHEDULE_CREATED) {
        reply_error(req, REPLY_NOT_FOUND, "project %s has no workspace %s",
                    creation->project_id, creation->workspace_id);
    } else {
        reply_location(req, PATH, schedule.id);
        show(req, MHD_HTTP_CREATED, &schedule);
    }
}

static bool may_reconcile(const char *workspace_json)
{
    AUTO(auto_json) cJSON *workspace = NULL;
    struct err err;

    workspace =
        json_parse(workspace_json, strlen(workspace_json), JSON_DEPTH_MAX, false, &err);
    return json_bool(workspace, "autoReconcile", false);
}

static void create(struct request *req, const struct registry_pair *pair, int64_t now_ms)
{
    const struct creation *creation = req->state;
    struct schedule schedule = schedule_defaults;
    struct redis_cmd cmd;

    schedule.id = creation->id;
    schedule.project_id = creation->project_id;
    schedule.workspace_id = creation->workspace_id;
    schedule_type_parse(json_string(req->json, "scheduleType"), &schedule.type);
    if (schedule.type == SCHEDULE_RECONCILE && !may_reconcile(pair->workspace_json)) {
        reply_problem(req, "scheduleType",
                      "reconcile needs a workspace with autoReconcile");
        return;
    }
    schedule_edit(req->json, &schedule);
    if (set_tick(req, &schedule, now_ms) < 0)
        return;
    schedule_put(&cmd, request_prefix(req), &schedule, 0);
    ask_one(req, &cmd, created);
}

static void prepared(struct request *req, const struct redisReply *reply)
{
    const struct creation *creation = req->state;
    struct registry_pair pair;
    int64_t now_ms;
    struct err err;

    if (schedule_prepare_reply(reply, &now_ms, &pair, &err) < 0)
        reply_failure(req, &err);
    else if (scoped_is_there(req, &pair, creation->project_id, creation->workspace_id))
        create(req, &pair, now_ms);
}

void handle_schedule_create(struct request *req)
{
    struct creation *creation = request_state(req, sizeof *creation, NULL);
    struct redis_cmd cmd;

    creation->project_id = json_string(req->json, "projectId");
    creation->workspace_id = json_string(req->json, "workspaceId");
    sign_uuid7(clock_wall_ms(), creation->id);
    schedule_prepare(&cmd, request_prefix(req), creation->project_id,
                     creation->workspace_id);
    ask_one(req, &cmd, prepared);
}

/* ---- PUT ---- */
struct update {
    int reads;
};

static void unknown(struct request *req)
{
    reply_error(req, REPLY_NOT_FOUND, "there is no schedule %s", req->match.params[0]);
}

static void read_current(struct request *req);

static void updated(struct request *req, const struct redisReply *reply)
{
    enum schedule_outcome outcome;
    struct schedule schedule;
    struct err err;

    if (schedule_put_reply(reply, &outcome, &schedule, &err) < 0)
        reply_failure(req, &err);
    else if (outcome == SCHEDULE_UPDATED)
        show(req, MHD_HTTP_OK, &schedule);
    else if (outcome == SCHEDULE_CHANGED)
        read_current(req);
    else
        unknown(req);
}

/* A change that was made though its answer got lost is found made when it is sent again:
 * then there is nothing left to change. */
static void update(struct request *req, struct schedule *schedule, int64_t now_ms)
{
    int64_t old_tick_ms = schedule->tick_ms;
    struct redis_cmd cmd;

    switch (schedule_edit(req->json, schedule)) {
    case SCHEDULE_SAME:
        show(req, MHD_HTTP_OK, schedule);
        return;
    case SCHEDULE_RETIMED:
        if (set_tick(req, schedule, now_ms) < 0)
            return;
        break;
    case SCHEDULE_EDITED:
        break;
    }
    schedule_put(&cmd, request_prefix(req), schedule, old_tick_ms);
    ask_one(req, &cmd, updated);
}

static void got_current(struct request *req, const struct redisReply *reply)
{
    struct schedule schedule;
    int64_t now_ms;
    struct err err;

    if (schedule_get_reply(reply, req->match.params[0], &now_ms, &schedule, &err) < 0)
        reply_failure(req, &err);
    else if (schedule.id == NULL || !request_may_see(req, schedule.project_id))
        unknown(req);
    else
        update(req, &schedule, now_ms);
}

static void read_current(struct request *req)
{
    struct update *update = req->state;
    struct redis_cmd cmd;

    if (++update->reads > READS_MAX) {
        reply_error(req, REPLY_CONFLICT, "schedule %s is being changed",
                    req->match.params[0]);
        return;
    }
    schedule_get(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_current);
}

void handle_schedule_update(struct request *req)
{
    request_state(req, sizeof(struct update), NULL);
    read_current(req);
}
