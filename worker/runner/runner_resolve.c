/* A resolve run: which projects a batch's request means, each made into a run of its own.
 * No work tree, no terraform: a person waits for it. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/queue/batch.h"
#include "common/queue/target.h"
#include "worker/process/file.h"
#include "worker/resolve/resolve.h"
#include "worker/runner/runner_parts.h"

#define EXPAND_MAX_BYTES ((size_t)16 * 1024 * 1024)

/* What all runs of the batch have in common. */
struct batch {
    struct batch_request request;
    enum run_kind kind;
    char *host; /* of the VCS; owned */
    struct resolved resolved;
};

static void batch_done(struct batch *batch)
{
    batch_request_done(&batch->request);
    resolved_done(&batch->resolved);
    free(batch->host);
}

/* Drift is looked for where something is; a plan or an apply may begin it. */
static void make_spec(const struct runner *r, const struct batch *batch,
                      const struct resolved_target *target, struct run_spec *out)
{
    const struct run_spec *own = &r->order.spec;

    *out = (struct run_spec){
        .kind = batch->kind,
        .type = own->type,
        .repository = mem_dup(own->repository),
        .ref = mem_dup(own->ref),
        .commit = mem_dup(r->commit),
        .directory = mem_dup(target->directory),
        .workspace = mem_dup(target->workspace),
        .terraform_version = mem_dup(target->terraform_version),
        .create_workspace = batch->kind != RUN_DRIFT_CHECK,
        .pull_request = own->pull_request,
        .project_name = mem_dup(target->project_name),
        .plan_requirements = mem_dup(target->plan_requirements),
        .apply_requirements = mem_dup(target->apply_requirements),
        .lock_mode = mem_dup(target->lock_mode),
    };
}

static void print_run(const struct runner *r, const struct batch *batch, size_t index,
                      struct json_writer *w)
{
    const struct resolved_target *found = &batch->resolved.list[index];
    AUTO(buf_done) struct buf text = BUF_INIT(QUEUE_SPEC_BYTES + 1);
    AUTO(run_spec_done) struct run_spec spec = {0};
    char id[SIGN_UUID_BYTES], target[SIGN_ID_BYTES];

    make_spec(r, batch, found, &spec);
    run_spec_print(&spec, &text);
    batch_run_id(batch->request.id, (int64_t)index, id);
    target_id(batch->host, &spec, target);
    json_object(w);
    json_add_text(w, "id", id);
    json_add_text(w, "kind", run_kind_name(spec.kind));
    json_add_text(w, "target", target);
    json_add_text(w, "scope", target);
    json_add_raw(w, "spec", buf_text(&text), text.len);
    json_add_text(w, "ref", spec.ref);
    json_add_number(w, "stage", found->stage);
    json_add_text(w, "deps", found->deps != NULL ? found->deps : "");
    json_object_end(w);
}

static void print_expand(const struct runner *r, const struct batch *batch,
                         struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "commit", r->commit);
    json_add_boolean(&w, "abort", batch->resolved.abort_on_failure);
    json_key(&w, "runs");
    json_array(&w);
    for (size_t i = 0; i < batch->resolved.count; i++)
        print_run(r, batch, i, &w);
    json_array_end(&w);
    json_object_end(&w);
}

/* Durable: result.json, which comes after it, says that it is there. */
static int write_expand(struct runner *r, const struct batch *batch)
{
    AUTO(buf_done) struct buf text = BUF_INIT(EXPAND_MAX_BYTES);
    struct err err;

    print_expand(r, batch, &text);
    if (text.over)
        return runner_fail(r, RUN_ERR_OUTPUT_TOO_LARGE,
                           "What the request means is too much for one batch: name fewer "
                           "projects.");
    if (file_put_durable(r->dir, "expand.json", text.data, text.len, 0600, &err) < 0)
        return runner_fail_err(r, RUN_ERR_CONFIG_INVALID, &err);
    return 0;
}

/* The child has read hostile bytes: its answer is not taken at its word. */
static int read_batch(struct runner *r, const struct checked_out *got,
                      struct batch *batch)
{
    const char *text = r->order.spec.batch;
    const char *base_url = vcs_base_url(r->conf, r->order.spec.type);
    struct err err;

    if (batch_request_parse(text, strlen(text), &batch->request, &err) < 0)
        return runner_fail_err(r, RUN_ERR_REQUEST_INVALID, &err);
    if (got->resolved == NULL || base_url == NULL)
        return runner_fail(r, RUN_ERR_CONFIG_INVALID,
                           "The checkout did not say which projects there are.");
    if (resolved_parse(got->resolved, strlen(got->resolved), &batch->resolved, &err) < 0)
        return runner_fail_err(r, RUN_ERR_CONFIG_INVALID, &err);
    batch->kind = batch_run_kind(&batch->request);
    batch->host = vcs_base_host(base_url);
    return 0;
}

static int resolve(struct runner *r)
{
    AUTO(checked_out_done) struct checked_out got = {.error = RUN_ERR_NONE};
    AUTO(batch_done) struct batch batch = {.host = NULL};

    if (r->order.spec.batch == NULL)
        return runner_fail(r, RUN_ERR_REQUEST_INVALID,
                           "The run has no request to resolve.");
    if (runner_checkout(r, &got) < 0 || read_batch(r, &got, &batch) < 0 ||
        write_expand(r, &batch) < 0)
        return -1;
    runner_log_line(&r->log, "%zu projects", batch.resolved.count);
    r->outcome.status = RUN_CLEAN;
    r->outcome.expand = true;
    return 0;
}

void runner_resolve(struct runner *r)
{
    if (resolve(r) < 0)
        r->outcome.retry = false; /* whoever waits can ask again */
}
