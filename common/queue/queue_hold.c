/* The queue, as a worker uses it: claim, keep, mark, give back, finish. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/queue_batch.h"
#include "common/queue/queue_internal.h"

/* ---- claim ---- */
static const char *const claim_words[] = {
    [CLAIM_RUN] = "run",
    [CLAIM_NONE] = "none",
    [CLAIM_PAUSED] = "paused",
};

/* The places of a claimed run in the answer. */
enum {
    CLAIM_WORD,
    CLAIM_ID,
    CLAIM_FENCE,
    CLAIM_TARGET,
    CLAIM_KIND,
    CLAIM_SPEC,
    CLAIM_ATTEMPT,
    CLAIM_CRASHES,
    CLAIM_QUEUED,
    CLAIM_STARTED,
    CLAIM_LOCK_SINCE,
    CLAIM_RESOURCES,
    CLAIM_MORE,
    CLAIM_FIELDS
};

void queue_claim(struct redis_cmd *cmd, const char *prefix, const char *worker_id,
                 const char *nonce)
{
    redis_cmd_script(cmd, script("claim"), prefix);
    redis_cmd_arg(cmd, worker_id);
    redis_cmd_arg(cmd, nonce);
    redis_cmd_int(cmd, QUEUE_LEASE_MS);
}

static bool copy_text(const struct redisReply *field, char *out, size_t size)
{
    const char *text = redis_reply_text(field);

    if (text == NULL || text[0] == '\0' || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static int64_t claim_int(const struct redisReply *reply, size_t field)
{
    return redis_reply_int(redis_reply_at(reply, field), 0);
}

static int read_claimed(const struct redisReply *reply, const char *nonce,
                        struct claimed *out, struct err *err)
{
    struct claimed run = {.outcome = CLAIM_RUN};
    const struct redisReply *spec = redis_reply_at(reply, CLAIM_SPEC);
    const char *kind = redis_reply_text(redis_reply_at(reply, CLAIM_KIND));

    if (redis_reply_count(reply) != CLAIM_FIELDS || redis_reply_text(spec) == NULL ||
        !copy_text(redis_reply_at(reply, CLAIM_ID), run.hold.run_id,
                   sizeof run.hold.run_id) ||
        !copy_text(redis_reply_at(reply, CLAIM_FENCE), run.hold.fence,
                   sizeof run.hold.fence) ||
        !copy_text(redis_reply_at(reply, CLAIM_TARGET), run.target, sizeof run.target) ||
        kind == NULL || run_kind_parse(kind, &run.kind) < 0)
        return err_set(err, ERR_PERM, "claim answered with a run that cannot be");
    snprintf(run.hold.nonce, sizeof run.hold.nonce, "%s", nonce);
    run.attempt = claim_int(reply, CLAIM_ATTEMPT);
    run.crashes = claim_int(reply, CLAIM_CRASHES);
    run.queued_at_ms = claim_int(reply, CLAIM_QUEUED);
    run.started_at_ms = claim_int(reply, CLAIM_STARTED);
    run.lock_retry_since_ms = claim_int(reply, CLAIM_LOCK_SINCE);
    run.resources = claim_int(reply, CLAIM_RESOURCES);
    run.more = claim_int(reply, CLAIM_MORE) != 0;
    run.spec = mem_dup_n(redis_reply_text(spec), redis_reply_len(spec));
    *out = run;
    return 0;
}

int queue_claim_reply(const struct redisReply *reply, const char *nonce,
                      struct claimed *out, struct err *err)
{
    size_t word;

    if (queue_word(redis_reply_at(reply, CLAIM_WORD), claim_words, ARRAY_LEN(claim_words),
                   &word, err) < 0)
        return err_wrap(err, "claim");
    if (word == CLAIM_RUN)
        return read_claimed(reply, nonce, out, err);
    *out = (struct claimed){.outcome = (enum claim_outcome)word};
    return 0;
}

void claimed_done(struct claimed *claimed)
{
    free(claimed->spec);
    claimed->spec = NULL;
}

/* ---- heartbeat ---- */
static const char *const state_words[] = {
    [HOLD_OK] = "ok",
    [HOLD_LOST] = "lost",
    [HOLD_ORPHANED] = "orphaned",
};

void queue_heartbeat(struct redis_cmd *cmd, const char *prefix, const char *worker_id,
                     const char *info, const struct queue_hold *holds, size_t count)
{
    redis_cmd_script(cmd, script("heartbeat"), prefix);
    redis_cmd_arg(cmd, worker_id);
    redis_cmd_arg(cmd, info);
    redis_cmd_int(cmd, QUEUE_LEASE_MS);
    for (size_t i = 0; i < count; i++) {
        redis_cmd_arg(cmd, holds[i].run_id);
        redis_cmd_arg(cmd, holds[i].fence);
        redis_cmd_arg(cmd, holds[i].nonce);
    }
}

int queue_heartbeat_reply(const struct redisReply *reply, struct hold_news *news,
                          size_t count, struct err *err)
{
    if (redis_reply_count(reply) != 2 * count)
        return err_set(err, ERR_PERM, "heartbeat answered for %zu runs, not %zu",
                       redis_reply_count(reply) / 2, count);
    for (size_t i = 0; i < count; i++) {
        size_t word;

        if (queue_word(redis_reply_at(reply, 2 * i), state_words, ARRAY_LEN(state_words),
                       &word, err) < 0)
            return err_wrap(err, "heartbeat");
        news[i] = (struct hold_news){
            .state = (enum hold_state)word,
            .cancel_level = (int)redis_reply_int(redis_reply_at(reply, 2 * i + 1), 0)};
    }
    return 0;
}

/* ---- mark, release, orphan, retry, reassert ---- */
static const char *const hold_words[] = {
    [HOLD_DONE] = "done",           [HOLD_GONE] = "gone",
    [HOLD_CANCELLED] = "cancelled", [HOLD_FROZEN] = "frozen",
    [HOLD_EXHAUSTED] = "exhausted",
};

int queue_hold_reply(const struct redisReply *reply, enum hold_outcome *out,
                     struct err *err)
{
    size_t word;

    if (queue_word(reply, hold_words, ARRAY_LEN(hold_words), &word, err) < 0)
        return -1;
    *out = (enum hold_outcome)word;
    return 0;
}

void queue_mark(struct redis_cmd *cmd, const char *prefix, const struct queue_hold *hold)
{
    queue_hold_script(cmd, "mark", prefix, hold);
}

void queue_release(struct redis_cmd *cmd, const char *prefix,
                   const struct queue_hold *hold)
{
    queue_hold_script(cmd, "release", prefix, hold);
}

void queue_orphan(struct redis_cmd *cmd, const char *prefix,
                  const struct queue_hold *hold)
{
    queue_orphan_saying(cmd, prefix, hold, "");
}

void queue_orphan_saying(struct redis_cmd *cmd, const char *prefix,
                         const struct queue_hold *hold, const char *message)
{
    queue_hold_script(cmd, "orphan", prefix, hold);
    queue_arg_cut(cmd, message, QUEUE_SUMMARY_BYTES);
}

void queue_retry(struct redis_cmd *cmd, const char *prefix, const struct queue_hold *hold,
                 enum retry_reason reason, const char *message)
{
    static const char *const reasons[] = {
        [RETRY_INFRASTRUCTURE] = "infrastructure",
        [RETRY_STATE_LOCKED] = "state_locked",
    };

    queue_hold_script(cmd, "retry", prefix, hold);
    redis_cmd_arg(cmd, reasons[reason]);
    queue_arg_cut(cmd, message, QUEUE_SUMMARY_BYTES);
    redis_cmd_int(cmd, QUEUE_RETRIES_MAX);
    redis_cmd_int(cmd, QUEUE_RETRY_MS);
    redis_cmd_int(cmd, QUEUE_LOCK_RETRY_MS);
}

void queue_reassert(struct redis_cmd *cmd, const char *prefix, const char *worker_id,
                    const struct queue_hold *hold)
{
    queue_hold_script(cmd, "reassert", prefix, hold);
    redis_cmd_arg(cmd, worker_id);
    redis_cmd_int(cmd, QUEUE_LEASE_MS);
}

/* ---- the result ---- */
static void part(struct redis_cmd *cmd, const void *bytes, size_t len)
{
    redis_cmd_bytes(cmd, bytes != NULL ? bytes : "", bytes != NULL ? len : 0);
}

void queue_finish(struct redis_cmd *cmd, const char *prefix,
                  const struct queue_hold *hold, const struct finish *result)
{
    bool record = result->drift_record != NULL;

    assert(run_status_ended(result->status));
    assert(!result->summary || strlen(result->summary) <= QUEUE_SUMMARY_BYTES);
    assert(!result->reads || strlen(result->reads) <= QUEUE_READS_BYTES);
    queue_hold_script(cmd, "finish", prefix, hold);
    redis_cmd_arg(cmd, run_status_name(result->status));
    redis_cmd_int(cmd, result->exit_code);
    redis_cmd_arg(cmd, result->error_code);
    queue_arg_cut(cmd, result->error_message, QUEUE_SUMMARY_BYTES);
    redis_cmd_arg(cmd, result->commit);
    redis_cmd_arg(cmd, result->summary);
    redis_cmd_int(cmd, result->output_truncated);
    part(cmd, result->output, result->output_len);
    part(cmd, result->log, result->log_len);
    part(cmd, result->applied, result->applied_len);
    part(cmd, result->head, result->head_len);
    part(cmd, result->metadata, result->metadata_len);
    redis_cmd_arg(cmd, record ? result->drift_repo : "");
    redis_cmd_arg(cmd, record ? result->drift_field : "");
    redis_cmd_arg(cmd, result->drift_record);
    redis_cmd_int(cmd, result->found);
    redis_cmd_arg(cmd, result->reads);
    if (result->counted)
        redis_cmd_int(cmd, result->resources);
    else
        redis_cmd_arg(cmd, "");
}

void queue_log_append(struct redis_cmd *cmd, const char *prefix,
                      const struct queue_hold *hold, int64_t attempt, int64_t offset,
                      const void *bytes, size_t len)
{
    assert(len <= QUEUE_LOG_CHUNK_BYTES);
    queue_hold_script(cmd, "log_append", prefix, hold);
    redis_cmd_int(cmd, attempt);
    redis_cmd_int(cmd, offset);
    redis_cmd_bytes(cmd, bytes, len);
}
