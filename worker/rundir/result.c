/* Results: from the run directory to the finish command. */
#include "worker/rundir/result.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/queue/target.h"

/* Above what a runner writes: a larger file is not one of its own. */
#define PART_MAX_BYTES ((size_t)6 * 1024 * 1024)

static void read_part(const char *run_dir, const char *name, struct buf *out)
{
    AUTO(auto_free) char *path = path_join(run_dir, name);
    struct err err;

    buf_init(out, PART_MAX_BYTES);
    if (path_read(path, out, &err) < 0)
        buf_reset(out);
}

/* Where the drift record goes. */
static int address_record(const struct conf *conf, const char *run_dir,
                          struct result *result, struct err *err)
{
    AUTO(run_order_done) struct run_order order = {0};
    AUTO(auto_free) char *host = NULL, *ref = NULL;
    const char *base;

    if (!result->outcome.drift_record)
        return 0;
    if (rundir_read_order(run_dir, &order, err) < 0)
        return -1;
    base = vcs_base_url(conf, order.spec.type);
    if (!base)
        return err_set(err, ERR_PERM, "%s has no base URL",
                       vcs_type_name(order.spec.type));
    host = vcs_base_host(base);
    repository_id(host, order.spec.repository, result->drift_repo);
    ref = ref_canonical(order.spec.ref);
    result->drift_field = mem_fmt("%s|%s", order.target, ref);
    return 0;
}

int result_read(const struct conf *conf, const char *run_dir, struct result *out,
                struct err *err)
{
    int found;

    *out = (struct result){.outcome = {.exit_code = -1, .resources = -1}};
    found = rundir_read_outcome(run_dir, &out->outcome, err);
    if (found <= 0)
        return found;
    out->present = true;
    if (out->outcome.summary && strlen(out->outcome.summary) > QUEUE_SUMMARY_BYTES)
        return err_set(err, ERR_PERM, "the summary is too long");
    if (out->outcome.reads && strlen(out->outcome.reads) > QUEUE_READS_BYTES)
        return err_set(err, ERR_PERM, "the list of what was read is too long");
    if (address_record(conf, run_dir, out, err) < 0)
        return -1;
    read_part(run_dir, "output.z", &out->output);
    read_part(run_dir, "apply.z", &out->applied);
    read_part(run_dir, "log.z", &out->log);
    read_part(run_dir, "head", &out->head);
    read_part(run_dir, "metadata.json", &out->metadata);
    return 0;
}

void result_none(struct result *out, enum run_error error, const char *message)
{
    *out = (struct result){
        .outcome = {.status = RUN_ERROR,
                    .exit_code = -1,
                    .resources = -1,
                    .error = error,
                    .error_message = mem_dup(message)},
    };
}

void result_done(struct result *result)
{
    run_outcome_done(&result->outcome);
    free(result->drift_field);
    buf_done(&result->output);
    buf_done(&result->applied);
    buf_done(&result->log);
    buf_done(&result->head);
    buf_done(&result->metadata);
}

size_t result_bytes(const struct result *result)
{
    return result->output.len + result->applied.len + result->log.len + result->head.len +
           result->metadata.len;
}

static const void *bytes(const struct buf *buf)
{
    return buf->len > 0 ? buf->data : NULL;
}

void result_command(struct redis_cmd *cmd, const char *prefix,
                    const struct queue_hold *hold, const struct result *result)
{
    const struct run_outcome *outcome = &result->outcome;
    bool failed = outcome->status == RUN_ERROR;
    struct finish finish = {
        .status = outcome->status,
        .exit_code = outcome->exit_code,
        .error_code = failed ? run_error_name(outcome->error) : "",
        .error_message = failed ? outcome->error_message : "",
        .commit = outcome->commit,
        .summary = outcome->summary,
        .output_truncated = outcome->output_truncated,
        .output = bytes(&result->output),
        .output_len = result->output.len,
        .applied = bytes(&result->applied),
        .applied_len = result->applied.len,
        .log = bytes(&result->log),
        .log_len = result->log.len,
        .head = bytes(&result->head),
        .head_len = result->head.len,
        .metadata = bytes(&result->metadata),
        .metadata_len = result->metadata.len,
        .drift_repo = result->drift_field ? result->drift_repo : NULL,
        .drift_field = result->drift_field,
        .drift_record = result->drift_field ? outcome->drift_record : NULL,
        .found = outcome->found,
        .reads = outcome->reads,
        .counted = outcome->resources >= 0,
        .resources = outcome->resources,
    };

    queue_finish(cmd, prefix, hold, &finish);
}
