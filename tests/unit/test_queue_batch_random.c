/* Batches in the queue under random commands: stages, dependencies, ends, cancels, lost
 * workers, orphans, and every command sent again. After each one every batch must be what
 * its runs make of it; in the end nothing may be left over.
 *
 *     test_queue_batch_random [seed [rounds]] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "tests/support/queue_batch_seen.h"
#include "tests/support/queue_batch_steps.h"
#include "tests/support/queue_group.h"
#include "tests/support/queue_random.h"

#define ROUNDS   12
#define COMMANDS 120
#define BATCHES  3
#define HOLDS    256

static struct {
    int64_t seed, rounds;
    struct random_source random;
    struct seen_batch batches[BATCHES];
    struct queue_hold holds[HOLDS];
    size_t held;
    int serial;
} t = {.seed = 1, .rounds = ROUNDS};

static int below(int limit)
{
    return random_below(&t.random, limit);
}

static void check_all(void)
{
    for (size_t i = 0; i < BATCHES; i++)
        seen_check(&fixture, &t.batches[i]);
}

/* ---- commands ---- */
/* Sends it, sometimes again: the same answer, and nothing happens. */
static void send(struct redis_cmd *cmd, char *answer, size_t size)
{
    AUTO(redis_cmd_done) struct redis_cmd owned = *cmd;
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_send(&fixture, &owned);
    const char *text = redis_reply_text(reply);

    snprintf(answer, size, "%s", text != NULL ? text : "");
    if (below(3) == 0) {
        AUTO(redis_reply_free)
        struct redisReply *again = queue_fixture_send(&fixture, &owned);

        text = redis_reply_text(again);
        assert_string_equal(text != NULL ? text : "", answer);
    }
}

static void open_batches(void)
{
    for (int i = 0; i < BATCHES; i++) {
        struct seen_batch *batch = &t.batches[i];
        struct batch_open open = step_batch();

        *batch = (struct seen_batch){.abort = below(3) == 0};
        snprintf(batch->id, sizeof batch->id, "b%d", i);
        snprintf(batch->resolve, sizeof batch->resolve, "b%dr", i);
        open.batch_id = batch->id;
        open.resolve_id = batch->resolve;
        assert_int_equal(step_batch_open(&fixture, &open).outcome, ENQUEUE_NEW);
        assert_int_equal(step_batch_open(&fixture, &open).outcome, ENQUEUE_REPLAYED);
    }
}

/* Up to three stages, in the order of the runs; dependencies on any run of a stage
 * before. */
static size_t random_runs(struct seen_batch *batch, struct batch_run *runs)
{
    size_t count = (size_t)below(SEEN_RUNS + 1);
    int64_t stage = 0;

    for (size_t i = 0; i < count; i++) {
        struct seen_run *run = &batch->runs[i];

        *run = (struct seen_run){.stage = 0};
        stage += i > 0 && below(2) == 0;
        run->stage = stage;
        snprintf(run->id, sizeof run->id, "%s%zu", batch->id, i);
        for (size_t j = 0; j < i; j++)
            if (batch->runs[j].stage < stage && below(4) == 0)
                snprintf(run->deps + strlen(run->deps),
                         sizeof run->deps - strlen(run->deps), "%s%zu",
                         run->deps[0] != '\0' ? "," : "", j);
        runs[i] = step_run(run->id, run->stage, run->deps);
        runs[i].kind = below(2) == 0 ? RUN_APPLY : RUN_PLAN;
        runs[i].target = below(4) == 0 ? "shared" : run->id;
    }
    return count;
}

static struct seen_batch *batch_of(const char *run_id)
{
    return &t.batches[run_id[1] - '0'];
}

static bool is_resolve(const char *run_id)
{
    return run_id[2] == 'r';
}

static void expand(const struct queue_hold *hold)
{
    struct seen_batch *batch = batch_of(hold->run_id);
    struct batch_run runs[SEEN_RUNS];
    struct seen_batch tried = *batch;
    struct batch_expand expand = {.commit = "abc", .abort_on_failure = batch->abort};
    struct redis_cmd cmd;
    char answer[32];

    if (batch->expanded)
        return;
    expand.runs = runs;
    tried.count = expand.run_count = random_runs(&tried, runs);
    queue_batch_expand(&cmd, FIXTURE_PREFIX, hold, &expand);
    send(&cmd, answer, sizeof answer);
    if (strcmp(answer, "done") == 0) {
        *batch = tried;
        batch->expanded = true;
    }
}

static void finish(const struct queue_hold *hold)
{
    static const enum run_status ends[] = {RUN_CLEAN, RUN_CLEAN, RUN_APPLIED,
                                           RUN_DRIFT_DETECTED, RUN_ERROR};
    const struct finish result = {
        .status = is_resolve(hold->run_id) ? RUN_ERROR : ends[below(ARRAY_LEN(ends))],
        .error_code = "TIMEOUT"};
    struct redis_cmd cmd;
    char answer[32];

    if (is_resolve(hold->run_id) && below(4) > 0) {
        expand(hold);
        return;
    }
    queue_finish(&cmd, FIXTURE_PREFIX, hold, &result);
    send(&cmd, answer, sizeof answer);
}

static void claim(void)
{
    char nonce[16];
    struct queue_hold hold;

    snprintf(nonce, sizeof nonce, "n%d", t.serial++);
    hold = step_claim(&fixture, "w", nonce);
    if (hold.run_id[0] != '\0' && t.held < HOLDS)
        t.holds[t.held++] = hold;
}

static void cancel(bool whole)
{
    const struct seen_batch *batch = &t.batches[below(BATCHES)];
    const char *id =
        whole || batch->count == 0 ? batch->id : batch->runs[below((int)batch->count)].id;
    struct redis_cmd cmd;
    char answer[32];

    queue_cancel(&cmd, FIXTURE_PREFIX, id, below(4) == 0, "token");
    send(&cmd, answer, sizeof answer);
}

static void resolve_some(int chance)
{
    for (size_t i = 0; i < BATCHES; i++)
        for (size_t j = 0; j < t.batches[i].count; j++)
            if (strcmp(t.batches[i].runs[j].status, "orphaned") == 0 &&
                below(100) < chance)
                step_resolve(&fixture, t.batches[i].runs[j].id,
                             below(2) == 0 ? RUN_APPLIED : RUN_ERROR, true);
}

/* One of the holds it was ever given, with something its holder may want. */
static void use_hold(void)
{
    const struct queue_hold *hold;
    struct redis_cmd cmd = {0};
    char answer[32];

    if (t.held == 0)
        return;
    /* one of the newest, mostly */
    hold = &t.holds[below(3) == 0 ? (size_t)below((int)t.held)
                                  : t.held - 1 - (size_t)below(3) % t.held];
    switch (below(8)) {
    case 0:
        queue_release(&cmd, FIXTURE_PREFIX, hold);
        break;
    case 1:
        queue_retry(&cmd, FIXTURE_PREFIX, hold, RETRY_INFRASTRUCTURE, "again");
        break;
    case 2:
        queue_orphan(&cmd, FIXTURE_PREFIX, hold);
        break;
    case 3:
        /* only a marked apply is ever reasserted by a worker */
        if (is_resolve(hold->run_id) ||
            strcmp(ask("HGET run:%s marked", hold->run_id), "1") != 0)
            return;
        queue_reassert(&cmd, FIXTURE_PREFIX, "w", hold);
        break;
    case 4:
        if (strcmp(ask("HGET run:%s kind", hold->run_id), "apply") != 0)
            return;
        queue_mark(&cmd, FIXTURE_PREFIX, hold);
        break;
    default:
        finish(hold);
        return;
    }
    send(&cmd, answer, sizeof answer);
}

static void command(void)
{
    int which = below(100);

    if (which < 35)
        claim();
    else if (which < 85)
        use_hold();
    else if (which < 91)
        cancel(false);
    else if (which < 92)
        cancel(true);
    else if (which < 94)
        resolve_some(50);
    else if (which < 98)
        step_reap_for(&fixture, 1000 * below(8));
    else if (which < 99)
        step_reap_for(&fixture, QUEUE_LEASE_MS + QUEUE_GRACE_MS + 3000);
    else
        queue_fixture_advance(&fixture, QUEUE_RETRY_MS);
    step_promote(&fixture);
}

/* Everybody does what is left to do. */
static void drain(void)
{
    for (int i = 0; i < 200 && strcmp(ask("ZCARD batches_open"), "0") != 0; i++) {
        size_t from = t.held;

        queue_fixture_advance(&fixture, 10 * QUEUE_RETRY_MS);
        step_reap_for(&fixture, QUEUE_LEASE_MS + QUEUE_GRACE_MS + 3000);
        step_promote(&fixture);
        check_all();
        claim();
        if (t.held > from)
            finish(&t.holds[t.held - 1]);
        check_all();
        if (t.held > HOLDS - 8)
            t.held = 0;
    }
    for (int i = 0; i < 3; i++) {
        resolve_some(100);
        check_all();
    }
}

static void check_nothing_is_left(void)
{
    static const char *const lists[] = {
        "ZCARD batches_open", "ZCARD delayed",         "HLEN active",
        "ZCARD leases",       "ZCARD ready",           "ZCARD orphans",
        "ZCARD suspects",     "EXISTS batch_later:b0", "EXISTS q:shared"};

    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (strcmp(ask("%s", lists[i]), "0") != 0)
            fail_msg("%s: %s", lists[i], ask("%s", lists[i]));
    assert_string_equal(ask("HGET waiting "), "0");
    for (size_t i = 0; i < BATCHES; i++)
        assert_true(t.batches[i].end[0] != '\0');
}

static void batches_are_what_their_runs_make_of_them(void **state)
{
    (void)state;
    for (int64_t round = 0; round < t.rounds; round++) {
        queue_fixture_reset(&fixture);
        t.random = (struct random_source){.state = (uint64_t)(t.seed + round)};
        t.held = 0;
        print_message("seed %" PRId64 "\n", t.seed + round);
        open_batches();
        for (int i = 0; i < COMMANDS; i++) {
            command();
            check_all();
        }
        assert_int_equal(step_fsck(&fixture), 0);
        drain();
        check_nothing_is_left();
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(batches_are_what_their_runs_make_of_them),
    };

    if ((argc > 1 && parse_int64(argv[1], 0, INT64_MAX, &t.seed) < 0) ||
        (argc > 2 && parse_int64(argv[2], 1, 1000000, &t.rounds) < 0)) {
        fprintf(stderr, "usage: test_queue_batch_random [seed [rounds]]\n");
        return 64;
    }
    return cmocka_run_group_tests_name("queue_batch_random", tests, queue_group_setup,
                                       queue_group_teardown);
}
