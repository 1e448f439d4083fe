/* POST …/cancel and …/resolve: a person stops a run, or settles an orphan. */
#include <string.h>

#include "api/handlers.h"
#include "api/request.h"
#include "common/mem.h"
#include "common/queue.h"

const struct field cancel_fields[CANCEL_FIELDS] = {
    {"force", .type = FIELD_BOOLEAN},
};

static void unknown(struct request *req)
{
    reply_error(req, REPLY_NOT_FOUND, "there is no run %s", req->match.params[0]);
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

void handle_cancel(struct request *req)
{
    struct redis_cmd cmd;

    queue_cancel(&cmd, request_prefix(req), req->match.params[0],
                 json_bool(req->json, "force", false), req->token_name);
    ask_one(req, &cmd, cancelled);
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

void handle_resolve(struct request *req)
{
    enum run_status status = RUN_ERROR;
    struct redis_cmd cmd;

    run_status_parse(json_string(req->json, "status"), &status);
    queue_resolve(&cmd, request_prefix(req), req->match.params[0], status,
                  json_string(req->json, "reason"), json_bool(req->json, "force", false));
    ask_one(req, &cmd, resolved);
}
