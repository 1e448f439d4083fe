/* Batches in the queue: opening one, and turning its resolve run into runs. */
#include <assert.h>

#include "common/base/mem.h"
#include "common/queue/queue_batch.h"
#include "common/queue/queue_internal.h"

/* What the resolve run of a batch locks: nothing that another could want. */
static void add_pseudo_target(struct redis_cmd *cmd, const char *batch_id)
{
    const char *const parts[] = {"batch", batch_id};
    char id[SIGN_ID_BYTES];

    sign_id(parts, ARRAY_LEN(parts), id);
    redis_cmd_arg(cmd, id);
}

static void add_runs(struct redis_cmd *cmd, const struct batch_run *runs, size_t count)
{
    assert(count <= BATCH_RUNS_MAX);
    for (size_t i = 0; i < count; i++) {
        redis_cmd_arg(cmd, runs[i].run_id);
        redis_cmd_arg(cmd, run_kind_name(runs[i].kind));
        redis_cmd_arg(cmd, runs[i].target);
        redis_cmd_arg(cmd, runs[i].scope);
        redis_cmd_arg(cmd, runs[i].project_id);
        redis_cmd_arg(cmd, runs[i].workspace_id);
        queue_arg_project(cmd, runs[i].project_id);
        redis_cmd_arg(cmd, runs[i].spec);
        redis_cmd_arg(cmd, runs[i].ref);
        redis_cmd_int(cmd, runs[i].stage);
        redis_cmd_arg(cmd, runs[i].deps);
    }
}

void queue_batch_open(struct redis_cmd *cmd, const char *prefix,
                      const struct batch_open *open)
{
    redis_cmd_script(cmd, script("batch_open"), prefix);
    redis_cmd_arg(cmd, open->batch_id);
    redis_cmd_arg(cmd, batch_kind_name(open->kind));
    redis_cmd_arg(cmd, run_trigger_name(open->trigger));
    redis_cmd_int(cmd, run_trigger_credit_ms(open->trigger));
    redis_cmd_arg(cmd, open->request);
    redis_cmd_arg(cmd, open->repo);
    redis_cmd_arg(cmd, open->project_id);
    queue_arg_project(cmd, open->project_id);
    redis_cmd_int(cmd, open->registry_revision < 0 ? -1 : open->registry_revision);
    redis_cmd_arg(cmd, open->idem);
    redis_cmd_arg(cmd, open->idem_body);
    redis_cmd_arg(cmd, open->locked_by);
    redis_cmd_int(cmd, open->max_queued);
    redis_cmd_int(cmd, open->max_queued_project);
    redis_cmd_int(cmd, open->applies);
    redis_cmd_arg(cmd, open->resolve_id);
    add_pseudo_target(cmd, open->batch_id);
    redis_cmd_arg(cmd, open->resolve_spec);
    add_runs(cmd, open->runs, open->run_count);
}

void queue_batch_expand(struct redis_cmd *cmd, const char *prefix,
                        const struct queue_hold *hold, const struct batch_expand *expand)
{
    queue_hold_script(cmd, "expand", prefix, hold);
    redis_cmd_arg(cmd, expand->commit);
    redis_cmd_int(cmd, expand->abort_on_failure);
    add_runs(cmd, expand->runs, expand->run_count);
}

/* ---- reading ---- */
#define AT(member) offsetof(struct batch_record, member)

static const struct queue_field batch_fields[] = {
    {"version", AT(version), FIELD_TEXT, 0},
    {"request", AT(request), FIELD_TEXT, 0},
    {"project", AT(project_id), FIELD_TEXT, 0},
    {"trigger", AT(trigger), FIELD_TEXT, 0},
    {"locked_by", AT(locked_by), FIELD_TEXT, 0},
    {"commit", AT(commit), FIELD_TEXT, 0},
    {"resolve", AT(resolve), FIELD_TEXT, 0},
    {"error_code", AT(error_code), FIELD_TEXT, 0},
    {"error_message", AT(error_message), FIELD_TEXT, 0},
    {"cancel", AT(cancel_level), FIELD_NUMBER, 0},
    {"total", AT(total), FIELD_NUMBER, 0},
    {"outstanding", AT(outstanding), FIELD_NUMBER, 0},
    {"ok", AT(ok), FIELD_NUMBER, 0},
    {"failed", AT(failed), FIELD_NUMBER, 0},
    {"queued", AT(queued_at_ms), FIELD_NUMBER, 0},
    {"started", AT(started_at_ms), FIELD_NUMBER, 0},
    {"ended", AT(ended_at_ms), FIELD_NUMBER, 0},
};

/* The order in which they are asked for. */
enum {
    BATCH_STATUS_AT,
    BATCH_KIND_AT,
    BATCH_TABLE_AT,
    BATCH_FIELDS = BATCH_TABLE_AT + ARRAY_LEN(batch_fields)
};

static void add_fields(struct redis_cmd *cmd)
{
    redis_cmd_arg(cmd, "status");
    redis_cmd_arg(cmd, "kind");
    for (size_t i = 0; i < ARRAY_LEN(batch_fields); i++)
        redis_cmd_arg(cmd, batch_fields[i].name);
}

void queue_get_batch(struct redis_cmd *cmd, const char *prefix, const char *batch_id)
{
    redis_cmd_script(cmd, script("get_batch"), prefix);
    redis_cmd_arg(cmd, batch_id);
    add_fields(cmd);
}

void queue_get_batch_status(struct redis_cmd *cmd, const char *prefix,
                            const char *batch_id)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HGET");
    queue_key(cmd, prefix, "batch:", batch_id);
    redis_cmd_arg(cmd, "status");
}

/* The fields from `first` on; out->id NULL when there is no status. */
static int read_batch(const struct redisReply *reply, size_t first, const char *id,
                      struct batch_record *out, struct err *err)
{
    const char *status = redis_reply_text(redis_reply_at(reply, first + BATCH_STATUS_AT));
    const char *kind = redis_reply_text(redis_reply_at(reply, first + BATCH_KIND_AT));
    struct batch_record batch = {.id = id};

    if (status == NULL) {
        *out = (struct batch_record){.id = NULL};
        return 0;
    }
    if (batch_status_parse(status, &batch.status) < 0 || kind == NULL ||
        batch_kind_parse(kind, &batch.kind) < 0)
        return err_set(err, ERR_PERM, "batch %s is stored as a \"%s\" that is \"%s\"", id,
                       kind != NULL ? kind : "", status);
    for (size_t i = 0; i < ARRAY_LEN(batch_fields); i++)
        queue_field_read(redis_reply_at(reply, first + BATCH_TABLE_AT + i),
                         &batch_fields[i], &batch);
    *out = batch;
    return 0;
}

int queue_get_batch_reply(const struct redisReply *reply, const char *batch_id,
                          struct batch_record *out, struct err *err)
{
    if (redis_reply_count(reply) != BATCH_FIELDS + 1)
        return err_set(err, ERR_PERM, "batch %s: read without its fields", batch_id);
    if (read_batch(reply, 0, batch_id, out, err) < 0)
        return -1;
    if (out->id != NULL)
        out->runs = redis_reply_at(reply, BATCH_FIELDS);
    return 0;
}

size_t batch_run_count(const struct batch_record *batch)
{
    return redis_reply_count(batch->runs);
}

const char *batch_run_at(const struct batch_record *batch, size_t index)
{
    return redis_reply_text(redis_reply_at(batch->runs, index));
}

void queue_list_batches(struct redis_cmd *cmd, const char *prefix, const char *repo,
                        enum batch_kind kind, int64_t limit)
{
    redis_cmd_script(cmd, script("list_batches"), prefix);
    redis_cmd_arg(cmd, repo);
    redis_cmd_arg(cmd, kind == BATCH_KINDS ? "" : batch_kind_name(kind));
    redis_cmd_int(cmd, limit);
    add_fields(cmd);
}

int queue_listed_batch(const struct redisReply *element, struct batch_record *out,
                       struct err *err)
{
    const char *id = redis_reply_text(redis_reply_at(element, 0));

    if (redis_reply_count(element) != 1 + BATCH_FIELDS || id == NULL)
        return err_set(err, ERR_PERM, "a batch was listed without its fields");
    return read_batch(element, 1, id, out, err);
}
