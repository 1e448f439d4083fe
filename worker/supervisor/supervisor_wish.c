/* Wishes: cancel, interrupt, and the news that a run is lost, on their way to the
 * runner. */
#include <stdio.h>

#include "common/base/log.h"
#include "worker/supervisor/supervisor_internal.h"

bool supervisor_may_interrupt(const struct held *run)
{
    return !run->marked;
}

void supervisor_cancel_run(struct held *run, int level)
{
    if (level <= run->cancel_level)
        return;
    log_info("cancel_asked", "run_id=%s level=%d", run->hold.run_id, level);
    run->cancel_level = level;
    supervisor_wake_now(run->supervisor);
}

void supervisor_interrupt_run(struct held *run)
{
    run->interrupt = true;
    supervisor_wake_now(run->supervisor);
}

void supervisor_lose_run(struct held *run)
{
    log_warn("run_lost", "run_id=%s", run->hold.run_id);
    run->supervisor->counts.lost++;
    run->lost = true;
    run->log.closed = true;
    run->told_interrupt = false;
    supervisor_interrupt_run(run);
}

/* Its runner is dead and terraform goes on alone: it is asked to stop itself. */
static bool interrupt_terraform(const struct held *run)
{
    if (!run->begun || run->runner != 0 || !rundir_interrupt(run->dir))
        return false;
    log_warn("terraform_interrupted", "run_id=%s", run->hold.run_id);
    return true;
}

static bool tell_interrupt(const struct held *run)
{
    return rundir_tell(run->dir, "interrupt") || (run->lost && interrupt_terraform(run));
}

/* A second one would cost a lone terraform its state: it gets none, whatever is asked. */
static bool tell_cancel(const struct held *run)
{
    char line[24];

    snprintf(line, sizeof line, "cancel %d", run->cancel_level);
    return rundir_tell(run->dir, line) ||
           (run->told_level == 0 && interrupt_terraform(run));
}

/* The runner hears nothing before it has opened its end: tried again each turn. */
void supervisor_tell(struct held *run)
{
    if (run->interrupt && !run->told_interrupt)
        run->told_interrupt = tell_interrupt(run);
    if (run->cancel_level > run->told_level && tell_cancel(run))
        run->told_level = run->cancel_level;
    if ((run->interrupt && !run->told_interrupt) || run->cancel_level > run->told_level)
        supervisor_wake_by(run->supervisor, run->supervisor->now_mono_ms + LOG_EVERY_MS);
}
