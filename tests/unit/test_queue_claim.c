/* The queue: which run is claimed next, and what a cancel stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/base/mem.h"
#include "tests/support/queue_group.h"

/* ---- claim ---- */
static void a_target_runs_one_run_at_a_time_in_the_order_they_came(void **state)
{
    const char *const ids[] = {"r1", "r2", "r3"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct enqueue req = step_check(ids[i]);

        req.trigger = i == 0 ? TRIGGER_SCHEDULE : TRIGGER_API;
        step_enqueue(&fixture, &req);
    }
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct queue_hold hold = step_claim(&fixture, "w", ids[i]);

        assert_string_equal(hold.run_id, ids[i]);
        assert_int_equal(step_claim_outcome(&fixture, "v", "no"), CLAIM_NONE);
        assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
    }
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
}

static void people_come_before_webhooks_and_those_before_schedules(void **state)
{
    (void)state;
    for (enum run_trigger trigger = TRIGGERS; trigger-- > 0;) {
        struct enqueue req = step_check(run_trigger_name(trigger));

        req.trigger = trigger;
        req.target = req.run_id;
        step_enqueue(&fixture, &req);
    }
    assert_string_equal(step_claim(&fixture, "w", "1").run_id, "api");
    assert_string_equal(step_claim(&fixture, "w", "2").run_id, "webhook");
    assert_string_equal(step_claim(&fixture, "w", "3").run_id, "schedule");
}

static void a_schedule_that_waited_long_enough_comes_first(void **state)
{
    struct enqueue req = step_check("schedule");

    (void)state;
    req.trigger = TRIGGER_SCHEDULE;
    step_enqueue(&fixture, &req);
    queue_fixture_advance(&fixture, run_trigger_credit_ms(TRIGGER_API) + 1);
    req = step_check("person");
    req.target = "other";
    step_enqueue(&fixture, &req);
    assert_string_equal(step_claim(&fixture, "w", "1").run_id, "schedule");
}

static void a_replayed_claim_gets_the_same_run_while_it_is_held(void **state)
{
    struct enqueue req = step_check("r1");
    struct queue_hold first, again;

    (void)state;
    step_enqueue(&fixture, &req);
    req = step_check("r2");
    req.target = "u";
    step_enqueue(&fixture, &req);
    first = step_claim(&fixture, "w", "n");
    again = step_claim(&fixture, "w", "n");
    assert_string_equal(again.run_id, first.run_id);
    assert_string_equal(again.fence, first.fence);
    assert_status("r2", "queued");
    step_finish(&fixture, &first, RUN_CLEAN);
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
    assert_status("r2", "queued");
}

static void a_replayed_claim_that_found_nothing_finds_nothing(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
    step_enqueue(&fixture, &req);
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
    assert_int_equal(step_claim_outcome(&fixture, "w", "m"), CLAIM_RUN);
}

static void nothing_is_claimed_while_paused(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    ask("HSET meta paused 1");
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_PAUSED);
    ask("HSET meta paused 0");
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_RUN);
}

static void a_claim_tells_all_about_its_run(void **state)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct enqueue req = step_check("r1");
    struct claimed claimed;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    req.spec = "{\"ref\":\"main\"}";
    step_enqueue(&fixture, &req);
    req = step_check("r2");
    req.target = "u";
    step_enqueue(&fixture, &req);
    ask("ZPOPMIN wake");
    queue_fixture_advance(&fixture, 5);
    queue_claim(&cmd, FIXTURE_PREFIX, "w", "n");
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_claim_reply(reply, "n", &claimed, &err), 0);
    assert_int_equal(claimed.outcome, CLAIM_RUN);
    assert_int_equal(claimed.kind, RUN_DRIFT_CHECK);
    assert_string_equal(claimed.spec, "{\"ref\":\"main\"}");
    assert_string_equal(claimed.target, "t");
    assert_string_equal(claimed.hold.nonce, "n");
    assert_int_equal(claimed.attempt, 1);
    assert_int_equal(claimed.started_at_ms - claimed.queued_at_ms, 5);
    assert_true(claimed.more);
    assert_string_equal(ask("ZCARD wake"), "1");
    claimed_done(&claimed);
}

static void a_stale_entry_in_ready_is_skipped(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    ask("ZADD ready 0 nobody");
    assert_string_equal(step_claim(&fixture, "w", "n").run_id, "r1");
}

static void a_waiting_run_that_is_gone_does_not_block_its_target(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    step_enqueue(&fixture, &req);
    ask("DEL run:r1");
    assert_string_equal(step_claim(&fixture, "w", "n").run_id, "r2");
    assert_string_equal(ask("HGET waiting "), "0");
    assert_string_equal(ask("ZCARD ready"), "0");
}

/* ---- cancel ---- */
static void a_queued_run_that_is_cancelled_ends_at_once(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    step_enqueue(&fixture, &req);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_DONE);
    assert_status("r1", "cancelled");
    assert_string_equal(ask("ZCARD ready"), "0");
    assert_string_equal(ask("HGET waiting "), "0");
    assert_int_equal(step_claim_outcome(&fixture, "w", "n"), CLAIM_NONE);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_ENDED);
    assert_int_equal(step_cancel(&fixture, "no", false), CANCEL_UNKNOWN);
}

static void a_delayed_run_that_is_cancelled_never_comes_back(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_DRIFT_CHECK);

    (void)state;
    step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_DONE);
    queue_fixture_advance(&fixture, 10 * QUEUE_RETRY_MS);
    assert_int_equal(step_promote(&fixture), 0);
    assert_status("r1", "cancelled");
}

static void a_running_run_is_asked_to_stop_once_a_level(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_APPLY);
    char version[64];

    (void)state;
    snprintf(version, sizeof version, "%s", ask("HGET run:r1 version"));
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_ASKED);
    assert_string_not_equal(ask("HGET run:r1 version"), version);
    assert_status("r1", "running");
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 1);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_ASKED);
    assert_string_equal(ask("LLEN ctl:w"), "1");
    assert_int_equal(step_cancel(&fixture, "r1", true), CANCEL_ASKED);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 2);
    assert_int_equal(step_cancel(&fixture, "r1", false), CANCEL_ASKED);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).cancel_level, 2);
    assert_string_equal(ask("LPOP ctl:w"), "cancel r1 1");
    assert_string_equal(ask("LPOP ctl:w"), "cancel r1 2");
}

static void a_cancel_that_is_sent_again_is_answered_again(void **state)
{
    const struct enqueue req = step_check("r1");
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    (void)state;
    step_enqueue(&fixture, &req);
    queue_cancel(&cmd, FIXTURE_PREFIX, "r1", false, "token");
    for (int i = 0; i < 2; i++) {
        AUTO(redis_reply_free)
        struct redisReply *reply = queue_fixture_send(&fixture, &cmd);

        assert_string_equal(redis_reply_text(reply), "done");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_target_runs_one_run_at_a_time_in_the_order_they_came),
        QUEUE_TEST(people_come_before_webhooks_and_those_before_schedules),
        QUEUE_TEST(a_schedule_that_waited_long_enough_comes_first),
        QUEUE_TEST(a_replayed_claim_gets_the_same_run_while_it_is_held),
        QUEUE_TEST(a_replayed_claim_that_found_nothing_finds_nothing),
        QUEUE_TEST(nothing_is_claimed_while_paused),
        QUEUE_TEST(a_claim_tells_all_about_its_run),
        QUEUE_TEST(a_stale_entry_in_ready_is_skipped),
        QUEUE_TEST(a_waiting_run_that_is_gone_does_not_block_its_target),
        QUEUE_TEST(a_queued_run_that_is_cancelled_ends_at_once),
        QUEUE_TEST(a_delayed_run_that_is_cancelled_never_comes_back),
        QUEUE_TEST(a_running_run_is_asked_to_stop_once_a_level),
        QUEUE_TEST(a_cancel_that_is_sent_again_is_answered_again),
    };

    return cmocka_run_group_tests_name("queue_claim", tests, queue_group_setup,
                                       queue_group_teardown);
}
