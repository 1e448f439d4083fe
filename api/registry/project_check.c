/* POST /api/v1/projects/{id}/check: a drift check of each workspace of a project, as one
 * batch. */
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/run/accept.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/queue/queue_batch.h"
#include "common/queue/target.h"
#include "common/registry/order.h"

#define READS_MAX     5 /* of a project that changes while we look */
#define REQUEST_BYTES ((size_t)8192)

struct check {
    const char *project_id;
    struct idempotency idempotency;
    char batch_id[SIGN_UUID_BYTES];
    char repo[SIGN_ID_BYTES];
    char *project_json; /* owned */
    int64_t revision;
    struct order *orders;             /* owned, by workspace id */
    char (*run_ids)[SIGN_UUID_BYTES]; /* owned, of the orders */
    size_t count;
    int reads;
};

static void clear_orders(struct check *check)
{
    for (size_t i = 0; i < check->count; i++)
        order_done(&check->orders[i]);
    free(check->orders);
    free(check->run_ids);
    check->orders = NULL;
    check->run_ids = NULL;
    check->count = 0;
}

static void check_done(void *state)
{
    struct check *check = state;

    clear_orders(check);
    free(check->project_json);
}

static void ask_project(struct request *req);

/* ---- the batch ---- */
static void got_opened(struct request *req, const struct redisReply *reply)
{
    const struct check *check = req->state;
    struct enqueued opened;

    switch (accept_read(req, reply, check->project_id, &opened)) {
    case ACCEPTED:
        accept_reply(req, &opened);
        break;
    case ACCEPT_MOVED:
        ask_project(req);
        break;
    case ACCEPT_REFUSED:
        break;
    }
}

/* What is asked for, as a batch keeps it. ERR_PERM: the project is stored broken. */
static int make_request(const struct check *check, struct batch_request *out,
                        struct err *err)
{
    AUTO(auto_json) cJSON *project = NULL;
    const char *type;

    project = json_parse(check->project_json, strlen(check->project_json), JSON_DEPTH_MAX,
                         false, err);
    type = json_string(project, "type");
    out->kind = BATCH_CHECK;
    out->repository = mem_dup(json_string(project, "repository"));
    out->ref = mem_dup(json_string(project, "ref"));
    out->project_id = mem_dup(check->project_id);
    memcpy(out->id, check->batch_id, sizeof out->id);
    if (out->repository == NULL || out->ref == NULL || type == NULL ||
        vcs_type_parse(type, &out->type) < 0)
        return err_set(err, ERR_PERM, "project %s is stored broken", check->project_id);
    return 0;
}

/* -1: its type is not set up or its repository not allowed, and the answer is given. */
static int check_allowed(struct request *req, const struct batch_request *request)
{
    struct check *check = req->state;
    const struct conf *conf = req->api->conf;
    const char *base = vcs_base_url(conf, request->type);
    AUTO(auto_free) char *host = NULL;

    if (base == NULL) {
        reply_error(req, REPLY_FORBIDDEN, "repositories of type %s are not set up",
                    vcs_type_name(request->type));
        return -1;
    }
    host = vcs_base_host(base);
    repository_id(host, request->repository, check->repo);
    if (repository_allowed(conf->repo_allowlist, host, request->repository))
        return 0;
    reply_error(req, REPLY_FORBIDDEN,
                "the repository of project %s is not allowed by KEDGE_REPO_ALLOWLIST",
                check->project_id);
    return -1;
}

/* The caller frees. */
static struct batch_run *make_runs(struct check *check)
{
    struct batch_run *runs = mem_new(check->count + 1, sizeof *runs);

    check->run_ids = mem_new(check->count + 1, sizeof *check->run_ids);
    for (size_t i = 0; i < check->count; i++) {
        const struct order *order = &check->orders[i];

        batch_run_id(check->batch_id, (int64_t)i, check->run_ids[i]);
        runs[i] = (struct batch_run){
            .run_id = check->run_ids[i],
            .kind = RUN_DRIFT_CHECK,
            .target = order->target,
            .scope = order->scope,
            .project_id = order->project_id,
            .workspace_id = order->workspace_id,
            .spec = order->spec,
            .ref = order->ref,
        };
    }
    return runs;
}

static void open_batch(struct request *req)
{
    struct check *check = req->state;
    int64_t max_queued = req->api->conf->max_queued;
    AUTO(batch_request_done) struct batch_request request = {.kind = BATCH_CHECK};
    AUTO(buf_done) struct buf text = BUF_INIT(REQUEST_BYTES);
    AUTO(auto_free) struct batch_run *runs = NULL;
    struct redis_cmd cmd;
    struct err err;

    if (make_request(check, &request, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (check_allowed(req, &request) < 0)
        return;
    batch_request_print(&request, &text);
    runs = make_runs(check);
    queue_batch_open(&cmd, request_prefix(req),
                     &(struct batch_open){
                         .batch_id = check->batch_id,
                         .kind = BATCH_CHECK,
                         .trigger = TRIGGER_API,
                         .request = buf_text(&text),
                         .repo = check->repo,
                         .project_id = check->project_id,
                         .registry_revision = check->revision,
                         .idem = check->idempotency.key,
                         .idem_body = check->idempotency.body,
                         .locked_by = req->token_name,
                         .max_queued = max_queued,
                         .max_queued_project = accept_max_project(max_queued),
                         .runs = runs,
                         .run_count = check->count,
                     });
    ask_one(req, &cmd, got_opened);
}

/* ---- the workspaces ---- */
static int by_workspace(const void *a_order, const void *b_order)
{
    const struct order *a = a_order, *b = b_order;

    return strcmp(a->workspace_id, b->workspace_id);
}

/* [workspaceId, JSON, …] */
static int make_orders(struct request *req, const struct redisReply *reply,
                       struct err *err)
{
    struct check *check = req->state;
    size_t count = redis_reply_count(reply) / 2;

    clear_orders(check);
    check->orders = mem_new(count + 1, sizeof *check->orders);
    for (size_t i = 0; i < count; i++) {
        const char *id = redis_reply_text(redis_reply_at(reply, 2 * i));
        const struct registry_pair pair = {
            .project = {.id = check->project_id,
                        .json = check->project_json,
                        .revision = check->revision},
            .workspace_json = redis_reply_text(redis_reply_at(reply, 2 * i + 1)),
        };

        if (id == NULL || pair.workspace_json == NULL)
            continue;
        if (orders_make(req->api->orders, &pair, id, RUN_DRIFT_CHECK,
                        &check->orders[check->count], err) < 0)
            return -1;
        check->count++;
    }
    if (check->count > 0)
        qsort(check->orders, check->count, sizeof *check->orders, by_workspace);
    return 0;
}

static void got_workspaces(struct request *req, const struct redisReply *reply)
{
    const struct check *check = req->state;
    size_t count = redis_reply_count(reply) / 2;
    struct err err;

    if (count > BATCH_RUNS_MAX)
        reply_error(req, REPLY_CONFLICT,
                    "project %s has %zu workspaces: at most %d can be checked at once",
                    check->project_id, count, BATCH_RUNS_MAX);
    else if (make_orders(req, reply, &err) == 0)
        open_batch(req);
    else if (err.kind == ERR_INPUT)
        reply_error(req, REPLY_FORBIDDEN, "%s", err.message);
    else
        reply_failure(req, &err);
}

static void got_project(struct request *req, const struct redisReply *reply)
{
    struct check *check = req->state;
    struct registry_project project;
    struct err err;

    if (registry_get_project_reply(reply, &project, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (project.id == NULL) {
        reply_error(req, REPLY_NOT_FOUND, "there is no project %s", check->project_id);
        return;
    }
    free(check->project_json);
    check->project_json = mem_dup(project.json);
    check->revision = project.revision;
}

/* The project first: whatever changes after that is newer than its revision, and the
 * queue refuses it. */
static void ask_project(struct request *req)
{
    struct check *check = req->state;
    struct redis_cmd cmd;

    if (++check->reads > READS_MAX) {
        reply_error(req, REPLY_CONFLICT, "project %s is being changed",
                    check->project_id);
        return;
    }
    registry_get_project(&cmd, request_prefix(req), check->project_id);
    ask(req, &cmd, got_project);
    registry_list_workspaces(&cmd, request_prefix(req), check->project_id);
    ask(req, &cmd, got_workspaces);
    ask_go(req);
}

void handle_project_check(struct request *req)
{
    struct check *check = request_state(req, sizeof *check, check_done);

    check->project_id = req->match.params[0];
    if (idempotency_read(req, &check->idempotency) < 0)
        return;
    sign_uuid7(clock_wall_ms(), check->batch_id);
    ask_project(req);
}
