/* Watching Redis: is it there, fit, and the one it was? What follows when it is not. */
#include <stdlib.h>

#include "common/base/log.h"
#include "worker/supervisor/supervisor_internal.h"

#define LOOK_AGAIN_MS 200 /* it did not answer the guard */
#define UNFIT_LOOK_MS 5000

/* Redis may have forgotten the last seconds: what ended is sent again, and nothing new
 * is claimed before other workers had the time to do so too. Applies that have begun are
 * asserted after each reconnect anyway. */
static void on_restarted(struct supervisor *s)
{
    log_warn("redis_restarted", "claims_paused_ms=%d", RESEND_PAUSE_MS);
    s->claimer.paused_until_mono_ms = s->now_mono_ms + RESEND_PAUSE_MS;
    s->beat.due_mono_ms = 0;
    supervisor_resend_all(s);
}

static void look(struct supervisor *s)
{
    struct watch *watch = &s->watch;
    uint64_t generation = redis_link_generation(s->link);
    struct err err;

    switch (redis_guard_look(&s->guard, &err)) {
    case REDIS_GUARD_CHANGED:
        on_restarted(s);
        watch->fit = true;
        watch->due_mono_ms = s->now_mono_ms + redis_guard_pause_ms(&s->guard);
        break;
    case REDIS_GUARD_FIT:
        watch->fit = true;
        watch->due_mono_ms = s->now_mono_ms + redis_guard_pause_ms(&s->guard);
        break;
    case REDIS_GUARD_UNFIT:
        if (watch->fit || generation != watch->checked)
            log_error("redis_unfit", "error=%s", err.message);
        watch->fit = false;
        watch->due_mono_ms = s->now_mono_ms + UNFIT_LOOK_MS;
        break;
    case REDIS_GUARD_AWAY:
        watch->fit = watch->fit && generation == watch->checked;
        watch->due_mono_ms = s->now_mono_ms + LOOK_AGAIN_MS;
        break;
    }
    watch->checked = generation;
}

static void note_connection(struct supervisor *s, bool ready)
{
    const char *why_away = redis_link_news(s->link);

    if (why_away != NULL)
        log_warn("redis_away", "runs=%zu error=%s", supervisor_busy(s), why_away);
    if (ready == s->watch.ready)
        return;
    s->watch.ready = ready;
    if (!ready)
        return;
    s->counts.reconnects += s->watch.checked > 0;
    s->beat.due_mono_ms = 0;
    log_info("redis_connected", "generation=%llu",
             (unsigned long long)redis_link_generation(s->link));
}

/* Nobody knows of these runs any more, and somebody else may do them. */
static void interrupt_cut_off(struct supervisor *s)
{
    int64_t due_mono_ms = s->beat.heard_mono_ms + CUT_OFF_MS;

    if (s->now_mono_ms < due_mono_ms) {
        supervisor_wake_by(s, due_mono_ms);
        return;
    }
    for (struct held *run = s->runs; run; run = run->next)
        if (!run->interrupt && supervisor_may_interrupt(run)) {
            log_warn("run_cut_off", "run_id=%s", run->hold.run_id);
            supervisor_interrupt_run(run);
        }
}

void supervisor_watch_redis(struct supervisor *s)
{
    bool ready = redis_link_ready(s->link);

    if (s->beat.heard_mono_ms == 0)
        s->beat.heard_mono_ms = s->now_mono_ms;
    note_connection(s, ready);
    if (s->runs)
        interrupt_cut_off(s);
    if (!ready)
        return;
    if (redis_link_generation(s->link) != s->watch.checked ||
        s->now_mono_ms >= s->watch.due_mono_ms)
        look(s);
    supervisor_wake_by(s, s->watch.due_mono_ms);
    supervisor_resend(s);
}
