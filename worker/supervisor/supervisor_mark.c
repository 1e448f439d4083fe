/* May an apply begin? The runner asks in its directory; Redis marks the run; the answer
 * goes back with the question's serial.
 *
 * Where Redis says nothing, or no replica has the mark, nothing is said: the runner asks
 * again. From the moment the mark is sent nobody interrupts or kills the run, because it
 * may be marked; from the first go its end without a result makes it an orphan. A go is
 * said only after the directory says so too, which is what the next worker goes by.
 *
 * And after each reconnect the runs that have begun are asserted, before any heartbeat or
 * claim: a Redis that forgot its last seconds, or made orphans of them, takes them back.
 */
#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/supervisor/supervisor_internal.h"

#define LOOK_EVERY_MS   1000
#define REPLICA_WAIT_MS 1000 /* for one of them to have the mark */
#define ASSERT_PAUSE_MS 500

static const char *const refusals[] = {
    [HOLD_GONE] = "gone",
    [HOLD_CANCELLED] = "cancelled",
    [HOLD_FROZEN] = "frozen",
};

/* ---- the answer to the runner ---- */
static bool runner_lives(const struct held *run)
{
    return run->state == HELD_RUNNING && run->signal == 0 && run->exit_code < 0;
}

static void refuse(struct held *run, enum hold_outcome outcome)
{
    AUTO(auto_free)
    char *line = mem_fmt("no %" PRId64 " %s", run->mark.serial, refusals[outcome]);

    run->marked = run->mark.before;
    /* It stops without a result: given back, if it is ours. One that is lost may be past
     * its question, and has to be stopped. */
    if (outcome == HOLD_GONE) {
        run->interrupt = true;
        run->told_interrupt = run->told_interrupt || !run->lost;
    }
    log_info("mark_refused", "run_id=%s reason=%s", run->hold.run_id, refusals[outcome]);
    rundir_tell(run->dir, line);
}

static void allow(struct held *run)
{
    AUTO(auto_free) char *line = mem_fmt("go %" PRId64, run->mark.serial);
    struct err err;

    if (!run->begun && rundir_set_marked(run->dir, &err) < 0) {
        log_error("journal", "run_id=%s error=%s", run->hold.run_id, err.message);
        return;
    }
    if (!run->begun) {
        run->supervisor->counts.marked++;
        log_info("run_marked", "run_id=%s", run->hold.run_id);
    }
    run->begun = true;
    run->asserted = redis_link_generation(run->supervisor->link);
    rundir_tell(run->dir, line);
}

/* Both answers are there, or nothing is known. */
static void answer(struct held *run)
{
    struct mark *mark = &run->mark;
    struct supervisor *s = run->supervisor;

    if (mark->awaited > 0)
        return;
    s->mark_due_mono_ms = 0; /* it may have asked again */
    if (!mark->known || !runner_lives(run))
        return;
    if (mark->outcome != HOLD_DONE) {
        refuse(run, mark->outcome);
    } else if (run->lost) {
        refuse(run, HOLD_GONE);
    } else if (mark->replicas < mark->replicas_wanted) {
        log_warn("mark_not_replicated", "run_id=%s", run->hold.run_id);
        s->watch.due_mono_ms = 0; /* are there replicas still? */
    } else {
        allow(run);
    }
}

/* ---- asking Redis ---- */
static void on_marked(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct held *run = arg;
    struct mark *mark = &run->mark;
    struct err err;

    mark->awaited--;
    if (!supervisor_answered(run))
        return;
    if (!reply)
        err = *sent;
    mark->known = reply && queue_hold_reply(reply, &mark->outcome, &err) == 0;
    if (mark->known && mark->outcome == HOLD_EXHAUSTED)
        mark->outcome = HOLD_GONE;
    if (!mark->known && err.kind != ERR_TEMP) {
        log_error("mark_failed", "run_id=%s error=%s", run->hold.run_id, err.message);
        mark->known = true;
        mark->outcome = HOLD_GONE;
    }
    answer(run);
}

static void on_replicated(void *arg, const struct redisReply *reply,
                          const struct err *err)
{
    struct held *run = arg;

    (void)err; /* without a reply none has it */
    run->mark.awaited--;
    if (!supervisor_answered(run))
        return;
    run->mark.replicas = redis_reply_int(reply, 0);
    answer(run);
}

static void send(struct held *run, struct redis_cmd *cmd, redis_link_callback *done)
{
    run->commands++;
    run->mark.awaited++;
    redis_link_send(run->supervisor->link, cmd, SCRIPT_TIMEOUT_MS, done, run);
}

/* WAIT is about what this connection wrote: the heartbeat, which goes before on each new
 * one, makes it wait for a mark of the connection before too. */
static void ask_redis(struct held *run, int64_t serial)
{
    struct supervisor *s = run->supervisor;
    AUTO(redis_cmd_done) struct redis_cmd mark = {0};
    AUTO(redis_cmd_done) struct redis_cmd wait = {0};

    run->mark = (struct mark){.serial = serial, .before = run->marked};
    run->marked = true;
    queue_mark(&mark, s->conf->redis_prefix, &run->hold);
    send(run, &mark, on_marked);
    if (s->guard.replicas == 0)
        return;
    run->mark.replicas_wanted = 1;
    redis_cmd_init(&wait);
    redis_cmd_arg(&wait, "WAIT");
    redis_cmd_int(&wait, run->mark.replicas_wanted);
    redis_cmd_int(&wait, REPLICA_WAIT_MS);
    send(run, &wait, on_replicated);
}

/* ---- the question ---- */
static void look(struct held *run)
{
    struct rundir_ask ask;

    if (run->mark.awaited > 0 || !rundir_read_ask(run->dir, &ask) ||
        ask.serial == run->mark.serial || clock_boot_ms() - ask.boot_ms >= RUNDIR_GO_MS)
        return;
    if (run->lost) {
        run->mark = (struct mark){.serial = ask.serial, .before = run->marked};
        refuse(run, HOLD_GONE);
    } else if (!run->interrupt) { /* else it stops without one */
        ask_redis(run, ask.serial);
    }
}

void supervisor_mark(struct supervisor *s)
{
    bool poked = journal_poked(&s->journal);
    bool due = poked || s->now_mono_ms >= s->mark_due_mono_ms;

    if (!redis_link_ready(s->link))
        return;
    if (due)
        s->mark_due_mono_ms = s->now_mono_ms + LOOK_EVERY_MS;
    for (struct held *run = s->runs; run; run = run->next) {
        if (!run_kind_applies(run->kind) || !runner_lives(run))
            continue;
        if (due)
            look(run);
        supervisor_wake_by(s, s->mark_due_mono_ms);
    }
}

/* ---- asserting what has begun ---- */
static void on_asserted(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct held *run = arg;
    enum hold_outcome outcome;
    struct err err;

    if (!supervisor_answered(run))
        return;
    if (!reply)
        err = *sent;
    if (reply && queue_hold_reply(reply, &outcome, &err) == 0) {
        /* Gone: somebody has ended it. The heartbeat says so. */
        log_info("run_asserted", "run_id=%s accepted=%d", run->hold.run_id,
                 outcome == HOLD_DONE);
        return;
    }
    if (err.kind != ERR_TEMP) {
        log_error("assert_failed", "run_id=%s error=%s", run->hold.run_id, err.message);
        return;
    }
    run->asserted = 0;
    run->assert_mono_ms = run->supervisor->now_mono_ms + ASSERT_PAUSE_MS;
}

static void assert_run(struct held *run)
{
    struct supervisor *s = run->supervisor;
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    if (s->now_mono_ms < run->assert_mono_ms) {
        supervisor_wake_by(s, run->assert_mono_ms);
        return;
    }
    run->asserted = redis_link_generation(s->link);
    run->commands++;
    queue_reassert(&cmd, s->conf->redis_prefix, s->journal.id, &run->hold);
    redis_link_send(s->link, &cmd, SCRIPT_TIMEOUT_MS, on_asserted, run);
}

/* One that ended without a result is an orphan, or about to be told so: it is not taken
 * back. */
static bool is_alive(const struct held *run)
{
    return run->state == HELD_RUNNING ||
           (run->state == HELD_ENDED && rundir_has_outcome(run->dir));
}

void supervisor_assert(struct supervisor *s)
{
    uint64_t generation = redis_link_generation(s->link);

    if (!redis_link_ready(s->link))
        return;
    for (struct held *run = s->runs; run; run = run->next)
        if (run->begun && !run->lost && run->asserted != generation && is_alive(run))
            assert_run(run);
}
