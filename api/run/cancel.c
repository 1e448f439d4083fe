/* POST …/cancel and …/resolve: a person stops a run, or settles an orphan.
 *
 * Whether a token may do that is known once the run has been looked at, for a token for
 * which that makes a difference: one that is limited to projects, or may not apply. What
 * it finds never changes: a run's project and kind are those it was made with. */
#include <string.h>

#include "api/handlers.h"
#include "api/server/auth.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/queue/queue.h"
#include "common/queue/queue_batch.h"

const struct field cancel_fields[CANCEL_FIELDS] = {
    {"force", .type = FIELD_BOOLEAN},
};

static void unknown(struct request *req)
{
    reply_error(req, REPLY_NOT_FOUND, "there is no run %s", req->match.params[0]);
}

/* ---- a look before it ---- */
struct look {
    bool found, applies;
    void (*then)(struct request *req);
};

/* False: there is nothing that this token may see. */
static bool note(struct request *req, const char *project_id, bool applies)
{
    struct look *look = req->state;

    look->found = request_may_see(req, project_id);
    look->applies = applies;
    return look->found;
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    struct look *look = req->state;
    struct run_record run;
    struct err err;

    look->found = false;
    if (queue_get_run_reply(reply, req->match.params[0], &run, &err) < 0)
        reply_failure(req, &err);
    else if (run.id != NULL && !note(req, run.project_id,
                                     run.kind != RUN_DRIFT_CHECK && run.kind != RUN_PLAN))
        unknown(req);
}

static void got_batch(struct request *req, const struct redisReply *reply)
{
    struct look *look = req->state;
    struct batch_record batch;
    struct err err;

    if (!look->found &&
        queue_get_batch_reply(reply, req->match.params[0], &batch, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (!look->found && batch.id != NULL)
        note(req, batch.project_id,
             batch.kind == BATCH_APPLY || batch.kind == BATCH_REMEDIATE);
    if (!look->found)
        unknown(req);
    else if (look->applies && !request_has_access(req, ACCESS_APPLY))
        reply_error(req, REPLY_FORBIDDEN, "%s", auth_scope_message(ACCESS_APPLY));
    else
        look->then(req);
}

static void look_first(struct request *req, void (*then)(struct request *req))
{
    struct look *look = request_state(req, sizeof *look, NULL);
    struct redis_cmd cmd;

    if (!request_is_limited(req) && request_has_access(req, ACCESS_APPLY)) {
        then(req);
        return;
    }
    look->then = then;
    queue_get_run(&cmd, request_prefix(req), req->match.params[0]);
    ask(req, &cmd, got_run);
    queue_get_batch(&cmd, request_prefix(req), req->match.params[0]);
    ask(req, &cmd, got_batch);
    ask_go(req);
}

/* ---- cancel ---- */
static void cancelled(struct request *req, const struct redisReply *reply)
{
    enum cancel_outcome outcome;
    struct err err;

    if (queue_cancel_reply(reply, &outcome, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    switch (outcome) {
    case CANCEL_DONE:
    case CANCEL_ASKED:
        reply_done(req);
        break;
    case CANCEL_ENDED:
        reply_error(req, REPLY_CONFLICT, "run %s has already ended",
                    req->match.params[0]);
        break;
    case CANCEL_UNKNOWN:
        unknown(req);
        break;
    }
}

static void cancel(struct request *req)
{
    struct redis_cmd cmd;

    queue_cancel(&cmd, request_prefix(req), req->match.params[0],
                 json_bool(req->json, "force", false), req->token_name);
    ask_one(req, &cmd, cancelled);
}

void handle_cancel(struct request *req)
{
    look_first(req, cancel);
}

/* ---- resolve ---- */
static void check_outcome(const cJSON *value, const char *at, struct problems *problems)
{
    if (strcmp(value->valuestring, "applied") != 0 &&
        strcmp(value->valuestring, "error") != 0)
        problems_add(problems, at, "%s must be applied or error", at);
}

const struct field resolve_fields[RESOLVE_FIELDS] = {
    {"status", .type = FIELD_TEXT, .required = true, .min = 1, .max = 16,
     .check = check_outcome},
    {"reason", .type = FIELD_TEXT, .required = true, .min = 1, .max = 500},
    {"force", .type = FIELD_BOOLEAN},
};

static void resolved(struct request *req, const struct redisReply *reply)
{
    enum resolve_outcome outcome;
    struct err err;

    if (queue_resolve_reply(reply, &outcome, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    switch (outcome) {
    case RESOLVE_DONE:
        reply_done(req);
        break;
    case RESOLVE_NOT_ORPHAN:
        reply_error(req, REPLY_CONFLICT, "run %s is not an orphan", req->match.params[0]);
        break;
    case RESOLVE_OWNER_ALIVE:
        reply_error(req, REPLY_CONFLICT,
                    "the worker of run %s was seen a moment ago: it may still report "
                    "itself; use \"force\" to resolve it all the same",
                    req->match.params[0]);
        break;
    case RESOLVE_UNKNOWN:
        unknown(req);
        break;
    }
}

static void resolve(struct request *req)
{
    enum run_status status = RUN_ERROR;
    struct redis_cmd cmd;

    run_status_parse(json_string(req->json, "status"), &status);
    queue_resolve(&cmd, request_prefix(req), req->match.params[0], status,
                  json_string(req->json, "reason"), json_bool(req->json, "force", false));
    ask_one(req, &cmd, resolved);
}

void handle_resolve(struct request *req)
{
    look_first(req, resolve);
}
