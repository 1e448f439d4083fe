/* GET /api/v1/drift: how a workspace stands (standing.h). The newest check is shown as
 * lastRun; the good run gives the counts and the list, which a reconcile has emptied. */
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/registry/scoped.h"
#include "api/run/run_text.h"
#include "api/run/standing.h"
#include "api/schedule/schedule_json.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/queue/queue_batch.h"
#include "common/registry/order.h"

#define SHOWN_PARTS (RESULT_OUTPUT | RESULT_METADATA)
#define OLDER_MAX   10

struct summary {
    struct scoped scoped; /* first */
    struct standing standing;
    enum standing_role asked[STANDING_ROLES]; /* the runs of a round */
    size_t asked_count;
    char repo[SIGN_ID_BYTES];   /* "": the workspace is not plain: no drift records */
    char target[SIGN_ID_BYTES]; /* with repo, as is */
    char *ref;                  /* owned */
    struct buf schedules;       /* the members of the answer that are about them */
    struct buf last_run;        /* lastRun as JSON, "" when there is none */
    struct json_writer w;       /* into it */
    cJSON *good;                /* metadata of the good one, rules applied */
    int64_t counted;            /* its drifted resources that are not ignored */
    size_t older; /* runs that were looked at when the newest was cancelled */
};

static void summary_done(void *state)
{
    struct summary *summary = state;

    scoped_done(&summary->scoped);
    free(summary->ref);
    buf_done(&summary->schedules);
    buf_done(&summary->last_run);
    cJSON_Delete(summary->good);
}

/* ---- the answer ---- */
static void answer(struct request *req)
{
    struct summary *summary = req->state;
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;
    const cJSON *resources = json_get(summary->good, "driftedResources");
    int64_t counted = summary->good != NULL ? summary->counted : -1;

    json_open(&w, &body);
    json_object(&w);
    json_add_text(&w, "status", standing_status(&summary->standing, counted));
    json_key(&w, "lastRun");
    if (summary->last_run.len > 0)
        json_raw(&w, buf_text(&summary->last_run), summary->last_run.len);
    else
        json_null(&w);
    json_add_number(&w, "totalResources", json_int(summary->good, "totalResources", 0));
    json_add_number(&w, "driftedCount", summary->counted);
    if (cJSON_IsArray(resources))
        json_add_node(&w, "driftedResources", resources);
    else
        json_add_raw(&w, "driftedResources", "[]", 2);
    json_raw(&w, buf_text(&summary->schedules), summary->schedules.len);
    json_object_end(&w);
    reply_json(req, MHD_HTTP_OK, &body);
}

/* ---- results ---- */
static void take_good(struct summary *summary, const struct run_text *text)
{
    struct err err;

    cJSON_Delete(summary->good);
    summary->good = NULL;
    summary->counted = text->counted;
    if (text->shown.metadata != NULL)
        summary->good = json_parse(text->shown.metadata, text->shown.metadata_len,
                                   RULES_METADATA_DEPTH_MAX, false, &err);
    if (standing_is_mended(&summary->standing)) {
        cJSON_DeleteItemFromObjectCaseSensitive(summary->good, "driftedResources");
        summary->counted = 0;
    }
}

static void read_result(struct request *req, const struct redisReply *reply,
                        unsigned parts, enum standing_role role,
                        void (*take)(struct summary *, const struct run_text *))
{
    struct summary *summary = req->state;
    AUTO(run_text_done) struct run_text text = {0};
    struct err err;

    if (run_text_read(&text, reply, parts, &summary->standing.notes[role],
                      &summary->scoped.rules, &err) < 0)
        reply_failure(req, &err);
    else
        take(summary, &text);
}

static void got_good(struct request *req, const struct redisReply *reply)
{
    read_result(req, reply, RESULT_METADATA, STANDING_GOOD, take_good);
}

static void take_newest(struct summary *summary, const struct run_text *text)
{
    run_json_close(&summary->w, &summary->standing.notes[STANDING_NEWEST], &text->shown);
}

static void got_newest_result(struct request *req, const struct redisReply *reply)
{
    read_result(req, reply, SHOWN_PARTS, STANDING_NEWEST, take_newest);
    if (req->response == NULL)
        answer(req);
}

static void got_good_alone(struct request *req, const struct redisReply *reply)
{
    got_good(req, reply);
    if (req->response == NULL)
        answer(req);
}

/* Results last, so that their bytes are not held while others are on their way. */
static void ask_results(struct request *req)
{
    struct summary *summary = req->state;
    const char *newest = summary->standing.notes[STANDING_NEWEST].id;
    const char *good = summary->standing.notes[STANDING_GOOD].id;
    struct redis_cmd cmd;

    if (newest[0] == '\0' && good[0] == '\0') {
        answer(req);
        return;
    }
    if (good[0] != '\0') {
        queue_get_result(&cmd, request_prefix(req), good, RESULT_METADATA);
        ask(req, &cmd, newest[0] != '\0' ? got_good : got_good_alone);
    }
    if (newest[0] != '\0') {
        queue_get_result(&cmd, request_prefix(req), newest, SHOWN_PARTS);
        ask(req, &cmd, got_newest_result);
    }
    ask_go(req);
}

/* ---- the newest was cancelled: does one before it still run? ---- */
static void got_older(struct request *req, const struct redisReply *reply)
{
    struct summary *summary = req->state;
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, "older", &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (ask_index(req) == 0)
        summary->standing.older_goes_on = false;
    if (run.id != NULL && run.kind == RUN_DRIFT_CHECK && !run_status_ended(run.status))
        summary->standing.older_goes_on = true;
    if (ask_index(req) + 1 == summary->older)
        ask_results(req);
}

static void got_older_ids(struct request *req, const struct redisReply *reply)
{
    struct summary *summary = req->state;

    summary->older = 0;
    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        const char *id = redis_reply_text(redis_reply_at(reply, i));
        struct redis_cmd cmd;

        if (id == NULL)
            continue;
        queue_get_run(&cmd, request_prefix(req), id);
        ask(req, &cmd, got_older);
        summary->older++;
    }
    if (summary->older > 0)
        ask_go(req);
    else
        ask_results(req);
}

static void ask_older(struct request *req)
{
    const struct summary *summary = req->state;
    struct redis_cmd cmd;

    queue_list_runs(&cmd, request_prefix(req), summary->scoped.scope, 0, NULL, OLDER_MAX);
    ask_one(req, &cmd, got_older_ids);
}

/* ---- the runs ---- */
static void begin_last_run(struct summary *summary, const struct run_record *run)
{
    buf_done(&summary->last_run);
    buf_init(&summary->last_run, REPLY_BODY_MAX);
    json_open(&summary->w, &summary->last_run);
    if (run->id != NULL)
        run_json_open(&summary->w, run);
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    struct summary *summary = req->state;
    enum standing_role role = summary->asked[ask_index(req)];
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, summary->standing.ids[role], &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    standing_take_run(&summary->standing, role, &run);
    if (role == STANDING_NEWEST)
        begin_last_run(summary, &run);
    if (ask_index(req) + 1 < summary->asked_count)
        return;
    standing_settle(&summary->standing);
    if (summary->standing.notes[STANDING_NEWEST].id[0] != '\0' &&
        summary->standing.notes[STANDING_NEWEST].status == RUN_CANCELLED)
        ask_older(req);
    else
        ask_results(req);
}

/* Each run once, though it may stand in several roles. */
static void ask_runs(struct request *req)
{
    struct summary *summary = req->state;
    struct redis_cmd cmd;

    summary->asked_count = 0;
    for (enum standing_role role = STANDING_NEWEST; role < STANDING_ROLES; role++) {
        if (summary->standing.ids[role][0] == '\0' ||
            standing_first(&summary->standing, role) != role)
            continue;
        queue_get_run(&cmd, request_prefix(req), summary->standing.ids[role]);
        ask(req, &cmd, got_run);
        summary->asked[summary->asked_count++] = role;
    }
    if (summary->asked_count > 0)
        ask_go(req);
    else
        ask_results(req);
}

static void got_last(struct request *req, const struct redisReply *reply)
{
    struct summary *summary = req->state;

    standing_take_last(&summary->standing, reply);
    if (summary->repo[0] == '\0')
        ask_runs(req);
}

static void got_records(struct request *req, const struct redisReply *reply)
{
    struct summary *summary = req->state;

    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        const struct redisReply *record = redis_reply_at(reply, i);

        standing_take_record(&summary->standing, redis_reply_text(record),
                             redis_reply_len(record));
    }
    ask_runs(req);
}

static void got_schedules(struct request *req, const struct redisReply *reply)
{
    struct summary *summary = req->state;
    struct json_writer w;
    struct err err;

    buf_done(&summary->schedules);
    buf_init(&summary->schedules, REPLY_BODY_MAX);
    json_open(&w, &summary->schedules);
    if (schedule_json_summary(&w, reply, &err) < 0)
        reply_failure(req, &err);
}

static void ask_last(struct request *req)
{
    const struct summary *summary = req->state;
    struct redis_cmd cmd;

    schedule_list(&cmd, request_prefix(req), summary->scoped.scope);
    ask(req, &cmd, got_schedules);
    queue_get_last(&cmd, request_prefix(req), summary->scoped.scope);
    ask(req, &cmd, got_last);
    if (summary->repo[0] != '\0') {
        queue_get_drift_of(&cmd, request_prefix(req), summary->repo, summary->target,
                           summary->ref);
        ask(req, &cmd, got_records);
    }
    ask_go(req);
}

/* A workspace whose order cannot be made any more has its own runs still. */
static void look(struct request *req, const struct registry_pair *pair)
{
    struct summary *summary = req->state;
    const struct order *order;
    struct err err;

    summary->repo[0] = '\0';
    order = orders_of(req->api->orders, pair, summary->scoped.workspace_id,
                      RUN_DRIFT_CHECK, &err);
    if (order == NULL || !order->plain)
        return;
    memcpy(summary->repo, order->repo, sizeof summary->repo);
    memcpy(summary->target, order->target, sizeof summary->target);
    free(summary->ref);
    summary->ref = mem_dup(order->ref);
}

void handle_drift_summary(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct summary *summary = request_state(req, sizeof *summary, summary_done);

    scoped_read(req, &summary->scoped, &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    summary->scoped.look = look;
    summary->scoped.then = ask_last;
    scoped_ask(req);
}
