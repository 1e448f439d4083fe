/* The workspaces of one project, a round at a time: which track the pushed ref, what each
 * reads, the queue. */
#include <stdlib.h>
#include <string.h>

#include "api/run/accept.h"
#include "api/server/audit.h"
#include "api/server/request.h"
#include "api/webhook/push_check_parts.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

#define LOCKED_BY "webhook"

void push_round_clear(struct push_check *check)
{
    for (size_t i = 0; i < check->candidate_count; i++) {
        order_done(&check->candidates[i].order);
        free(check->candidates[i].directory);
    }
    check->candidate_count = 0;
}

/* ---- the queue ---- */
static void commit_round(struct push_check *check)
{
    for (size_t i = 0; i < check->asked_count; i++) {
        const struct push_candidate *candidate = &check->candidates[check->asked[i]];
        const struct enqueued *enqueued = &candidate->enqueued;

        push_report_queued(&check->report, check->project_id,
                           candidate->order.workspace_id, enqueued->run_id,
                           enqueued->outcome != ENQUEUE_NEW);
    }
}

static void got_enqueued(struct request *req, const struct redisReply *reply)
{
    struct push_check *check = req->state;
    size_t index = ask_index(req);
    struct push_candidate *candidate = &check->candidates[check->asked[index]];

    if (index == 0)
        check->moved = false;
    switch (accept_read(req, reply, check->project_id, &candidate->enqueued)) {
    case ACCEPTED:
        break;
    case ACCEPT_MOVED:
        check->moved = true;
        break;
    case ACCEPT_REFUSED:
        return;
    }
    if (index + 1 < check->asked_count)
        return;
    if (check->moved) {
        push_check_again(req);
        return;
    }
    commit_round(check);
    push_round_next(req);
}

static void ask_enqueue(struct request *req, const struct push_candidate *candidate)
{
    const struct push_check *check = req->state;
    const char *const parts[] = {"push", candidate->order.scope, check->push.commit};
    struct enqueue entry = accept_enqueue(req, &candidate->order);
    char once[SIGN_ID_BYTES];
    struct redis_cmd cmd;

    sign_id(parts, ARRAY_LEN(parts), once);
    entry.run_id = candidate->run_id;
    entry.trigger = TRIGGER_WEBHOOK;
    entry.idem = once;
    entry.locked_by = LOCKED_BY;
    queue_enqueue(&cmd, request_prefix(req), &entry);
    ask(req, &cmd, got_enqueued);
}

static void enqueue_touched(struct request *req)
{
    struct push_check *check = req->state;

    check->asked_count = 0;
    for (size_t i = 0; i < check->candidate_count; i++) {
        const struct push_candidate *candidate = &check->candidates[i];

        if (candidate->touched) {
            check->asked[check->asked_count++] = i;
            ask_enqueue(req, candidate);
        } else {
            push_report_skipped(&check->report, check->project_id,
                                candidate->order.workspace_id,
                                "the push touches nothing that it reads");
        }
    }
    if (check->asked_count == 0) {
        push_round_next(req);
        return;
    }
    audit_push(req, check->push.type == VCS_GITHUB ? "github" : "gitlab",
               check->push.repository, check->push.ref);
    ask_go(req);
}

/* ---- what each workspace reads ---- */
static void got_reads(struct request *req, const struct redisReply *reply)
{
    struct push_check *check = req->state;
    size_t index = ask_index(req);
    struct push_candidate *candidate = &check->candidates[check->asked[index]];

    candidate->touched =
        push_scope_touched(&check->push, candidate->directory, redis_reply_text(reply));
    if (index + 1 == check->asked_count)
        enqueue_touched(req);
}

static void ask_reads(struct request *req)
{
    struct push_check *check = req->state;

    check->asked_count = 0;
    for (size_t i = 0; i < check->candidate_count; i++) {
        struct redis_cmd cmd;

        check->asked[check->asked_count++] = i;
        queue_get_reads(&cmd, request_prefix(req), check->candidates[i].order.scope);
        ask(req, &cmd, got_reads);
    }
    ask_go(req);
}

/* ---- workspaces ---- */
static const char *add_candidate(struct push_check *check, const struct order *order)
{
    struct push_candidate *candidate = &check->candidates[check->candidate_count];
    AUTO(run_spec_done) struct run_spec spec = {0};
    struct err err;

    *candidate = (struct push_candidate){.touched = check->push.everything};
    if (run_spec_parse(order->spec, strlen(order->spec), &spec, &err) < 0 ||
        order_at_commit(order, check->push.commit, &candidate->order, &err) < 0)
        return "what is stored of it cannot be read";
    candidate->directory = TAKE(spec.directory);
    sign_uuid7(clock_wall_ms(), candidate->run_id);
    check->candidate_count++;
    return NULL;
}

/* NULL, or why nothing is queued for it. */
static const char *consider_order(struct push_check *check, const struct order *order)
{
    if (!push_is_of(&check->push, order->ref))
        return NULL;
    if (!order->allowed)
        return "its repository is not allowed by KEDGE_REPO_ALLOWLIST";
    return add_candidate(check, order);
}

static void consider(struct request *req, const struct push_workspace *workspace)
{
    struct push_check *check = req->state;
    const struct registry_pair pair = {
        .project = {.id = check->project_id,
                    .json = check->project_json,
                    .revision = check->revision},
        .workspace_json = workspace->json,
    };
    const char *why;
    const struct order *order;
    struct err err;

    if (!check->tracks && !push_scope_has_ref(workspace->json))
        return;
    order = orders_of(req->api->orders, &pair, workspace->id, RUN_DRIFT_CHECK, &err);
    if (order != NULL)
        why = consider_order(check, order);
    else
        why = err.kind == ERR_INPUT ? "repositories of its type are not set up"
                                    : "what is stored of it cannot be read";
    if (why != NULL)
        push_report_skipped(&check->report, check->project_id, workspace->id, why);
}

void push_round_next(struct request *req)
{
    struct push_check *check = req->state;

    push_round_clear(check);
    while (check->candidate_count < PUSH_ROUND_MAX &&
           check->workspace_next < check->workspace_count)
        consider(req, &check->workspaces[check->workspace_next++]);
    if (check->candidate_count == 0)
        push_check_next(req);
    else if (check->push.everything)
        enqueue_touched(req);
    else
        ask_reads(req);
}
