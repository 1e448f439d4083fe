/* Batches in the queue: workers that are lost, and orphans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/queue_batch_steps.h"
#include "tests/support/queue_group.h"

#define LOSS_MS (QUEUE_LEASE_MS + QUEUE_GRACE_MS)

#define assert_batch(was) assert_string_equal(step_batch_state(&fixture, "b"), was)

static int setup(void **state)
{
    step_worker_new();
    return queue_test_setup(state);
}

#define BATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, queue_test_teardown)

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

static struct queue_hold marked(const char *id)
{
    const struct queue_hold hold = step_hold_of(id);

    assert_int_equal(step_mark(&fixture, &hold), HOLD_DONE);
    return hold;
}

static struct queue_reaped lose_the_worker(void)
{
    return step_reap_for(&fixture, LOSS_MS + 3000);
}

/* ---- lost workers ---- */
static void a_lost_resolve_run_waits_again(void **state)
{
    (void)state;
    step_resolving(&fixture);
    assert_int_equal(lose_the_worker().requeued, 1);
    assert_batch("running 0 0 0 0");
    assert_string_equal(step_claim(&fixture, "w", "n").run_id, "r");
}

static void a_resolve_run_that_kills_its_workers_ends_its_batch(void **state)
{
    (void)state;
    step_resolving(&fixture);
    for (int i = 1; i < QUEUE_CRASHES_MAX; i++) {
        assert_int_equal(lose_the_worker().requeued, 1);
        step_claim_all(&fixture);
    }
    assert_int_equal(lose_the_worker().lost, 1);
    assert_batch("error 0 0 0 0");
    assert_string_equal(ask("HGET batch:b error_code"), "WORKER_LOST");
    assert_string_equal(ask("EXISTS dead"), "0");
}

static void a_lost_resolve_run_that_is_to_stop_ends_its_batch_as_cancelled(void **state)
{
    (void)state;
    step_resolving(&fixture);
    step_cancel(&fixture, "b", false);
    assert_int_equal(lose_the_worker().cancelled, 1);
    assert_batch("cancelled 0 0 0 0");
}

static void a_lost_run_is_counted_when_it_is_given_up(void **state)
{
    (void)state;
    applying();
    for (int i = 1; i < QUEUE_CRASHES_MAX; i++) {
        assert_int_equal(lose_the_worker().requeued, 2);
        assert_batch("running 3 3 0 0");
        assert_int_equal(step_claim_all(&fixture), 2);
    }
    assert_int_equal(lose_the_worker().lost, 2);
    assert_batch("failed 3 0 0 3");
    assert_string_equal(ask("ZCARD dead"), "2");
}

/* ---- orphans ---- */
static void its_holder_may_make_a_marked_apply_an_orphan(void **state)
{
    struct queue_hold hold, other;

    (void)state;
    applying();
    hold = step_hold_of("0");
    assert_int_equal(step_orphan(&fixture, &hold), HOLD_GONE); /* not marked */
    marked("0");
    other = hold;
    other.nonce[0] ^= 1;
    assert_int_equal(step_orphan(&fixture, &other), HOLD_GONE);
    assert_status("0", "running");
    assert_int_equal(step_orphan(&fixture, &hold), HOLD_DONE);
    assert_status("0", "orphaned");
    assert_string_equal(ask("HGET run:0 error_code"), "INTERRUPTED");
    assert_string_equal(ask("HGET active 0"), "0");
    assert_string_equal(ask("ZCARD orphans"), "1");
    assert_string_equal(ask("ZCARD leases"), "1");
    assert_int_equal(step_orphan(&fixture, &hold), HOLD_DONE);
    assert_batch("running 3 2 0 1");
}

static void its_holder_says_what_it_knows(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    struct queue_hold hold;

    (void)state;
    applying();
    marked("0");
    hold = step_hold_of("0");
    queue_orphan_saying(&cmd, FIXTURE_PREFIX, &hold, "lock 1 is left");
    reply = queue_fixture_call(&fixture, &cmd);
    assert_status("0", "orphaned");
    assert_string_equal(ask("HGET run:0 error_message"), "lock 1 is left");
}

static void an_orphan_is_counted_once_however_it_is_settled(void **state)
{
    for (int late = 0; late < 2; late++) {
        struct queue_hold hold;
        AUTO(auto_free) char *version = NULL;

        assert_int_equal(setup(state), 0);
        applying();
        hold = marked("0");
        step_orphan(&fixture, &hold);
        step_end(&fixture, "1", RUN_APPLIED);
        assert_batch("partial 3 0 1 2");
        assert_status("2", "cancelled");
        version = mem_dup(ask("HGET batch:b version"));
        if (late)
            assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_DONE);
        else
            assert_int_equal(step_resolve(&fixture, "0", RUN_ERROR, true), RESOLVE_DONE);
        assert_batch("partial 3 0 1 2");
        /* What GET of the batch shows of that run is another thing now. */
        assert_string_not_equal(ask("HGET batch:b version"), version);
        assert_int_equal(step_orphan(&fixture, &hold), HOLD_GONE);
    }
}

static void an_orphan_settled_in_an_open_batch_is_not_counted_again(void **state)
{
    struct queue_hold hold;

    (void)state;
    applying();
    hold = marked("0");
    assert_int_equal(lose_the_worker().orphaned, 1);
    assert_batch("running 3 2 0 1");
    assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_DONE);
    assert_batch("running 3 2 0 1");
    step_end(&fixture, "1", RUN_APPLIED);
    assert_status("2", "queued"); /* what it depends on has come to its end after all */
    step_end(&fixture, "2", RUN_APPLIED);
    assert_batch("partial 3 0 2 1");
}

static void an_orphan_whose_worker_comes_back_is_not_counted_again(void **state)
{
    struct queue_hold hold;

    (void)state;
    applying();
    hold = marked("0");
    step_orphan(&fixture, &hold);
    assert_int_equal(step_reassert(&fixture, "w", &hold), HOLD_DONE);
    assert_status("0", "running");
    assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_DONE);
    assert_batch("running 3 2 0 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BATCH_TEST(a_lost_resolve_run_waits_again),
        BATCH_TEST(a_resolve_run_that_kills_its_workers_ends_its_batch),
        BATCH_TEST(a_lost_resolve_run_that_is_to_stop_ends_its_batch_as_cancelled),
        BATCH_TEST(a_lost_run_is_counted_when_it_is_given_up),
        BATCH_TEST(its_holder_may_make_a_marked_apply_an_orphan),
        BATCH_TEST(its_holder_says_what_it_knows),
        BATCH_TEST(an_orphan_is_counted_once_however_it_is_settled),
        BATCH_TEST(an_orphan_settled_in_an_open_batch_is_not_counted_again),
        BATCH_TEST(an_orphan_whose_worker_comes_back_is_not_counted_again),
    };

    return cmocka_run_group_tests_name("queue_batch_lost", tests, queue_group_setup,
                                       queue_group_teardown);
}
