/* Batches in the queue: how they get their runs, are counted and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/queue_batch_steps.h"
#include "tests/support/queue_group.h"

#define assert_batch(was) assert_string_equal(step_batch_state(&fixture, "b"), was)

static int setup(void **state)
{
    step_worker_new();
    return queue_test_setup(state);
}

#define BATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, queue_test_teardown)

/* "b" with that many plans "0", "1" … of stage 0. */
static void expanded(size_t count)
{
    static const char *const ids[] = {"0", "1", "2", "3"};
    const struct queue_hold hold = step_resolving(&fixture);
    struct batch_run runs[ARRAY_LEN(ids)];

    for (size_t i = 0; i < count; i++)
        runs[i] = step_run(ids[i], 0, "");
    assert_int_equal(step_expand(&fixture, &hold, runs, count, false), HOLD_DONE);
}

/* ---- expand ---- */
static void claiming_its_resolve_run_starts_a_batch(void **state)
{
    struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    assert_batch("running 0 0 0 0");
    assert_int_equal(strtoll(ask("HGET batch:b started"), NULL, 10), fixture.now_ms);
    step_release(&fixture, &hold);
    assert_batch("running 0 0 0 0");
    step_claim(&fixture, "w", "again");
    assert_string_equal(step_told(&fixture, "b"), "queued running ");
}

static void expand_ends_the_resolve_run_and_makes_the_runs(void **state)
{
    const struct batch_run runs[] = {step_run("0", 0, ""), step_run("1", 1, "0")};
    struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    assert_int_equal(step_expand(&fixture, &hold, runs, 2, false), HOLD_DONE);
    assert_status("r", "clean");
    assert_string_equal(ask("HGET run:r commit"), "abc");
    assert_string_equal(ask("HGET batch:b commit"), "abc");
    assert_string_equal(ask("HLEN active"), "0");
    assert_string_equal(ask("ZCARD leases"), "0");
    assert_batch("running 2 2 0 0");
    assert_string_equal(step_told(&fixture, "b"), "queued running running ");
    assert_status("0", "queued");
    assert_status("1", "delayed");
    assert_string_equal(ask("ZSCORE delayed 1"), "inf");
    assert_int_equal(step_promote(&fixture), 0);
    assert_string_equal(ask("HGET run:1 trigger"), "api");
    assert_string_equal(ask("HGET run:1 locked_by"), "token");
    assert_string_equal(ask("ZCARD runs"), "2");
}

/* Priority counts from the request, not from when it was resolved. */
static void the_runs_of_a_batch_are_as_early_as_it_is(void **state)
{
    const struct batch_run run = step_run("0", 0, "");
    struct queue_hold hold = step_resolving(&fixture);
    struct enqueue other = step_check("late");

    (void)state;
    queue_fixture_advance(&fixture, 1000);
    step_enqueue(&fixture, &other);
    queue_fixture_advance(&fixture, 1000);
    step_expand(&fixture, &hold, &run, 1, false);
    assert_string_equal(step_claim(&fixture, "w", "n").run_id, "0");
}

static void an_expand_sent_again_makes_nothing_more(void **state)
{
    const struct batch_run run = step_run("0", 0, "");
    struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    assert_int_equal(step_expand(&fixture, &hold, &run, 1, false), HOLD_DONE);
    assert_int_equal(step_end(&fixture, "0", RUN_CLEAN), HOLD_DONE);
    assert_int_equal(step_expand(&fixture, &hold, &run, 1, false), HOLD_DONE);
    assert_batch("success 1 0 1 0");
    assert_string_equal(ask("LLEN batch_runs:b"), "1");
    assert_string_equal(ask("HGET waiting "), "0");
}

static void who_does_not_hold_the_resolve_run_cannot_expand(void **state)
{
    const struct batch_run run = step_run("0", 0, "");
    struct queue_hold hold = step_resolving(&fixture), other = hold;

    (void)state;
    other.nonce[0] ^= 1;
    assert_int_equal(step_expand(&fixture, &other, &run, 1, false), HOLD_GONE);
    step_release(&fixture, &hold);
    assert_int_equal(step_expand(&fixture, &hold, &run, 1, false), HOLD_GONE);
    assert_status("0", "none");
    assert_batch("running 0 0 0 0");
}

static void who_is_to_stop_cannot_expand(void **state)
{
    const struct batch_run run = step_run("0", 0, "");
    struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    assert_int_equal(step_cancel(&fixture, "r", false), CANCEL_ASKED);
    assert_int_equal(step_expand(&fixture, &hold, &run, 1, false), HOLD_CANCELLED);
    assert_status("0", "none");
    assert_int_equal(step_finish(&fixture, &hold, RUN_CANCELLED), HOLD_DONE);
    assert_batch("cancelled 0 0 0 0");
}

static void a_batch_without_runs_is_a_success(void **state)
{
    (void)state;
    expanded(0);
    assert_batch("success 0 0 0 0");
    assert_string_equal(step_told(&fixture, "b"), "queued running success ");
    assert_int_equal(strtoll(ask("HGET batch:b ended"), NULL, 10), fixture.now_ms);
}

static void what_cannot_be_is_refused_before_anything_is_written(void **state)
{
    static const struct {
        int64_t stage;
        const char *deps, *why;
    } rows[] = {
        {2, "", "a stage without runs"},     {-1, "", "stage"},
        {1, "1", "deps of no stage before"}, {1, "2", "deps of no stage before"},
        {0, "0", "deps of no stage before"}, {1, "0;DROP", "deps"},
        {500, "0", "a stage without runs"},
    };
    const struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct batch_run runs[] = {step_run("0", 0, ""),
                                         step_run("1", rows[i].stage, rows[i].deps)};
        const struct batch_expand expand = {.commit = "", .runs = runs, .run_count = 2};
        struct redis_cmd cmd;
        struct err err;

        queue_batch_expand(&cmd, FIXTURE_PREFIX, &hold, &expand);
        assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), rows[i].why));
        assert_batch("running 0 0 0 0");
        assert_status("0", "none");
    }
}

static void five_hundred_runs_are_made_and_counted(void **state)
{
    static char ids[BATCH_RUNS_MAX][16];
    static struct batch_run runs[BATCH_RUNS_MAX];
    const struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    for (int i = 0; i < BATCH_RUNS_MAX; i++) {
        snprintf(ids[i], sizeof ids[i], "c%d", i);
        runs[i] = step_run(ids[i], i, "");
    }
    assert_int_equal(step_expand(&fixture, &hold, runs, BATCH_RUNS_MAX, true), HOLD_DONE);
    assert_batch("running 500 500 0 0");
    assert_int_equal(step_end(&fixture, "c0", RUN_ERROR), HOLD_DONE);
    assert_batch("failed 500 0 0 500");
    assert_string_equal(ask("ZCARD delayed"), "0");
}

/* ---- how it ends ---- */
static void a_batch_ends_with_the_last_of_its_runs(void **state)
{
    static const struct {
        enum run_status ends[3];
        const char *before, *after;
    } rows[] = {
        {{RUN_CLEAN, RUN_DRIFT_DETECTED, RUN_APPLIED},
         "running 3 1 2 0",
         "success 3 0 3 0"},
        {{RUN_ERROR, RUN_CLEAN, RUN_CLEAN}, "running 3 1 1 1", "partial 3 0 2 1"},
        {{RUN_CLEAN, RUN_CLEAN, RUN_ERROR}, "running 3 1 2 0", "partial 3 0 2 1"},
        {{RUN_ERROR, RUN_ERROR, RUN_ERROR}, "running 3 1 0 2", "failed 3 0 0 3"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(setup(state), 0);
        expanded(3);
        step_end(&fixture, "2", rows[i].ends[0]);
        step_end(&fixture, "0", rows[i].ends[1]);
        assert_batch(rows[i].before);
        step_end(&fixture, "1", rows[i].ends[2]);
        assert_batch(rows[i].after);
        assert_string_equal(ask("ZCARD batches_open"), "0");
    }
}

static void a_finish_sent_again_is_counted_once(void **state)
{
    (void)state;
    expanded(2);
    step_end(&fixture, "0", RUN_CLEAN);
    assert_int_equal(step_end(&fixture, "0", RUN_CLEAN), HOLD_DONE);
    assert_batch("running 2 1 1 0");
}

static void what_goes_back_to_waiting_is_not_counted(void **state)
{
    struct queue_hold hold;

    (void)state;
    expanded(2);
    step_claim_all(&fixture);
    hold = step_hold_of("0");
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_DONE);
    hold = step_hold_of("1");
    assert_int_equal(step_release(&fixture, &hold), HOLD_DONE);
    assert_batch("running 2 2 0 0");
}

static void a_resolve_run_that_fails_ends_its_batch_with_its_error(void **state)
{
    const struct queue_hold hold = step_resolving(&fixture);
    const struct finish result = {
        .status = RUN_ERROR, .error_code = "CONFIG_INVALID", .error_message = "line 3"};

    (void)state;
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
    assert_batch("error 0 0 0 0");
    assert_string_equal(ask("HGET batch:b error_code"), "CONFIG_INVALID");
    assert_string_equal(ask("HGET batch:b error_message"), "line 3");
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
    assert_string_equal(step_told(&fixture, "b"), "queued running error ");
}

static void the_good_end_of_a_resolve_run_is_expand_alone(void **state)
{
    const struct queue_hold hold = step_resolving(&fixture);
    const struct finish result = {.status = RUN_CLEAN};
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    queue_finish(&cmd, FIXTURE_PREFIX, &hold, &result);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "resolve run"));
    assert_status("r", "running");
}

static void every_status_of_a_batch_is_its_version(void **state)
{
    (void)state;
    expanded(1);
    step_end(&fixture, "0", RUN_CLEAN);
    assert_string_equal(step_told(&fixture, "b"), "queued running running success ");
    {
        AUTO(redis_reply_free)
        struct redisReply *reply = queue_fixture_plain(&fixture, "XREVRANGE events + -");
        const struct redisReply *last = redis_reply_at(reply, 0);

        assert_string_equal(ask("HGET batch:b version"),
                            redis_reply_text(redis_reply_at(last, 0)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BATCH_TEST(claiming_its_resolve_run_starts_a_batch),
        BATCH_TEST(expand_ends_the_resolve_run_and_makes_the_runs),
        BATCH_TEST(the_runs_of_a_batch_are_as_early_as_it_is),
        BATCH_TEST(an_expand_sent_again_makes_nothing_more),
        BATCH_TEST(who_does_not_hold_the_resolve_run_cannot_expand),
        BATCH_TEST(who_is_to_stop_cannot_expand),
        BATCH_TEST(a_batch_without_runs_is_a_success),
        BATCH_TEST(what_cannot_be_is_refused_before_anything_is_written),
        BATCH_TEST(five_hundred_runs_are_made_and_counted),
        BATCH_TEST(a_batch_ends_with_the_last_of_its_runs),
        BATCH_TEST(a_finish_sent_again_is_counted_once),
        BATCH_TEST(what_goes_back_to_waiting_is_not_counted),
        BATCH_TEST(a_resolve_run_that_fails_ends_its_batch_with_its_error),
        BATCH_TEST(the_good_end_of_a_resolve_run_is_expand_alone),
        BATCH_TEST(every_status_of_a_batch_is_its_version),
    };

    return cmocka_run_group_tests_name("queue_batch", tests, queue_group_setup,
                                       queue_group_teardown);
}
