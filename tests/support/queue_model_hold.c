/* What the queue ought to be: what holders and people do to a run. */
#include <stdio.h>
#include <string.h>

#include "tests/support/queue_model_internal.h"

/* ---- what a holder does ---- */
static bool held(const struct model_run *run, const struct queue_hold *hold)
{
    return run->exists && hold->fence[0] != '\0' &&
           strcmp(run->fence, hold->fence) == 0 && strcmp(run->nonce, hold->nonce) == 0;
}

void model_heartbeat(struct model *model, int worker, int number,
                     const struct queue_hold *hold, struct buf *expect)
{
    struct model_run *run = &model->runs[number];
    const char *state = "lost";

    model->workers[worker].seen_ms = model->now_ms;
    if (held(run, hold) && run->status == RUN_RUNNING) {
        state = "ok";
        run->lease_ms = model->now_ms + QUEUE_LEASE_MS;
        run->suspect_ms = 0;
    } else if (held(run, hold) && run->status == RUN_ORPHANED) {
        state = "orphaned";
    }
    buf_fmt(expect, "%s %d", state, run->cancel);
}

void model_mark(struct model *model, int number, const struct queue_hold *hold,
                struct buf *expect)
{
    struct model_run *run = &model->runs[number];

    if (!held(run, hold) || run->status != RUN_RUNNING ||
        run->lease_ms <= model->now_ms) {
        buf_str(expect, "gone");
    } else if (run->cancel > 0) {
        buf_str(expect, "cancelled");
    } else if (model->frozen) {
        buf_str(expect, "frozen");
    } else {
        run->marked = true;
        buf_str(expect, "done");
    }
}

void model_finish(struct model *model, int number, const struct queue_hold *hold,
                  enum run_status status, int64_t bytes, struct buf *expect)
{
    struct model_run *run = &model->runs[number];

    if (!held(run, hold) || run->status == RUN_QUEUED || run->status == RUN_DELAYED) {
        buf_str(expect, "gone");
        return;
    }
    buf_str(expect, "done");
    if (run->status != RUN_RUNNING && run->status != RUN_ORPHANED)
        return;
    if (run->cancel > 0 && !run->marked)
        status = RUN_CANCELLED;
    else if (run->status == RUN_ORPHANED && status != RUN_APPLIED)
        status = RUN_ERROR;
    model->result_bytes += bytes;
    model_end(model, number, status);
}

bool model_retry(struct model *model, int number, const struct queue_hold *hold,
                 enum retry_reason reason, struct buf *expect)
{
    struct model_run *run = &model->runs[number];

    if (held(run, hold) && (run->status == RUN_DELAYED || run->status == RUN_QUEUED)) {
        buf_str(expect, "done");
        return false;
    }
    if (!held(run, hold) || run->status != RUN_RUNNING || run->marked) {
        buf_str(expect, "gone");
        return false;
    }
    if (run->cancel > 0) {
        buf_str(expect, "cancelled");
        return false;
    }
    if (reason == RETRY_INFRASTRUCTURE
            ? run->retries >= QUEUE_RETRIES_MAX
            : run->lock_since_ms != 0 &&
                  model->now_ms - run->lock_since_ms >= QUEUE_LOCK_RETRY_MS) {
        buf_str(expect, "exhausted");
        return false;
    }
    if (reason == RETRY_STATE_LOCKED && run->lock_since_ms == 0)
        run->lock_since_ms = model->now_ms;
    run->retries += reason == RETRY_INFRASTRUCTURE;
    run->status = RUN_DELAYED;
    model_let_go(model, number);
    buf_str(expect, "done");
    return true;
}

int64_t model_pause_ms(const struct model *model, int run, enum retry_reason reason)
{
    int doublings = reason == RETRY_INFRASTRUCTURE ? model->runs[run].retries - 1 : 0;

    return (int64_t)QUEUE_RETRY_MS << doublings;
}

void model_learn_due(struct model *model, int run, int64_t due_ms)
{
    model->runs[run].due_ms = due_ms;
}

void model_release(struct model *model, int number, const struct queue_hold *hold,
                   struct buf *expect)
{
    struct model_run *run = &model->runs[number];

    if (held(run, hold) && (run->status == RUN_QUEUED ||
                            (run->status == RUN_CANCELLED && run->cancel > 0))) {
        buf_str(expect, "done");
        return;
    }
    if (!held(run, hold) || run->status != RUN_RUNNING || run->marked) {
        buf_str(expect, "gone");
        return;
    }
    buf_str(expect, "done");
    if (run->cancel > 0) {
        model_end(model, number, RUN_CANCELLED);
        return;
    }
    model_let_go(model, number);
    model_enter_waiting(model, number);
}

void model_reassert(struct model *model, int worker, int number,
                    const struct queue_hold *hold, struct buf *expect)
{
    struct model_run *run = &model->runs[number];

    (void)worker;
    if (!held(run, hold) || (run->status != RUN_RUNNING && run->status != RUN_ORPHANED)) {
        buf_str(expect, "gone");
        return;
    }
    buf_str(expect, "done");
    if (run->status == RUN_ORPHANED) {
        model->ended_count--;
        run->ended_ms = 0;
    }
    run->status = RUN_RUNNING;
    run->lease_ms = model->now_ms + QUEUE_LEASE_MS;
    run->suspect_ms = 0;
}

/* ---- people ---- */
void model_cancel(struct model *model, int number, bool force, int serial,
                  struct buf *expect)
{
    struct model_run *run = &model->runs[number];
    int level = force ? 2 : 1;

    if (!run->exists) {
        buf_str(expect, "unknown");
    } else if (run->status == RUN_QUEUED || run->status == RUN_DELAYED) {
        run->cancel = level;
        run->cancel_by = serial;
        model_end(model, number, RUN_CANCELLED);
        buf_str(expect, "done");
    } else if (run->status == RUN_RUNNING) {
        run->cancel = level > run->cancel ? level : run->cancel;
        buf_str(expect, "asked");
    } else {
        buf_str(expect, run->cancel_by == serial ? "done" : "ended");
    }
}

void model_resolve(struct model *model, int number, enum run_status status, bool force,
                   int serial, struct buf *expect)
{
    struct model_run *run = &model->runs[number];

    if (!run->exists) {
        buf_str(expect, "unknown");
    } else if (run->status != RUN_ORPHANED) {
        buf_str(expect, run->resolve_by == serial ? "done" : "not_orphan");
    } else if (!force && model->workers[run->worker].seen_ms > 0 &&
               model->workers[run->worker].seen_ms > model->now_ms - QUEUE_ALIVE_MS) {
        buf_str(expect, "owner_alive");
    } else {
        model_end(model, number, status);
        model_take_hold_away(run);
        run->resolve_by = serial;
        buf_str(expect, "done");
    }
}
