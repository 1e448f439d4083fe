/* POST /api/plan, /api/apply, /api/drift/detect, /api/drift/remediate: a batch is opened,
 * and its end is the answer, unless the client would rather not wait for it.
 *
 * The batch's id is made once a request: an opening whose reply got lost is sent again
 * and finds what it made. */
#include <stdlib.h>
#include <string.h>

#include "api/atlantis/atlantis.h"
#include "api/atlantis/batch_wait.h"
#include "api/atlantis/repository.h"
#include "api/handlers.h"
#include "api/run/accept.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/queue/target.h"

/* Of a request as it is stored, so that the specification that holds it fits too. */
#define REQUEST_JSON_MAX ((size_t)60 * 1024)

struct post {
    struct batch_wait wait; /* first */
    char repo[SIGN_ID_BYTES];
    char *host;                   /* owned */
    struct batch_request request; /* until it is opened */
    struct idempotency idem;
};

static void post_done(void *state)
{
    struct post *post = state;

    batch_view_done(&post->wait.view);
    batch_request_done(&post->request);
    free(post->host);
}

/* ---- opening ---- */
static void got_opened(struct request *req, const struct redisReply *reply)
{
    struct post *post = req->state;
    struct enqueued opened;
    struct err err;

    switch (accept_read(req, reply, "", &opened)) {
    case ACCEPTED:
        memcpy(post->wait.batch_id, opened.run_id, sizeof post->wait.batch_id);
        batch_wait(req);
        break;
    case ACCEPT_MOVED:
        err_set(&err, ERR_PERM, "a batch of no project has moved with one");
        reply_failure(req, &err);
        break;
    case ACCEPT_REFUSED:
        break;
    }
}

/* The specification of the run that resolves it. */
static void print_resolve_spec(const struct batch_request *request,
                               const struct buf *request_json, struct buf *out)
{
    AUTO(run_spec_done)
    struct run_spec spec = {
        .kind = RUN_RESOLVE,
        .type = request->type,
        .repository = mem_dup(request->repository),
        .ref = mem_dup(request->ref),
        .directory = mem_dup("."),
        .workspace = mem_dup("default"),
        .pull_request = request->pull_request,
        .batch = mem_dup(buf_text(request_json)),
    };

    run_spec_print(&spec, out);
}

static void send_open(struct request *req, const struct buf *request_json,
                      const char *resolve_id, const char *resolve_spec)
{
    struct post *post = req->state;
    int64_t max_queued = req->api->conf->max_queued;
    const struct batch_open open = {
        .batch_id = post->wait.batch_id,
        .kind = post->request.kind,
        .trigger = TRIGGER_API,
        .request = buf_text(request_json),
        .repo = post->repo,
        .registry_revision = -1,
        .idem = post->idem.key,
        .idem_body = post->idem.body,
        .locked_by = req->token_name,
        .max_queued = max_queued,
        .max_queued_project = accept_max_project(max_queued),
        .applies = run_kind_applies(batch_run_kind(&post->request)),
        .resolve_id = resolve_id,
        .resolve_spec = resolve_spec,
    };
    struct redis_cmd cmd;

    queue_batch_open(&cmd, request_prefix(req), &open);
    ask_one(req, &cmd, got_opened);
    /* The command has it all: nothing else is held while it waits. */
    batch_request_done(&post->request);
    request_drop_body(req);
}

/* A remediation of nothing needs no worker to look: it is over at once. */
static bool is_nothing(const struct batch_request *request)
{
    return request->kind == BATCH_REMEDIATE && request->names.count == 0 &&
           request->paths.count == 0;
}

static void open_batch(struct request *req)
{
    struct post *post = req->state;
    AUTO(buf_done) struct buf json = BUF_INIT(REQUEST_JSON_MAX);
    AUTO(buf_done) struct buf spec = BUF_INIT(QUEUE_SPEC_BYTES);
    char resolve_id[SIGN_UUID_BYTES];

    batch_request_print(&post->request, &json);
    if (json.over) {
        reply_error(req, REPLY_TOO_LARGE,
                    "the request names too much for one: its projects and paths must "
                    "fit into %zu KiB",
                    REQUEST_JSON_MAX / 1024);
        return;
    }
    if (is_nothing(&post->request)) {
        send_open(req, &json, "", "");
        return;
    }
    print_resolve_spec(&post->request, &json, &spec);
    sign_uuid7_derived(post->wait.batch_id, -1, resolve_id);
    send_open(req, &json, resolve_id, buf_text(&spec));
}

/* ---- what the store knows of drift ---- */
static void got_drift(struct request *req, const struct redisReply *reply)
{
    struct post *post = req->state;

    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        const struct redisReply *record = redis_reply_at(reply, i + 1);
        const char *field = redis_reply_text(redis_reply_at(reply, i));

        if (field != NULL && redis_reply_text(record) != NULL)
            atlantis_add_drifted(&post->request, post->host, field,
                                 redis_reply_text(record), redis_reply_len(record));
    }
    atlantis_take_drifted(&post->request);
    if (post->request.paths.count <= BATCH_RUNS_MAX)
        open_batch(req);
    else
        reply_error(req, REPLY_BAD_REQUEST,
                    "%zu projects have drifted, which is more than the %d of one "
                    "request: name projects or workspaces",
                    post->request.paths.count, BATCH_RUNS_MAX);
}

static void ask_drift(struct request *req)
{
    const struct post *post = req->state;
    struct redis_cmd cmd;

    queue_get_drift(&cmd, request_prefix(req), post->repo);
    ask_one(req, &cmd, got_drift);
}

/* ---- the request ---- */
static bool is_allowed(struct request *req, struct post *post)
{
    const struct conf *conf = req->api->conf;
    const struct batch_request *request = &post->request;
    const char *base = vcs_base_url(conf, request->type);

    if (base == NULL) {
        reply_error(req, REPLY_FORBIDDEN, "repositories of type %s are not set up",
                    vcs_type_name(request->type));
        return false;
    }
    post->host = vcs_base_host(base);
    repository_id(post->host, request->repository, post->repo);
    if (repository_allowed(conf->repo_allowlist, post->host, request->repository))
        return true;
    reply_error(req, REPLY_FORBIDDEN,
                "repository %s/%s is not allowed by KEDGE_REPO_ALLOWLIST", post->host,
                request->repository);
    return false;
}

static bool needs_drift_storage(enum batch_kind kind)
{
    return kind == BATCH_DETECT || kind == BATCH_REMEDIATE;
}

static void begin(struct request *req, enum batch_kind kind)
{
    struct post *post = request_state(req, sizeof *post, post_done);

    if (idempotency_read(req, &post->idem) < 0)
        return;
    sign_uuid7(clock_wall_ms(), post->wait.batch_id);
    atlantis_request(req->json, kind, &post->request);
    memcpy(post->request.id, post->wait.batch_id, sizeof post->request.id);
    if (!is_allowed(req, post) ||
        (needs_drift_storage(kind) && !repository_has_drift(req)))
        return;
    if (atlantis_wants_drifted(&post->request))
        ask_drift(req);
    else
        open_batch(req);
}

void handle_plan(struct request *req)
{
    begin(req, BATCH_PLAN);
}

void handle_apply(struct request *req)
{
    begin(req, BATCH_APPLY);
}

void handle_detect(struct request *req)
{
    begin(req, BATCH_DETECT);
}

void handle_remediate(struct request *req)
{
    begin(req, BATCH_REMEDIATE);
}
