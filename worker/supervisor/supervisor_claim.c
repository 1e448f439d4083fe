/* Claims: when this worker may take a run, asking for one, and what becomes of the
 * answer. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/supervisor/memory.h"
#include "worker/supervisor/space.h"
#include "worker/supervisor/supervisor_internal.h"

#define HELD_BACK_LOOK_MS 1000
#define TROUBLE_PAUSE_MS  10000
#define AGAIN_PAUSE_MS    1000
/* A run that has just begun has not taken its memory yet: it counts as if it had. */
#define YOUNG_MS 10000

static const char because_memory[] = "memory", because_disk[] = "disk";

static int64_t wanted_bytes(const struct supervisor *s)
{
    int64_t runs = 1;

    for (const struct held *run = s->runs; run; run = run->next)
        runs += run->state == HELD_RUNNING &&
                s->now_mono_ms - run->started_mono_ms < YOUNG_MS;
    return runs * s->conf->run_memory_bytes;
}

static bool results_wait(const struct supervisor *s)
{
    for (const struct held *run = s->runs; run; run = run->next)
        if (run->state == HELD_ENDED && run->failures > 0)
            return true;
    return false;
}

/* NULL: nothing of our own stands against a claim. */
static const char *obstacle(const struct supervisor *s)
{
    if (s->drain.since_mono_ms)
        return "draining";
    if (!s->watch.ready || !s->watch.fit)
        return "redis";
    if (s->now_mono_ms < s->claimer.paused_until_mono_ms)
        return "pause";
    if (supervisor_busy(s) >= (size_t)s->conf->worker_slots)
        return "slots";
    if (results_wait(s))
        return "results";
    return NULL;
}

static bool is_shortage(const char *reason)
{
    return reason == because_memory || reason == because_disk;
}

/* NULL: a run may be claimed. The system is asked only when a claim is due. */
static const char *why_not(struct supervisor *s)
{
    struct claimer *claimer = &s->claimer;
    const char *reason = obstacle(s);

    if (reason)
        return reason;
    if (s->now_mono_ms < claimer->due_mono_ms)
        return is_shortage(claimer->held_back) ? claimer->held_back : NULL;
    if (space_is_full(s->journal.dir))
        reason = because_disk;
    else if (memory_free_bytes() < wanted_bytes(s))
        reason = because_memory;
    if (reason)
        claimer->due_mono_ms = s->now_mono_ms + HELD_BACK_LOOK_MS;
    return reason;
}

/* What an operator can change is said once, when it begins and when it is over. */
static void note_obstacle(struct claimer *claimer, const char *reason)
{
    if (is_shortage(reason) && reason != claimer->held_back)
        log_warn("claims_held", "reason=%s", reason);
    else if (is_shortage(claimer->held_back) && !reason)
        log_info("claims_resumed", "reason=%s", claimer->held_back);
    claimer->held_back = reason;
}

void supervisor_claim_soon(struct supervisor *s)
{
    s->claimer.due_mono_ms = 0;
    supervisor_wake_now(s);
}

/* ---- a claimed run ---- */
static int make_order(const struct claimed *claimed, struct run_order *order,
                      struct err *err)
{
    *order = (struct run_order){
        .hold = claimed->hold,
        .attempt = claimed->attempt,
        .queued_at_ms = claimed->queued_at_ms,
        .started_at_ms = claimed->started_at_ms,
        .lock_retry_since_ms = claimed->lock_retry_since_ms,
        .resources = claimed->resources,
    };
    memcpy(order->target, claimed->target, sizeof order->target);
    if (run_spec_parse(claimed->spec, strlen(claimed->spec), &order->spec, err) < 0)
        return err_wrap(err, "this worker cannot read the run's specification");
    return 0;
}

static int make_directory(struct supervisor *s, const char *dir,
                          const struct run_order *order, struct err *err)
{
    AUTO(auto_close) int lock = journal_lock_targets(s->journal.dir);

    if (lock < 0)
        return err_set(err, ERR_PERM, "cannot open the lock in %s", s->journal.dir);
    /* An earlier attempt of the same run, ended here, that Redis forgot. */
    if (journal_trash(&s->journal, dir, err) < 0)
        return -1;
    return rundir_create(dir, order, err);
}

/* Somebody may do it, here or elsewhere, but not at once. */
static void give_back(struct held *run, int64_t pause_ms, const char *why)
{
    struct supervisor *s = run->supervisor;

    log_warn("run_not_started", "run_id=%s error=%s", run->hold.run_id, why);
    run->state = HELD_ENDED;
    run->give_back = true;
    s->claimer.paused_until_mono_ms = s->now_mono_ms + pause_ms;
}

static void refuse(struct held *run, const char *why)
{
    log_error("run_refused", "run_id=%s error=%s", run->hold.run_id, why);
    run->state = HELD_ENDED;
    run->refused = true;
    run->trouble_text = mem_dup(why);
}

/* Its own directory; one beside it where an earlier attempt still has that. */
static char *choose_directory(struct supervisor *s, const struct queue_hold *hold,
                              bool *begun)
{
    AUTO(auto_free) char *dir = journal_run_dir(&s->journal, hold->run_id);

    *begun = rundir_is_marked(dir);
    if (*begun || supervisor_find(s, hold->run_id))
        return journal_run_dir(&s->journal, hold->nonce);
    return TAKE(dir);
}

static void take(struct supervisor *s, const struct claimed *claimed)
{
    AUTO(run_order_done) struct run_order order = {0};
    struct err err;
    bool readable = make_order(claimed, &order, &err) == 0;
    bool again = supervisor_find(s, claimed->hold.run_id) != NULL, begun;
    char *dir = choose_directory(s, &claimed->hold, &begun);
    struct held *run = supervisor_hold(s, &order, dir);

    s->counts.claims++;
    log_info("claimed", "run_id=%s kind=%s attempt=%" PRId64, claimed->hold.run_id,
             run_kind_name(claimed->kind), claimed->attempt);
    if (again)
        give_back(run, AGAIN_PAUSE_MS, "its last attempt still has its directory here");
    else if (begun)
        refuse(run, "Its apply has begun before, and Redis has forgotten that; look at "
                    "what it did, then start a new run");
    else if (!readable)
        refuse(run, err.message);
    else if (make_directory(s, dir, &order, &err) < 0)
        give_back(run, TROUBLE_PAUSE_MS, err.message);
}

/* ---- asking ---- */
static void on_claimed(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct supervisor *s = arg;
    struct claimer *claimer = &s->claimer;
    AUTO(claimed_done) struct claimed claimed = {0};
    struct err err;

    claimer->asked = false;
    claimer->due_mono_ms = s->now_mono_ms + supervisor_jitter_ms(CLAIM_EVERY_MS);
    /* No answer: the same nonce again, which finds what this one may have claimed. */
    if (!reply && sent->kind == ERR_TEMP) {
        claimer->due_mono_ms = s->now_mono_ms + LOG_EVERY_MS;
        return;
    }
    if (!reply)
        err = *sent;
    if (!reply || queue_claim_reply(reply, claimer->nonce, &claimed, &err) < 0) {
        log_error("claim_failed", "error=%s", err.message);
        claimer->nonce[0] = '\0';
        return;
    }
    claimer->nonce[0] = '\0';
    if (claimed.outcome != CLAIM_RUN)
        return;
    take(s, &claimed);
    s->beat.due_mono_ms = 0;
    if (claimed.more)
        claimer->due_mono_ms = 0;
}

static void ask(struct supervisor *s)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    if (s->claimer.nonce[0] == '\0')
        sign_nonce(s->claimer.nonce);
    s->claimer.asked = true;
    queue_claim(&cmd, s->conf->redis_prefix, s->journal.id, s->claimer.nonce);
    redis_link_send(s->link, &cmd, SCRIPT_TIMEOUT_MS, on_claimed, s);
}

/* The marker, or none in that time: either way it is worth asking. */
static void on_wake(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct supervisor *s = arg;

    s->claimer.waiting = false;
    if (reply)
        s->claimer.due_mono_ms = 0;
    if (err) /* a refusal comes at once, and would again */
        s->claimer.wait_due_mono_ms = s->now_mono_ms + REFUSED_PAUSE_MS;
}

static void wait_for_marker(struct supervisor *s)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    int64_t block_ms = supervisor_jitter_ms(CLAIM_EVERY_MS);

    if (s->claimer.waiting || !redis_link_ready(s->wake))
        return;
    if (s->now_mono_ms < s->claimer.wait_due_mono_ms) {
        supervisor_wake_by(s, s->claimer.wait_due_mono_ms);
        return;
    }
    s->claimer.waiting = true;
    queue_wait_wake(&cmd, s->conf->redis_prefix, block_ms);
    redis_link_send(s->wake, &cmd, block_ms + SCRIPT_TIMEOUT_MS, on_wake, s);
}

void supervisor_claim(struct supervisor *s)
{
    struct claimer *claimer = &s->claimer;
    const char *reason;

    if (claimer->asked)
        return;
    reason = why_not(s);
    note_obstacle(claimer, reason);
    /* A claim without an answer is cleared up whatever stands against a new one. */
    if (reason && (claimer->nonce[0] == '\0' || !s->watch.ready)) {
        supervisor_wake_by(s, s->now_mono_ms + HELD_BACK_LOOK_MS);
        return;
    }
    if (s->now_mono_ms >= claimer->due_mono_ms)
        ask(s);
    else
        supervisor_wake_by(s, claimer->due_mono_ms);
    if (!reason)
        wait_for_marker(s);
}
