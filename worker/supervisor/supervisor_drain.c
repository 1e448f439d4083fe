/* The drain: no claims; what has not been started is given back; runs get
 * KEDGE_STOP_TIMEOUT, then checks and plans are interrupted and given back; what cannot
 * be interrupted is left to the next worker that takes this directory. */
#include "common/base/log.h"
#include "worker/supervisor/supervisor_internal.h"

#define LADDER_SLACK_MS 10000
#define HURRY_MS        10000

static void begin(struct supervisor *s)
{
    struct drain *drain = &s->drain;

    drain->since_mono_ms = s->now_mono_ms;
    drain->interrupt_mono_ms = s->now_mono_ms + s->conf->stop_timeout_ms;
    drain->leave_mono_ms =
        drain->interrupt_mono_ms + 2 * s->conf->cancel_grace_ms + LADDER_SLACK_MS;
    s->beat.due_mono_ms = 0; /* tells that we drain */
    log_info("draining", "runs=%zu", supervisor_busy(s));
}

static void hurry(struct supervisor *s)
{
    struct drain *drain = &s->drain;

    if (drain->interrupt_mono_ms <= s->now_mono_ms && drain->hurried)
        return;
    drain->hurried = true;
    drain->interrupt_mono_ms = s->now_mono_ms;
    if (drain->leave_mono_ms > s->now_mono_ms + HURRY_MS)
        drain->leave_mono_ms = s->now_mono_ms + HURRY_MS;
}

/* Again each turn: an apply whose mark was refused may be interrupted after all. */
static void interrupt_runs(struct supervisor *s)
{
    s->drain.interrupted = true;
    for (struct held *run = s->runs; run; run = run->next)
        if (!run->interrupt && supervisor_may_interrupt(run))
            supervisor_interrupt_run(run);
}

/* Results that cannot be sent now stay in the journal. The answer to a claim may be a
 * run, which nobody would have then until its lease is over. */
static bool nothing_to_wait_for(const struct supervisor *s)
{
    if (supervisor_busy(s) > 0 || (s->watch.ready && s->claimer.nonce[0] != '\0'))
        return false;
    for (const struct held *run = s->runs; run; run = run->next)
        if (s->watch.ready && run->failures == 0)
            return false;
    return true;
}

void supervisor_drain(struct supervisor *s)
{
    struct drain *drain = &s->drain;

    if (!s->signals.stop)
        return;
    if (!drain->since_mono_ms)
        begin(s);
    if (s->signals.again)
        hurry(s);
    if (s->now_mono_ms >= drain->interrupt_mono_ms)
        interrupt_runs(s);
    if (nothing_to_wait_for(s)) {
        s->over = true;
    } else if (s->now_mono_ms >= drain->leave_mono_ms) {
        log_warn("runs_left", "runs=%zu", supervisor_busy(s));
        s->over = true;
    }
    supervisor_wake_by(s, drain->interrupted ? drain->leave_mono_ms
                                             : drain->interrupt_mono_ms);
}
