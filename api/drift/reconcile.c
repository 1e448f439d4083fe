/* POST /api/v1/drift/reconcile: a run that plans, applies that plan and plans again; its
 * end is the answer.
 *
 * What a caller got once for its Idempotency-Key comes first: that what it has seen of
 * the drift has moved since is no answer to who asks again. */
#include <string.h>

#include "api/drift/reconcile_parts.h"
#include "api/handlers.h"
#include "api/server/field_check.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

#define READS_MAX       5 /* of a workspace that changes while we look */
#define MAX_DESTROY_MAX 100000

const struct field reconcile_fields[RECONCILE_FIELDS] = {
    {"workspaceId", .type = FIELD_TEXT, .required = true, .min = 1, .max = 64},
    {"projectId", .type = FIELD_TEXT, .required = true, .min = 1, .max = 64},
    {"allowDestroy", .type = FIELD_BOOLEAN},
    {"maxDestroy", .type = FIELD_INTEGER, .min = 0, .max = MAX_DESTROY_MAX},
    {"planRunId", .type = FIELD_TEXT, .min = 1, .max = 64, .check = field_check_run_id},
};

void reconcile_check(const cJSON *body, struct problems *problems)
{
    if (json_bool(body, "allowDestroy", false) &&
        cJSON_IsNumber(json_get(body, "maxDestroy")))
        problems_add(problems, "maxDestroy",
                     "allowDestroy lifts maxDestroy: give one of them");
}

static void reconcile_done(void *state)
{
    struct reconcile *rec = state;

    run_get_done(&rec->wait.get);
    order_done(&rec->order);
    seen_plan_done(&rec->seen);
}

/* ---- the end ---- */
/* It never came to an apply, for a reason that others are told before they begin. */
static bool answer_refused(struct request *req, const struct run_record *run)
{
    static const struct {
        enum run_error error;
        enum reply_error answer;
    } refusals[] = {
        {RUN_ERR_FROZEN, REPLY_FROZEN},
        {RUN_ERR_DRIFT_MOVED, REPLY_DRIFT_MOVED},
    };

    for (size_t i = 0; run->status == RUN_ERROR && i < ARRAY_LEN(refusals); i++) {
        if (strcmp(run->error_code, run_error_name(refusals[i].error)) != 0)
            continue;
        accept_location(req, run->id);
        reply_error(req, refusals[i].answer, "%s",
                    run->error_message[0] != '\0' ? run->error_message
                                                  : run_error_hint(refusals[i].error));
        return true;
    }
    return false;
}

/* Nothing but its id is held while it waits. */
static void wait_for(struct request *req, const char *run_id)
{
    struct reconcile *rec = req->state;

    memmove(rec->wait.run_id, run_id, strlen(run_id) + 1);
    rec->wait.answers = answer_refused;
    rec->project_id = rec->workspace_id = rec->seen.run_id = NULL;
    order_done(&rec->order);
    seen_plan_done(&rec->seen);
    request_drop_body(req);
    run_wait(req);
}

/* ---- enqueue ---- */
static void ask_workspace(struct request *req);

static void got_enqueued(struct request *req, const struct redisReply *reply)
{
    struct reconcile *rec = req->state;
    struct enqueued enqueued;

    switch (accept_read(req, reply, rec->project_id, &enqueued)) {
    case ACCEPTED:
        wait_for(req, enqueued.run_id);
        break;
    case ACCEPT_MOVED:
        ask_workspace(req);
        break;
    case ACCEPT_REFUSED:
        break;
    }
}

static struct order_terms terms_of(const struct request *req)
{
    const struct reconcile *rec = req->state;
    struct order_terms terms = {0};

    if (json_bool(req->json, "allowDestroy", false))
        terms = (struct order_terms){RUN_DESTROY_ANY, true, NULL, NULL};
    else if (cJSON_IsNumber(json_get(req->json, "maxDestroy")))
        terms =
            (struct order_terms){json_int(req->json, "maxDestroy", 0), true, NULL, NULL};
    if (rec->seen.run_id != NULL) {
        terms.expected_drift = rec->seen.drift;
        terms.expected_commit = rec->seen.commit;
    }
    return terms;
}

static void enqueue(struct request *req)
{
    const struct reconcile *rec = req->state;
    const struct order_terms terms = terms_of(req);
    AUTO(order_done) struct order order = {0};
    struct redis_cmd cmd;
    struct enqueue entry;
    struct err err;

    if (order_on_terms(&rec->order, &terms, &order, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    entry = accept_enqueue(req, &order);
    entry.run_id = rec->wait.run_id;
    entry.trigger = TRIGGER_API;
    entry.fingerprint = "";
    entry.idem = rec->idem.key;
    entry.idem_body = rec->idem.body;
    entry.locked_by = req->token_name;
    queue_enqueue(&cmd, request_prefix(req), &entry);
    ask_one(req, &cmd, got_enqueued);
}

/* ---- the workspace ---- */
static void got_pair(struct request *req, const struct redisReply *reply)
{
    struct reconcile *rec = req->state;
    struct registry_pair pair;
    struct err err;

    order_done(&rec->order);
    if (registry_get_pair_reply(reply, &pair, &err) < 0)
        reply_failure(req, &err);
    else if (!scoped_is_there(req, &pair, rec->project_id, rec->workspace_id))
        return;
    else if (orders_make(req->api->orders, &pair, rec->workspace_id, RUN_RECONCILE,
                         &rec->order, &err) < 0)
        accept_refuse_order(req, &err);
    else if (accept_allows(req, &rec->order) && rec->seen.run_id != NULL)
        seen_plan_compare(req, enqueue);
    else if (req->response == NULL)
        enqueue(req);
}

static void ask_workspace(struct request *req)
{
    struct reconcile *rec = req->state;
    struct redis_cmd cmd;

    if (++rec->reads > READS_MAX) {
        reply_error(req, REPLY_CONFLICT, "workspace %s/%s is being changed",
                    rec->project_id, rec->workspace_id);
        return;
    }
    if (rec->seen.run_id != NULL)
        seen_plan_ask(req);
    registry_get_pair(&cmd, request_prefix(req), rec->project_id, rec->workspace_id);
    ask(req, &cmd, got_pair);
    ask_go(req);
}

/* ---- the request ---- */
static void got_idem(struct request *req, const struct redisReply *reply)
{
    const struct reconcile *rec = req->state;
    struct enqueued before;
    struct err err;

    if (queue_get_idem_reply(reply, rec->idem.body, &before, &err) < 0)
        reply_failure(req, &err);
    else if (before.outcome == ENQUEUE_NEW)
        ask_workspace(req);
    else if (accept_take(req, &before, rec->project_id) == ACCEPTED)
        wait_for(req, before.run_id);
}

void handle_reconcile(struct request *req)
{
    struct reconcile *rec = request_state(req, sizeof *rec, reconcile_done);
    struct redis_cmd cmd;

    rec->project_id = json_string(req->json, "projectId");
    rec->workspace_id = json_string(req->json, "workspaceId");
    rec->seen.run_id = json_string(req->json, "planRunId");
    if (idempotency_read(req, &rec->idem) < 0)
        return;
    sign_uuid7(clock_wall_ms(), rec->wait.run_id);
    if (rec->idem.key[0] == '\0') {
        ask_workspace(req);
        return;
    }
    queue_get_idem(&cmd, request_prefix(req), rec->idem.key);
    ask_one(req, &cmd, got_idem);
}
