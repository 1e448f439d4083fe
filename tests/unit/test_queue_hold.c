/* The queue: what the holder of a run may do, and what nobody else may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/support/queue_steps.h"

static struct queue_fixture fixture;

#define ask(...)               queue_fixture_ask(&fixture, __VA_ARGS__)
#define assert_status(id, was) assert_string_equal(step_status(&fixture, id), was)

static int group_setup(void **state)
{
    (void)state;
    queue_fixture_start(&fixture);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    queue_fixture_stop(&fixture);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    queue_fixture_reset(&fixture);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return step_fsck(&fixture) == 0 ? 0 : -1;
}

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

/* ---- finish ---- */
static void a_finish_stores_the_result_and_frees_the_target(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct enqueue next = step_check("r2");
    const struct finish result = {.status = RUN_DRIFT_DETECTED,
                                  .exit_code = 2,
                                  .commit = "abc",
                                  .summary = "{\"toAdd\":1}",
                                  .output_truncated = true,
                                  .output = "out",
                                  .output_len = 3,
                                  .log = "logs",
                                  .log_len = 4,
                                  .metadata = "{}",
                                  .metadata_len = 2,
                                  .drift_repo = "repo",
                                  .drift_field = "t|main",
                                  .drift_record = "{\"drift\":1}"};

    (void)state;
    step_enqueue(&fixture, &next);
    queue_fixture_advance(&fixture, 10);
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
    assert_status("r1", "drift_detected");
    assert_string_equal(ask("HGET run:r1 exit"), "2");
    assert_string_equal(ask("HGET run:r1 commit"), "abc");
    assert_string_equal(ask("HGET run:r1 truncated"), "1");
    assert_int_equal(strtoll(ask("HGET run:r1 ended"), NULL, 10), fixture.now_ms);
    assert_string_equal(ask("HGET result:r1 output"), "out");
    assert_string_equal(ask("HGET meta result_bytes"), "7");
    assert_string_equal(ask("HGET drift:repo t|main"), "{\"drift\":1}");
    assert_string_equal(ask("HGET last:s good"), "r1");
    assert_string_equal(ask("HGET last:s ended"), "r1");
    assert_string_equal(ask("HGET last:s newest"), "r2");
    assert_string_equal(ask("ZCARD leases"), "0");
    assert_string_equal(step_claim(&fixture, "w", "m").run_id, "r2");
}

static void a_finish_sent_again_changes_nothing(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct finish result = {.status = RUN_CLEAN, .output = "out", .output_len = 3};
    char version[64];

    (void)state;
    step_finish_with(&fixture, &hold, &result);
    snprintf(version, sizeof version, "%s", ask("HGET run:r1 version"));
    queue_fixture_advance(&fixture, 10);
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
    assert_string_equal(ask("HGET meta result_bytes"), "3");
    assert_string_equal(ask("HGET run:r1 version"), version);
}

static void who_does_not_hold_a_run_cannot_finish_it(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    struct queue_hold other = with_nonce(hold, "other");
    struct queue_hold empty = hold;

    (void)state;
    empty.fence[0] = '\0';
    assert_int_equal(step_finish(&fixture, &other, RUN_CLEAN), HOLD_GONE);
    assert_int_equal(step_finish(&fixture, &empty, RUN_CLEAN), HOLD_GONE);
    assert_status("r1", "running");
    step_release(&fixture, &hold);
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_GONE);
    assert_status("r1", "queued");
}

static void an_error_moves_ended_but_not_good(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct finish failed = {.status = RUN_ERROR,
                                  .error_code = "STATE_LOCKED",
                                  .error_message = "locked",
                                  .drift_repo = "repo",
                                  .drift_field = "f",
                                  .drift_record = "{\"error\":1}"};

    (void)state;
    step_finish(&fixture, &hold, RUN_CLEAN);
    ask("HSET drift:repo f good");
    hold = step_running(&fixture, "r2", RUN_DRIFT_CHECK);
    step_finish_with(&fixture, &hold, &failed);
    assert_string_equal(ask("HGET last:s good"), "r1");
    assert_string_equal(ask("HGET last:s ended"), "r2");
    assert_string_equal(ask("HGET run:r2 error_code"), "STATE_LOCKED");
    assert_string_equal(ask("HGET drift:repo f"), "good");
    assert_string_equal(ask("HGET drift:repo f|error"), "{\"error\":1}");
}

static void a_good_check_takes_the_error_off_the_record(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct finish good = {.status = RUN_CLEAN,
                                .drift_repo = "repo",
                                .drift_field = "f",
                                .drift_record = "{}"};

    (void)state;
    ask("HSET drift:repo f|error old");
    step_finish_with(&fixture, &hold, &good);
    assert_string_equal(ask("HGET drift:repo f|error"), "");
    assert_string_equal(ask("HGET drift:repo f"), "{}");
}

static void a_cancelled_check_is_never_shown_as_clean(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    const struct finish clean = {.status = RUN_CLEAN,
                                 .drift_repo = "repo",
                                 .drift_field = "f",
                                 .drift_record = "{}"};

    (void)state;
    step_cancel(&fixture, "r1", false);
    assert_int_equal(step_finish_with(&fixture, &hold, &clean), HOLD_DONE);
    assert_status("r1", "cancelled");
    assert_string_equal(ask("HGET last:s ended"), "");
    assert_string_equal(ask("HGET drift:repo f"), "");
}

static void a_marked_apply_keeps_its_outcome_although_cancelled(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);

    (void)state;
    step_mark(&fixture, &hold);
    step_cancel(&fixture, "r1", true);
    assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_DONE);
    assert_status("r1", "applied");
}

static void nobody_ends_cancelled_without_a_cancel(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);
    const struct finish result = {
        .status = RUN_CANCELLED, .output = "x", .output_len = 1};
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    queue_finish(&cmd, FIXTURE_PREFIX, &hold, &result);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "cancel"));
    assert_status("r1", "running");
    assert_string_equal(ask("EXISTS result:r1"), "0");
}

static void a_move_that_the_table_does_not_have_writes_nothing(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);
    const struct finish result = {.status = RUN_SKIPPED, .output = "x", .output_len = 1};
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    queue_finish(&cmd, FIXTURE_PREFIX, &hold, &result);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err),
                           "may not move from running to skipped"));
    assert_status("r1", "running");
    assert_string_equal(ask("EXISTS result:r1"), "0");
    assert_string_equal(ask("XLEN events"), "2");
}

static void a_long_message_is_cut_not_refused(void **state)
{
    AUTO(auto_free) char *message = mem_new(1, 2 * QUEUE_SUMMARY_BYTES);
    struct queue_hold hold = running(RUN_PLAN);
    const struct finish result = {
        .status = RUN_ERROR, .error_code = "TIMEOUT", .error_message = message};

    (void)state;
    memset(message, 'm', 2 * QUEUE_SUMMARY_BYTES - 1);
    assert_int_equal(step_finish_with(&fixture, &hold, &result), HOLD_DONE);
    assert_int_equal(strtol(ask("HSTRLEN run:r1 error_message"), NULL, 10),
                     QUEUE_SUMMARY_BYTES);
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

/* ---- live output ---- */
static enum hold_outcome append(const struct queue_hold *hold, int64_t offset)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum hold_outcome out;
    struct redis_cmd cmd;
    struct err err;

    queue_log_append(&cmd, FIXTURE_PREFIX, hold, 1, offset, "line\n", 5);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_hold_reply(reply, &out, &err), 0);
    return out;
}

static void live_output_is_stored_once_in_order_and_goes_after_the_end(void **state)
{
    struct queue_hold hold = running(RUN_PLAN);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    (void)state;
    assert_int_equal(append(&hold, 0), HOLD_DONE);
    assert_int_equal(append(&hold, 0), HOLD_DONE);
    assert_int_equal(append(&hold, 5), HOLD_DONE);
    assert_string_equal(ask("XLEN log:r1"), "2");
    queue_get_log(&cmd, FIXTURE_PREFIX, "r1", "1-0", 10);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(redis_reply_count(reply), 1);
    assert_string_equal(redis_reply_text(redis_reply_at(redis_reply_at(reply, 0), 0)),
                        "1-5");
    step_finish(&fixture, &hold, RUN_CLEAN);
    assert_int_equal(append(&hold, 10), HOLD_GONE);
    assert_in_range(strtol(ask("PTTL log:r1"), NULL, 10), 590000, 600000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_heartbeat_renews_the_lease_of_the_holder_only),
        T(a_heartbeat_answers_for_each_hold_in_order),
        T(a_mark_is_given_to_the_holder_while_its_lease_lives),
        T(a_suspect_gets_no_mark_until_it_is_heard_of),
        T(no_mark_is_given_while_somebody_cancels),
        T(a_mark_asked_for_again_after_a_cancel_is_refused),
        T(no_mark_is_given_while_frozen),
        T(a_plan_cannot_be_marked),
        T(a_finish_stores_the_result_and_frees_the_target),
        T(a_finish_sent_again_changes_nothing),
        T(who_does_not_hold_a_run_cannot_finish_it),
        T(an_error_moves_ended_but_not_good),
        T(a_good_check_takes_the_error_off_the_record),
        T(a_cancelled_check_is_never_shown_as_clean),
        T(a_marked_apply_keeps_its_outcome_although_cancelled),
        T(nobody_ends_cancelled_without_a_cancel),
        T(a_move_that_the_table_does_not_have_writes_nothing),
        T(a_long_message_is_cut_not_refused),
        T(a_released_run_keeps_its_place_and_counts_no_crash),
        T(a_marked_run_is_not_released),
        T(a_run_that_is_cancelled_ends_when_it_is_released),
        T(infrastructure_is_retried_three_times_with_growing_pauses),
        T(a_retry_sent_again_is_one_retry),
        T(a_state_lock_is_waited_for_half_an_hour_uncounted),
        T(a_run_that_is_cancelled_is_not_retried),
        T(others_of_the_target_go_first_while_a_run_is_delayed),
        T(live_output_is_stored_once_in_order_and_goes_after_the_end),
    };

    return cmocka_run_group_tests_name("queue_hold", tests, group_setup, group_teardown);
}
