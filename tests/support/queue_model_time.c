/* What the queue ought to be: as time moves it. */
#include <stdlib.h>

#include "tests/support/queue_model_internal.h"

/* Numbers of live runs in the order in which Redis would hand them out. */
struct due {
    int64_t at_ms;
    int run;
};

static int by_time_then_name(const void *left, const void *right)
{
    const struct due *a = left;
    const struct due *b = right;

    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    return (a->run > b->run) - (a->run < b->run);
}

enum which { SUSPECTS_OVER, LEASES_OVER, DELAYED_DUE };

static int64_t due_at(const struct model *model, const struct model_run *run,
                      enum which which)
{
    switch (which) {
    case SUSPECTS_OVER:
        return run->suspect_ms < model->now_ms ? run->suspect_ms : 0;
    case LEASES_OVER:
        return run->lease_ms < model->now_ms ? run->lease_ms : 0;
    case DELAYED_DUE:
        return run->status == RUN_DELAYED && run->due_ms <= model->now_ms ? run->due_ms
                                                                          : 0;
    }
    return 0;
}

static size_t collect(const struct model *model, enum which which,
                      struct due list[MODEL_LIVE_MAX])
{
    size_t count = 0;

    for (int i = 0; i < model->live_count; i++) {
        int run = model->live[i];
        int64_t at_ms = due_at(model, &model->runs[run], which);

        if (at_ms > 0)
            list[count++] = (struct due){.at_ms = at_ms, .run = run};
    }
    qsort(list, count, sizeof *list, by_time_then_name);
    return count;
}

void model_promote(struct model *model, struct buf *expect)
{
    struct due list[MODEL_LIVE_MAX];
    size_t count = collect(model, DELAYED_DUE, list);

    for (size_t i = 0; i < count; i++)
        model_enter_waiting(model, list[i].run);
    buf_fmt(expect, "%zu", count);
}

struct counts {
    int suspected, requeued, lost, orphaned, cancelled;
};

static void orphan(struct model *model, struct model_run *run)
{
    run->status = RUN_ORPHANED;
    run->lease_ms = run->suspect_ms = 0;
    run->ended_ms = model->now_ms;
    model->ended_count++;
}

static void recover(struct model *model, int number, struct counts *counts)
{
    struct model_run *run = &model->runs[number];

    if (run->marked) {
        orphan(model, run);
        counts->orphaned++;
        return;
    }
    model_take_hold_away(run);
    if (run->cancel > 0) {
        model_end(model, number, RUN_CANCELLED);
        counts->cancelled++;
        return;
    }
    run->crashes += model->uptime_s >= 60;
    if (model->uptime_s >= 60 && run->crashes >= QUEUE_CRASHES_MAX) {
        model_end(model, number, RUN_ERROR);
        run->dead = true;
        counts->lost++;
        return;
    }
    model_let_go(model, number);
    model_enter_waiting(model, number);
    counts->requeued++;
}

/* Leases and graces that reach further than any can: the clock was set back. */
static void cut(struct model *model)
{
    int64_t lease_ms = model->now_ms + QUEUE_LEASE_MS;
    int64_t grace_ms = model->now_ms + QUEUE_GRACE_MS;

    for (int i = 0; i < model->live_count; i++) {
        struct model_run *run = &model->runs[model->live[i]];

        run->lease_ms = run->lease_ms > lease_ms ? lease_ms : run->lease_ms;
        run->suspect_ms = run->suspect_ms > grace_ms ? grace_ms : run->suspect_ms;
    }
}

void model_reap(struct model *model, struct buf *expect)
{
    struct due list[MODEL_LIVE_MAX];
    struct counts counts = {0};
    size_t over = 0;

    if (model->reaped_ms == 0 || model->now_ms < model->reaped_ms ||
        model->now_ms - model->reaped_ms > QUEUE_REAP_GAP_MS)
        model->reaping_since_ms = model->now_ms;
    model->reaped_ms = model->now_ms;
    if (model->now_ms - model->reaping_since_ms >= QUEUE_GRACE_MS)
        over = collect(model, SUSPECTS_OVER, list);
    for (size_t i = 0; i < over; i++)
        recover(model, list[i].run, &counts);
    counts.suspected = (int)collect(model, LEASES_OVER, list);
    for (int i = 0; i < counts.suspected; i++) {
        model->runs[list[i].run].lease_ms = 0;
        model->runs[list[i].run].suspect_ms = model->now_ms + QUEUE_GRACE_MS;
    }
    cut(model);
    for (int i = 0; i < MODEL_WORKERS; i++)
        if (model->workers[i].seen_ms < model->now_ms - QUEUE_ALIVE_MS)
            model->workers[i].seen_ms = 0;
    buf_fmt(expect, "%d %d %d %d %d %d", (int)over + counts.suspected, counts.suspected,
            counts.requeued, counts.lost, counts.orphaned, counts.cancelled);
}
