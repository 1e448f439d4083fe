/* Batches in the queue: what trim forgets and what fsck repairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/queue_batch_steps.h"
#include "tests/support/queue_group.h"

#define HOUR_MS  INT64_C(3600000)
#define DAY_MS   (24 * HOUR_MS)
#define KEEP_ALL 1000000

#define assert_batch(was) assert_string_equal(step_batch_state(&fixture, "b"), was)

static int setup(void **state)
{
    step_worker_new();
    return queue_test_setup(state);
}

#define BATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, queue_test_teardown)

/* ---- trim ---- */
static void trim_all(int64_t keep_runs, int64_t keep_days)
{
    for (int i = 0; i < 5; i++) {
        step_trim(&fixture, keep_runs, keep_days, 0);
        queue_fixture_advance(&fixture, HOUR_MS);
    }
}

/* Ended batches "b0", "b1" … of "repo", a minute each, all with a run of the same scope.
 */
static void ended_batches(int count)
{
    for (int i = 0; i < count; i++) {
        struct batch_open open = step_batch();
        char batch_id[16], resolve_id[16], run_id[16], nonce[16];
        struct batch_run run = step_run(run_id, 0, "");
        struct queue_hold hold;

        snprintf(batch_id, sizeof batch_id, "b%d", i);
        snprintf(resolve_id, sizeof resolve_id, "r%d", i);
        snprintf(run_id, sizeof run_id, "c%d", i);
        snprintf(nonce, sizeof nonce, "n%d", i);
        open.batch_id = batch_id;
        open.resolve_id = resolve_id;
        run.target = run.scope = "s";
        step_batch_open(&fixture, &open);
        hold = step_claim(&fixture, "w", nonce);
        step_expand(&fixture, &hold, &run, 1, false);
        step_end(&fixture, run_id, RUN_CLEAN);
        assert_string_equal(step_batch_state(&fixture, batch_id), "success 1 0 1 0");
        queue_fixture_advance(&fixture, 60000);
    }
}

static void trim_keeps_batches_by_count_and_their_runs_with_them(void **state)
{
    (void)state;
    ended_batches(5);
    queue_fixture_advance(&fixture, 26 * HOUR_MS);
    trim_all(2, 30);
    assert_string_equal(ask("ZCARD batches:repo"), "2");
    assert_string_equal(step_batch_state(&fixture, "b2"), "none");
    assert_string_equal(ask("EXISTS batch_runs:b2"), "0");
    assert_status("r2", "none");
    assert_string_equal(ask("EXISTS spec:r2"), "0");
    assert_status("c2", "none");
    assert_string_equal(step_batch_state(&fixture, "b3"), "success 1 0 1 0");
    assert_status("r3", "clean");
    assert_status("c3", "clean");
    assert_string_equal(ask("ZCARD ended"), "4");
}

/* An ended plan of the same scope as the batches' runs. */
static void ended_plan(const char *id)
{
    const struct queue_hold hold = step_running(&fixture, id, RUN_PLAN);

    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
    queue_fixture_advance(&fixture, 60000);
}

/* Its scope would let it go, its batch does not. */
static void trim_takes_no_run_before_its_batch(void **state)
{
    (void)state;
    ended_batches(1);
    ended_plan("x");
    ended_plan("y");
    queue_fixture_advance(&fixture, 26 * HOUR_MS);
    trim_all(1, 30);
    assert_status("c0", "clean");
    assert_status("x", "none");
    assert_string_equal(ask("ZCARD runs:s"), "2");
    queue_fixture_advance(&fixture, 30 * DAY_MS);
    trim_all(1, 30);
    assert_string_equal(step_batch_state(&fixture, "b0"), "none");
    assert_status("c0", "none");
    assert_string_equal(ask("EXISTS batches"), "0");
}

static void many_runs_that_are_kept_hide_nothing_behind_them(void **state)
{
    (void)state;
    ended_batches(120);
    ended_plan("x");
    ended_plan("y");
    queue_fixture_advance(&fixture, 26 * HOUR_MS);
    ask("DEL batches"); /* nobody looks at the batches */
    trim_all(1, 30);
    assert_status("c0", "clean");
    assert_status("x", "none");
    assert_status("y", "clean");
    assert_string_equal(ask("HGET trim_at runs:s"), "100");
    step_trim(&fixture, 1, 30, 0);
    assert_string_equal(ask("EXISTS trim_at"), "0");
}

static void trim_keeps_what_has_not_ended_and_what_is_young(void **state)
{
    const struct batch_run run = step_run("0", 0, "");
    struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    step_expand(&fixture, &hold, &run, 1, false);
    queue_fixture_advance(&fixture, 40 * DAY_MS);
    trim_all(0, 0);
    assert_batch("running 1 1 0 0");
    assert_status("r", "clean");
    step_end(&fixture, "0", RUN_CLEAN);
    queue_fixture_advance(&fixture, 19 * HOUR_MS);
    trim_all(0, 0);
    assert_batch("success 1 0 1 0");
    queue_fixture_advance(&fixture, 2 * HOUR_MS);
    trim_all(0, 0);
    assert_batch("none");
}

static void trim_looks_at_a_hundred_batches_at_a_time(void **state)
{
    (void)state;
    ended_batches(130);
    queue_fixture_advance(&fixture, 26 * HOUR_MS);
    assert_int_equal(step_trim(&fixture, 10, 30, 0), 100);
    assert_string_equal(ask("ZCARD batches:repo"), "30");
    trim_all(10, 30);
    assert_string_equal(ask("ZCARD batches:repo"), "10");
    assert_string_equal(ask("ZCARD runs:s"), "10");
}

static void the_output_of_a_resolve_run_goes_with_it(void **state)
{
    const struct queue_hold hold = step_resolving(&fixture);
    const struct finish result = {
        .status = RUN_ERROR, .output = "out", .output_len = 3, .log = "l", .log_len = 1};

    (void)state;
    step_finish_with(&fixture, &hold, &result);
    assert_string_equal(ask("HGET meta result_bytes"), "4");
    queue_fixture_advance(&fixture, 26 * HOUR_MS);
    trim_all(0, 30);
    assert_batch("none");
    assert_string_equal(ask("HGET meta result_bytes"), "0");
    assert_string_equal(ask("EXISTS result:r"), "0");
    assert_string_equal(ask("EXISTS ended"), "0");
}

static void drift_records_that_nobody_renews_are_forgotten(void **state)
{
    const struct finish result = {.status = RUN_CLEAN,
                                  .drift_repo = "old",
                                  .drift_field = "t|main",
                                  .drift_record = "{}"};
    struct finish other = result;
    struct queue_hold hold = step_running(&fixture, "a", RUN_DRIFT_CHECK);

    (void)state;
    step_finish_with(&fixture, &hold, &result);
    other.drift_repo = "renewed";
    hold = step_running(&fixture, "c", RUN_DRIFT_CHECK);
    step_finish_with(&fixture, &hold, &other);
    queue_fixture_advance(&fixture, 60 * DAY_MS);
    hold = step_running(&fixture, "d", RUN_DRIFT_CHECK);
    step_finish_with(&fixture, &hold, &other);
    queue_fixture_advance(&fixture, 30 * DAY_MS);
    step_trim(&fixture, KEEP_ALL, KEEP_ALL, 0);
    assert_string_equal(ask("HGET drift:old t|main"), "{}");
    queue_fixture_advance(&fixture, 1);
    step_trim(&fixture, KEEP_ALL, KEEP_ALL, 0);
    assert_string_equal(ask("EXISTS drift:old"), "0");
    assert_string_equal(ask("HGET drift:renewed t|main"), "{}");
    assert_string_equal(ask("ZCARD drifts"), "1");
}

/* ---- fsck ---- */
/* "b" with the applies "0" and "1" of stage 0 and "2" of stage 1, the first two held. */
static void applying(void)
{
    struct batch_run runs[] = {step_run("0", 0, ""), step_run("1", 0, ""),
                               step_run("2", 1, "0")};
    const struct queue_hold hold = step_resolving(&fixture);

    for (size_t i = 0; i < ARRAY_LEN(runs); i++)
        runs[i].kind = RUN_APPLY;
    assert_int_equal(step_expand(&fixture, &hold, runs, ARRAY_LEN(runs), false),
                     HOLD_DONE);
    assert_int_equal(step_claim_all(&fixture), 2);
}

static void fsck_counts_again_what_was_not_counted(void **state)
{
    (void)state;
    applying();
    step_end(&fixture, "1", RUN_CLEAN);
    ask("HSET batch:b outstanding 7");
    assert_int_equal(step_fsck(&fixture), 1);
    assert_batch("running 3 2 1 0");
    ask("HSET batch:b stage_left 0");
    assert_int_equal(step_fsck(&fixture), 1);
    assert_string_equal(ask("HGET batch:b stage_left"), "1");
    assert_status("2", "delayed");
}

/* The end of "2" is written, but its batch has not heard of it. */
static void fsck_lets_a_batch_go_on_that_was_not_told(void **state)
{
    (void)state;
    applying();
    step_end(&fixture, "1", RUN_CLEAN);
    step_end(&fixture, "0", RUN_CLEAN);
    step_end(&fixture, "2", RUN_CLEAN);
    assert_batch("success 3 0 3 0");
    ask("HDEL run:2 counted");
    ask("HSET batch:b status running outstanding 1 ok 2 stage_left 1");
    ask("ZADD batches_open 1 b");
    assert_int_equal(step_fsck(&fixture), 1);
    assert_batch("success 3 0 3 0");
    assert_int_equal(step_fsck(&fixture), 0);
}

static void fsck_ends_a_batch_whose_resolve_run_has(void **state)
{
    const struct queue_hold hold = step_resolving(&fixture);
    const struct finish result = {.status = RUN_ERROR, .error_code = "TIMEOUT"};

    (void)state;
    step_finish_with(&fixture, &hold, &result);
    ask("HSET batch:b status running");
    ask("ZADD batches_open 1 b");
    ask("HDEL batch:b error_code");
    assert_int_equal(step_fsck(&fixture), 1);
    assert_batch("error 0 0 0 0");
    assert_string_equal(ask("HGET batch:b error_code"), "TIMEOUT");
}

static void fsck_takes_ended_batches_off_its_list(void **state)
{
    (void)state;
    ask("ZADD batches_open 1 ghost");
    assert_int_equal(step_fsck(&fixture), 1);
    assert_int_equal(step_fsck(&fixture), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BATCH_TEST(trim_keeps_batches_by_count_and_their_runs_with_them),
        BATCH_TEST(trim_takes_no_run_before_its_batch),
        BATCH_TEST(many_runs_that_are_kept_hide_nothing_behind_them),
        BATCH_TEST(trim_keeps_what_has_not_ended_and_what_is_young),
        BATCH_TEST(trim_looks_at_a_hundred_batches_at_a_time),
        BATCH_TEST(the_output_of_a_resolve_run_goes_with_it),
        BATCH_TEST(drift_records_that_nobody_renews_are_forgotten),
        BATCH_TEST(fsck_counts_again_what_was_not_counted),
        BATCH_TEST(fsck_lets_a_batch_go_on_that_was_not_told),
        BATCH_TEST(fsck_ends_a_batch_whose_resolve_run_has),
        BATCH_TEST(fsck_takes_ended_batches_off_its_list),
    };

    return cmocka_run_group_tests_name("queue_batch_trim", tests, queue_group_setup,
                                       queue_group_teardown);
}
