/* What POSTs that start something in the queue share. */
#include "api/run/accept.h"

#include "api/server/body.h"
#include "api/server/header.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/registry/order.h"

/* The part of all waiting runs that one project may have. */
#define PROJECT_PART 10

int idempotency_read(struct request *req, struct idempotency *out)
{
    const char *key = request_header(req, "Idempotency-Key");
    const char *const parts[] = {req->token_name, "POST", req->path, key};
    const char *const body[] = {buf_text(&req->body)};

    *out = (struct idempotency){0};
    if (key == NULL)
        return 0;
    if (!header_is_idempotency_key(key)) {
        AUTO(problems_done) struct problems problems = {0};

        problems_add(&problems, "Idempotency-Key",
                     "Idempotency-Key must be 1 to 255 visible ASCII characters");
        reply_problems(req, &problems);
        return -1;
    }
    sign_id(parts, ARRAY_LEN(parts), out->key);
    sign_id(body, ARRAY_LEN(body), out->body);
    return 0;
}

void accept_location(struct request *req, const char *run_id)
{
    reply_location(req, "/api/v1/runs/", run_id);
}

void accept_reply(struct request *req, const struct enqueued *enqueued)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    accept_location(req, enqueued->run_id);
    json_open(&w, &body);
    json_object(&w);
    json_add_text(&w, "runId", enqueued->run_id);
    if (enqueued->coalesced)
        json_add_boolean(&w, "coalesced", true);
    json_object_end(&w);
    reply_json(req, MHD_HTTP_ACCEPTED, &body);
}

enum accepted accept_take(struct request *req, const struct enqueued *enqueued,
                          const char *project_id)
{
    switch (enqueued->outcome) {
    case ENQUEUE_NEW:
    case ENQUEUE_COALESCED:
    case ENQUEUE_REPLAYED:
        return ACCEPTED;
    case ENQUEUE_MOVED:
        return ACCEPT_MOVED;
    case ENQUEUE_IDEM_MISMATCH:
        reply_error(req, REPLY_IDEMPOTENCY,
                    "this Idempotency-Key was used with another body");
        break;
    case ENQUEUE_FULL:
        reply_error(req, REPLY_RATE_LIMITED, "too many runs are waiting");
        break;
    case ENQUEUE_FULL_PROJECT:
        reply_error(req, REPLY_RATE_LIMITED, "too many runs of project %s are waiting",
                    project_id);
        break;
    case ENQUEUE_FROZEN:
        reply_error(req, REPLY_FROZEN, "applies are frozen%s%s",
                    enqueued->reason[0] != '\0' ? ": " : "", enqueued->reason);
        break;
    case ENQUEUE_OUTCOMES:
        break;
    }
    return ACCEPT_REFUSED;
}

enum accepted accept_read(struct request *req, const struct redisReply *reply,
                          const char *project_id, struct enqueued *out)
{
    struct err err;

    if (queue_enqueue_reply(reply, out, &err) == 0)
        return accept_take(req, out, project_id);
    reply_failure(req, &err);
    return ACCEPT_REFUSED;
}

int64_t accept_max_project(int64_t max_queued)
{
    return max_queued > PROJECT_PART ? max_queued / PROJECT_PART : 1;
}

struct enqueue accept_enqueue(const struct request *req, const struct order *order)
{
    int64_t max_queued = req->api->conf->max_queued;

    return (struct enqueue){
        .kind = order->kind,
        .target = order->target,
        .scope = order->scope,
        .project_id = order->project_id,
        .workspace_id = order->workspace_id,
        .spec = order->spec,
        .ref = order->ref,
        .fingerprint = order->fingerprint,
        .registry_revision = order->revision,
        .max_queued = max_queued,
        .max_queued_project = accept_max_project(max_queued),
    };
}

bool accept_allows(struct request *req, const struct order *order)
{
    if (!order->allowed)
        reply_error(req, REPLY_FORBIDDEN,
                    "the repository of project %s is not allowed by KEDGE_REPO_ALLOWLIST",
                    order->project_id);
    return order->allowed;
}

void accept_refuse_order(struct request *req, const struct err *err)
{
    if (err->kind == ERR_INPUT)
        reply_error(req, REPLY_FORBIDDEN, "%s", err->message);
    else
        reply_failure(req, err);
}
