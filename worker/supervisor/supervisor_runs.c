/* The runs this worker holds: the list, starting a runner, seeing its end, and carrying
 * wishes to it. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/process/spawn.h"
#include "worker/supervisor/supervisor_internal.h"

#define REST_LOOK_MS 20 /* our runner has ended: is what it left gone too? */
/* What a run may take on top of KEDGE_RUN_TIMEOUT and its ladder before its runner is
 * taken for stuck. */
#define STUCK_MS 60000

struct held *supervisor_find(struct supervisor *s, const char *run_id)
{
    for (struct held *run = s->runs; run; run = run->next)
        if (strcmp(run->hold.run_id, run_id) == 0)
            return run;
    return NULL;
}

struct held *supervisor_hold(struct supervisor *s, const struct run_order *order,
                             char *dir)
{
    struct held *run = mem_new(1, sizeof *run);

    *run = (struct held){
        .supervisor = s,
        .next = s->runs,
        .hold = order->hold,
        .kind = order->spec.kind,
        .attempt = order->attempt,
        .dir = dir,
        .state = HELD_WAITING,
        .exit_code = -1,
        .lock_fd = -1,
        .started_mono_ms = s->now_mono_ms,
    };
    memcpy(run->target, order->target, sizeof run->target);
    supervisor_log_open(&run->log);
    s->runs = run;
    return run;
}

static void free_held(struct held *run)
{
    supervisor_log_close(&run->log);
    auto_close(&run->lock_fd);
    free(run->trouble_text);
    free(run->dir);
    free(run);
}

void supervisor_let_go(struct held *run)
{
    struct held **link = &run->supervisor->runs;

    while (*link != run)
        link = &(*link)->next;
    *link = run->next;
    run->gone = true;
    if (run->commands == 0)
        free_held(run);
}

bool supervisor_answered(struct held *run)
{
    run->commands--;
    if (!run->gone) {
        supervisor_wake_now(run->supervisor);
        return true;
    }
    if (run->commands == 0)
        free_held(run);
    return false;
}

size_t supervisor_busy(const struct supervisor *s)
{
    size_t busy = 0;

    for (const struct held *run = s->runs; run; run = run->next)
        busy += run->state == HELD_WAITING || run->state == HELD_RUNNING;
    return busy;
}

/* ---- starting ---- */
/* An earlier run of the target that was lost and whose processes are still there. */
static bool directory_taken(const struct held *wanted)
{
    for (const struct held *run = wanted->supervisor->runs; run; run = run->next)
        if (run != wanted && run->state == HELD_RUNNING &&
            strcmp(run->target, wanted->target) == 0)
            return true;
    return false;
}

static void give_back(struct held *run)
{
    run->give_back = true;
    run->state = HELD_ENDED;
    run->look_mono_ms = 0;
    supervisor_wake_now(run->supervisor);
}

void supervisor_start_run(struct held *run)
{
    struct supervisor *s = run->supervisor;
    AUTO(auto_free) char *work = NULL;
    char name[] = "kedge-worker", option[] = "--runner";
    char *const argv[] = {name, option, run->dir, NULL};
    struct err err;

    if (directory_taken(run)) {
        supervisor_wake_by(s, s->now_mono_ms + LOCK_LOOK_MS);
        return;
    }
    run->runner = spawn_self(s->self_fd, argv, s->environment, &err);
    if (run->runner < 0) {
        log_error("runner_not_started", "run_id=%s error=%s", run->hold.run_id,
                  err.message);
        run->runner = 0;
        s->claimer.paused_until_mono_ms = s->now_mono_ms + RESEND_PAUSE_MS;
        give_back(run);
        return;
    }
    /* The sweep frees the least recently used first. */
    work = journal_work_dir(&s->journal, run->target);
    utimensat(AT_FDCWD, work, NULL, 0);
    run->state = HELD_RUNNING;
}

/* ---- the end of a runner ---- */
static struct held *find_runner(struct supervisor *s, pid_t pid)
{
    for (struct held *run = s->runs; run; run = run->next)
        if (run->runner == pid)
            return run;
    return NULL;
}

/* Terraform was interrupted when its runner died. With the state locked it needs the time
 * to give it back: a lock that it leaves is there for good. */
static int64_t patience_ms(const struct held *run)
{
    return run_kind_applies(run->kind) ? run->supervisor->conf->cancel_grace_ms : 0;
}

void supervisor_reap_children(struct supervisor *s)
{
    int status;
    pid_t pid;

    s->signals.child = false;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct held *run = find_runner(s, pid);

        if (pid == s->sweeper) {
            s->sweeper = 0;
        } else if (run) {
            run->runner = 0;
            run->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
            run->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            run->look_mono_ms = 0;
            run->kill_mono_ms = s->now_mono_ms + patience_ms(run);
        }
    }
}

/* Of an apply it is terraform that goes on, and comes to its end; what it has left behind
 * then need not. */
static bool may_kill_holders(const struct held *run)
{
    bool ours = run->signal != 0 || run->exit_code >= 0;

    return run->begun ? !rundir_is_led(run->dir)
                      : ours && run->supervisor->now_mono_ms >= run->kill_mono_ms;
}

/* The runner is not ours to wait for, or has ended: who still holds the lock? */
static void look_at_lock(struct held *run)
{
    struct supervisor *s = run->supervisor;
    bool killed;

    if (s->now_mono_ms < run->look_mono_ms) {
        supervisor_wake_by(s, run->look_mono_ms);
        return;
    }
    if (!rundir_alive(run->dir)) {
        run->state = HELD_ENDED;
        run->look_mono_ms = 0;
        supervisor_wake_now(s);
        return;
    }
    killed = may_kill_holders(run);
    if (killed)
        rundir_kill_holders(run->dir);
    run->look_mono_ms = s->now_mono_ms + (killed ? REST_LOOK_MS : LOCK_LOOK_MS);
    supervisor_wake_by(s, run->look_mono_ms);
}

/* A runner keeps its own deadlines; one that does not is stopped from outside. */
static void kill_if_stuck(struct held *run)
{
    const struct conf *conf = run->supervisor->conf;
    int64_t until_mono_ms = run->started_mono_ms + conf->run_timeout_ms +
                            2 * conf->cancel_grace_ms + STUCK_MS;

    if (run->supervisor->now_mono_ms < until_mono_ms || !supervisor_may_interrupt(run))
        return;
    log_error("runner_stuck", "run_id=%s", run->hold.run_id);
    run->trouble = RUN_ERR_TIMEOUT;
    free(run->trouble_text);
    run->trouble_text = mem_dup("The run did not stop when its time was over, and was "
                                "killed.");
    run->started_mono_ms = run->supervisor->now_mono_ms; /* again after the same time */
    if (run->runner > 0)
        kill(run->runner, SIGKILL);
    rundir_kill_holders(run->dir);
}

/* ---- one step of each run ---- */
static void advance_waiting(struct held *run)
{
    bool draining = run->supervisor->drain.since_mono_ms != 0;

    if (draining || run->lost || run->cancel_level > 0 || run->interrupt)
        give_back(run);
    else
        supervisor_start_run(run);
}

static void advance_running(struct held *run)
{
    supervisor_tell(run);
    kill_if_stuck(run);
    if (run->runner == 0)
        look_at_lock(run);
}

void supervisor_bury(struct held *run)
{
    struct err err;

    if (journal_trash(&run->supervisor->journal, run->dir, &err) < 0)
        log_error("journal", "run_id=%s error=%s", run->hold.run_id, err.message);
    supervisor_let_go(run);
}

static void advance(struct held *run)
{
    switch (run->state) {
    case HELD_WAITING:
        advance_waiting(run);
        break;
    case HELD_RUNNING:
        advance_running(run);
        break;
    case HELD_ENDED:
        if (run->lost && !run->begun)
            supervisor_bury(run);
        else
            supervisor_conclude(run);
        break;
    case HELD_SENDING:
    case HELD_STATES:
        break;
    }
}

void supervisor_advance(struct supervisor *s)
{
    struct held *next;

    for (struct held *run = s->runs; run; run = next) {
        next = run->next;
        advance(run);
    }
}
