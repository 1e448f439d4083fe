/* The run directory: how a supervisor and the runner of one run talk, and what survives
 * either of them.
 *
 * In w<n>/runs/<run id>/:
 * - spec.json    supervisor, before the runner starts: what to do (struct run_order);
 *                the hold in it is what lets a restarted worker adopt the run
 * - lock         flock'ed by the runner; terraform inherits the descriptor on purpose:
 *                the run is alive exactly while the lock is held, across pid reuse and
 *                restarts
 * - ctl          FIFO, supervisor -> runner: lines "cancel 1", "cancel 2", "interrupt",
 *                and the answers to `ask`: "go <serial>", "no <serial> <why>" with why
 *                one of gone, cancelled, frozen; outlives both. The runner holds it open
 * for reading and writing, so it never sees an end of file
 * - log          runner: everything the steps print, masked, append-only, capped; the
 *                supervisor ships its bytes to log:<run> while it grows
 * - started      runner: the step it is at, one word ("checkout", "init", "plan", "show",
 *                "report"), for workers' info
 * - in/          runner: what terraform reads (variables, backend settings, askpass), and
 *                the plan as JSON
 * - out/         the only place here that terraform may write: the plan
 * - ask          runner: "<serial> <boot ms>": may terraform apply begin? Asked anew,
 * with the next serial, until it is answered; see rundir_ask
 * - marked       supervisor: Redis has marked the run; written before the first "go" of
 * it is sent. From then on the run is nobody's to kill or to start again
 * - sealed/      runner: the plan file that will be applied, out of terraform's reach
 * - apply.log    terraform apply's own output, raw, so that it never meets a closed pipe;
 *                removed with the secrets
 * - expand.json  runner of a resolve run: the runs of its batch, an object
 *                {"commit", "abort", "runs": [{"id", "kind", "target", "scope", "spec",
 *                "ref", "stage", "deps"}]}; `spec` is an object. There with an outcome
 *                whose `expand` is set
 * - output.z apply.z head metadata.json log.z
 *                runner: the parts of the result, ready to be sent
 * - result.json  runner, last, atomically: struct run_outcome. Where it is, the run is
 *                over. An interrupted run leaves none: it is to be released
 * - done         supervisor: Redis has acknowledged the result; kept 15 min to be sent
 *                again after Redis lost it, then the directory is removed
 * - orphaned     supervisor: marked, over, and without a result, as Redis knows; kept for
 *                a person to look at (journal.h) */
#ifndef KEDGE_WORKER_RUNDIR_RUNDIR_H
#define KEDGE_WORKER_RUNDIR_RUNDIR_H

#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/queue/queue.h"
#include "common/queue/run.h"

/* What a runner leaves in result.json. Strings are owned. */
struct run_outcome {
    enum run_status status; /* an end */
    bool retry; /* infrastructure or a held lock: ask for a retry before finishing */
    enum retry_reason retry_reason;
    int exit_code;        /* terraform's, -1: none */
    enum run_error error; /* RUN_ERR_NONE unless status is RUN_ERROR */
    char *error_message;  /* NULL: none */
    char *commit;         /* NULL: not resolved */
    char *summary;        /* compact JSON of counts; NULL: none */
    char *drift_record;   /* JSON for drift:<repo>; NULL: none */
    char *reads;          /* see struct finish; NULL: not known */
    int64_t resources;    /* the same; -1: not counted */
    bool found;           /* the same */
    bool output_truncated;
    bool expand; /* a resolve run that found its projects: see expand.json */
};
void run_outcome_done(struct run_outcome *outcome);

/* What the supervisor hands over in spec.json besides the spec. */
struct run_order {
    struct queue_hold hold;
    char target[SIGN_ID_BYTES];
    int64_t attempt;
    int64_t queued_at_ms, started_at_ms; /* server's clock */
    int64_t lock_retry_since_ms;
    int64_t resources; /* see struct claimed */
    struct run_spec spec;
};
void run_order_done(struct run_order *order);

/* `dir` is the run directory's path everywhere. Errors are those of path.h: ERR_TEMP for
 * a full disk, else ERR_PERM. */
int rundir_create(const char *dir, const struct run_order *order, struct err *err);
int rundir_read_order(const char *dir, struct run_order *out, struct err *err);
int rundir_write_outcome(const char *dir, const struct run_outcome *outcome,
                         struct err *err);
bool rundir_has_outcome(const char *dir);
/* 1: read; 0: not there yet; -1: broken. */
int rundir_read_outcome(const char *dir, struct run_outcome *out, struct err *err);
/* Takes the lock for the runner: the descriptor is NOT close-on-exec. ERR_TEMP when it is
 * held; waits up to a second for somebody who only looks. */
int rundir_lock(const char *dir, struct err *err);
bool rundir_alive(const char *dir); /* is the lock held by somebody? */
/* SIGKILLs every other process that holds the lock (found through /proc/<pid>/fd), with
 * its process group unless that is the caller's. */
void rundir_kill_holders(const char *dir);
/* Is a group that holds the lock still led by the process that was started for it, the
 * runner or terraform? False: what they left behind holds it, and nobody else. True when
 * that cannot be found out. */
bool rundir_is_led(const char *dir);
/* SIGINT to the leaders of such groups alone, which stop what they have started. False:
 * there is none. */
bool rundir_interrupt(const char *dir);
/* ---- may an apply begin? ----
 *
 * The runner asks with a serial and the time on CLOCK_BOOTTIME, in `ask`, and pokes the
 * worker through the FIFO w<n>/poke (its run id and a newline), which is only a hint: the
 * worker looks into the directories of its applies every second besides. The worker marks
 * the run in Redis, then answers through ctl. A go counts only for the newest serial and
 * within RUNDIR_GO_MS of that serial's time: later, or with no answer for RUNDIR_ASK_MS,
 * the runner asks again, and never begins. */
#define RUNDIR_GO_MS  10000
#define RUNDIR_ASK_MS 3000
struct rundir_ask {
    int64_t serial; /* from 1 */
    int64_t boot_ms;
};
int rundir_ask(const char *dir, const struct rundir_ask *ask, struct err *err);
bool rundir_read_ask(const char *dir, struct rundir_ask *out); /* false: nothing asked */
/* ERR_TEMP or ERR_PERM as path.h; durable when it returns. */
int rundir_set_marked(const char *dir, struct err *err);
bool rundir_is_marked(const char *dir);

/* Sends a line (without its newline) to the runner; false when nobody reads. */
bool rundir_tell(const char *dir, const char *line);

#endif
