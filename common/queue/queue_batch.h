/* Batches in the queue: opening one, turning its resolve run into runs, reading it.
 *
 * Keys, besides those of queue.h:
 *
 * - batch:<id>      HASH   kind, status, version, request (JSON), repo, project, pkey,
 *                          trigger, priority, locked_by, resolve (run or ""), commit,
 *                          total, outstanding, ok, failed, stage, stages (0: no runs
 *                          yet), stage_left, stage_failed, abort, cancel (level),
 *                          cancel_by, cancel_nonce, queued, started, ended, error_code,
 *                          error_message
 * - batch_runs:<id> LIST   its runs in the order of the request
 * - batch_later:<id> ZSET  runs whose stage has not come, by stage
 * - batches_open    ZSET   batches that have not ended, by queued ms
 * - batches:<repo>  ZSET   batches of a repository by queued ms
 * - batches         ZSET   repositories with batches -> when trim looks at them next, ms
 *
 * A run of a batch has the fields batch (id), index, stage and deps ("3,7": indexes of
 * runs of earlier stages of the same batch that must have come to their end well). The
 * resolve run has batch, and index -1; it is in no list of runs, and goes with its batch.
 * Runs of a later stage are in `delayed` at +inf: the end of a stage makes the next one
 * queued. A run whose dependency failed is cancelled when its stage comes; with `abort`,
 * every run of the stages after one in which a run failed. What ends a run counts it in
 * its batch once (its field `counted`): an orphan counts as failed, and is not counted
 * again when it is settled. Runs are as early as their batch: they have the priority of
 * its request.
 *
 * Trim keeps the runs of a batch for as long as the batch: keep_runs newer ones of its
 * repository, or keep_days; never one that has not ended.
 *
 * As in queue.h: every script is replayable, text is borrowed for the call. */
#ifndef KEDGE_COMMON_QUEUE_QUEUE_BATCH_H
#define KEDGE_COMMON_QUEUE_QUEUE_BATCH_H

#include "common/queue/batch.h"
#include "common/queue/queue.h"

/* A run to be made. */
struct batch_run {
    const char *run_id; /* of batch_run_id */
    enum run_kind kind;
    const char *target; /* id */
    const char *scope;  /* id; outside the v1 family the target's */
    const char *project_id, *workspace_id;
    const char *spec; /* JSON, ≤ QUEUE_SPEC_BYTES */
    const char *ref;
    int64_t stage;    /* 0 first; every number up to the largest occurs */
    const char *deps; /* "" or "3,7" */
};

/* ---- opening (api) ---- */
struct batch_open {
    const char *batch_id; /* new; also the nonce */
    enum batch_kind kind;
    enum run_trigger trigger;
    const char *request;                      /* JSON */
    const char *repo;                         /* repository_id of it */
    const char *project_id;                   /* check; "" else */
    int64_t registry_revision;                /* of that project; -1: no check */
    const char *idem, *idem_body, *locked_by; /* as in struct enqueue */
    int64_t max_queued, max_queued_project;
    bool applies; /* FROZEN is answered while that is so */
    /* Either: the resolve run. Its target is a pseudo one of its own. */
    const char *resolve_id, *resolve_spec; /* "" and "" with runs */
    /* Or: the runs themselves, all of stage 0 (none: it ends as a success at once). */
    const struct batch_run *runs;
    size_t run_count; /* ≤ BATCH_RUNS_MAX */
};
/* The reply is that of enqueue (queue_enqueue_reply): run_id is the batch's. */
void queue_batch_open(struct redis_cmd *cmd, const char *prefix,
                      const struct batch_open *open);

/* ---- expand (workers): the finish of a resolve run that found its projects ---- */
struct batch_expand {
    const char *commit;
    bool abort_on_failure; /* of a stage: the later ones are cancelled */
    const struct batch_run *runs;
    size_t run_count; /* ≤ BATCH_RUNS_MAX; 0: the batch ends as a success */
};
/* HOLD_DONE; HOLD_GONE; HOLD_CANCELLED: somebody wants it stopped, finish it so. */
void queue_batch_expand(struct redis_cmd *cmd, const char *prefix,
                        const struct queue_hold *hold, const struct batch_expand *expand);

/* ---- orphan (workers): a marked apply whose runner died and whose terraform has ended.
 * running -> orphaned by its holder, so that a person looks at it. */
void queue_orphan(struct redis_cmd *cmd, const char *prefix,
                  const struct queue_hold *hold);
/* The same with the run's error message; "": the usual one. */
void queue_orphan_saying(struct redis_cmd *cmd, const char *prefix,
                         const struct queue_hold *hold, const char *message);

/* ---- reading (api) ---- */
/* Text points into the reply and lives as long as it; what is not there is "". */
struct batch_record {
    const char *id; /* the caller's; NULL: no such batch */
    enum batch_kind kind;
    enum batch_status status;
    const char *version, *request, *project_id, *trigger, *locked_by, *commit;
    const char *resolve; /* run id */
    const char *error_code, *error_message;
    int64_t cancel_level;
    int64_t total, outstanding, ok, failed;           /* runs */
    int64_t queued_at_ms, started_at_ms, ended_at_ms; /* 0: not yet */
    const struct redisReply *runs;                    /* array of ids in order */
};
void queue_get_batch(struct redis_cmd *cmd, const char *prefix, const char *batch_id);
int queue_get_batch_reply(const struct redisReply *reply, const char *batch_id,
                          struct batch_record *out, struct err *err);
/* HGET: the status as text, nil when there is no such batch: for those who wait. */
void queue_get_batch_status(struct redis_cmd *cmd, const char *prefix,
                            const char *batch_id);
size_t batch_run_count(const struct batch_record *batch);
const char *batch_run_at(const struct batch_record *batch, size_t index); /* an id */

/* Newest first, of the newest 500 of one repository: an array of arrays, each read by
 * queue_listed_batch. `kind`: BATCH_KINDS for all. limit ≤ 500. Runs are left out. */
void queue_list_batches(struct redis_cmd *cmd, const char *prefix, const char *repo,
                        enum batch_kind kind, int64_t limit);
int queue_listed_batch(const struct redisReply *element, struct batch_record *out,
                       struct err *err);

/* What is held: each run that is active (running or orphaned), oldest first, at most
 * 1000; none of kind resolve. An array of arrays, each read by queue_held_lock. */
struct held_lock {
    const char *run_id, *spec, *locked_by;
    enum run_kind kind;
    int64_t locked_at_ms;
};
void queue_list_locks(struct redis_cmd *cmd, const char *prefix);
int queue_held_lock(const struct redisReply *element, struct held_lock *out,
                    struct err *err);

/* The drift records of a repository, or of one field: see struct finish. HGETALL of
 * drift:<repo>: field, JSON, field, JSON …; a field is "<target>|<ref_canonical>", with
 * "|error" behind it the last failure since. HMGET of the two of one field: JSON or nil
 * each. */
void queue_get_drift(struct redis_cmd *cmd, const char *prefix, const char *repo);
void queue_get_drift_of(struct redis_cmd *cmd, const char *prefix, const char *repo,
                        const char *target, const char *ref);

/* Cancelling (queue_cancel) takes a batch's id too: its resolve run, or all its runs. */

#endif
