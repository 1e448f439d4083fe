/* Making an order from what is stored. */
#include "common/registry/order.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/queue.h"
#include "common/queue/target.h"

void order_done(struct order *order)
{
    free(order->project_id);
    free(order->workspace_id);
    free(order->spec);
    free(order->ref);
    free(order->repository);
    *order = (struct order){0};
}

static bool is_none(const char *object)
{
    return object == NULL || strcmp(object, "{}") == 0;
}

static bool is_plain(const struct run_spec *spec)
{
    return spec->var_file_count == 0 && spec->terraform_version == NULL &&
           is_none(spec->variables) && is_none(spec->backend_config);
}

/* registry_spec has seen that it parses. */
static bool reconciles(const char *workspace_json)
{
    AUTO(auto_json) cJSON *doc = NULL;
    struct err err;

    if (strstr(workspace_json, "autoReconcile") == NULL)
        return false;
    doc = json_parse(workspace_json, strlen(workspace_json), JSON_DEPTH_MAX, false, &err);
    return cJSON_IsTrue(json_get(doc, "autoReconcile"));
}

static void fill(struct order *out, const struct run_spec *spec, const char *host)
{
    out->project_id = mem_dup(spec->project_id);
    out->workspace_id = mem_dup(spec->workspace_id);
    out->kind = spec->kind;
    out->ref = mem_dup(spec->ref);
    out->repository = mem_fmt("%s/%s", host, spec->repository);
    out->plain = is_plain(spec);
    run_spec_fingerprint(spec, out->fingerprint);
    repository_id(host, spec->repository, out->repo);
    target_id(host, spec, out->target);
    registry_scope(spec->project_id, spec->workspace_id, out->scope);
}

int order_make(const struct order_hosts *hosts, const char *allowlist,
               const struct registry_pair *pair, const char *workspace_id,
               enum run_kind kind, struct order *out, struct err *err)
{
    AUTO(run_spec_done) struct run_spec spec = {0};
    AUTO(buf_done) struct buf text = BUF_INIT(QUEUE_SPEC_BYTES);
    const char *host;

    if (registry_spec(pair->project.json, pair->workspace_json, kind, pair->project.id,
                      workspace_id, &spec, err) < 0)
        return -1;
    host = hosts->of[spec.type];
    if (host == NULL)
        return err_set(err, ERR_INPUT, "repositories of type %s are not set up",
                       vcs_type_name(spec.type));
    run_spec_print(&spec, &text);
    if (text.over)
        return err_set(err, ERR_PERM, "the specification of %s/%s is too long",
                       pair->project.id, workspace_id);
    *out = (struct order){
        .spec = buf_take(&text),
        .revision = pair->project.revision,
        .allowed = repository_allowed(allowlist, host, spec.repository),
        .auto_reconcile = reconciles(pair->workspace_json),
    };
    fill(out, &spec, host);
    return 0;
}

/* The order with another specification, which is given. */
static int with_spec(const struct order *order, const struct run_spec *spec,
                     struct order *out, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(QUEUE_SPEC_BYTES);

    run_spec_print(spec, &text);
    if (text.over)
        return err_set(err, ERR_PERM, "the specification of %s/%s is too long",
                       order->project_id, order->workspace_id);
    *out = *order;
    out->project_id = mem_dup(order->project_id);
    out->workspace_id = mem_dup(order->workspace_id);
    out->ref = mem_dup(order->ref);
    out->repository = mem_dup(order->repository);
    out->spec = buf_take(&text);
    run_spec_fingerprint(spec, out->fingerprint);
    return 0;
}

int order_at_commit(const struct order *order, const char *commit, struct order *out,
                    struct err *err)
{
    AUTO(run_spec_done) struct run_spec spec = {0};

    if (run_spec_parse(order->spec, strlen(order->spec), &spec, err) < 0)
        return -1;
    free(spec.commit);
    spec.commit = mem_dup(commit);
    return with_spec(order, &spec, out, err);
}

int order_on_terms(const struct order *order, const struct order_terms *terms,
                   struct order *out, struct err *err)
{
    AUTO(run_spec_done) struct run_spec spec = {0};

    if (run_spec_parse(order->spec, strlen(order->spec), &spec, err) < 0)
        return -1;
    if (terms->sets_max_destroy)
        spec.max_destroy = terms->max_destroy;
    spec.expected_drift = mem_dup(terms->expected_drift);
    spec.expected_commit = mem_dup(terms->expected_commit);
    return with_spec(order, &spec, out, err);
}
