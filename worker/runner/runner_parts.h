/* Parts of runner.c: the run in progress, and the files that carry it on. */
#ifndef KEDGE_WORKER_RUNNER_RUNNER_PARTS_H
#define KEDGE_WORKER_RUNNER_RUNNER_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/json.h"
#include "worker/checkout/checkout.h"
#include "worker/report/report.h"
#include "worker/rundir/rundir.h"
#include "worker/terraform/terraform.h"
#include "worker/text/capture.h"
#include "worker/text/mask.h"
#include "worker/text/terraform_words.h"

#define RUNNER_LOG_BYTES    ((size_t)4 * 1024 * 1024)
#define RUNNER_OUTPUT_BYTES ((size_t)1024 * 1024)

/* ---- runner_log.c: what the steps print ---- */
struct runner_log {
    int fd;         /* <dir>/log */
    size_t written; /* bytes of it; the first half of RUNNER_LOG_BYTES goes there live */
    bool midline;   /* the last byte was not the end of a line */
    bool after_cr;  /* the last byte of the program was CR, which is an LF by now */
    int errnum;     /* of a write that failed; 0: none */
    struct mask *mask;
    struct buf masked;      /* scratch */
    struct capture tail;    /* of the log, what came after its first half */
    struct capture output;  /* of the step that makes the run's output */
    bool may_hold, holding; /* see runner_log_hold */
    size_t line_bytes;      /* of the line that is being fed */
    struct capture held;    /* not masked yet */
};
int runner_log_open(struct runner_log *log, const char *dir, struct err *err);
void runner_log_done(struct runner_log *log);
/* Output of a program: masked, with LF at the end of each line, to the log and to the
 * step's output. */
void runner_log_feed(struct runner_log *log, const char *bytes, size_t len);
/* A line of our own, to the log alone. */
void runner_log_line(struct runner_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The step's output starts anew. */
void runner_log_step(struct runner_log *log);
/* From now on the step's output is this one, and the one so far is in it. */
void runner_log_swap(struct runner_log *log, struct capture *output);
/* What the mask held back. Call at the end of each program. */
void runner_log_flush(struct runner_log *log);
/* From the next empty line on, what is fed waits for runner_log_release: terraform's
 * lines of progress are for now, the plan it prints in the end may show values that are
 * known to be secret only when the plan has been read. */
void runner_log_hold(struct runner_log *log);
void runner_log_release(struct runner_log *log);
/* What is held is never shown; the sentence stands in its place, if there is any. */
void runner_log_drop(struct runner_log *log, const char *sentence);
/* Writes the tail of the log, after which nothing more may be fed. */
void runner_log_close(struct runner_log *log);

/* ---- the run ---- */
struct runner_timings {
    int64_t queued_ms, checkout_ms, init_ms, plan_ms, show_ms;
    int64_t apply_ms;
};
/* What the worker answered to an ask. */
enum runner_answer {
    ANSWER_NONE, /* not yet */
    ANSWER_GO,
    ANSWER_GONE,
    ANSWER_CANCELLED,
    ANSWER_FROZEN
};
/* What the plan of a reconcile would do, of what its workspace limits. */
struct runner_touches {
    bool known;        /* the plan's JSON was read */
    int64_t destroyed; /* resources that it deletes or replaces */
    char *protected;   /* owned; the first address it must not touch, NULL: none */
};
#define RUNNER_CTL_BYTES 256 /* longer than any line of ctl */
struct runner {
    const struct conf *conf; /* borrowed */
    char *dir, *work;        /* absolute, owned */
    struct run_order order;
    int lock_fd, ctl_fd;
    char ctl_text[RUNNER_CTL_BYTES]; /* of a line that is not whole yet */
    size_t ctl_len;
    int cancel_level;          /* of ctl; 0: none */
    bool interrupted;          /* the worker drains: stop, and leave no result */
    bool looking;              /* after an apply that broke off: nobody stops that */
    struct rundir_ask ask;     /* the newest; serial 0: not asked yet */
    enum runner_answer answer; /* to it */
    int64_t started_mono_ms, deadline_mono_ms;
    struct runner_log log;
    struct terraform *terraform;
    struct runner_timings timings;
    int64_t peak_rss_bytes;
    char commit[41]; /* "": not resolved */
    bool init_skipped;
    bool plan_changes;     /* the plan's exit status was 2 */
    struct report *report; /* of the plan; NULL: none */
    struct runner_touches touches;
    bool applying;           /* terraform apply was started: the world may have changed */
    struct capture applied;  /* what it printed, masked; the run's second output */
    struct report *after;    /* of the plan after the apply; NULL: none */
    bool after_changes;      /* that plan's exit status was 2 */
    char *project_name;      /* owned; of atlantis.yaml, NULL: none */
    int64_t total_resources; /* as they are, of the plan; -1: unknown */
    /* Managed instances in the state as it was stored when the plan, the plan after the
     * apply was made; -1: unknown. */
    int64_t stored_resources, after_resources;
    struct words_lock state_lock; /* that is in the way or was left; id "": none known */
    struct run_outcome outcome;
};

/* ---- runner.c ---- */
/* stop_wanted of child.h and checkout.h; arg is the runner. Reads ctl, answers too. */
int runner_stop_wanted(void *arg);
/* The time on the server's clock, as far as it is known here. */
int64_t runner_now_ms(const struct runner *runner);
/* The end in error, with its sentence. Returns -1. */
int runner_fail(struct runner *runner, enum run_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same for an err: DISK_FULL when that is what it says. */
int runner_fail_err(struct runner *runner, enum run_error error, const struct err *err);
/* To be tried again later, if attempts are left. */
void runner_retry(struct runner *runner, enum retry_reason reason);

/* Tells which step the run is at, in its log and to the worker. */
void runner_step(struct runner *runner, const char *step);

/* ---- runner_steps.c ---- */
/* From checkout to the outcome's status. */
void runner_work(struct runner *runner);
/* init and what must be proved after it. 0, or -1 with the outcome. */
int runner_init(struct runner *runner);
/* checkout_run of the run's spec, after KEDGE_REPO_ALLOWLIST; with a batch request when
 * it has one. 0, or -1 with the outcome; `got` is to be released in either case. */
int runner_checkout(struct runner *runner, struct checked_out *got);

/* ---- runner_judge.c: what a program's end means ---- */
/* 0: it ended by itself, with result->code; -1: it was stopped, timed out or killed, and
 * the outcome says so. `step` is a word for the message. Notes its memory. */
int runner_judge_end(struct runner *runner, const char *step,
                     const struct child_result *result);
/* The step failed by itself: reads its output for the reason. Returns -1. */
int runner_judge_init(struct runner *runner, const struct child_result *result);
int runner_judge_plan(struct runner *runner, const struct child_result *result);
int runner_judge_show(struct runner *runner, const struct child_result *result);
/* Of an apply. Whatever it came to, the world may have changed: never cancelled, never
 * to be tried again. 0: it was carried out. */
int runner_judge_apply(struct runner *runner, const struct child_result *result);

/* ---- runner_plan.c: plan, show, report ---- */
/* 0 with status clean or drift_detected, or -1 with the outcome. Of a run that applies:
 * with the lock, and the plan is sealed when it has changes. */
int runner_plan(struct runner *runner);
/* Does it find anything a person calls drift? */
bool runner_has_drift(const struct report *report);
/* The plan after an apply: `after` and after_changes. It changes nothing else of what is
 * known about the run; when it fails a line of the log says so, and there is no `after`.
 */
void runner_plan_after(struct runner *runner);

/* ---- runner_guard.c: what a reconcile may not do ---- */
/* Notes what the plan (JSON) of a reconcile would touch; before it is applied. */
void runner_guard_look(struct runner *runner, const cJSON *plan);
/* After the checkout: is this the commit that is expected? 0, or -1 with DRIFT_MOVED. */
int runner_guard_commit(struct runner *runner);
/* After the plan: may it be applied, if there is something to apply? 0, or -1 with the
 * outcome: EMPTY_STATE, DRIFT_MOVED, DESTROY_REFUSED, PROTECTED, or OUTPUT_TOO_LARGE when
 * the plan could not be read. Only a reconcile has limits. */
int runner_guard(struct runner *runner);
/* Is it a reconcile that has a plan and may not apply it: because of its limits, of what
 * is required or of a freeze? */
bool runner_guard_refused(const struct runner *runner);

/* ---- runner_sensitive.c ---- */
/* Adds the values that a plan (JSON) marks as sensitive to the mask: what was computed
 * from them is often not marked. */
void runner_sensitive_add(const cJSON *plan, struct mask *mask);
/* Masks every string value of a list of nodes. Of a report, never of a plan: two values
 * that become the same have not changed any more. */
void runner_mask_tree(struct mask *mask, cJSON *node);

/* ---- runner_ask.c: may the apply begin? ---- */
/* A line of ctl that answers an ask; others are passed over. */
void runner_ask_answered(struct runner *runner, const char *line);
/* Asks until it is answered. 0: go, now; -1 with the outcome. */
int runner_ask(struct runner *runner);

/* ---- runner_apply.c: from a plan to a changed world ---- */
/* After runner_plan found changes and sealed them, and runner_guard has nothing against
 * them: requirements, mark, apply, the second plan. 0 with status applied, or -1 with the
 * outcome: of a reconcile STILL_DRIFTED when the second plan finds drift again. */
int runner_apply(struct runner *runner);

/* ---- runner_lock.c: what an apply that broke off has left ---- */
/* Adds the lock that is left on the state, if there is one, to the outcome, which is an
 * error. Returns -1. */
int runner_lock_left(struct runner *runner);

/* ---- runner_resolve.c: a batch's projects ---- */
/* The whole of a resolve run: expand.json and the outcome. */
void runner_resolve(struct runner *runner);

/* ---- runner_require.c: what must hold before a plan and an apply ---- */
/* approved, mergeable, undiverged of the plan's requirements, before it. 0, or -1 with
 * the outcome: REQUIREMENT_UNMET with its sentence, or the error of a VCS that cannot be
 * asked. */
int runner_require_plan(struct runner *runner);
/* policies_passed, of whichever phase asks for it first; reads the plan's JSON. */
int runner_require_policies(struct runner *runner);
/* approved, mergeable, undiverged of the apply's requirements, right before it. */
int runner_require_apply(struct runner *runner);
/* Is the plan's JSON needed even when nothing changes? */
bool runner_wants_policies(const struct runner *runner);

/* ---- runner_result.c ---- */
/* Writes the parts, then result.json. */
int runner_write_result(struct runner *runner, struct err *err);

#endif
