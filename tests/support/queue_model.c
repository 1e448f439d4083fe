/* What the queue ought to be: the state and what changes it. */
#include "tests/support/queue_model_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

void model_init(struct model *model, int run_max)
{
    *model = (struct model){.uptime_s = 3600, .run_max = run_max};
    model->runs = mem_new((size_t)run_max, sizeof *model->runs);
    model->idem = mem_new((size_t)run_max, sizeof *model->idem);
    for (int i = 0; i < run_max; i++)
        model->idem[i].run = MODEL_NONE;
    for (int i = 0; i < MODEL_TARGETS; i++) {
        model->active[i] = model->newest[i] = MODEL_NONE;
        model->last_ended[i] = model->last_good[i] = MODEL_NONE;
    }
    for (int i = 0; i < MODEL_PRINTS; i++)
        model->coalesce[i] = MODEL_NONE;
    for (int i = 0; i < MODEL_WORKERS; i++)
        model->workers[i] = (struct model_worker){.claim = MODEL_NONE};
}

void model_done(struct model *model)
{
    free(model->runs);
    free(model->idem);
}

/* ---- waiting ---- */
static bool waits(const struct model_run *run)
{
    return run->exists && run->status == RUN_QUEUED;
}

int model_count_waiting(const struct model *model, int project)
{
    int count = 0;

    for (int i = 0; i < model->live_count; i++) {
        const struct model_run *run = &model->runs[model->live[i]];

        count += waits(run) && (project == MODEL_NONE || run->project == project);
    }
    return count;
}

/* Those that are counted against the limits. */
static int count_limited(const struct model *model, int project)
{
    int count = model_count_waiting(model, project);

    for (int i = 0; i < model->live_count; i++) {
        const struct model_run *run = &model->runs[model->live[i]];

        count -= waits(run) && run->trigger == TRIGGER_SCHEDULE &&
                 (project == MODEL_NONE || run->project == project);
    }
    return count;
}

static bool coalesces(const struct model_run *run)
{
    return run->kind == RUN_DRIFT_CHECK && run->fingerprint != MODEL_NONE;
}

void model_enter_waiting(struct model *model, int number)
{
    struct model_run *run = &model->runs[number];

    run->status = RUN_QUEUED;
    if (coalesces(run) && model->coalesce[run->fingerprint] == MODEL_NONE)
        model->coalesce[run->fingerprint] = number;
}

static void leave_waiting(struct model *model, int number)
{
    const struct model_run *run = &model->runs[number];

    if (coalesces(run) && model->coalesce[run->fingerprint] == number)
        model->coalesce[run->fingerprint] = MODEL_NONE;
}

/* ---- leaving a worker ---- */
void model_let_go(struct model *model, int number)
{
    struct model_run *run = &model->runs[number];

    run->lease_ms = run->suspect_ms = 0;
    if (model->active[run->target] == number)
        model->active[run->target] = MODEL_NONE;
}

static void drop_live(struct model *model, int number)
{
    for (int i = 0; i < model->live_count; i++) {
        if (model->live[i] != number)
            continue;
        model->live[i] = model->live[--model->live_count];
        return;
    }
    assert(false && "a live run");
}

void model_take_hold_away(struct model_run *run)
{
    run->fence[0] = run->nonce[0] = '\0';
}

void model_end(struct model *model, int number, enum run_status status)
{
    struct model_run *run = &model->runs[number];

    if (run->status == RUN_QUEUED)
        leave_waiting(model, number);
    else if (run->status != RUN_DELAYED)
        model_let_go(model, number);
    model->ended_count += run->status != RUN_ORPHANED; /* counted as an orphan */
    drop_live(model, number);
    run->status = status;
    run->ended_ms = model->now_ms;
    if (run->kind != RUN_DRIFT_CHECK)
        return;
    if (status == RUN_CLEAN || status == RUN_DRIFT_DETECTED)
        model->last_good[run->target] = model->last_ended[run->target] = number;
    else if (status == RUN_ERROR)
        model->last_ended[run->target] = number;
}

/* ---- enqueue ---- */
static const char *joined_word(bool joined)
{
    return joined ? "1" : "0";
}

static bool answered_before(const struct model *model, const struct model_enqueue *req,
                            struct buf *expect)
{
    const struct model_run *run = &model->runs[req->run];
    const struct model_idem *idem =
        req->idem != MODEL_NONE ? &model->idem[req->idem] : NULL;

    if (idem != NULL && idem->run != MODEL_NONE) {
        bool same = idem->body == req->body;

        buf_fmt(expect, "%s r%06d %s", same ? "replayed" : "mismatch", idem->run,
                joined_word(same && idem->joined));
        return true;
    }
    if (run->exists)
        buf_fmt(expect, "replayed r%06d 0", req->run);
    return expect->len > 0;
}

static void remember_key(struct model *model, const struct model_enqueue *req, int run,
                         bool joined)
{
    if (req->idem != MODEL_NONE)
        model->idem[req->idem] =
            (struct model_idem){.run = run, .body = req->body, .joined = joined};
}

static int64_t priority_now(const struct model *model, const struct model_run *run)
{
    return model->now_ms - run_trigger_credit_ms(run->trigger);
}

static bool joins(struct model *model, const struct model_enqueue *req,
                  struct buf *expect)
{
    const struct model_run *run = &model->runs[req->run];
    int equal = coalesces(run) ? model->coalesce[run->fingerprint] : MODEL_NONE;

    if (equal == MODEL_NONE)
        return false;
    if (priority_now(model, run) < model->runs[equal].priority)
        model->runs[equal].priority = priority_now(model, run);
    remember_key(model, req, equal, true);
    buf_fmt(expect, "coalesced r%06d 1", equal);
    return true;
}

void model_enqueue(struct model *model, const struct model_enqueue *req,
                   struct buf *expect)
{
    struct model_run *run = &model->runs[req->run];

    if (answered_before(model, req, expect))
        return;
    if (model->frozen && run_kind_applies(run->kind)) {
        buf_str(expect, "frozen  0 ");
        return;
    }
    if (req->moved) {
        buf_str(expect, "moved  0");
        return;
    }
    if (joins(model, req, expect))
        return;
    if (count_limited(model, MODEL_NONE) >= MODEL_QUEUED_MAX) {
        buf_str(expect, "full  0");
        return;
    }
    if (run->project != MODEL_NONE &&
        count_limited(model, run->project) >= MODEL_PROJECT_MAX) {
        buf_str(expect, "full_project  0");
        return;
    }
    assert(model->live_count < MODEL_LIVE_MAX);
    model->live[model->live_count++] = req->run;
    run->exists = true;
    run->seq = ++model->seq;
    run->queued_ms = model->now_ms;
    run->priority = priority_now(model, run);
    model_enter_waiting(model, req->run);
    if (run->kind == RUN_DRIFT_CHECK)
        model->newest[run->target] = req->run;
    remember_key(model, req, req->run, false);
    buf_fmt(expect, "new r%06d 0", req->run);
}

/* ---- claim ---- */
/* The target with the least score comes first, then the lower name; within a target the
 * lower seq. */
int64_t model_target_score(const struct model *model, int target)
{
    int64_t score = INT64_MAX;

    for (int i = 0; i < model->live_count; i++) {
        const struct model_run *run = &model->runs[model->live[i]];

        if (waits(run) && run->target == target && run->priority < score)
            score = run->priority;
    }
    return score;
}

static int best_target(const struct model *model)
{
    int best = MODEL_NONE;
    int64_t best_score = INT64_MAX;

    for (int target = 0; target < MODEL_TARGETS; target++) {
        int64_t score = model_target_score(model, target);

        if (model->active[target] == MODEL_NONE && score < best_score) {
            best_score = score;
            best = target;
        }
    }
    return best;
}

static int first_waiting(const struct model *model, int target)
{
    int first = MODEL_NONE;

    for (int i = 0; i < model->live_count; i++) {
        const struct model_run *run = &model->runs[model->live[i]];

        if (waits(run) && run->target == target &&
            (first == MODEL_NONE || run->seq < model->runs[first].seq))
            first = model->live[i];
    }
    return first;
}

static void start(struct model *model, int number, int worker, const char *nonce)
{
    struct model_run *run = &model->runs[number];

    leave_waiting(model, number);
    run->status = RUN_RUNNING;
    run->attempts++;
    run->worker = worker;
    run->lease_ms = model->now_ms + QUEUE_LEASE_MS;
    run->suspect_ms = 0;
    snprintf(run->nonce, sizeof run->nonce, "%s", nonce);
    model->active[run->target] = number;
}

int model_claim(struct model *model, int worker, int serial, const char *nonce,
                bool *fresh, struct buf *expect)
{
    struct model_worker *own = &model->workers[worker];
    int number;

    *fresh = false;
    if (own->claim == serial) {
        number = own->claimed;
        if (number != MODEL_NONE && (model->runs[number].status != RUN_RUNNING ||
                                     strcmp(model->runs[number].nonce, nonce) != 0))
            number = MODEL_NONE;
        buf_str(expect, number != MODEL_NONE ? "run" : "none");
        return number;
    }
    if (model->paused) {
        buf_str(expect, "paused");
        return MODEL_NONE;
    }
    number = best_target(model);
    if (number != MODEL_NONE)
        number = first_waiting(model, number);
    *own = (struct model_worker){
        .claim = serial, .claimed = number, .seen_ms = own->seen_ms};
    buf_str(expect, number != MODEL_NONE ? "run" : "none");
    if (number == MODEL_NONE)
        return MODEL_NONE;
    start(model, number, worker, nonce);
    *fresh = true;
    return number;
}

void model_learn_fence(struct model *model, int run, const char *fence)
{
    snprintf(model->runs[run].fence, sizeof model->runs[run].fence, "%s", fence);
}
