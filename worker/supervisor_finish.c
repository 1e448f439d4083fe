/* Ends: what a run that is over becomes, and telling Redis until it has answered. */
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/result.h"
#include "worker/supervisor_internal.h"

#define FAILURE_PAUSE_MS     500 /* then twice as long each, up to */
#define FAILURE_PAUSE_MAX_MS 10000

#define LARGE_BYTES (256 * 1024)

enum verdict { VERDICT_FINISH, VERDICT_RETRY, VERDICT_RELEASE };

/* ---- what it becomes ---- */
static char *death_sentence(const struct held *run)
{
    if (run->signal > 0)
        return mem_fmt("The run was killed by signal %d (%s); if it was not stopped by a "
                       "person, memory may be too small for it.",
                       run->signal, strsignal(run->signal));
    if (run->exit_code >= 0)
        return mem_fmt("The run's process ended with status %d before it had a result.",
                       run->exit_code);
    return mem_dup("The run's process was killed before it had a result.");
}

/* The runner left no result: say why, as far as it is known. */
static void judge_silence(const struct held *run, struct result *result)
{
    AUTO(auto_free) char *death = death_sentence(run);

    result_none(result, run->trouble ? run->trouble : RUN_ERR_TERRAFORM_KILLED,
                run->trouble_text ? run->trouble_text : death);
    if (run->cancel_level > 0)
        result->outcome.status = RUN_CANCELLED;
}

/* Did it stop because we told it to, with nothing to show? */
static bool interrupted(const struct held *run, const struct result *result)
{
    if (!run->interrupt || run->cancel_level > 0)
        return false;
    return !result->present || result->outcome.status == RUN_CANCELLED ||
           result->outcome.error == RUN_ERR_INTERRUPTED;
}

static enum verdict judge(struct held *run, struct result *result)
{
    struct err err;

    if (run->give_back) {
        result_none(result, RUN_ERR_NONE, NULL);
        return VERDICT_RELEASE;
    }
    if (result_read(run->supervisor->conf, run->dir, result, &err) < 0) {
        log_error("result_broken", "run_id=%s error=%s", run->hold.run_id, err.message);
        result_done(result);
        result_none(result, RUN_ERR_TERRAFORM_KILLED, err.message);
        return VERDICT_FINISH;
    }
    if (interrupted(run, result))
        return VERDICT_RELEASE;
    if (!result->present) {
        judge_silence(run, result);
        return VERDICT_FINISH;
    }
    if (result->outcome.retry && !run->exhausted && run->cancel_level == 0)
        return VERDICT_RETRY;
    return VERDICT_FINISH;
}

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
    if (run->refused) {
        supervisor_lose_run(run);
    } else {
        run->refused = true;
        free(run->trouble_text);
        run->trouble_text =
            mem_fmt("The run's result could not be stored: %s", err->message);
    }
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

static void on_finished(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct held *run = arg;
    enum hold_outcome outcome;
    struct err err;

    malloc_trim(0);
    if (!heard(run, reply, sent, &outcome))
        return;
    if (outcome != HOLD_DONE) {
        log_warn("run_lost", "run_id=%s", run->hold.run_id);
        run->supervisor->counts.lost++;
        supervisor_bury(run);
        return;
    }
    count_end(run);
    if (!run->sent_parts) {
        supervisor_bury(run);
        return;
    }
    if (journal_acknowledge(run->dir, &err) < 0)
        log_error("journal", "run_id=%s error=%s", run->hold.run_id, err.message);
    supervisor_let_go(run);
}

/* Retry and release: the run waits again, anywhere. */
static void on_returned(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct held *run = arg;
    struct supervisor *s = run->supervisor;
    enum hold_outcome outcome;

    if (!heard(run, reply, sent, &outcome))
        return;
    if (outcome == HOLD_EXHAUSTED || outcome == HOLD_CANCELLED) {
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
static void send_verdict(struct held *run, enum verdict verdict,
                         const struct result *result)
{
    struct redis_link *link = run->supervisor->link;
    const char *prefix = run->supervisor->conf->redis_prefix;
    redis_link_callback *done = on_returned;
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    switch (verdict) {
    case VERDICT_FINISH:
        result_command(&cmd, prefix, &run->hold, result);
        run->sent_status = result->outcome.status;
        run->sent_parts = result->present;
        run->sent_bytes = result_bytes(result);
        done = on_finished;
        break;
    case VERDICT_RETRY:
        queue_retry(&cmd, prefix, &run->hold, result->outcome.retry_reason,
                    result->outcome.error_message);
        run->sent_status = RUN_DELAYED;
        break;
    case VERDICT_RELEASE:
        queue_release(&cmd, prefix, &run->hold);
        run->sent_status = RUN_QUEUED;
        break;
    }
    run->supervisor->sending_bytes += run->sent_bytes;
    run->state = HELD_SENDING;
    run->commands++;
    redis_link_send(link, &cmd, SCRIPT_TIMEOUT_MS, done, run);
    supervisor_claim_soon(run->supervisor); /* in the same write */
}

void supervisor_conclude(struct held *run)
{
    struct supervisor *s = run->supervisor;
    AUTO(result_done) struct result result = {0};
    enum verdict verdict;

    if (s->now_mono_ms < run->look_mono_ms) {
        supervisor_wake_by(s, run->look_mono_ms);
        return;
    }
    /* One large result at a time: each is in memory twice. */
    if (!redis_link_ready(s->link) || !supervisor_log_shipped(run) ||
        s->sending_bytes > LARGE_BYTES)
        return;
    if (run->refused) {
        result_none(&result, RUN_ERR_INTERRUPTED, run->trouble_text);
        verdict = VERDICT_FINISH;
    } else {
        verdict = judge(run, &result);
    }
    send_verdict(run, verdict, &result);
}
