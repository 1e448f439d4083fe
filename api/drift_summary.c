/* GET /api/v1/drift: how a workspace stands.
 *
 * Three runs make it up: the newest check, even a queued one, is shown as lastRun; the
 * last that came to an answer or an error gives the status; the last that came to an
 * answer gives the counts and the list. They are often one and the same. */
#include <string.h>

#include "api/handlers.h"
#include "api/request.h"
#include "api/run_text.h"
#include "api/scoped.h"
#include "common/mem.h"

#define SHOWN_PARTS (RESULT_OUTPUT | RESULT_METADATA)
#define OLDER_MAX   10

enum role { NEWEST, ENDED, GOOD, ROLES }; /* in the order of queue_get_last */

struct summary {
    struct scoped scoped; /* first */
    char ids[ROLES][SIGN_UUID_BYTES];
    struct run_note notes[ROLES]; /* id "": no such run */
    struct buf last_run;          /* lastRun as JSON, "" when there is none */
    struct json_writer w;         /* into it */
    cJSON *good;                  /* metadata of the good one, rules applied */
    int64_t counted;              /* its drifted resources that are not ignored */
    bool older_goes_on;           /* the newest was cancelled, one before it was not */
    size_t older;                 /* runs that were looked at for that */
};

static void summary_done(void *state)
{
    struct summary *summary = state;

    scoped_done(&summary->scoped);
    buf_done(&summary->last_run);
    cJSON_Delete(summary->good);
}

/* ---- the answer ---- */
static const char *status(const struct summary *summary)
{
    const struct run_note *newest = &summary->notes[NEWEST];
    const struct run_note *ended = &summary->notes[ENDED];

    if (summary->older_goes_on ||
        (newest->id[0] != '\0' && !run_status_ended(newest->status)))
        return "running";
    if (ended->id[0] == '\0')
        return "never_run";
    if (ended->status == RUN_DRIFT_DETECTED && summary->counted == 0 &&
        summary->good != NULL)
        return run_status_name(RUN_CLEAN);
    return run_status_shown(ended->status);
}

static void answer(struct request *req)
{
    struct summary *summary = req->state;
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;
    const cJSON *resources = json_get(summary->good, "driftedResources");

    json_open(&w, &body);
    json_object(&w);
    json_add_text(&w, "status", status(summary));
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
    json_add_null(&w, "schedule");
    json_add_raw(&w, "schedules", "[]", 2);
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
}

static void read_result(struct request *req, const struct redisReply *reply,
                        unsigned parts, enum role role,
                        void (*take)(struct summary *, const struct run_text *))
{
    struct summary *summary = req->state;
    AUTO(run_text_done) struct run_text text = {0};
    struct err err;

    if (run_text_read(&text, reply, parts, &summary->notes[role], &summary->scoped.rules,
                      &err) < 0)
        reply_failure(req, &err);
    else
        take(summary, &text);
}

static void got_good(struct request *req, const struct redisReply *reply)
{
    read_result(req, reply, RESULT_METADATA, GOOD, take_good);
}

static void take_newest(struct summary *summary, const struct run_text *text)
{
    run_json_close(&summary->w, &summary->notes[NEWEST], &text->shown);
}

static void got_newest_result(struct request *req, const struct redisReply *reply)
{
    read_result(req, reply, SHOWN_PARTS, NEWEST, take_newest);
    if (req->response == NULL)
        answer(req);
}

/* Results last, so that their bytes are not held while others are on their way. */
static void ask_results(struct request *req)
{
    struct summary *summary = req->state;
    struct redis_cmd cmd;

    if (summary->notes[NEWEST].id[0] == '\0') {
        answer(req);
        return;
    }
    if (summary->notes[GOOD].id[0] != '\0') {
        queue_get_result(&cmd, request_prefix(req), summary->ids[GOOD], RESULT_METADATA);
        ask(req, &cmd, got_good);
    }
    queue_get_result(&cmd, request_prefix(req), summary->ids[NEWEST], SHOWN_PARTS);
    ask(req, &cmd, got_newest_result);
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
        summary->older_goes_on = false;
    if (run.id != NULL && run.kind == RUN_DRIFT_CHECK && !run_status_ended(run.status))
        summary->older_goes_on = true;
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
static void got_run(struct request *req, const struct redisReply *reply)
{
    struct summary *summary = req->state;
    size_t role = ask_index(req);
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, summary->ids[role], &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    summary->notes[role].id[0] = '\0';
    if (run.id != NULL)
        run_note(&summary->notes[role], &run);
    if (role == NEWEST) {
        buf_done(&summary->last_run);
        buf_init(&summary->last_run, REPLY_BODY_MAX);
        json_open(&summary->w, &summary->last_run);
        if (run.id != NULL)
            run_json_open(&summary->w, &run);
    }
    if (role == ROLES - 1 && summary->notes[NEWEST].status == RUN_CANCELLED)
        ask_older(req);
    else if (role == ROLES - 1)
        ask_results(req);
}

static void got_last(struct request *req, const struct redisReply *reply)
{
    struct summary *summary = req->state;

    for (size_t role = 0; role < ROLES; role++) {
        const char *id = redis_reply_text(redis_reply_at(reply, role));
        struct redis_cmd cmd;

        if (id != NULL && strlen(id) < sizeof summary->ids[role])
            memcpy(summary->ids[role], id, strlen(id) + 1);
        queue_get_run(&cmd, request_prefix(req), summary->ids[role]);
        ask(req, &cmd, got_run);
    }
    ask_go(req);
}

static void ask_last(struct request *req)
{
    const struct summary *summary = req->state;
    struct redis_cmd cmd;

    queue_get_last(&cmd, request_prefix(req), summary->scoped.scope);
    ask_one(req, &cmd, got_last);
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
    summary->scoped.then = ask_last;
    scoped_ask(req);
}
