/* The supervisor's inside, for worker/supervisor/supervisor*.c only.
 *
 * One struct supervisor, one thread. Each turn of the loop calls every duty below once;
 * a duty does what is due, sends at most what the links take without blocking, and says
 * with supervisor_wake_by when it wants to be called again. Replies arrive in callbacks,
 * which only note what they heard: the next turn acts on it.
 *
 * A run that this worker holds is a struct held. Its state has one writer,
 * supervisor_runs.c and supervisor_finish.c:
 *
 *   WAITING ──start──> RUNNING ──lock free──> ENDED <──no answer── SENDING
 *      └──cancelled, cannot start────────────> ENDED ──sent──────> SENDING ──> gone
 *
 * It is in the heartbeat from the claim to the end, unless it is lost. An apply has a
 * second state beside it, marked and then begun, whose one writer is supervisor_mark.c;
 * supervisor_adopt.c reads it back from the run directory. */
#ifndef KEDGE_WORKER_SUPERVISOR_SUPERVISOR_INTERNAL_H
#define KEDGE_WORKER_SUPERVISOR_SUPERVISOR_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/stop.h"
#include "common/conf/conf.h"
#include "common/net/metrics.h"
#include "common/net/metrics_listen.h"
#include "common/queue/queue.h"
#include "common/redis/redis_guard.h"
#include "common/redis/redis_link.h"
#include "worker/rundir/result.h"
#include "worker/rundir/result_expand.h"
#include "worker/rundir/rundir.h"
#include "worker/supervisor/journal.h"

#define SCRIPT_TIMEOUT_MS 3000   /* for the answer to a script */
#define REFUSED_PAUSE_MS  500    /* Redis refused what is asked all the time */
#define LOG_EVERY_MS      100    /* what nobody tells about is looked at that often */
#define CUT_OFF_MS        120000 /* without Redis a check or plan goes on that long */
#define RESEND_PAUSE_MS   10000  /* no claims after Redis restarted */
#define CLAIM_EVERY_MS    2000
#define REAP_EVERY_MS     5000
#define LOCK_LOOK_MS      200 /* adopted: is the lock still held? */

enum held_state {
    HELD_WAITING, /* an earlier, lost run of its target still has the work directory */
    HELD_RUNNING, /* its runner, or something that left behind, holds the lock */
    HELD_ENDED,   /* the lock is free, Redis is to be told */
    HELD_SENDING, /* told; the answer is awaited */
    HELD_STATES
};

/* What the runner's log has of it in Redis. */
struct log_tail {
    int fd;                            /* -1: not open yet */
    int64_t offset;                    /* bytes that are stored, or were given up */
    size_t flight;                     /* bytes on their way; 0: none */
    bool watched;                      /* the kernel tells when it grows */
    bool grown;                        /* it has, or may have, since it was looked at */
    int64_t due_mono_ms, look_mono_ms; /* not looked at before; looked at anyway */
    int failures;                      /* in a row, with Redis there */
    bool closed;                       /* the run is not ours any more */
};

/* The question of an apply that is being answered; see supervisor_mark.c. */
struct mark {
    int64_t serial; /* of the newest question that was passed on; 0: none */
    bool before;    /* what `marked` was when it was sent */
    int awaited;    /* answers on their way: of mark, of WAIT */
    bool known;     /* Redis has answered */
    enum hold_outcome outcome;
    int64_t replicas, replicas_wanted; /* that have it */
};

struct held {
    struct supervisor *supervisor;
    struct held *next;
    struct queue_hold hold;
    char target[SIGN_ID_BYTES];
    enum run_kind kind;
    int64_t attempt;
    char *dir;   /* owned: the run directory */
    int lock_fd; /* adopted with nothing done: keeps a late runner from starting; -1 */

    enum held_state state;
    pid_t runner;          /* 0: not started by us, or ended */
    int signal, exit_code; /* how the runner ended; 0 and -1: not known */
    int64_t started_mono_ms;
    int64_t kill_mono_ms; /* the runner has ended: what it left is not killed before */
    int64_t look_mono_ms; /* RUNNING: next look at the lock; ENDED: not sent before */

    int cancel_level, told_level; /* wanted; what the runner has heard */
    bool interrupt, told_interrupt;
    bool lost;      /* Redis gave the run to somebody else: write nothing more */
    bool give_back; /* nothing was done: release instead of finish */

    struct mark mark;
    bool marked; /* Redis has marked it, or may have: nobody interrupts or kills it */
    bool begun; /* it may have been told to go: if it leaves no result, it is an orphan */
    uint64_t asserted; /* generation of the link on which Redis was told so; 0: none */
    int64_t assert_mono_ms; /* not before */

    /* sending the result */
    int failures;
    bool exhausted;         /* it cannot be returned: finish */
    bool refused;           /* the full result was refused: finish with an error alone */
    enum run_error trouble; /* why there is no result, with its sentence */
    char *trouble_text;     /* owned; NULL: none */
    enum run_status sent_status;
    bool sent_parts;   /* there is a result to be sent again */
    size_t sent_bytes; /* in memory until the answer */

    struct log_tail log;
    int commands; /* whose answers are on their way */
    bool gone;    /* no longer held; freed with the last answer */
};

struct claimer {
    bool asked;                /* an answer is on its way */
    char nonce[SIGN_ID_BYTES]; /* of the claim without an answer; "": none */
    int64_t due_mono_ms, paused_until_mono_ms;
    bool waiting; /* the wake link blocks on the marker */
    int64_t wait_due_mono_ms;
    const char *held_back; /* why nothing is claimed; NULL: it is */
};

struct beat {
    bool asked;
    int64_t due_mono_ms;
    int64_t heard_mono_ms;    /* last answer */
    struct queue_hold *holds; /* owned: of the beat on its way */
    size_t count, cap;
};

struct watch {
    bool ready, fit;
    uint64_t checked; /* generation of the link at the last check; 0: none */
    int64_t due_mono_ms;
    char **resend; /* owned: run ids to look through after a restart of Redis */
    size_t resend_count, resend_next;
    int64_t resend_due_mono_ms; /* not before */
    bool resending;
};

struct drain {
    int64_t since_mono_ms; /* 0: not draining */
    int64_t interrupt_mono_ms, leave_mono_ms;
    bool hurried; /* a second signal */
    bool interrupted;
};

struct supervisor_counts {
    int64_t ended[RUN_STATUSES];
    int64_t claims, retried, released, lost, adopted, reconnects, reaped, log_dropped;
    int64_t marked, orphaned;
    int64_t slots, runs, unsent, connected; /* gauges */
    struct metric_histogram duration;
};

struct supervisor {
    struct conf *conf;  /* borrowed */
    int self_fd;        /* borrowed */
    char **environment; /* owned list: what runners inherit */
    struct journal journal;
    struct redis_address address;
    struct redis *redis; /* blocking, for the guard's look alone */
    struct redis_guard guard;
    struct redis_link *link, *wake, *ctl;
    struct metrics_listen *metrics; /* NULL: not wanted */
    int stop_fd;
    struct stop_signals signals;

    int64_t now_mono_ms;  /* of this turn */
    int64_t wake_mono_ms; /* when the next turn is due */
    struct held *runs;    /* owned list */
    struct claimer claimer;
    struct beat beat;
    struct watch watch;
    struct drain drain;
    bool ctl_waiting;
    int64_t ctl_due_mono_ms;
    int64_t reap_due_mono_ms, tidy_due_mono_ms, sweep_due_mono_ms;
    int64_t mark_due_mono_ms; /* next look at what the applies ask */
    pid_t sweeper;            /* 0: none */
    size_t sending_bytes;     /* of results on their way */
    int log_fd;               /* inotify, of the logs of runs; -1: there is none */
    int64_t log_pause_mono_ms;
    struct supervisor_counts counts;
    bool over;
};

/* ---- supervisor.c ---- */
void supervisor_wake_by(struct supervisor *s, int64_t mono_ms);
void supervisor_wake_now(struct supervisor *s);
int64_t supervisor_jitter_ms(int64_t around_ms); /* ± 20 % */
/* For every callback: the end of a command of `run`. False: the run is gone. */
bool supervisor_answered(struct held *run);

/* ---- duties, in their order; each is called once a turn ---- */
void supervisor_reap_children(struct supervisor *s); /* supervisor_runs.c */
void supervisor_watch_redis(struct supervisor *s);   /* supervisor_watch.c */
void supervisor_assert(struct supervisor *s);        /* supervisor_mark.c */
void supervisor_drain(struct supervisor *s);         /* supervisor_drain.c */
void supervisor_advance(struct supervisor *s);       /* supervisor_runs.c */
void supervisor_ship_logs(struct supervisor *s);     /* supervisor_log.c */
void supervisor_beat(struct supervisor *s);          /* supervisor_beat.c */
void supervisor_mark(struct supervisor *s);          /* supervisor_mark.c */
void supervisor_hear(struct supervisor *s);          /* supervisor_beat.c: ctl */
void supervisor_claim(struct supervisor *s);         /* supervisor_claim.c */
void supervisor_tidy(struct supervisor *s);          /* supervisor_tidy.c */

/* ---- supervisor_runs.c ---- */
struct held *supervisor_find(struct supervisor *s, const char *run_id);
/* A new member of the list, for a run whose directory is `dir` (taken). */
struct held *supervisor_hold(struct supervisor *s, const struct run_order *order,
                             char *dir);
/* No longer ours: off the list; freed when its last answer is there. */
void supervisor_let_go(struct held *run);
/* The same, and its directory is out of the way: the same run may come back. */
void supervisor_bury(struct held *run);
void supervisor_start_run(struct held *run);
size_t supervisor_busy(const struct supervisor *s); /* slots in use */

/* ---- supervisor_wish.c: carried to the runner at once or as soon as it listens ---- */
void supervisor_cancel_run(struct held *run, int level);
void supervisor_interrupt_run(struct held *run);
void supervisor_lose_run(struct held *run);
void supervisor_tell(struct held *run); /* what it has not heard yet */
bool supervisor_may_interrupt(const struct held *run);

/* ---- supervisor_judge.c, supervisor_finish.c, supervisor_resend.c ---- */
enum verdict {
    VERDICT_FINISH,
    VERDICT_EXPAND,
    VERDICT_RETRY,
    VERDICT_RELEASE,
    VERDICT_ORPHAN,
};
/* What a run that is over becomes, and what it leaves. */
struct ending {
    enum verdict verdict;
    struct result result;
    struct expansion expansion; /* EXPAND */
};
void ending_done(struct ending *ending);
void supervisor_judge(struct held *run, struct ending *out);
void supervisor_conclude(struct held *run); /* HELD_ENDED: tells Redis */
void supervisor_resend_all(struct supervisor *s);
void supervisor_resend(struct supervisor *s); /* the next of them */

/* ---- supervisor_log.c ---- */
void supervisor_log_watch_open(struct supervisor *s);
/* Readable when a log has grown; -1: nobody is to be woken by that now. */
int supervisor_log_watch_fd(const struct supervisor *s);
void supervisor_log_open(struct log_tail *log);
void supervisor_log_close(struct log_tail *log);
bool supervisor_log_shipped(struct held *run); /* nothing is left to ship */

/* ---- supervisor_adopt.c, supervisor_claim.c, supervisor_metrics.c ---- */
void supervisor_adopt(struct supervisor *s);
void supervisor_claim_soon(struct supervisor *s);
void supervisor_print_metrics(void *arg, struct buf *out);

#endif
