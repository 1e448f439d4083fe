/* The queue: every transition of a run, as one atomic, replayable Lua script each.
 *
 * Only this module, registry.c and the stores (schedule_store.c …) know key names; only
 * the scripts in common/lua write them. A caller builds a command (queue_x), sends it
 * with redis_call or redis_link_send, and reads the reply (queue_x_reply). Every script
 * checks its arguments before its first write, and gives the same answer when it is sent
 * again with the same nonce, or LOST.
 *
 * Keys, after the prefix, each with its one meaning. <target>, <scope>, <pkey> are ids
 * (hashes): no text of a user enters a key.
 *
 * - run:<id>        HASH   the run: see "Fields of a run" below
 * - spec:<id>       STRING its specification (JSON), apart so that the hash stays compact
 * - result:<id>     HASH   output, log and applied (zlib), head (of the output), metadata
 *                          (JSON); applied is what terraform apply printed
 * - q:<target>      ZSET   waiting runs of a target by seq: strict FIFO
 * - ready           ZSET   idle targets with waiting runs, by the least priority of those
 *                          (enqueue ms - credit; lower is earlier)
 * - active          HASH   target -> the run that holds it (running or orphaned)
 * - leases          ZSET   running run -> deadline ms
 * - suspects        ZSET   running run whose lease is over -> end of its grace ms
 * - delayed         ZSET   run -> due ms
 * - orphans, dead   ZSET   runs that need a person, by when that was known, ms
 * - coalesce        HASH   spec fingerprint -> queued drift check that equal ones join
 * - waiting         HASH   "" -> queued runs in all, <pkey> -> of that project, and of
 *                          those "schedule", "schedule <pkey>" -> made by schedules
 * - wake            ZSET   one marker: somebody idle should claim (a hint)
 * - ctl:<worker>    LIST   "cancel <run> <level>"; 1 h
 * - workers         ZSET   worker -> last seen ms
 * - worker:<id>     HASH   info (JSON); claim, claimed: last claim's nonce and run; 60 s
 * - events          STREAM {run, status} of every transition, MAXLEN ~ 20 000
 * - runs            ZSET   every run by enqueue ms
 * - runs:<scope>    ZSET   every run of a scope by enqueue ms
 * - skips:<scope>   ZSET   those of them that began as skipped, by the same
 * - last:<scope>    HASH   newest: the newest check; ended: the last that ended clean,
 *                          drift_detected or error; good: the last that ended clean or
 *                          drift_detected; reconciled: the last reconcile that ended
 *                          clean or applied; reads: what that one read of the repository;
 *                          resources: in the state, when a run last saw any
 * - ended           ZSET   ended runs and orphans by end ms
 * - scopes          ZSET   scopes with ended runs -> when trim looks at them next, ms
 * - trim_at         HASH   "runs:<scope>", "batches:<repo>" -> where trim goes on there
 * - outputs         ZSET   runs with a stored output, log or applied, by end ms
 * - drift:<repo>    HASH   <field> -> last good drift record, <field>|error -> that of a
 *                          check that failed after it (JSON)
 * - drifts          ZSET   repositories with drift records by their last write, ms
 * - log:<run>       STREAM live output {attempt, offset, bytes}; an entry's id is
 *                          <attempt>-<offset>; 10 min after the end, or with
 *                          the run when no log was stored: its worker was lost
 * - idem:<hash>     STRING "<run> <joined 0|1> <body fingerprint>"; 24 h
 * - schedule:…, schedules:…, due   see schedule_store.h
 * - outbox          LIST   "<run> <status>" of each end that people may be told of; what
 *                          becomes of it: outbox.h
 * - hook:…, hooks…, told:…, reminders, event:…, delivery:…, deliveries:…, waiting:…,
 *   pending:…, flying:…, gather:…, hooks_due, taken:…   see hook_store.h, outbox.h
 * - meta            HASH   schema, seq, paused "1", frozen "1", of both _reason, _by, _at
 *                          (since when), result_bytes (of outputs, logs and applied
 *                          stored), reaped_at, reaping_since, fsck_*
 *
 * A scope is whose history a run is part of: the id of (projectId, workspaceId) in the v1
 * family, else its target.
 *
 * Fields of a run, all small (together ≤ 16 KiB, normally < 1 KiB): status, version (its
 * last event's id), kind, trigger, target, scope, project, workspace, pkey, ref,
 * coalesce (fingerprint or ""), seq, priority, queued, locked_by; from claim: fence,
 * nonce, worker, started, attempts (claims), marked; crashes, retries, lock_since, due,
 * retry_message; of a batch's run: batch, index, stage, deps, counted (queue_batch.h); of
 * a schedule's run: schedule (its id); cancel (level), cancel_by, cancel_nonce; at the
 * end: frozen_reason (of a mark that was refused for it), ended, exit, error_code,
 * error_message, commit, summary, truncated, output_dropped; of a resolved orphan:
 * resolve_reason, resolve_nonce, resolved_hold, note (what its owner said later). fence
 * and nonce stay after finish, retry and release, so that a replay is known; reap and
 * resolve take them away.
 *
 * A tick of a schedule that gets no run is a run that begins as skipped: ended when it is
 * queued, its summary says why, and no worker ever sees it. It is in runs, ended, scopes
 * and told as an event like others, but waits nowhere and is never what last:<scope>
 * names. A scope keeps as many of them as of others: a queue that stood still for a day
 * does not cost it its history.
 *
 * Ownership: every `const char *` in a request struct is borrowed for the call that
 * builds the command; NULL is "". Errors of the reply readers: ERR_PERM for an answer
 * that cannot be.
 */
#ifndef KEDGE_COMMON_QUEUE_QUEUE_H
#define KEDGE_COMMON_QUEUE_QUEUE_H

#include "common/base/sign.h"
#include "common/queue/run.h"
#include "common/redis/redis.h"

#define QUEUE_LEASE_MS        15000
#define QUEUE_HEARTBEAT_MS    4000
#define QUEUE_GRACE_MS        8000
#define QUEUE_CRASHES_MAX     3
#define QUEUE_RETRIES_MAX     3
#define QUEUE_LOCK_RETRY_MS   (30 * 60 * 1000)
#define QUEUE_RETRY_MS        30000 /* before the first retry; then twice as long each */
#define QUEUE_REAP_GAP_MS     7000 /* nobody reaped for so long: every grace starts anew */
#define QUEUE_ALIVE_MS        60000 /* a worker heard of within that is alive */
#define QUEUE_SPEC_BYTES      65536 /* of a spec, at most */
#define QUEUE_SUMMARY_BYTES   4096  /* of a summary or message, at most */
#define QUEUE_HEAD_BYTES      4096
#define QUEUE_READS_BYTES     4096
#define QUEUE_LOG_CHUNK_BYTES 16384

/* ---- enqueue (api, webhooks) ---- */
struct enqueue {
    const char *run_id; /* new; also the nonce: sent again it finds its own run */
    enum run_kind kind;
    enum run_trigger trigger;
    const char *target;                    /* id */
    const char *scope;                     /* id */
    const char *project_id, *workspace_id; /* "" outside the v1 family */
    const char *spec;                      /* JSON, ≤ QUEUE_SPEC_BYTES */
    const char *ref;                       /* as asked for; shown */
    const char *fingerprint;               /* "": never coalesces; only checks do */
    int64_t registry_revision; /* of the project the spec was made from; -1: no check */
    const char *idem;          /* hash of token, method, path, key; "": none */
    const char *idem_body;     /* fingerprint of the request body */
    const char *locked_by;     /* the token's name */
    /* Runs of schedules do not count. The latter with a project_id only. */
    int64_t max_queued, max_queued_project;
};
enum enqueue_outcome {
    ENQUEUE_NEW,
    ENQUEUE_COALESCED, /* run_id is that of an equal queued check */
    ENQUEUE_REPLAYED,  /* run_id is what that Idempotency-Key (or that very call) got */
    ENQUEUE_IDEM_MISMATCH, /* the key was used with another body */
    ENQUEUE_MOVED,         /* project or workspace has changed: read it again */
    ENQUEUE_FULL,
    ENQUEUE_FULL_PROJECT,
    ENQUEUE_FROZEN, /* it would apply, and that is frozen */
    ENQUEUE_OUTCOMES
};
struct enqueued {
    enum enqueue_outcome outcome;
    char run_id[SIGN_UUID_BYTES];
    bool coalesced;     /* also remembered for REPLAYED */
    const char *reason; /* FROZEN: why, "" for none; lives as long as the reply */
};
void queue_enqueue(struct redis_cmd *cmd, const char *prefix, const struct enqueue *req);
int queue_enqueue_reply(const struct redisReply *reply, struct enqueued *out,
                        struct err *err);
/* What a call with this Idempotency-Key and body would find: REPLAYED, IDEM_MISMATCH or,
 * when the key was not used yet, NEW. */
void queue_get_idem(struct redis_cmd *cmd, const char *prefix, const char *idem);
int queue_get_idem_reply(const struct redisReply *reply, const char *idem_body,
                         struct enqueued *out, struct err *err);

/* ---- claim, heartbeat, mark, finish, retry, release (workers) ---- */
/* What every later write carries; compared for equality, never for order. */
struct queue_hold {
    char run_id[SIGN_UUID_BYTES];
    char fence[48];            /* id of the claim's event */
    char nonce[SIGN_ID_BYTES]; /* the claimer's random number */
};
enum claim_outcome { CLAIM_RUN, CLAIM_NONE, CLAIM_PAUSED };
struct claimed {
    enum claim_outcome outcome;
    struct queue_hold hold;
    char target[SIGN_ID_BYTES];
    enum run_kind kind;
    char *spec;      /* owned: free */
    int64_t attempt; /* 1 for the first */
    int64_t crashes;
    int64_t queued_at_ms, started_at_ms; /* server's clock */
    int64_t lock_retry_since_ms;         /* 0: no state lock met so far */
    /* In the state of the run's workspace, when one of its runs last saw any; 0: none
     * ever did, or they are known to be gone. */
    int64_t resources;
    bool more; /* other targets are ready too */
};
void queue_claim(struct redis_cmd *cmd, const char *prefix, const char *worker_id,
                 const char *nonce);
int queue_claim_reply(const struct redisReply *reply, const char *nonce,
                      struct claimed *out, struct err *err);
void claimed_done(struct claimed *claimed);

/* Renews the worker and the leases of its runs in one call. info: JSON shown by GET
 * /api/v1/workers. */
void queue_heartbeat(struct redis_cmd *cmd, const char *prefix, const char *worker_id,
                     const char *info, const struct queue_hold *holds, size_t count);
enum hold_state { HOLD_OK, HOLD_LOST, HOLD_ORPHANED };
struct hold_news {
    enum hold_state state;
    int cancel_level; /* 0 none, 1 asked, 2 forced */
};
/* Fills news[count], in the order of the holds. */
int queue_heartbeat_reply(const struct redisReply *reply, struct hold_news *news,
                          size_t count, struct err *err);

enum hold_outcome {
    HOLD_DONE,
    HOLD_GONE, /* LOST: the run has moved on; write nothing more. Of mark also when the
                  lease is over: the next heartbeat says whether the run is lost */
    HOLD_CANCELLED, /* mark, retry: somebody wants it stopped */
    HOLD_FROZEN,    /* mark */
    HOLD_EXHAUSTED, /* retry: no attempts left; finish it */
};
int queue_hold_reply(const struct redisReply *reply, enum hold_outcome *out,
                     struct err *err);
void queue_mark(struct redis_cmd *cmd, const char *prefix, const struct queue_hold *hold);
void queue_release(struct redis_cmd *cmd, const char *prefix,
                   const struct queue_hold *hold);
enum retry_reason { RETRY_INFRASTRUCTURE, RETRY_STATE_LOCKED };
void queue_retry(struct redis_cmd *cmd, const char *prefix, const struct queue_hold *hold,
                 enum retry_reason reason, const char *message);
void queue_reassert(struct redis_cmd *cmd, const char *prefix, const char *worker_id,
                    const struct queue_hold *hold);

struct finish {
    enum run_status status;                 /* an end */
    int exit_code;                          /* terraform's, -1: none */
    const char *error_code, *error_message; /* "" unless error */
    const char *commit;
    const char *summary; /* compact JSON of counts, ≤ 4 KiB, read on every poll */
    bool output_truncated;
    /* zlib but for head (text) and metadata (JSON); NULL: none */
    const void *output, *log, *head, *metadata, *applied;
    size_t output_len, log_len, head_len, metadata_len, applied_len;
    /* Key id, field, JSON. Record NULL: none is written. That of an error leaves the last
     * good one as it is, unless the run has `found` what there is all the same. The
     * record: {"status", "projectName"?, "directory", "workspace", "ref", "commit",
     * "checkedAt" (ms, server's clock), "summary", "toAdd", "toChange", "toDestroy",
     * "toImport", "changesOutside", "hasChanges", "runId", "error"?}. */
    const char *drift_repo, *drift_field, *drift_record;
    bool found;
    /* What of the repository it read, ≤ QUEUE_READS_BYTES: the directory it worked in,
     * then directories (with all that is in them) and files, relative to the top, one a
     * line. NULL: not known. Kept for a workspace that ended clean or drift_detected. */
    const char *reads;
    /* In the state, for the next claims of that workspace, where they were `counted`;
     * else these are told what was known before. */
    bool counted;
    int64_t resources;
};
void queue_finish(struct redis_cmd *cmd, const char *prefix,
                  const struct queue_hold *hold, const struct finish *result);
/* Appends to log:<run>; ≤ QUEUE_LOG_CHUNK_BYTES. What is sent again is stored once,
 * however it is cut. It is read by queue_log.h. */
void queue_log_append(struct redis_cmd *cmd, const char *prefix,
                      const struct queue_hold *hold, int64_t attempt, int64_t offset,
                      const void *bytes, size_t len);

/* ---- cancel, resolve (api) ---- */
enum cancel_outcome { CANCEL_DONE, CANCEL_ASKED, CANCEL_ENDED, CANCEL_UNKNOWN };
void queue_cancel(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                  bool force, const char *by);
int queue_cancel_reply(const struct redisReply *reply, enum cancel_outcome *out,
                       struct err *err);
enum resolve_outcome {
    RESOLVE_DONE,
    RESOLVE_NOT_ORPHAN,
    RESOLVE_OWNER_ALIVE,
    RESOLVE_UNKNOWN
};
void queue_resolve(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                   enum run_status status, const char *reason, bool force);
int queue_resolve_reply(const struct redisReply *reply, enum resolve_outcome *out,
                        struct err *err);

/* ---- switches that people turn (api) ---- */
enum queue_switch {
    SWITCH_PAUSE,  /* nothing is claimed or fired */
    SWITCH_FREEZE, /* nothing is applied; checks and plans go on */
    SWITCHES
};
struct queue_switched {
    bool on;
    const char *reason, *by; /* "": not given; live as long as the reply */
    int64_t since_ms;        /* server's clock; 0: it was never turned */
};
/* The reply says how it stands now. Setting what is so already changes the reason and who
 * gave it. */
void queue_set_switch(struct redis_cmd *cmd, const char *prefix, enum queue_switch which,
                      bool on, const char *reason, const char *by);
void queue_get_switch(struct redis_cmd *cmd, const char *prefix, enum queue_switch which);
int queue_switch_reply(const struct redisReply *reply, struct queue_switched *out,
                       struct err *err);

/* ---- what time does (scheduler; workers reap too) ---- */
/* Each handles at most 100 and answers how many: call again while it is 100. */
void queue_promote(struct redis_cmd *cmd, const char *prefix);
/* Two phases: a lease that is over makes a suspect, a suspect whose grace is over is
 * recovered. The grace only counts while somebody reaps at least every QUEUE_REAP_GAP_MS,
 * so that a Redis that stood still takes no run from anybody alive. No crash is counted
 * while Redis has been up for less than a minute. */
void queue_reap(struct redis_cmd *cmd, const char *prefix);
struct queue_reaped {
    int64_t moved; /* all of the following */
    int64_t suspected, requeued, lost, orphaned, cancelled;
};
int queue_reap_reply(const struct redisReply *reply, struct queue_reaped *out,
                     struct err *err);
/* Forgets runs beyond keep_runs newer ones of their scope, or older than keep_days;
 * batches likewise, by repository (queue_batch.h); drift records of a repository that
 * were not written for 90 days. Drops outputs, logs and applied, oldest first, above
 * store_max_bytes (0: no limit). Answers how many of them it looked at. */
void queue_trim(struct redis_cmd *cmd, const char *prefix, int64_t keep_runs,
                int64_t keep_days, int64_t store_max_bytes);
/* Repairs what no invariant allows, a piece at a time; each minute. The reply is an
 * array: how many things it found (normally 0), then a sentence for each, for the log. */
void queue_fsck(struct redis_cmd *cmd, const char *prefix);
/* Of promote, trim and fsck. */
int queue_count_reply(const struct redisReply *reply, int64_t *count, struct err *err);

/* ---- reading (api) ---- */
/* A run as stored; text fields point into the reply and live as long as it. Text that is
 * not there is "". */
struct run_record {
    const char *id; /* the caller's; NULL: no such run */
    const char *project_id, *workspace_id, *target, *scope;
    enum run_kind kind;
    enum run_status status;
    const char *batch;   /* the batch it is part of; "" */
    int64_t batch_index; /* its place there; -1: none, or the resolve run */
    const char *trigger, *schedule_id, *spec, *ref, *commit, *locked_by, *worker;
    const char *error_code, *error_message;
    const char *retry_message; /* why it waits for another attempt */
    const char *summary;       /* JSON or "" */
    const char *version;       /* last event id */
    int64_t attempts, crashes, cancel_level;
    int64_t exit_code; /* terraform's; -1: none */
    bool marked, output_truncated;
    bool output_dropped; /* output and log were evicted; head and metadata are there */
    int64_t queued_at_ms, started_at_ms, ended_at_ms, due_ms; /* 0: not yet */
};
void queue_get_run(struct redis_cmd *cmd, const char *prefix,
                   const char *run_id); /* script */
/* out->id is NULL when there is none. */
int queue_get_run_reply(const struct redisReply *reply, const char *run_id,
                        struct run_record *out, struct err *err);
/* HGET: the version as text, nil when there is no such run. */
void queue_get_version(struct redis_cmd *cmd, const char *prefix, const char *run_id);

enum result_part {
    RESULT_OUTPUT = 1,
    RESULT_LOG = 2,
    RESULT_HEAD = 4,
    RESULT_METADATA = 8,
    RESULT_APPLIED = 16
};
/* `parts`: enum result_part or-ed, at least one. */
void queue_get_result(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                      unsigned parts);
/* NULL: not asked for, or not there. Live as long as the reply. */
struct run_result {
    const char *output, *log, *head, *metadata, *applied;
    size_t output_len, log_len, head_len, metadata_len, applied_len;
};
int queue_get_result_reply(const struct redisReply *reply, unsigned parts,
                           struct run_result *out, struct err *err);

/* Ids newest first. scope NULL: of all. Continues after (before_ms, before_id); 0, NULL:
 * from the newest. The reply is an array id, score, id, score … limit ≤ 1000. */
void queue_list_runs(struct redis_cmd *cmd, const char *prefix, const char *scope,
                     int64_t before_ms, const char *before_id, int64_t limit);
/* which: "orphans" or "dead". As queue_list_runs, by when that was known. */
void queue_list_special(struct redis_cmd *cmd, const char *prefix, const char *which,
                        int64_t before_ms, const char *before_id, int64_t limit);
/* HMGET: ids or nil, in this order. */
enum { QUEUE_LAST_NEWEST, QUEUE_LAST_ENDED, QUEUE_LAST_GOOD, QUEUE_LAST_RECONCILED };
void queue_get_last(struct redis_cmd *cmd, const char *prefix, const char *scope);
/* HGET: what the workspace's last good run read (struct finish), nil: not known. */
void queue_get_reads(struct redis_cmd *cmd, const char *prefix, const char *scope);
/* Script: [id, seen_ms, info]…, most recently seen first; at most 1000. */
void queue_list_workers(struct redis_cmd *cmd, const char *prefix);
/* Script: numbers for /status and /metrics. */
void queue_get_stats(struct redis_cmd *cmd, const char *prefix);
struct queue_stats {
    int64_t waiting, ready, active, delayed, orphans, dead, workers, result_bytes;
    int64_t oldest_waiting_ms; /* for how long what comes next has waited; 0: nothing */
    bool paused, frozen;
};
int queue_get_stats_reply(const struct redisReply *reply, struct queue_stats *out,
                          struct err *err);
/* XREAD BLOCK on events after `after_id` ("$" for new ones). */
void queue_read_events(struct redis_cmd *cmd, const char *prefix, const char *after_id,
                       int64_t block_ms, int64_t count);
/* The stream's first entry's id, to notice a gap; the reply's text is "" for an empty
 * stream. */
void queue_first_event(struct redis_cmd *cmd, const char *prefix);
/* The stream's newest entry: an array of one [id, fields], or empty. */
void queue_last_event(struct redis_cmd *cmd, const char *prefix);
/* Its id from the reply; NULL for an empty stream. */
const char *queue_last_event_id(const struct redisReply *reply);
/* What idle workers block on (BZPOPMIN; never sent again). */
void queue_wait_wake(struct redis_cmd *cmd, const char *prefix, int64_t block_ms);
/* BLPOP; never sent again: heartbeats carry the cancel levels too. */
void queue_wait_ctl(struct redis_cmd *cmd, const char *prefix, const char *worker_id,
                    int64_t block_ms);

#endif
