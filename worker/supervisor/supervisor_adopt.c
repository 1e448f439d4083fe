/* Adoption: the runs that an earlier worker of this directory left, in whatever state. */
#include <fcntl.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/supervisor/supervisor_internal.h"

/* Not even an order: its claim never came to a start, the lease brings the run back. */
static void discard(struct supervisor *s, const char *run_id, const char *dir,
                    const struct err *why)
{
    struct err err;

    log_warn("run_discarded", "run_id=%s error=%s", run_id, why->message);
    if (journal_trash(&s->journal, dir, &err) < 0)
        log_error("journal", "run_id=%s error=%s", run_id, err.message);
}

/* Nothing was done. A runner that was forked a moment before its worker died and has not
 * got the lock yet must not get it any more. */
static void bar(struct held *run)
{
    struct err err;

    run->lock_fd = rundir_lock(run->dir, &err);
    if (run->lock_fd < 0) {
        run->state = HELD_RUNNING; /* it has got it */
        return;
    }
    fcntl(run->lock_fd, F_SETFD, FD_CLOEXEC);
    run->give_back = true;
}

static const char *found_state(const struct held *run)
{
    if (run->state == HELD_RUNNING)
        return run->begun ? "applying" : "running";
    return run->give_back ? "nothing_done" : "ended";
}

static void adopt(struct supervisor *s, const char *run_id)
{
    AUTO(auto_free) char *dir = journal_run_dir(&s->journal, run_id);
    AUTO(run_order_done) struct run_order order = {0};
    bool alive = rundir_alive(dir);
    struct rundir_ask ask;
    struct held *run;
    struct err err;

    if (!alive && journal_is_settled(dir))
        return;
    if (rundir_read_order(dir, &order, &err) < 0) {
        if (!alive)
            discard(s, run_id, dir, &err);
        return;
    }
    run = supervisor_hold(s, &order, TAKE(dir));
    run->state = alive ? HELD_RUNNING : HELD_ENDED;
    run->begun = rundir_is_marked(run->dir);
    /* What was asked may have been sent, and have marked it. */
    run->marked = run->begun || rundir_read_ask(run->dir, &ask);
    if (!alive && !run->begun && !rundir_has_outcome(run->dir))
        bar(run);
    s->counts.adopted++;
    log_info("adopted", "run_id=%s state=%s", run_id, found_state(run));
}

void supervisor_adopt(struct supervisor *s)
{
    size_t count;
    char **runs = journal_runs(&s->journal, &count);

    for (size_t i = 0; i < count; i++)
        adopt(s, runs[i]);
    parse_list_free(runs, count);
}
