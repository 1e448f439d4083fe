/* The queue, read: runs, results, lists, events, numbers. */
#include <assert.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/queue_internal.h"

/* ---- one run ---- */
#define AT(member) offsetof(struct run_record, member)

static const struct queue_field run_fields[] = {
    {"project", AT(project_id), FIELD_TEXT, 0},
    {"workspace", AT(workspace_id), FIELD_TEXT, 0},
    {"target", AT(target), FIELD_TEXT, 0},
    {"scope", AT(scope), FIELD_TEXT, 0},
    {"batch", AT(batch), FIELD_TEXT, 0},
    {"trigger", AT(trigger), FIELD_TEXT, 0},
    {"schedule", AT(schedule_id), FIELD_TEXT, 0},
    {"ref", AT(ref), FIELD_TEXT, 0},
    {"commit", AT(commit), FIELD_TEXT, 0},
    {"locked_by", AT(locked_by), FIELD_TEXT, 0},
    {"worker", AT(worker), FIELD_TEXT, 0},
    {"error_code", AT(error_code), FIELD_TEXT, 0},
    {"error_message", AT(error_message), FIELD_TEXT, 0},
    {"retry_message", AT(retry_message), FIELD_TEXT, 0},
    {"summary", AT(summary), FIELD_TEXT, 0},
    {"version", AT(version), FIELD_TEXT, 0},
    {"index", AT(batch_index), FIELD_NUMBER, -1},
    {"attempts", AT(attempts), FIELD_NUMBER, 0},
    {"crashes", AT(crashes), FIELD_NUMBER, 0},
    {"cancel", AT(cancel_level), FIELD_NUMBER, 0},
    {"exit", AT(exit_code), FIELD_NUMBER, -1},
    {"queued", AT(queued_at_ms), FIELD_NUMBER, 0},
    {"started", AT(started_at_ms), FIELD_NUMBER, 0},
    {"ended", AT(ended_at_ms), FIELD_NUMBER, 0},
    {"due", AT(due_ms), FIELD_NUMBER, 0},
    {"marked", AT(marked), FIELD_BOOLEAN, 0},
    {"truncated", AT(output_truncated), FIELD_BOOLEAN, 0},
    {"output_dropped", AT(output_dropped), FIELD_BOOLEAN, 0},
};

/* The order of the reply. */
enum {
    RUN_STATUS_AT,
    RUN_KIND_AT,
    RUN_TABLE_AT,
    RUN_SPEC_AT = RUN_TABLE_AT + ARRAY_LEN(run_fields),
    RUN_REPLY_FIELDS
};

void queue_get_run(struct redis_cmd *cmd, const char *prefix, const char *run_id)
{
    redis_cmd_script(cmd, script("get_run"), prefix);
    redis_cmd_arg(cmd, run_id);
    queue_arg_run_fields(cmd);
}

void queue_arg_run_fields(struct redis_cmd *cmd)
{
    redis_cmd_arg(cmd, "status");
    redis_cmd_arg(cmd, "kind");
    for (size_t i = 0; i < ARRAY_LEN(run_fields); i++)
        redis_cmd_arg(cmd, run_fields[i].name);
}

int queue_get_run_reply(const struct redisReply *reply, const char *run_id,
                        struct run_record *out, struct err *err)
{
    const char *status = redis_reply_text(redis_reply_at(reply, RUN_STATUS_AT));
    const char *kind = redis_reply_text(redis_reply_at(reply, RUN_KIND_AT));
    struct run_record run = {.id = run_id};

    if (redis_reply_count(reply) != RUN_REPLY_FIELDS)
        return err_set(err, ERR_PERM, "run %s: read without its fields", run_id);
    if (status == NULL) {
        *out = (struct run_record){.id = NULL};
        return 0;
    }
    if (run_status_parse(status, &run.status) < 0 || kind == NULL ||
        run_kind_parse(kind, &run.kind) < 0)
        return err_set(err, ERR_PERM, "run %s is stored as a \"%s\" that is \"%s\"",
                       run_id, kind != NULL ? kind : "", status);
    for (size_t i = 0; i < ARRAY_LEN(run_fields); i++)
        queue_field_read(redis_reply_at(reply, RUN_TABLE_AT + i), &run_fields[i], &run);
    run.spec = redis_reply_text(redis_reply_at(reply, RUN_SPEC_AT));
    if (run.spec == NULL)
        return err_set(err, ERR_PERM, "run %s is stored without its spec", run_id);
    *out = run;
    return 0;
}

void queue_get_version(struct redis_cmd *cmd, const char *prefix, const char *run_id)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HGET");
    queue_key(cmd, prefix, "run:", run_id);
    redis_cmd_arg(cmd, "version");
}

/* ---- its result ---- */
static const struct {
    enum result_part part;
    const char *field;
    size_t text, len; /* offsets in struct run_result */
} result_parts[] = {
    {RESULT_OUTPUT, "output", offsetof(struct run_result, output),
     offsetof(struct run_result, output_len)},
    {RESULT_LOG, "log", offsetof(struct run_result, log),
     offsetof(struct run_result, log_len)},
    {RESULT_HEAD, "head", offsetof(struct run_result, head),
     offsetof(struct run_result, head_len)},
    {RESULT_METADATA, "metadata", offsetof(struct run_result, metadata),
     offsetof(struct run_result, metadata_len)},
    {RESULT_APPLIED, "applied", offsetof(struct run_result, applied),
     offsetof(struct run_result, applied_len)},
};

void queue_get_result(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                      unsigned parts)
{
    assert(parts != 0);
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HMGET");
    queue_key(cmd, prefix, "result:", run_id);
    for (size_t i = 0; i < ARRAY_LEN(result_parts); i++)
        if (parts & result_parts[i].part)
            redis_cmd_arg(cmd, result_parts[i].field);
}

int queue_get_result_reply(const struct redisReply *reply, unsigned parts,
                           struct run_result *out, struct err *err)
{
    struct run_result result = {0};
    size_t at = 0;

    for (size_t i = 0; i < ARRAY_LEN(result_parts); i++) {
        const struct redisReply *value;

        if (!(parts & result_parts[i].part))
            continue;
        value = redis_reply_at(reply, at++);
        *(const char **)((char *)&result + result_parts[i].text) =
            redis_reply_text(value);
        *(size_t *)((char *)&result + result_parts[i].len) = redis_reply_len(value);
    }
    if (redis_reply_count(reply) != at)
        return err_set(err, ERR_PERM, "a result was read with %zu parts, not %zu",
                       redis_reply_count(reply), at);
    *out = result;
    return 0;
}

/* ---- lists ---- */
static void list(struct redis_cmd *cmd, const char *prefix, const char *name,
                 const char *id, int64_t before_ms, const char *before_id, int64_t limit)
{
    redis_cmd_script(cmd, script("list_runs"), prefix);
    redis_cmd_fmt(cmd, "%s%s", name, id);
    redis_cmd_int(cmd, before_ms);
    redis_cmd_arg(cmd, before_id);
    redis_cmd_int(cmd, limit);
}

void queue_list_runs(struct redis_cmd *cmd, const char *prefix, const char *scope,
                     int64_t before_ms, const char *before_id, int64_t limit)
{
    list(cmd, prefix, scope != NULL ? "runs:" : "runs", scope != NULL ? scope : "",
         before_ms, before_id, limit);
}

void queue_list_special(struct redis_cmd *cmd, const char *prefix, const char *which,
                        int64_t before_ms, const char *before_id, int64_t limit)
{
    assert(strcmp(which, "orphans") == 0 || strcmp(which, "dead") == 0);
    list(cmd, prefix, which, "", before_ms, before_id, limit);
}

void queue_get_last(struct redis_cmd *cmd, const char *prefix, const char *scope)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HMGET");
    queue_key(cmd, prefix, "last:", scope);
    redis_cmd_arg(cmd, "newest");
    redis_cmd_arg(cmd, "ended");
    redis_cmd_arg(cmd, "good");
    redis_cmd_arg(cmd, "reconciled");
}

void queue_get_reads(struct redis_cmd *cmd, const char *prefix, const char *scope)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HGET");
    queue_key(cmd, prefix, "last:", scope);
    redis_cmd_arg(cmd, "reads");
}

void queue_list_workers(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_script(cmd, script("list_workers"), prefix);
}

/* ---- numbers ---- */
void queue_get_stats(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_script(cmd, script("stats"), prefix);
}

int queue_get_stats_reply(const struct redisReply *reply, struct queue_stats *out,
                          struct err *err)
{
    struct queue_stats stats = {0};
    int64_t *const numbers[] = {
        &stats.waiting, &stats.ready,        &stats.active,
        &stats.delayed, &stats.orphans,      &stats.dead,
        &stats.workers, &stats.result_bytes, &stats.oldest_waiting_ms};
    size_t count = ARRAY_LEN(numbers);

    if (redis_reply_count(reply) != count + 2)
        return err_set(err, ERR_PERM, "stats answered %zu numbers",
                       redis_reply_count(reply));
    for (size_t i = 0; i < count; i++)
        *numbers[i] = redis_reply_int(redis_reply_at(reply, i), 0);
    stats.paused = redis_reply_int(redis_reply_at(reply, count), 0) != 0;
    stats.frozen = redis_reply_int(redis_reply_at(reply, count + 1), 0) != 0;
    *out = stats;
    return 0;
}
