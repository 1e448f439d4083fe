/* The scheduler's sweep: each duty in its time, and what happens when Redis is away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/scripts.h"
#include "scheduler/sweep.h"
#include "tests/support/queue_steps.h"

#define PREFIX     "{test}:"
#define TIMEOUT_MS 5000

static struct queue_fixture fixture;
static struct redis *redis;
static struct conf conf;
static struct sweep sweep;

/* The fixture's clock stands still: its scripts are its own, what the sweep loads reads
 * the server's. */
static int set_up(void **state)
{
    static char prefix[] = PREFIX;

    (void)state;
    queue_fixture_start(&fixture);
    queue_fixture_reset(&fixture);
    redis = redis_new(&fixture.server.address, PREFIX, scripts_all, TIMEOUT_MS);
    conf = (struct conf){.redis_prefix = prefix, .keep_runs = 100, .keep_days = 30};
    sweep_init(&sweep, &conf, redis);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_free(redis);
    queue_fixture_stop(&fixture);
    return 0;
}

static int64_t tick(int64_t now_mono_ms)
{
    int64_t next_mono_ms;
    struct err err;

    if (sweep_tick(&sweep, now_mono_ms, &next_mono_ms, &err) < 0)
        fail_msg("%s", err.message);
    return next_mono_ms;
}

static void everything_is_due_at_first_and_then_in_its_time(void **state)
{
    (void)state;
    assert_int_equal(tick(5000), 6000);
    assert_int_equal(sweep.due_mono_ms[SWEEP_PROMOTE], 6000);
    assert_int_equal(sweep.due_mono_ms[SWEEP_REAP], 6000);
    assert_int_equal(sweep.due_mono_ms[SWEEP_TRIM], 15000);
    assert_int_equal(sweep.due_mono_ms[SWEEP_FSCK], 65000);
    assert_int_equal(tick(5500), 6000);
    assert_int_equal(tick(6000), 7000);
    assert_int_equal(sweep.due_mono_ms[SWEEP_TRIM], 15000);
}

static void a_delayed_run_that_is_due_is_promoted(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_DRIFT_CHECK);

    (void)state;
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_DONE);
    queue_fixture_ask(&fixture, "ZADD delayed 1 r1");
    tick(0);
    assert_string_equal(step_status(&fixture, "r1"), "queued");
    assert_int_equal(sweep.counts.promoted, 1);
}

static void more_than_a_batch_is_done_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 250; i++) {
        AUTO(auto_free) char *id = mem_fmt("r%d", i);
        AUTO(auto_free) char *target = mem_fmt("t%d", i);
        struct enqueue req = step_check(id);

        req.target = target;
        assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
        queue_fixture_ask(&fixture, "HSET run:%s status delayed", id);
        queue_fixture_ask(&fixture, "ZADD delayed 1 %s", id);
    }
    tick(0);
    assert_int_equal(sweep.counts.promoted, 250);
    assert_string_equal(queue_fixture_ask(&fixture, "ZCARD delayed"), "0");
}

static void a_run_whose_lease_and_grace_are_over_is_reaped(void **state)
{
    (void)state;
    step_running(&fixture, "r1", RUN_DRIFT_CHECK);
    queue_fixture_ask(&fixture, "ZREM leases r1");
    queue_fixture_ask(&fixture, "ZADD suspects 1 r1");
    /* Somebody reaped all the time, so that the grace counts. */
    queue_fixture_ask(&fixture, "HSET meta reaped_at %lld reaping_since 1",
                      (long long)clock_wall_ms());
    tick(0);
    assert_string_equal(step_status(&fixture, "r1"), "queued");
    assert_int_equal(sweep.counts.requeued, 1);
    assert_int_equal(sweep.counts.reaped, 1);
}

static void what_fsck_finds_is_counted(void **state)
{
    (void)state;
    queue_fixture_ask(&fixture, "HSET active t9 nobody");
    tick(0);
    assert_true(sweep.counts.fsck_findings > 0);
    assert_string_equal(queue_fixture_ask(&fixture, "HEXISTS active t9"), "0");
}

static void the_numbers_are_in_the_metrics(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(65536);
    const struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    tick(0);
    sweep_print_metrics(&sweep, &out);
    assert_non_null(strstr(buf_text(&out), "\nkedge_queue_waiting 1\n"));
    assert_non_null(strstr(buf_text(&out), "\nkedge_queue_paused 0\n"));
    assert_non_null(
        strstr(buf_text(&out), "kedge_runs_reaped_total{outcome=\"lost\"} 0"));
}

static void without_redis_it_is_due_again_in_a_moment(void **state)
{
    int64_t next_mono_ms = 0;
    struct err err;

    (void)state;
    redis_server_kill(&fixture.server);
    assert_int_equal(sweep_tick(&sweep, 1000, &next_mono_ms, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    assert_in_range(next_mono_ms, 1001, 2000);
    redis_server_restart(&fixture.server);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_is_due_at_first_and_then_in_its_time),
        TEST(a_delayed_run_that_is_due_is_promoted),
        TEST(more_than_a_batch_is_done_at_once),
        TEST(a_run_whose_lease_and_grace_are_over_is_reaped),
        TEST(what_fsck_finds_is_counted),
        TEST(the_numbers_are_in_the_metrics),
        TEST(without_redis_it_is_due_again_in_a_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
