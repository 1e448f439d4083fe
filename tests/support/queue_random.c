/* Random commands of the queue. */
#include "tests/support/queue_random.h"

#include <stdio.h>

#include "common/base/mem.h"
#include "tests/support/queue_fixture.h"

#define RECENT_RUNS  60
#define LIVE_PERCENT 75

const struct op_trait op_traits[OP_KINDS] = {
    [OP_ENQUEUE] = {"enqueue", 24, false},    [OP_CLAIM] = {"claim", 18, true},
    [OP_HEARTBEAT] = {"heartbeat", 12, true}, [OP_MARK] = {"mark", 8, true},
    [OP_FINISH] = {"finish", 12, true},       [OP_RETRY] = {"retry", 5, true},
    [OP_RELEASE] = {"release", 3, true},      [OP_CANCEL] = {"cancel", 4, true},
    [OP_RESOLVE] = {"resolve", 2, true},      [OP_REASSERT] = {"reassert", 2, true},
    [OP_REAP] = {"reap", 5, false},           [OP_PROMOTE] = {"promote", 5, false},
};

/* splitmix64 */
static uint64_t draw(struct random_source *source)
{
    uint64_t z = source->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int random_below(struct random_source *source, int limit)
{
    return (int)(draw(source) % (uint64_t)limit);
}

bool random_percent(struct random_source *source, int chance)
{
    return random_below(source, 100) < chance;
}

static int pick_run(struct random_source *source)
{
    const struct model *model = source->model;
    int recent = model->run_count < RECENT_RUNS ? model->run_count : RECENT_RUNS;
    int target = random_below(source, MODEL_TARGETS);

    if (random_percent(source, LIVE_PERCENT) && model->active[target] != MODEL_NONE)
        return model->active[target];
    if (random_percent(source, LIVE_PERCENT) && model->live_count > 0)
        return model->live[random_below(source, model->live_count)];
    return model->run_count - 1 - random_below(source, recent);
}

static struct queue_hold pick_hold(struct random_source *source, int run, int *worker)
{
    const struct given *given =
        &source
             ->given[run]
                    [random_percent(source, 80) ? 0 : random_below(source, RANDOM_HOLDS)];
    struct queue_hold hold = given->hold;

    snprintf(hold.run_id, sizeof hold.run_id, "r%06d", run);
    *worker = given->worker;
    if (random_percent(source, 5))
        sign_nonce(hold.nonce);
    else if (random_percent(source, 5))
        snprintf(hold.fence, sizeof hold.fence, "1-%d", random_below(source, 10));
    return hold;
}

static void make_enqueue(struct random_source *source, struct model *model, struct op *op)
{
    int number = model->run_count++;
    struct model_run *run = &model->runs[number];
    char id[16], target[8], scope[8], project[8] = "", print[8] = "", idem[16] = "";
    int copy = random_below(source, 2);

    *run = (struct model_run){.kind = (enum run_kind)random_below(source, RUN_RESOLVE),
                              .trigger = (enum run_trigger)random_below(source, TRIGGERS),
                              .target = random_below(source, MODEL_TARGETS),
                              .project = random_below(source, MODEL_PROJECTS + 1) - 1,
                              .cancel_by = MODEL_NONE,
                              .resolve_by = MODEL_NONE};
    run->kind = random_percent(source, 30) ? RUN_DRIFT_CHECK : run->kind;
    run->fingerprint = random_percent(source, 60) ? 2 * run->target + copy : MODEL_NONE;
    op->run = number;
    op->enqueue = (struct model_enqueue){.run = number,
                                         .idem = MODEL_NONE,
                                         .body = random_below(source, 2),
                                         .moved = random_percent(source, 2)};
    if (random_percent(source, 30))
        op->enqueue.idem = number - random_below(source, number < 5 ? number + 1 : 5);
    snprintf(id, sizeof id, "r%06d", number);
    snprintf(target, sizeof target, "t%d", run->target);
    snprintf(scope, sizeof scope, "s%d", run->target);
    if (run->project != MODEL_NONE)
        snprintf(project, sizeof project, "p%d", run->project);
    if (run->fingerprint != MODEL_NONE)
        snprintf(print, sizeof print, "f%d", run->fingerprint);
    if (op->enqueue.idem != MODEL_NONE)
        snprintf(idem, sizeof idem, "i%d", op->enqueue.idem);
    queue_enqueue(&op->cmd, FIXTURE_PREFIX,
                  &(struct enqueue){.run_id = id,
                                    .kind = run->kind,
                                    .trigger = run->trigger,
                                    .target = target,
                                    .scope = scope,
                                    .project_id = project,
                                    .spec = "{}",
                                    .fingerprint = print,
                                    .registry_revision = op->enqueue.moved ? 5 : -1,
                                    .idem = idem,
                                    .idem_body = op->enqueue.body ? "one" : "two",
                                    .max_queued = MODEL_QUEUED_MAX,
                                    .max_queued_project = MODEL_PROJECT_MAX});
}

static enum run_status pick_status(struct random_source *source,
                                   const struct model_run *run)
{
    static const enum run_status check[] = {RUN_CLEAN, RUN_DRIFT_DETECTED, RUN_ERROR};
    static const enum run_status apply[] = {RUN_APPLIED, RUN_ERROR};

    if (run->cancel > 0 && random_percent(source, 30))
        return RUN_CANCELLED;
    if (run->kind == RUN_DRIFT_CHECK || run->kind == RUN_PLAN)
        return check[random_below(source, ARRAY_LEN(check))];
    return apply[random_below(source, ARRAY_LEN(apply))];
}

static void make_finish(struct random_source *source, struct op *op)
{
    struct finish result = {.output = "0123456789"};

    op->status = pick_status(source, &source->model->runs[op->run]);
    op->bytes = random_below(source, 10);
    result.status = op->status;
    result.output_len = (size_t)op->bytes;
    queue_finish(&op->cmd, FIXTURE_PREFIX, &op->hold, &result);
}

static bool may_mark(const struct random_source *source, const struct op *op)
{
    enum run_kind kind = source->model->runs[op->run].kind;

    return kind == RUN_APPLY || kind == RUN_RECONCILE;
}

/* A worker asks for its apply back only when it was allowed to begin it. (Under a wrong
 * nonce or fence it gets nothing anyway.) */
static bool was_marked(const struct random_source *source, const struct op *op)
{
    bool marked = false;

    for (int i = 0; i < RANDOM_HOLDS; i++)
        marked |= source->given[op->run][i].marked;
    return marked && op->hold.fence[0] != '\0' && op->hold.nonce[0] != '\0';
}

static void make_hold_command(struct random_source *source, struct op *op)
{
    const char *worker_id;
    char worker[8];

    op->run = pick_run(source);
    op->hold = pick_hold(source, op->run, &op->worker);
    snprintf(worker, sizeof worker, "w%d", op->worker);
    worker_id = worker;
    if ((op->kind == OP_MARK && !may_mark(source, op)) ||
        (op->kind == OP_REASSERT && !was_marked(source, op)))
        op->kind = OP_HEARTBEAT;
    if (op->kind == OP_HEARTBEAT)
        queue_heartbeat(&op->cmd, FIXTURE_PREFIX, worker_id, "{}", &op->hold, 1);
    else if (op->kind == OP_MARK)
        queue_mark(&op->cmd, FIXTURE_PREFIX, &op->hold);
    else if (op->kind == OP_REASSERT)
        queue_reassert(&op->cmd, FIXTURE_PREFIX, worker_id, &op->hold);
    else if (op->kind == OP_RELEASE)
        queue_release(&op->cmd, FIXTURE_PREFIX, &op->hold);
    else if (op->kind == OP_RETRY)
        queue_retry(&op->cmd, FIXTURE_PREFIX, &op->hold, op->reason, "again");
    else
        make_finish(source, op);
}

static void make_claim(struct random_source *source, struct op *op)
{
    char worker[8];

    op->worker = random_below(source, MODEL_WORKERS);
    sign_nonce(op->hold.nonce);
    snprintf(worker, sizeof worker, "w%d", op->worker);
    queue_claim(&op->cmd, FIXTURE_PREFIX, worker, op->hold.nonce);
}

static void make_person_command(struct random_source *source, struct op *op)
{
    char id[16];

    op->run = pick_run(source);
    op->force = random_percent(source, 50);
    op->status = random_percent(source, 50) ? RUN_APPLIED : RUN_ERROR;
    snprintf(id, sizeof id, "r%06d", op->run);
    if (op->kind == OP_CANCEL)
        queue_cancel(&op->cmd, FIXTURE_PREFIX, id, op->force, "token");
    else
        queue_resolve(&op->cmd, FIXTURE_PREFIX, id, op->status, "", op->force);
}

enum op_kind random_kind(struct random_source *source)
{
    enum op_kind kind = OP_ENQUEUE;

    for (int left = random_below(source, 100); left >= op_traits[kind].weight; kind++)
        left -= op_traits[kind].weight;
    return source->model->run_count == 0 ? OP_ENQUEUE : kind;
}

void random_op(struct random_source *source, enum op_kind kind, int serial,
               struct model *model, struct op *op)
{
    redis_cmd_done(&op->cmd);
    *op = (struct op){.kind = kind,
                      .serial = serial,
                      .run = MODEL_NONE,
                      .reason = random_percent(source, 50) ? RETRY_INFRASTRUCTURE
                                                           : RETRY_STATE_LOCKED};
    if (kind == OP_ENQUEUE)
        make_enqueue(source, model, op);
    else if (kind == OP_CLAIM)
        make_claim(source, op);
    else if (kind == OP_CANCEL || kind == OP_RESOLVE)
        make_person_command(source, op);
    else if (kind == OP_REAP)
        queue_reap(&op->cmd, FIXTURE_PREFIX);
    else if (kind == OP_PROMOTE)
        queue_promote(&op->cmd, FIXTURE_PREFIX);
    else
        make_hold_command(source, op);
}

struct op_outcome op_expect(const struct op *op, struct model *model, struct buf *expect)
{
    struct op_outcome outcome = {.claimed = MODEL_NONE};

    switch (op->kind) {
    case OP_ENQUEUE:
        model_enqueue(model, &op->enqueue, expect);
        break;
    case OP_CLAIM:
        outcome.claimed = model_claim(model, op->worker, op->serial, op->hold.nonce,
                                      &outcome.fresh, expect);
        if (outcome.claimed != MODEL_NONE)
            buf_fmt(expect, " r%06d", outcome.claimed);
        break;
    case OP_HEARTBEAT:
        model_heartbeat(model, op->worker, op->run, &op->hold, expect);
        break;
    case OP_MARK:
        model_mark(model, op->run, &op->hold, expect);
        break;
    case OP_FINISH:
        model_finish(model, op->run, &op->hold, op->status, op->bytes, expect);
        break;
    case OP_RETRY:
        outcome.delayed = model_retry(model, op->run, &op->hold, op->reason, expect);
        break;
    case OP_RELEASE:
        model_release(model, op->run, &op->hold, expect);
        break;
    case OP_CANCEL:
        model_cancel(model, op->run, op->force, op->serial, expect);
        break;
    case OP_RESOLVE:
        model_resolve(model, op->run, op->status, op->force, op->serial, expect);
        break;
    case OP_REASSERT:
        model_reassert(model, op->worker, op->run, &op->hold, expect);
        break;
    case OP_REAP:
        model_reap(model, expect);
        break;
    case OP_PROMOTE:
        model_promote(model, expect);
        break;
    case OP_KINDS:
        break;
    }
    return outcome;
}
