/* What the queue ought to be, as text: the form in which the test reads Redis too. */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/support/queue_model_internal.h"

static void print_name(int run, struct buf *out)
{
    if (run == MODEL_NONE)
        buf_str(out, " -");
    else
        buf_fmt(out, " r%06d", run);
}

struct place {
    int64_t seq;
    int run;
};

static int by_seq(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;

    return (a->seq > b->seq) - (a->seq < b->seq);
}

static void print_queue(const struct model *model, int target, struct buf *out)
{
    struct place places[MODEL_LIVE_MAX];
    size_t count = 0;

    for (int i = 0; i < model->live_count; i++) {
        const struct model_run *run = &model->runs[model->live[i]];

        if (run->status == RUN_QUEUED && run->target == target)
            places[count++] = (struct place){.seq = run->seq, .run = model->live[i]};
    }
    qsort(places, count, sizeof *places, by_seq);
    for (size_t i = 0; i < count; i++)
        print_name(places[i].run, out);
}

static void print_target(const struct model *model, int target, struct buf *out)
{
    int64_t score = model_target_score(model, target);

    buf_fmt(out, "t%d active", target);
    print_name(model->active[target], out);
    if (score == INT64_MAX || model->active[target] != MODEL_NONE)
        buf_str(out, " ready - q");
    else
        buf_fmt(out, " ready %" PRId64 " q", score);
    print_queue(model, target, out);
    buf_str(out, " last");
    print_name(model->newest[target], out);
    print_name(model->last_ended[target], out);
    print_name(model->last_good[target], out);
    buf_char(out, '\n');
}

static void print_sizes(const struct model *model, struct buf *out)
{
    int leases = 0, suspects = 0, delayed = 0, orphans = 0;

    for (int i = 0; i < model->live_count; i++) {
        const struct model_run *run = &model->runs[model->live[i]];

        leases += run->lease_ms > 0;
        suspects += run->suspect_ms > 0;
        delayed += run->status == RUN_DELAYED;
        orphans += run->status == RUN_ORPHANED;
    }
    buf_fmt(out, "leases %d suspects %d delayed %d orphans %d ended %" PRId64, leases,
            suspects, delayed, orphans, model->ended_count);
    buf_fmt(out, " bytes %" PRId64 "\n", model->result_bytes);
}

void model_print(const struct model *model, struct buf *out)
{
    for (int target = 0; target < MODEL_TARGETS; target++)
        print_target(model, target, out);
    buf_fmt(out, "waiting %d", model_count_waiting(model, MODEL_NONE));
    for (int project = 0; project < MODEL_PROJECTS; project++)
        buf_fmt(out, " %d", model_count_waiting(model, project));
    buf_str(out, "\ncoalesce");
    for (int i = 0; i < MODEL_PRINTS; i++)
        print_name(model->coalesce[i], out);
    buf_char(out, '\n');
    print_sizes(model, out);
}

void model_print_run(const struct model *model, int number, struct buf *out)
{
    const struct model_run *run = &model->runs[number];
    bool delayed = run->status == RUN_DELAYED;

    buf_fmt(out, "r%06d %s fence %s nonce %s marked %d cancel %d", number,
            run_status_name(run->status), run->fence, run->nonce, run->marked,
            run->cancel);
    buf_fmt(out, " attempts %d crashes %d retries %d lease %" PRId64 " suspect %" PRId64,
            run->attempts, run->crashes, run->retries, run->lease_ms, run->suspect_ms);
    buf_fmt(out, " due %" PRId64 " orphan %d dead %d priority %" PRId64,
            delayed ? run->due_ms : 0, run->status == RUN_ORPHANED, run->dead,
            run->priority);
    buf_fmt(out, " ended %" PRId64 " version %s\n", run->ended_ms, run->version);
}
