/* The queue against a model of it: random commands to a real Redis, every answer and,
 * every few commands, the whole state compared with what a plain C model says. Lost
 * replies, replays of old commands, stale holds, clocks that jump.
 *
 *     test_queue_model [seed [commands]]
 *
 * Beyond the model's own rules it checks: an apply is begun under one fence only; an end
 * is told once and nothing after it; every event is a move that the table has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/parse.h"
#include "tests/support/queue_print.h"
#include "tests/support/queue_steps.h"

#define COMMANDS       100000
#define CHECK_EVERY    20
#define REMEMBERED     256 /* commands that may be replayed */
#define RECENT_RUNS    60
#define HOLDS_PER_RUN  4
#define SEEN_MAX       128
#define STATE_MAX      ((size_t)1 << 20)
#define ACTIVE_PERCENT 75

enum kind {
    ENQUEUE,
    CLAIM,
    HEARTBEAT,
    MARK,
    FINISH,
    RETRY,
    RELEASE,
    CANCEL,
    RESOLVE,
    REASSERT,
    REAP,
    PROMOTE,
    KINDS
};

static const struct {
    const char *name;
    int weight;       /* how often, among all */
    bool same_answer; /* when it is sent again at once */
} kinds[KINDS] = {
    [ENQUEUE] = {"enqueue", 24, false},    [CLAIM] = {"claim", 18, true},
    [HEARTBEAT] = {"heartbeat", 12, true}, [MARK] = {"mark", 8, true},
    [FINISH] = {"finish", 12, true},       [RETRY] = {"retry", 5, true},
    [RELEASE] = {"release", 3, true},      [CANCEL] = {"cancel", 4, true},
    [RESOLVE] = {"resolve", 2, true},      [REASSERT] = {"reassert", 2, true},
    [REAP] = {"reap", 5, false},           [PROMOTE] = {"promote", 5, false},
};

/* A command with all that the model must know of it. */
struct op {
    enum kind kind;
    int serial;
    int run, worker;
    struct queue_hold hold; /* of claim: the nonce */
    struct model_enqueue enqueue;
    enum run_status status;
    enum retry_reason reason;
    bool force;
    int64_t bytes;
    struct redis_cmd cmd; /* owned */
};

/* What a worker remembers of a claim. */
struct given {
    struct queue_hold hold;
    int worker;
    bool marked;
};

static struct {
    struct queue_fixture fixture;
    struct model model;
    uint64_t random;
    int serial;
    struct op ops[REMEMBERED];
    struct given (*given)[HOLDS_PER_RUN]; /* newest first; by run */
    int changed[STATE_MAX / 64];          /* runs to look at in the next check */
    size_t changed_count;
    char last_event[48];
    struct seen {
        char what[48];
        int count;
    } seen[SEEN_MAX];
    int64_t seed, commands;
} t = {.seed = 1, .commands = COMMANDS};

/* ---- chance (splitmix64) ---- */
static uint64_t draw(void)
{
    uint64_t z = t.random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int below(int limit)
{
    return (int)(draw() % (uint64_t)limit);
}

static bool percent(int chance)
{
    return below(100) < chance;
}

/* ---- what happened ---- */
static void count_seen(const char *kind, const char *answer)
{
    char what[sizeof t.seen[0].what];
    size_t i = 0;

    snprintf(what, sizeof what, "%s %.*s", kind, (int)strcspn(answer, " "), answer);
    while (i < SEEN_MAX - 1 && t.seen[i].count > 0 && strcmp(t.seen[i].what, what) != 0)
        i++;
    memcpy(t.seen[i].what, what, sizeof what);
    t.seen[i].count++;
}

static void failed(const char *what, const char *expected, const char *got)
{
    const struct op *op = &t.ops[t.serial % REMEMBERED];

    fail_msg("seed %" PRId64
             ", command %d (%s of r%06d): %s\n--- expected\n%s\n--- got\n%s",
             t.seed, t.serial, kinds[op->kind].name, op->run, what, expected, got);
}

static void note_changed(int run)
{
    if (run != MODEL_NONE && t.changed_count < ARRAY_LEN(t.changed))
        t.changed[t.changed_count++] = run;
}

/* ---- sending one command, to the model and to Redis ---- */
static void render(const struct redisReply *reply, size_t most, struct buf *out)
{
    if (redis_reply_count(reply) == 0) {
        if (redis_reply_text(reply) != NULL)
            buf_str(out, redis_reply_text(reply));
        else
            buf_fmt(out, "%" PRId64, redis_reply_int(reply, -1));
        return;
    }
    for (size_t i = 0; i < redis_reply_count(reply) && i < most; i++) {
        if (i > 0)
            buf_char(out, ' ');
        render(redis_reply_at(reply, i), most, out);
    }
}

static void learn_claim(const struct op *op, int run, const struct redisReply *reply)
{
    struct given *given = t.given[run];
    struct claimed claimed;
    struct err err;

    assert_int_equal(queue_claim_reply(reply, op->hold.nonce, &claimed, &err), 0);
    assert_int_equal(claimed.attempt, t.model.runs[run].attempts);
    model_learn_fence(&t.model, run, claimed.hold.fence);
    memmove(given + 1, given, (HOLDS_PER_RUN - 1) * sizeof *given);
    given[0] = (struct given){.hold = claimed.hold, .worker = op->worker};
    claimed_done(&claimed);
}

static void learn_mark(const struct op *op)
{
    struct model_run *run = &t.model.runs[op->run];

    if (run->marked_fence[0] == '\0')
        memcpy(run->marked_fence, op->hold.fence, sizeof run->marked_fence);
    if (strcmp(run->marked_fence, op->hold.fence) != 0)
        failed("an apply was begun twice", run->marked_fence, op->hold.fence);
    for (int i = 0; i < HOLDS_PER_RUN; i++)
        if (strcmp(t.given[op->run][i].hold.fence, op->hold.fence) == 0)
            t.given[op->run][i].marked = true;
}

static void learn_pause(const struct op *op)
{
    int64_t due_ms =
        strtoll(queue_fixture_ask(&t.fixture, "ZSCORE delayed r%06d", op->run), NULL, 10);
    int64_t pause_ms = model_pause_ms(&t.model, op->run, op->reason);

    assert_in_range(due_ms - t.model.now_ms, pause_ms * 8 / 10, pause_ms * 12 / 10);
    model_learn_due(&t.model, op->run, due_ms);
}

struct outcome {
    int claimed; /* run, or MODEL_NONE */
    bool fresh, delayed;
};

static struct outcome ask_model(const struct op *op, struct buf *expect)
{
    struct outcome outcome = {.claimed = MODEL_NONE};
    struct model *model = &t.model;

    switch (op->kind) {
    case ENQUEUE:
        model_enqueue(model, &op->enqueue, expect);
        break;
    case CLAIM:
        outcome.claimed = model_claim(model, op->worker, op->serial, op->hold.nonce,
                                      &outcome.fresh, expect);
        if (outcome.claimed != MODEL_NONE)
            buf_fmt(expect, " r%06d", outcome.claimed);
        break;
    case HEARTBEAT:
        model_heartbeat(model, op->worker, op->run, &op->hold, expect);
        break;
    case MARK:
        model_mark(model, op->run, &op->hold, expect);
        break;
    case FINISH:
        model_finish(model, op->run, &op->hold, op->status, op->bytes, expect);
        break;
    case RETRY:
        outcome.delayed = model_retry(model, op->run, &op->hold, op->reason, expect);
        break;
    case RELEASE:
        model_release(model, op->run, &op->hold, expect);
        break;
    case CANCEL:
        model_cancel(model, op->run, op->force, op->serial, expect);
        break;
    case RESOLVE:
        model_resolve(model, op->run, op->status, op->force, op->serial, expect);
        break;
    case REASSERT:
        model_reassert(model, op->worker, op->run, &op->hold, expect);
        break;
    case REAP:
        model_reap(model, expect);
        break;
    case PROMOTE:
        model_promote(model, expect);
        break;
    case KINDS:
        break;
    }
    return outcome;
}

static void perform(const struct op *op, struct buf *got)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(buf_done) struct buf expect = BUF_INIT(STATE_MAX);
    struct outcome outcome = ask_model(op, &expect);

    reply = queue_fixture_send(&t.fixture, &op->cmd);
    render(reply, op->kind == CLAIM ? 2 : SIZE_MAX, got);
    if (strcmp(buf_text(&expect), buf_text(got)) != 0)
        failed("another answer", buf_text(&expect), buf_text(got));
    if (outcome.fresh)
        learn_claim(op, outcome.claimed, reply);
    if (outcome.delayed)
        learn_pause(op);
    if (op->kind == MARK && strcmp(buf_text(got), "done") == 0)
        learn_mark(op);
    note_changed(op->run);
    note_changed(outcome.claimed);
    count_seen(kinds[op->kind].name, buf_text(got));
}

/* ---- making commands ---- */
static int pick_run(void)
{
    const struct model *model = &t.model;
    int recent = model->run_count < RECENT_RUNS ? model->run_count : RECENT_RUNS;
    int target = below(MODEL_TARGETS);

    if (percent(ACTIVE_PERCENT) && model->active[target] != MODEL_NONE)
        return model->active[target];
    if (percent(ACTIVE_PERCENT) && model->live_count > 0)
        return model->live[below(model->live_count)];
    return model->run_count - 1 - below(recent);
}

static struct queue_hold pick_hold(int run, int *worker)
{
    const struct given *given = &t.given[run][percent(80) ? 0 : below(HOLDS_PER_RUN)];
    struct queue_hold hold = given->hold;

    snprintf(hold.run_id, sizeof hold.run_id, "r%06d", run);
    *worker = given->worker;
    if (percent(5))
        sign_nonce(hold.nonce);
    else if (percent(5))
        snprintf(hold.fence, sizeof hold.fence, "1-%d", below(10));
    return hold;
}

static void make_enqueue(struct op *op)
{
    struct model *model = &t.model;
    int number = model->run_count++;
    struct model_run *run = &model->runs[number];
    char id[16], target[8], scope[8], project[8] = "", print[8] = "", idem[16] = "";
    int copy = below(2);

    *run = (struct model_run){.kind = (enum run_kind)below(RUN_KINDS),
                              .trigger = (enum run_trigger)below(TRIGGERS),
                              .target = below(MODEL_TARGETS),
                              .project = below(MODEL_PROJECTS + 1) - 1,
                              .cancel_by = MODEL_NONE,
                              .resolve_by = MODEL_NONE,
                              .joined = MODEL_NONE};
    run->kind = percent(30) ? RUN_DRIFT_CHECK : run->kind;
    run->fingerprint = percent(60) ? 2 * run->target + copy : MODEL_NONE;
    op->run = number;
    op->enqueue = (struct model_enqueue){
        .run = number, .idem = MODEL_NONE, .body = below(2), .moved = percent(2)};
    if (percent(30))
        op->enqueue.idem = number - below(number < 5 ? number + 1 : 5);
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

static enum run_status pick_status(const struct model_run *run)
{
    static const enum run_status check[] = {RUN_CLEAN, RUN_DRIFT_DETECTED, RUN_ERROR};
    static const enum run_status apply[] = {RUN_APPLIED, RUN_ERROR};

    if (run->cancel > 0 && percent(30))
        return RUN_CANCELLED;
    if (run->kind == RUN_DRIFT_CHECK || run->kind == RUN_PLAN)
        return check[below(ARRAY_LEN(check))];
    return apply[below(ARRAY_LEN(apply))];
}

static void make_finish(struct op *op)
{
    struct finish result = {.output = "0123456789"};

    op->status = pick_status(&t.model.runs[op->run]);
    op->bytes = below(10);
    result.status = op->status;
    result.output_len = (size_t)op->bytes;
    queue_finish(&op->cmd, FIXTURE_PREFIX, &op->hold, &result);
}

static bool may_mark(const struct op *op)
{
    enum run_kind kind = t.model.runs[op->run].kind;

    return kind == RUN_APPLY || kind == RUN_RECONCILE;
}

/* A worker asks for its apply back only when it was allowed to begin it. (Under a wrong
 * nonce or fence it gets nothing anyway.) */
static bool was_marked(const struct op *op)
{
    bool marked = false;

    for (int i = 0; i < HOLDS_PER_RUN; i++)
        marked |= t.given[op->run][i].marked;
    return marked && op->hold.fence[0] != '\0' && op->hold.nonce[0] != '\0';
}

static void make_hold_command(struct op *op)
{
    const char *worker_id;
    char worker[8];

    op->run = pick_run();
    op->hold = pick_hold(op->run, &op->worker);
    snprintf(worker, sizeof worker, "w%d", op->worker);
    worker_id = worker;
    if ((op->kind == MARK && !may_mark(op)) || (op->kind == REASSERT && !was_marked(op)))
        op->kind = HEARTBEAT;
    if (op->kind == HEARTBEAT)
        queue_heartbeat(&op->cmd, FIXTURE_PREFIX, worker_id, "{}", &op->hold, 1);
    else if (op->kind == MARK)
        queue_mark(&op->cmd, FIXTURE_PREFIX, &op->hold);
    else if (op->kind == REASSERT)
        queue_reassert(&op->cmd, FIXTURE_PREFIX, worker_id, &op->hold);
    else if (op->kind == RELEASE)
        queue_release(&op->cmd, FIXTURE_PREFIX, &op->hold);
    else if (op->kind == RETRY)
        queue_retry(&op->cmd, FIXTURE_PREFIX, &op->hold, op->reason, "again");
    else
        make_finish(op);
}

static void make_claim(struct op *op)
{
    char worker[8];

    op->worker = below(MODEL_WORKERS);
    sign_nonce(op->hold.nonce);
    snprintf(worker, sizeof worker, "w%d", op->worker);
    queue_claim(&op->cmd, FIXTURE_PREFIX, worker, op->hold.nonce);
}

static void make_person_command(struct op *op)
{
    char id[16];

    op->run = pick_run();
    op->force = percent(50);
    op->status = percent(50) ? RUN_APPLIED : RUN_ERROR;
    snprintf(id, sizeof id, "r%06d", op->run);
    if (op->kind == CANCEL)
        queue_cancel(&op->cmd, FIXTURE_PREFIX, id, op->force, "token");
    else
        queue_resolve(&op->cmd, FIXTURE_PREFIX, id, op->status, "", op->force);
}

static enum kind pick_kind(void)
{
    enum kind kind = ENQUEUE;

    for (int left = below(100); left >= kinds[kind].weight; kind++)
        left -= kinds[kind].weight;
    return t.model.run_count == 0 ? ENQUEUE : kind;
}

static void make(struct op *op, enum kind kind)
{
    redis_cmd_done(&op->cmd);
    *op = (struct op){.kind = kind,
                      .serial = t.serial,
                      .run = MODEL_NONE,
                      .reason = percent(50) ? RETRY_INFRASTRUCTURE : RETRY_STATE_LOCKED};
    if (kind == ENQUEUE)
        make_enqueue(op);
    else if (kind == CLAIM)
        make_claim(op);
    else if (kind == CANCEL || kind == RESOLVE)
        make_person_command(op);
    else if (kind == REAP)
        queue_reap(&op->cmd, FIXTURE_PREFIX);
    else if (kind == PROMOTE)
        queue_promote(&op->cmd, FIXTURE_PREFIX);
    else
        make_hold_command(op);
}

/* ---- invariants ---- */
static bool is_a_move(enum run_status from, enum run_status to)
{
    static const char *const by[] = {"claim",   "cancel", "promote",  "finish", "retry",
                                     "release", "reap",   "reassert", "resolve"};

    for (size_t i = 0; i < ARRAY_LEN(by); i++)
        if (run_may_move(from, by[i], to))
            return true;
    return from == to && from == RUN_RUNNING;
}

static void hear(const char *id, const char *name, const char *status_name)
{
    struct model_run *run = &t.model.runs[strtol(name + 1, NULL, 10)];
    enum run_status status;

    assert_int_equal(run_status_parse(status_name, &status), 0);
    run->ends += run_status_ended(status);
    if (run->ends > 1 ||
        (run->was_told ? !is_a_move(run->told, status) : status != RUN_QUEUED))
        failed("an event that cannot be", run_status_name(run->told), status_name);
    run->was_told = true;
    run->told = status;
    snprintf(run->version, sizeof run->version, "%s", id);
    snprintf(t.last_event, sizeof t.last_event, "%s", id);
}

static void hear_events(void)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    char words[96];

    snprintf(words, sizeof words, "XRANGE events (%s +", t.last_event);
    reply = queue_fixture_plain(&t.fixture, words);
    for (size_t i = 0; i < redis_reply_count(reply); i++) {
        const struct redisReply *event = redis_reply_at(reply, i);
        const struct redisReply *fields = redis_reply_at(event, 1);

        hear(redis_reply_text(redis_reply_at(event, 0)),
             redis_reply_text(redis_reply_at(fields, 1)),
             redis_reply_text(redis_reply_at(fields, 3)));
    }
}

/* Runs that are live, were at the last check, or that a command was about. */
static size_t runs_to_check(int *runs, size_t max)
{
    size_t count = 0;

    for (int i = 0; i < t.model.live_count; i++)
        note_changed(t.model.live[i]);
    for (size_t i = 0; i < t.changed_count && count < max; i++) {
        struct model_run *run = &t.model.runs[t.changed[i]];

        if (run->exists && !run->printed)
            runs[count++] = t.changed[i];
        run->printed = true;
    }
    for (size_t i = 0; i < t.changed_count; i++)
        t.model.runs[t.changed[i]].printed = false;
    t.changed_count = 0;
    for (int i = 0; i < t.model.live_count; i++)
        note_changed(t.model.live[i]);
    return count;
}

static void check_state(void)
{
    AUTO(buf_done) struct buf expect = BUF_INIT(STATE_MAX);
    AUTO(buf_done) struct buf got = BUF_INIT(STATE_MAX);
    int runs[2 * MODEL_LIVE_MAX];
    size_t count;

    hear_events();
    count = runs_to_check(runs, ARRAY_LEN(runs));
    model_print(&t.model, &expect);
    for (size_t i = 0; i < count; i++)
        model_print_run(&t.model, runs[i], &expect);
    queue_print(&t.fixture, runs, count, &got);
    if (strcmp(buf_text(&expect), buf_text(&got)) != 0)
        failed("another state", buf_text(&expect), buf_text(&got));
    if (step_fsck(&t.fixture) != 0)
        failed("fsck found something", "", "");
}

/* ---- the world around ---- */
static void pass_time(void)
{
    int64_t ms = below(300);

    if (percent(12))
        ms = below(6000);
    else if (percent(2))
        ms = 10000 + below(20000);
    else if (below(1000) == 0)
        ms = INT64_C(60000) * below(40);
    else if (below(1000) == 0)
        ms = -INT64_C(60000) * below(60);
    queue_fixture_advance(&t.fixture, ms);
    t.model.now_ms = t.fixture.now_ms;
}

static void turn_a_switch(void)
{
    t.model.paused = percent(10);
    t.model.frozen = percent(20);
    t.model.uptime_s = percent(20) ? 30 : 3600;
    queue_fixture_ask(&t.fixture, "HSET meta paused %d frozen %d", t.model.paused,
                      t.model.frozen);
    queue_fixture_uptime(&t.fixture, t.model.uptime_s);
}

static void do_one(enum kind kind)
{
    AUTO(buf_done) struct buf first = BUF_INIT(STATE_MAX);
    AUTO(buf_done) struct buf again = BUF_INIT(STATE_MAX);
    struct op *op = &t.ops[++t.serial % REMEMBERED];

    make(op, kind);
    perform(op, &first);
    if (!percent(10)) /* else its reply is lost */
        return;
    perform(op, &again);
    if (kinds[op->kind].same_answer && strcmp(buf_text(&first), buf_text(&again)) != 0)
        failed("another answer to the same command", buf_text(&first), buf_text(&again));
}

/* Workers fall silent while others reap, as long as it takes. */
static void be_silent(void)
{
    for (int i = below(30); i > 0; i--) {
        queue_fixture_advance(&t.fixture, 500 + below(1000));
        t.model.now_ms = t.fixture.now_ms;
        do_one(REAP);
    }
}

static void replay_an_old_one(void)
{
    AUTO(buf_done) struct buf got = BUF_INIT(STATE_MAX);
    int back = below(t.serial < REMEMBERED ? t.serial : REMEMBERED - 1);

    if (t.serial > 0)
        perform(&t.ops[(t.serial - back) % REMEMBERED], &got);
}

static void step(void)
{
    pass_time();
    if (percent(6))
        replay_an_old_one();
    else if (percent(1))
        be_silent();
    else if (below(200) == 0)
        turn_a_switch();
    else
        do_one(pick_kind());
}

/* A run that never met these has shown nothing. */
static const char *const must_be_seen[] = {
    "enqueue new",          "enqueue coalesced",   "enqueue replayed",
    "enqueue mismatch",     "enqueue moved",       "enqueue full",
    "enqueue full_project", "claim run",           "claim none",
    "claim paused",         "heartbeat ok",        "heartbeat lost",
    "heartbeat orphaned",   "mark done",           "mark gone",
    "mark cancelled",       "mark frozen",         "finish done",
    "finish gone",          "retry done",          "retry gone",
    "retry cancelled",      "retry exhausted",     "release done",
    "release gone",         "cancel done",         "cancel asked",
    "cancel ended",         "cancel unknown",      "resolve done",
    "resolve not_orphan",   "resolve owner_alive", "resolve unknown",
    "reassert done",        "reassert gone",
};

static void expect_all_seen(void)
{
    for (size_t i = 0; i < ARRAY_LEN(must_be_seen); i++) {
        size_t j = 0;

        while (j < SEEN_MAX && strcmp(t.seen[j].what, must_be_seen[i]) != 0)
            j++;
        if (j == SEEN_MAX)
            failed("never happened", must_be_seen[i], "");
    }
}

static void redis_and_the_model_agree(void **state)
{
    (void)state;
    t.random = (uint64_t)t.seed;
    print_message("seed %" PRId64 ", %" PRId64 " commands\n", t.seed, t.commands);
    t.model.now_ms = t.fixture.now_ms;
    for (int steps = 0; t.serial < t.commands; steps++) {
        step();
        if (steps % CHECK_EVERY == 0)
            check_state();
    }
    check_state();
    if (t.commands >= COMMANDS)
        expect_all_seen();
}

static int setup(void **state)
{
    (void)state;
    queue_fixture_start(&t.fixture);
    model_init(&t.model, (int)t.commands + 1);
    t.given = mem_new((size_t)t.commands + 1, sizeof *t.given);
    snprintf(t.last_event, sizeof t.last_event, "0-0");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (size_t i = 0; i < REMEMBERED; i++)
        redis_cmd_done(&t.ops[i].cmd);
    free(t.given);
    model_done(&t.model);
    queue_fixture_stop(&t.fixture);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_and_the_model_agree),
    };

    if ((argc > 1 && parse_int64(argv[1], 0, INT64_MAX, &t.seed) < 0) ||
        (argc > 2 && parse_int64(argv[2], 1, 10000000, &t.commands) < 0)) {
        fprintf(stderr, "usage: test_queue_model [seed [commands]]\n");
        return 64;
    }
    return cmocka_run_group_tests_name("queue_model", tests, setup, teardown);
}
