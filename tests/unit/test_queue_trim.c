/* The queue: what trim forgets and what fsck repairs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/support/queue_group.h"

#define HOUR_MS  INT64_C(3600000)
#define DAY_MS   (24 * HOUR_MS)
#define LOSS_MS  (QUEUE_LEASE_MS + QUEUE_GRACE_MS)
#define KEEP_ALL 1000000

static struct queue_hold running(enum run_kind kind)
{
    return step_running(&fixture, "r1", kind);
}

/* Longer than lease and grace, with somebody reaping each second. */
static struct queue_reaped lose_the_worker(void)
{
    return step_reap_for(&fixture, LOSS_MS + 3000);
}

static struct queue_hold orphan(void)
{
    struct queue_hold hold = running(RUN_APPLY);

    assert_int_equal(step_mark(&fixture, &hold), HOLD_DONE);
    assert_int_equal(lose_the_worker().orphaned, 1);
    return hold;
}

/* ---- trim ---- */
/* One ended check a minute in scope "s"; "r0" is the first. */
static void ended_checks(int count, enum run_status status)
{
    for (int i = 0; i < count; i++) {
        const struct finish result = {
            .status = status, .output = "0123456789", .output_len = 10};
        struct queue_hold hold;
        char id[24];

        snprintf(id, sizeof id, "r%d", i);
        hold = step_running(&fixture, id, RUN_DRIFT_CHECK);
        assert_string_equal(hold.run_id, id);
        assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
        queue_fixture_advance(&fixture, 60000);
    }
}

/* Until nothing is due any more. */
static void trim(int64_t keep_runs, int64_t keep_days, int64_t store_max_bytes)
{
    int calls = 0;

    while (step_trim(&fixture, keep_runs, keep_days, store_max_bytes) == 100)
        assert_true(++calls < 100);
}

static void trim_keeps_the_newest_of_a_scope_by_count(void **state)
{
    (void)state;
    ended_checks(250, RUN_CLEAN);
    queue_fixture_advance(&fixture, 26 * HOUR_MS);
    trim(10, 30, 0);
    queue_fixture_advance(&fixture, 10);
    trim(10, 30, 0);
    queue_fixture_advance(&fixture, 10);
    trim(10, 30, 0);
    assert_string_equal(ask("ZCARD runs:s"), "10");
    assert_string_equal(ask("ZCARD runs"), "10");
    assert_string_equal(ask("ZCARD ended"), "10");
    assert_status("r239", "none");
    assert_status("r240", "clean");
    assert_string_equal(ask("EXISTS result:r239"), "0");
    assert_string_equal(ask("HGET meta result_bytes"), "100");
}

static void trim_touches_nothing_younger_than_25_hours(void **state)
{
    (void)state;
    ended_checks(5, RUN_CLEAN);
    queue_fixture_advance(&fixture, 24 * HOUR_MS);
    trim(1, 1, 0);
    assert_string_equal(ask("ZCARD runs:s"), "5");
    queue_fixture_advance(&fixture, 2 * HOUR_MS);
    trim(1, 1, 0);
    assert_string_equal(ask("ZCARD runs:s"), "1");
    assert_status("r4", "clean");
}

static void trim_keeps_by_days_but_always_the_newest(void **state)
{
    (void)state;
    ended_checks(3, RUN_CLEAN);
    queue_fixture_advance(&fixture, 31 * DAY_MS);
    trim(KEEP_ALL, 30, 0);
    assert_string_equal(ask("ZCARD runs:s"), "1");
    assert_status("r2", "clean");
}

static void trim_keeps_the_last_good_check_however_old(void **state)
{
    struct queue_hold hold = step_running(&fixture, "good", RUN_DRIFT_CHECK);

    (void)state;
    step_finish(&fixture, &hold, RUN_CLEAN);
    queue_fixture_advance(&fixture, 60000);
    ended_checks(5, RUN_ERROR);
    queue_fixture_advance(&fixture, 31 * DAY_MS);
    trim(2, 30, 0);
    assert_status("good", "clean");
    assert_string_equal(ask("ZCARD runs:s"), "2");
}

static void trim_never_takes_a_run_that_has_not_ended(void **state)
{
    struct enqueue req = step_check("r2");

    (void)state;
    orphan();
    step_enqueue(&fixture, &req);
    req.run_id = "r3";
    req.target = "other";
    step_enqueue(&fixture, &req);
    queue_fixture_advance(&fixture, 40 * DAY_MS);
    trim(0, 0, 0);
    assert_status("r1", "orphaned");
    assert_status("r2", "queued");
    assert_status("r3", "queued");
}

static void trim_drops_the_oldest_outputs_above_the_limit(void **state)
{
    (void)state;
    ended_checks(5, RUN_CLEAN);
    trim(KEEP_ALL, KEEP_ALL, 25);
    assert_string_equal(ask("HGET meta result_bytes"), "20");
    assert_string_equal(ask("HGET run:r2 output_dropped"), "1");
    assert_string_equal(ask("HGET result:r2 output"), "");
    assert_status("r2", "clean");
    assert_string_equal(ask("HGET result:r3 output"), "0123456789");
    assert_string_equal(ask("ZCARD outputs"), "2");
}

/* ---- fsck ---- */
static void fsck_repairs_what_no_invariant_allows(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct enqueue req = step_check("r2");

    (void)state;
    step_enqueue(&fixture, &req);
    ask("HSET active ghost nobody");
    ask("ZREM leases r1");
    ask("ZADD leases 1 ghost");
    ask("ZADD orphans 1 r2");
    ask("ZADD ready 1 nothing");
    assert_int_equal(step_fsck(&fixture), 5);
    assert_int_equal(step_fsck(&fixture), 0);
    assert_string_equal(ask("HLEN active"), "1");
    assert_string_equal(ask("ZCARD suspects"), "1");
    assert_string_equal(ask("ZCARD leases"), "0");
    assert_string_equal(ask("ZCARD orphans"), "0");
    assert_string_equal(ask("ZCARD ready"), "0");
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).state, HOLD_OK);
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
    assert_string_equal(step_claim(&fixture, "w", "m").run_id, "r2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(trim_keeps_the_newest_of_a_scope_by_count),
        QUEUE_TEST(trim_touches_nothing_younger_than_25_hours),
        QUEUE_TEST(trim_keeps_by_days_but_always_the_newest),
        QUEUE_TEST(trim_keeps_the_last_good_check_however_old),
        QUEUE_TEST(trim_never_takes_a_run_that_has_not_ended),
        QUEUE_TEST(trim_drops_the_oldest_outputs_above_the_limit),
        QUEUE_TEST(fsck_repairs_what_no_invariant_allows),
    };

    return cmocka_run_group_tests_name("queue_trim", tests, queue_group_setup,
                                       queue_group_teardown);
}
