/* What the queue ought to be: a plain C model of its state and of what each command does
 * to it. Written from the design, not from the scripts: arrays and loops, no keys.
 *
 * Each model_x changes the model as the command should change Redis, and appends the
 * answer that is expected to `expect`. What only Redis can know (fences, the spread of a
 * retry's pause) is told to the model afterwards (model_learn_x). model_print writes the
 * state in the form in which the test reads Redis. */
#ifndef KEDGE_TESTS_SUPPORT_QUEUE_MODEL_H
#define KEDGE_TESTS_SUPPORT_QUEUE_MODEL_H

#include "common/queue/queue.h"

#define MODEL_TARGETS  8
#define MODEL_PROJECTS 3
#define MODEL_PRINTS   16 /* fingerprints: two a target */
#define MODEL_WORKERS  4
#define MODEL_LIVE_MAX 256
#define MODEL_NONE     (-1)

#define MODEL_QUEUED_MAX  30
#define MODEL_PROJECT_MAX 9

struct model_run {
    bool exists;
    enum run_kind kind;
    enum run_trigger trigger;
    int target;               /* also its scope */
    int project, fingerprint; /* MODEL_NONE */
    enum run_status status;
    int64_t seq, priority, queued_ms, ended_ms, due_ms;
    int64_t lease_ms, suspect_ms; /* 0: not in that list */
    int64_t lock_since_ms;
    char fence[48], nonce[SIGN_ID_BYTES]; /* "" when taken away */
    char marked_fence[48];                /* under which it was marked */
    int worker;
    bool marked, dead;
    bool printed; /* of the test that reads it */
    int cancel, attempts, crashes, retries;
    int cancel_by, resolve_by; /* serial of the command that did; MODEL_NONE */
    int ends;                  /* how often an end was told */
    enum run_status told;      /* by the last event */
    bool was_told;
    char version[48]; /* the last event's id */
};

struct model_worker {
    int claim;   /* serial of its last claim; MODEL_NONE */
    int claimed; /* MODEL_NONE */
    int64_t seen_ms;
};

struct model_idem {
    int run, body; /* MODEL_NONE: not used yet */
    bool joined;
};

struct model {
    int64_t now_ms, uptime_s;
    int64_t seq, result_bytes;
    int64_t reaped_ms, reaping_since_ms;
    bool paused, frozen;
    struct model_run *runs; /* owned; by number */
    int run_count;          /* made so far */
    int run_max;
    int live[MODEL_LIVE_MAX]; /* that have not ended */
    int live_count;
    int active[MODEL_TARGETS];
    int coalesce[MODEL_PRINTS];
    int newest[MODEL_TARGETS], last_ended[MODEL_TARGETS], last_good[MODEL_TARGETS];
    struct model_worker workers[MODEL_WORKERS];
    struct model_idem *idem; /* owned; run_max of them */
    int64_t ended_count;
};

struct model_enqueue {
    int run;        /* a number never used, or that of the call that is sent again */
    int idem, body; /* MODEL_NONE: without */
    bool moved;     /* made from an old revision */
};

void model_init(struct model *model, int run_max);
void model_done(struct model *model);

void model_enqueue(struct model *model, const struct model_enqueue *req,
                   struct buf *expect);
/* Returns the run it should be, or MODEL_NONE. *fresh: a new claim, its fence unknown. */
int model_claim(struct model *model, int worker, int serial, const char *nonce,
                bool *fresh, struct buf *expect);
void model_learn_fence(struct model *model, int run, const char *fence);
void model_heartbeat(struct model *model, int worker, int run,
                     const struct queue_hold *hold, struct buf *expect);
void model_mark(struct model *model, int run, const struct queue_hold *hold,
                struct buf *expect);
void model_finish(struct model *model, int run, const struct queue_hold *hold,
                  enum run_status status, int64_t bytes, struct buf *expect);
/* Returns whether it became delayed: model_learn_due follows. */
bool model_retry(struct model *model, int run, const struct queue_hold *hold,
                 enum retry_reason reason, struct buf *expect);
/* How long the pause should be without its spread, ms. */
int64_t model_pause_ms(const struct model *model, int run, enum retry_reason reason);
void model_learn_due(struct model *model, int run, int64_t due_ms);
void model_release(struct model *model, int run, const struct queue_hold *hold,
                   struct buf *expect);
void model_cancel(struct model *model, int run, bool force, int serial,
                  struct buf *expect);
void model_resolve(struct model *model, int run, enum run_status status, bool force,
                   int serial, struct buf *expect);
void model_reassert(struct model *model, int worker, int run,
                    const struct queue_hold *hold, struct buf *expect);
void model_reap(struct model *model, struct buf *expect);
void model_promote(struct model *model, struct buf *expect);

/* The state, a line a fact, as QUEUE_PRINT_SCRIPT prints that of Redis. */
void model_print(const struct model *model, struct buf *out);
/* One run's line. */
void model_print_run(const struct model *model, int run, struct buf *out);

#endif
