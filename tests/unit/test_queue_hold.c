/* The queue: what the holder of a run may do, and what nobody else may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/queue_group.h"

static struct queue_hold running(enum run_kind kind)
{
    return step_running(&fixture, "r1", kind);
}

static struct queue_hold with_nonce(struct queue_hold hold, const char *nonce)
{
    snprintf(hold.nonce, sizeof hold.nonce, "%s", nonce);
    return hold;
}

/* ---- heartbeat ---- */
static void a_heartbeat_renews_the_lease_of_the_holder_only(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);
    struct queue_hold other = with_nonce(hold, "other");
    int64_t deadline;

    (void)state;
    queue_fixture_advance(&fixture, 4000);
    assert_int_equal(step_heartbeat(&fixture, "v", &other).state, HOLD_LOST);
    deadline = strtoll(ask("ZSCORE leases r1"), NULL, 10);
    assert_int_equal(deadline, fixture.now_ms - 4000 + QUEUE_LEASE_MS);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).state, HOLD_OK);
    deadline = strtoll(ask("ZSCORE leases r1"), NULL, 10);
    assert_int_equal(deadline, fixture.now_ms + QUEUE_LEASE_MS);
}

static void a_heartbeat_answers_for_each_hold_in_order(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct queue_hold holds[3];
    struct hold_news news[3];
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    holds[0] = running(RUN_PLAN);
    holds[1] = with_nonce(holds[0], "other");
    holds[2] = holds[0];
    step_cancel(&fixture, "r1", true);
    queue_heartbeat(&cmd, FIXTURE_PREFIX, "w", "{\"slots\":2}", holds, 3);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_heartbeat_reply(reply, news, 3, &err), 0);
    assert_int_equal(news[0].state, HOLD_OK);
    assert_int_equal(news[1].state, HOLD_LOST);
    assert_int_equal(news[2].state, HOLD_OK);
    assert_int_equal(news[2].cancel_level, 2);
    assert_string_equal(ask("HGET worker:w info"), "{\"slots\":2}");
    assert_int_equal(queue_heartbeat_reply(reply, news, 2, &err), -1);
}

/* ---- mark ---- */
static void a_mark_is_given_to_the_holder_while_its_lease_lives(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);
    struct queue_hold other = with_nonce(hold, "other");

    (void)state;
    assert_int_equal(step_mark(&fixture, &other), HOLD_GONE);
    assert_string_equal(ask("HGET run:r1 marked"), "");
    assert_int_equal(step_mark(&fixture, &hold), HOLD_DONE);
    assert_string_equal(ask("HGET run:r1 marked"), "1");
    queue_fixture_advance(&fixture, QUEUE_LEASE_MS - 1);
    assert_int_equal(step_mark(&fixture, &hold), HOLD_DONE);
    queue_fixture_advance(&fixture, 1);
    assert_int_equal(step_mark(&fixture, &hold), HOLD_GONE);
}

static void a_suspect_gets_no_mark_until_it_is_heard_of(void **state)
{
    struct queue_hold hold = running(RUN_RECONCILE);

    (void)state;
    queue_fixture_advance(&fixture, QUEUE_LEASE_MS + 1);
    assert_int_equal(step_reap(&fixture).suspected, 1);
    assert_int_equal(step_mark(&fixture, &hold), HOLD_GONE);
    step_heartbeat(&fixture, "w", &hold);
    assert_int_equal(step_mark(&fixture, &hold), HOLD_DONE);
}

static void no_mark_is_given_while_somebody_cancels(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);

    (void)state;
    step_cancel(&fixture, "r1", false);
    assert_int_equal(step_mark(&fixture, &hold), HOLD_CANCELLED);
    assert_string_equal(ask("HGET run:r1 marked"), "");
}

static void a_mark_asked_for_again_after_a_cancel_is_refused(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);

    (void)state;
    assert_int_equal(step_mark(&fixture, &hold), HOLD_DONE);
    step_cancel(&fixture, "r1", false);
    assert_int_equal(step_mark(&fixture, &hold), HOLD_CANCELLED);
}

static void no_mark_is_given_while_frozen(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);

    (void)state;
    ask("HSET meta frozen 1");
    assert_int_equal(step_mark(&fixture, &hold), HOLD_FROZEN);
    ask("HSET meta frozen 0");
    assert_int_equal(step_mark(&fixture, &hold), HOLD_DONE);
}

static void a_plan_cannot_be_marked(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    queue_mark(&cmd, FIXTURE_PREFIX, &hold);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "kind plan"));
}

/* ---- release ---- */
static void a_released_run_keeps_its_place_and_counts_no_crash(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);
    const struct enqueue next = step_check("r2");

    (void)state;
    step_enqueue(&fixture, &next);
    assert_int_equal(step_release(&fixture, &hold), HOLD_DONE);
    assert_int_equal(step_release(&fixture, &hold), HOLD_DONE);
    assert_string_equal(ask("HGET run:r1 crashes"), "");
    assert_string_equal(ask("HGET waiting "), "2");
    assert_string_equal(ask("HGET run:r1 started"), "0");
    hold = step_claim(&fixture, "v", "m");
    assert_string_equal(hold.run_id, "r1");
    assert_string_equal(ask("HGET run:r1 attempts"), "2");
}

static void a_marked_run_is_not_released(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);

    (void)state;
    step_mark(&fixture, &hold);
    assert_int_equal(step_release(&fixture, &hold), HOLD_GONE);
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_GONE);
    assert_status("r1", "running");
}

static void a_run_that_is_cancelled_ends_when_it_is_released(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);

    (void)state;
    step_cancel(&fixture, "r1", false);
    assert_int_equal(step_release(&fixture, &hold), HOLD_DONE);
    assert_status("r1", "cancelled");
    assert_int_equal(step_release(&fixture, &hold), HOLD_DONE);
}

/* ---- retry ---- */
static void expect_pause(int64_t around_ms)
{
    int64_t pause_ms = strtoll(ask("ZSCORE delayed r1"), NULL, 10) - fixture.now_ms;

    assert_in_range(pause_ms, around_ms * 8 / 10, around_ms * 12 / 10);
}

/* Lets the delayed run become due, and claims it. */
static struct queue_hold claim_again(const char *nonce)
{
    queue_fixture_advance(&fixture, 10 * QUEUE_RETRY_MS);
    assert_int_equal(step_promote(&fixture), 1);
    return step_claim(&fixture, "w", nonce);
}

static void infrastructure_is_retried_three_times_with_growing_pauses(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);

    (void)state;
    for (int i = 0; i < QUEUE_RETRIES_MAX; i++) {
        char nonce[2] = {(char)('a' + i), '\0'};

        assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_DONE);
        assert_status("r1", "delayed");
        expect_pause(QUEUE_RETRY_MS << i);
        assert_string_equal(ask("HGET active t"), "");
        hold = claim_again(nonce);
    }
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_EXHAUSTED);
    assert_status("r1", "running");
}

static void a_retry_sent_again_is_one_retry(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);

    (void)state;
    step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE);
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_DONE);
    assert_string_equal(ask("HGET run:r1 retries"), "1");
    assert_string_equal(ask("HGET run:r1 retry_message"), "cannot clone");
}

static void a_state_lock_is_waited_for_half_an_hour_uncounted(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);
    const int64_t start_ms = fixture.now_ms;
    int tries = 0;

    (void)state;
    while (step_retry(&fixture, &hold, RETRY_STATE_LOCKED) == HOLD_DONE) {
        char nonce[24];

        expect_pause(QUEUE_RETRY_MS);
        queue_fixture_advance(&fixture, QUEUE_RETRY_MS * 12 / 10);
        step_promote(&fixture);
        snprintf(nonce, sizeof nonce, "n%d", tries++);
        hold = step_claim(&fixture, "w", nonce);
    }
    assert_in_range(fixture.now_ms - start_ms, QUEUE_LOCK_RETRY_MS,
                    QUEUE_LOCK_RETRY_MS + 2 * QUEUE_RETRY_MS);
    assert_string_equal(ask("HGET run:r1 retries"), "0");
    assert_int_equal(step_retry(&fixture, &hold, RETRY_STATE_LOCKED), HOLD_EXHAUSTED);
}

static void a_run_that_is_cancelled_is_not_retried(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);

    (void)state;
    step_cancel(&fixture, "r1", false);
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_CANCELLED);
    assert_status("r1", "running");
}

static void others_of_the_target_go_first_while_a_run_is_delayed(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    struct enqueue req = step_check("r2");

    (void)state;
    step_enqueue(&fixture, &req);
    req.run_id = "r3";
    step_enqueue(&fixture, &req);
    step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE);
    hold = step_claim(&fixture, "w", "a");
    assert_string_equal(hold.run_id, "r2");
    queue_fixture_advance(&fixture, 2 * QUEUE_RETRY_MS);
    step_promote(&fixture);
    step_finish(&fixture, &hold, RUN_CLEAN);
    assert_string_equal(step_claim(&fixture, "w", "b").run_id, "r1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_heartbeat_renews_the_lease_of_the_holder_only),
        QUEUE_TEST(a_heartbeat_answers_for_each_hold_in_order),
        QUEUE_TEST(a_mark_is_given_to_the_holder_while_its_lease_lives),
        QUEUE_TEST(a_suspect_gets_no_mark_until_it_is_heard_of),
        QUEUE_TEST(no_mark_is_given_while_somebody_cancels),
        QUEUE_TEST(a_mark_asked_for_again_after_a_cancel_is_refused),
        QUEUE_TEST(no_mark_is_given_while_frozen),
        QUEUE_TEST(a_plan_cannot_be_marked),
        QUEUE_TEST(a_released_run_keeps_its_place_and_counts_no_crash),
        QUEUE_TEST(a_marked_run_is_not_released),
        QUEUE_TEST(a_run_that_is_cancelled_ends_when_it_is_released),
        QUEUE_TEST(infrastructure_is_retried_three_times_with_growing_pauses),
        QUEUE_TEST(a_retry_sent_again_is_one_retry),
        QUEUE_TEST(a_state_lock_is_waited_for_half_an_hour_uncounted),
        QUEUE_TEST(a_run_that_is_cancelled_is_not_retried),
        QUEUE_TEST(others_of_the_target_go_first_while_a_run_is_delayed),
    };

    return cmocka_run_group_tests_name("queue_hold", tests, queue_group_setup,
                                       queue_group_teardown);
}
