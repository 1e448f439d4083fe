/* Ends: telling Redis what a run that is over has become, until it has answered. */
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/supervisor/supervisor_internal.h"

#define FAILURE_PAUSE_MS     500 /* then twice as long each, up to */
#define FAILURE_PAUSE_MAX_MS 10000

#define LARGE_BYTES (256 * 1024)

/* ---- the answer ---- */
static void count_end(struct held *run)
{
    struct supervisor *s = run->supervisor;
    int64_t elapsed_ms = s->now_mono_ms - run->started_mono_ms;

    s->counts.ended[run->sent_status]++;
    metrics_observe(&s->counts.duration, elapsed_ms);
    log_info("run_ended", "run_id=%s status=%s elapsed_ms=%" PRId64, run->hold.run_id,
             run_status_name(run->sent_status), elapsed_ms);
}

static void not_answered(struct held *run, const struct err *err)
{
    int64_t pause_ms = FAILURE_PAUSE_MS << (run->failures < 5 ? run->failures : 5);
    struct supervisor *s = run->supervisor;

    if (run->failures == 0)
        log_warn("result_spooled", "run_id=%s error=%s", run->hold.run_id, err->message);
    run->failures++;
    run->state = HELD_ENDED;
    if (pause_ms > FAILURE_PAUSE_MAX_MS)
        pause_ms = FAILURE_PAUSE_MAX_MS;
    run->look_mono_ms = s->now_mono_ms + pause_ms;
}

/* Redis will never take it: once more as a bare error, then it is left to the reaper. */
static void answer_refused(struct held *run, const struct err *err)
{
    log_error("result_refused", "run_id=%s error=%s", run->hold.run_id, err->message);
    if (run->refused || run->sent_status == RUN_ORPHANED) {
        supervisor_lose_run(run);
        if (run->begun)
            supervisor_let_go(run); /* a person, or the next worker, may look at it */
        else
            supervisor_bury(run);
        return;
    }
    run->refused = true;
    free(run->trouble_text);
    run->trouble_text = mem_fmt("The run's result could not be stored: %s", err->message);
    run->state = HELD_ENDED;
}

/* The first thing every answer's callback does. False: there is nothing more to do. */
static bool heard(struct held *run, const struct redisReply *reply,
                  const struct err *sent, enum hold_outcome *outcome)
{
    struct err err;

    run->supervisor->sending_bytes -= run->sent_bytes;
    run->sent_bytes = 0;
    if (!supervisor_answered(run))
        return false;
    if (!reply)
        err = *sent;
    else if (queue_hold_reply(reply, outcome, &err) == 0)
        return true;
    if (err.kind == ERR_TEMP)
        not_answered(run, &err);
    else
        answer_refused(run, &err);
    return false;
}

/* The directory stays for a while when there is something in it that may be wanted. */
static void leave(struct held *run, bool keep, int (*settle)(const char *, struct err *))
{
    struct err err;

    if (!keep) {
        supervisor_bury(run);
        return;
    }
    if (settle(run->dir, &err) < 0)
        log_error("journal", "run_id=%s error=%s", run->hold.run_id, err.message);
    supervisor_let_go(run);
}

/* It has moved on: somebody resolved it, or it runs elsewhere. */
static void found_gone(struct held *run)
{
    if (!run->lost) {
        log_warn("run_lost", "run_id=%s", run->hold.run_id);
        run->supervisor->counts.lost++;
    }
    supervisor_bury(run);
}

static void on_finished(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct held *run = arg;
    enum hold_outcome outcome;

    malloc_trim(0);
    if (!heard(run, reply, sent, &outcome))
        return;
    if (outcome == HOLD_CANCELLED) { /* instead of the runs of its batch */
        run->cancel_level += run->cancel_level == 0;
        run->state = HELD_ENDED;
    } else if (outcome != HOLD_DONE) {
        found_gone(run);
    } else {
        count_end(run);
        leave(run, run->sent_parts, journal_acknowledge);
    }
}

static void on_orphaned(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct held *run = arg;
    enum hold_outcome outcome;

    if (!heard(run, reply, sent, &outcome))
        return;
    if (outcome != HOLD_DONE) {
        found_gone(run);
        return;
    }
    log_error("run_orphaned", "run_id=%s dir=%s", run->hold.run_id, run->dir);
    run->supervisor->counts.orphaned++;
    leave(run, true, journal_set_orphaned);
}

/* Redis does not take it back. When it may have marked it, that is why: it is still ours
 * to end, and nothing has begun. */
static bool must_end(const struct held *run, enum hold_outcome outcome)
{
    return outcome == HOLD_EXHAUSTED || outcome == HOLD_CANCELLED ||
           (outcome == HOLD_GONE && run->marked && !run->lost);
}

/* Retry and release: the run waits again, anywhere. */
static void on_returned(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct held *run = arg;
    struct supervisor *s = run->supervisor;
    enum hold_outcome outcome;

    if (!heard(run, reply, sent, &outcome))
        return;
    if (must_end(run, outcome)) {
        run->exhausted = true;
        run->cancel_level += outcome == HOLD_CANCELLED && run->cancel_level == 0;
        run->state = HELD_ENDED;
        return;
    }
    log_info(run->sent_status == RUN_DELAYED ? "run_retried" : "run_released",
             "run_id=%s accepted=%d", run->hold.run_id, outcome == HOLD_DONE);
    if (run->sent_status == RUN_DELAYED)
        s->counts.retried++;
    else
        s->counts.released++;
    supervisor_bury(run);
}

/* ---- sending ---- */
static void build_finish(struct held *run, const struct result *result,
                         struct redis_cmd *cmd)
{
    result_command(cmd, run->supervisor->conf->redis_prefix, &run->hold, result);
    run->sent_status = result->outcome.status;
    run->sent_parts = result->present;
    run->sent_bytes = result_bytes(result);
}

static void build_expand(struct held *run, const struct ending *ending,
                         struct redis_cmd *cmd)
{
    queue_batch_expand(cmd, run->supervisor->conf->redis_prefix, &run->hold,
                       &ending->expansion.batch);
    run->sent_status = ending->result.outcome.status;
    run->sent_parts = true;
    run->sent_bytes = ending->expansion.bytes;
}

static redis_link_callback *build(struct held *run, const struct ending *ending,
                                  struct redis_cmd *cmd)
{
    const char *prefix = run->supervisor->conf->redis_prefix;
    const struct run_outcome *outcome = &ending->result.outcome;

    switch (ending->verdict) {
    case VERDICT_FINISH:
        build_finish(run, &ending->result, cmd);
        return on_finished;
    case VERDICT_EXPAND:
        build_expand(run, ending, cmd);
        return on_finished;
    case VERDICT_RETRY:
        queue_retry(cmd, prefix, &run->hold, outcome->retry_reason,
                    outcome->error_message);
        run->sent_status = RUN_DELAYED;
        return on_returned;
    case VERDICT_RELEASE:
        queue_release(cmd, prefix, &run->hold);
        run->sent_status = RUN_QUEUED;
        return on_returned;
    case VERDICT_ORPHAN:
        queue_orphan_saying(cmd, prefix, &run->hold, outcome->error_message);
        run->sent_status = RUN_ORPHANED;
        return on_orphaned;
    }
    return NULL;
}

static void send_verdict(struct held *run, const struct ending *ending)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    redis_link_callback *done = build(run, ending, &cmd);

    run->supervisor->sending_bytes += run->sent_bytes;
    run->state = HELD_SENDING;
    run->commands++;
    redis_link_send(run->supervisor->link, &cmd, SCRIPT_TIMEOUT_MS, done, run);
    supervisor_claim_soon(run->supervisor); /* in the same write */
}

void supervisor_conclude(struct held *run)
{
    struct supervisor *s = run->supervisor;
    AUTO(ending_done) struct ending ending = {0};

    if (s->now_mono_ms < run->look_mono_ms) {
        supervisor_wake_by(s, run->look_mono_ms);
        return;
    }
    /* One large result at a time: each is in memory twice. */
    if (!redis_link_ready(s->link) || !supervisor_log_shipped(run) ||
        s->sending_bytes > LARGE_BYTES)
        return;
    supervisor_judge(run, &ending);
    send_verdict(run, &ending);
}
