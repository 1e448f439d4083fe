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

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "tests/support/queue_print.h"
#include "tests/support/queue_random.h"
#include "tests/support/queue_steps.h"

#define COMMANDS    100000
#define CHECK_EVERY 20
#define REMEMBERED  256 /* commands that may be replayed */
#define SEEN_MAX    128
#define STATE_MAX   ((size_t)1 << 20)

static struct {
    struct queue_fixture fixture;
    struct model model;
    struct random_source random;
    int serial;
    struct op ops[REMEMBERED];
    struct given (*given)[RANDOM_HOLDS]; /* newest first; by run */
    int changed[STATE_MAX / 64];         /* runs to look at in the next check */
    size_t changed_count;
    char last_event[48];
    struct seen {
        char what[48];
        int count;
    } seen[SEEN_MAX];
    int64_t seed, commands;
} t = {.seed = 1, .commands = COMMANDS};

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
             t.seed, t.serial, op_traits[op->kind].name, op->run, what, expected, got);
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
    memmove(given + 1, given, (RANDOM_HOLDS - 1) * sizeof *given);
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
    for (int i = 0; i < RANDOM_HOLDS; i++)
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

static void perform(const struct op *op, struct buf *got)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(buf_done) struct buf expect = BUF_INIT(STATE_MAX);
    struct op_outcome outcome = op_expect(op, &t.model, &expect);

    reply = queue_fixture_send(&t.fixture, &op->cmd);
    render(reply, op->kind == OP_CLAIM ? 2 : SIZE_MAX, got);
    if (strcmp(buf_text(&expect), buf_text(got)) != 0)
        failed("another answer", buf_text(&expect), buf_text(got));
    if (outcome.fresh)
        learn_claim(op, outcome.claimed, reply);
    if (outcome.delayed)
        learn_pause(op);
    if (op->kind == OP_MARK && strcmp(buf_text(got), "done") == 0)
        learn_mark(op);
    note_changed(op->run);
    note_changed(outcome.claimed);
    count_seen(op_traits[op->kind].name, buf_text(got));
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
    int64_t ms = random_below(&t.random, 300);

    if (random_percent(&t.random, 12))
        ms = random_below(&t.random, 6000);
    else if (random_percent(&t.random, 2))
        ms = 10000 + random_below(&t.random, 20000);
    else if (random_below(&t.random, 1000) == 0)
        ms = INT64_C(60000) * random_below(&t.random, 40);
    else if (random_below(&t.random, 1000) == 0)
        ms = -INT64_C(60000) * random_below(&t.random, 60);
    queue_fixture_advance(&t.fixture, ms);
    t.model.now_ms = t.fixture.now_ms;
}

static void turn_a_switch(void)
{
    t.model.paused = random_percent(&t.random, 10);
    t.model.frozen = random_percent(&t.random, 20);
    t.model.uptime_s = random_percent(&t.random, 20) ? 30 : 3600;
    queue_fixture_ask(&t.fixture, "HSET meta paused %d frozen %d", t.model.paused,
                      t.model.frozen);
    queue_fixture_uptime(&t.fixture, t.model.uptime_s);
}

static void do_one(enum op_kind kind)
{
    AUTO(buf_done) struct buf first = BUF_INIT(STATE_MAX);
    AUTO(buf_done) struct buf again = BUF_INIT(STATE_MAX);
    struct op *op = &t.ops[++t.serial % REMEMBERED];

    random_op(&t.random, kind, t.serial, &t.model, op);
    perform(op, &first);
    if (!random_percent(&t.random, 10)) /* else its reply is lost */
        return;
    perform(op, &again);
    if (op_traits[op->kind].same_answer &&
        strcmp(buf_text(&first), buf_text(&again)) != 0)
        failed("another answer to the same command", buf_text(&first), buf_text(&again));
}

/* Workers fall silent while others reap, as long as it takes. */
static void be_silent(void)
{
    for (int i = random_below(&t.random, 30); i > 0; i--) {
        queue_fixture_advance(&t.fixture, 500 + random_below(&t.random, 1000));
        t.model.now_ms = t.fixture.now_ms;
        do_one(OP_REAP);
    }
}

static void replay_an_old_one(void)
{
    AUTO(buf_done) struct buf got = BUF_INIT(STATE_MAX);
    int made = t.serial < REMEMBERED ? t.serial : REMEMBERED - 1;

    if (made > 0)
        perform(&t.ops[(t.serial - random_below(&t.random, made)) % REMEMBERED], &got);
}

static void step(void)
{
    pass_time();
    if (random_percent(&t.random, 6))
        replay_an_old_one();
    else if (random_percent(&t.random, 1))
        be_silent();
    else if (random_below(&t.random, 200) == 0)
        turn_a_switch();
    else
        do_one(random_kind(&t.random));
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
    "reassert done",        "reassert gone",       "enqueue frozen",
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
    t.random = (struct random_source){
        .state = (uint64_t)t.seed, .model = &t.model, .given = t.given};
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
