/* POST /api/v1/drift: queue a drift check of a workspace. */
#include "api/handlers.h"
#include "api/run/accept.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/queue/queue.h"
#include "common/registry/order.h"

#define READS_MAX 5 /* of a workspace that changes while we look */

const struct field trigger_fields[TRIGGER_FIELDS] = {
    {"workspaceId", .type = FIELD_TEXT, .required = true, .min = 1, .max = 64},
    {"projectId", .type = FIELD_TEXT, .required = true, .min = 1, .max = 64},
};

struct trigger {
    const char *project_id, *workspace_id; /* in the body */
    char run_id[SIGN_UUID_BYTES];
    struct idempotency idempotency;
    int reads;
};

static void ask_pair(struct request *req);

static void got_enqueued(struct request *req, const struct redisReply *reply)
{
    const struct trigger *trigger = req->state;
    struct enqueued enqueued;

    switch (accept_read(req, reply, trigger->project_id, &enqueued)) {
    case ACCEPTED:
        accept_reply(req, &enqueued);
        break;
    case ACCEPT_MOVED:
        orders_drop(req->api->orders, trigger->project_id, trigger->workspace_id);
        ask_pair(req);
        break;
    case ACCEPT_REFUSED:
        break;
    }
}

/* ---- enqueue ---- */
static void enqueue(struct request *req, const struct order *order)
{
    const struct trigger *trigger = req->state;
    struct enqueue entry = accept_enqueue(req, order);
    struct redis_cmd cmd;

    if (!accept_allows(req, order))
        return;
    entry.run_id = trigger->run_id;
    entry.trigger = TRIGGER_API;
    entry.idem = trigger->idempotency.key;
    entry.idem_body = trigger->idempotency.body;
    entry.locked_by = req->token_name;
    queue_enqueue(&cmd, request_prefix(req), &entry);
    ask_one(req, &cmd, got_enqueued);
}

static void make_order(struct request *req, const struct registry_pair *pair)
{
    const struct trigger *trigger = req->state;
    struct order order;
    struct err err;

    if (orders_make(req->api->orders, pair, trigger->workspace_id, RUN_DRIFT_CHECK,
                    &order, &err) == 0)
        enqueue(req, orders_put(req->api->orders, &order));
    else
        accept_refuse_order(req, &err);
}

static void got_pair(struct request *req, const struct redisReply *reply)
{
    const struct trigger *trigger = req->state;
    struct registry_pair pair;
    struct err err;

    if (registry_get_pair_reply(reply, &pair, &err) < 0)
        reply_failure(req, &err);
    else if (pair.project.id == NULL)
        reply_error(req, REPLY_NOT_FOUND, "there is no project %s", trigger->project_id);
    else if (pair.workspace_json == NULL)
        reply_error(req, REPLY_NOT_FOUND, "project %s has no workspace %s",
                    trigger->project_id, trigger->workspace_id);
    else
        make_order(req, &pair);
}

static void ask_pair(struct request *req)
{
    struct trigger *trigger = req->state;
    struct redis_cmd cmd;

    if (++trigger->reads > READS_MAX) {
        reply_error(req, REPLY_CONFLICT, "workspace %s/%s is being changed",
                    trigger->project_id, trigger->workspace_id);
        return;
    }
    registry_get_pair(&cmd, request_prefix(req), trigger->project_id,
                      trigger->workspace_id);
    ask_one(req, &cmd, got_pair);
}

/* ---- the request ---- */
void handle_drift_trigger(struct request *req)
{
    struct trigger *trigger = request_state(req, sizeof *trigger, NULL);
    const struct order *order;

    trigger->project_id = json_string(req->json, "projectId");
    trigger->workspace_id = json_string(req->json, "workspaceId");
    if (idempotency_read(req, &trigger->idempotency) < 0)
        return;
    sign_uuid7(clock_wall_ms(), trigger->run_id);
    order = orders_find(req->api->orders, trigger->project_id, trigger->workspace_id,
                        RUN_DRIFT_CHECK);
    if (order != NULL)
        enqueue(req, order);
    else
        ask_pair(req);
}
