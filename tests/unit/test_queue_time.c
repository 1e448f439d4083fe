/* The queue: what happens when time passes and workers are lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/support/queue_steps.h"

#define HOUR_MS  INT64_C(3600000)
#define DAY_MS   (24 * HOUR_MS)
#define LOSS_MS  (QUEUE_LEASE_MS + QUEUE_GRACE_MS)
#define KEEP_ALL 1000000

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

/* ---- reap ---- */
static void a_lost_worker_is_suspected_then_its_run_waits_again(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    struct queue_reaped reaped;

    (void)state;
    reaped = step_reap_for(&fixture, QUEUE_LEASE_MS);
    assert_int_equal(reaped.moved, 0);
    reaped = step_reap_for(&fixture, 1000);
    assert_int_equal(reaped.suspected, 1);
    assert_status("r1", "running");
    reaped = step_reap_for(&fixture, QUEUE_GRACE_MS + 1000);
    assert_int_equal(reaped.requeued, 1);
    assert_status("r1", "queued");
    assert_string_equal(ask("HGET run:r1 crashes"), "1");
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).state, HOLD_LOST);
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_GONE);
    assert_string_equal(step_claim(&fixture, "v", "m").run_id, "r1");
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_GONE);
}

static void a_suspect_that_is_heard_of_goes_on(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);

    (void)state;
    step_reap_for(&fixture, QUEUE_LEASE_MS + QUEUE_GRACE_MS);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).state, HOLD_OK);
    assert_int_equal(step_reap_for(&fixture, QUEUE_LEASE_MS).moved, 0);
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
}

static void the_third_crash_is_the_last(void **state)
{
    (void)state;
    running(RUN_DRIFT_CHECK);
    for (int i = 1; i < QUEUE_CRASHES_MAX; i++) {
        char nonce[2] = {(char)('a' + i), '\0'};

        assert_int_equal(lose_the_worker().requeued, 1);
        assert_string_equal(step_claim(&fixture, "w", nonce).run_id, "r1");
    }
    assert_int_equal(lose_the_worker().lost, 1);
    assert_status("r1", "error");
    assert_string_equal(ask("HGET run:r1 error_code"), "WORKER_LOST");
    assert_string_equal(ask("HGET last:s ended"), "r1");
    assert_string_equal(ask("ZCARD dead"), "1");
}

static void no_crash_is_counted_in_redis_first_minute(void **state)
{
    (void)state;
    queue_fixture_uptime(&fixture, 59);
    running(RUN_DRIFT_CHECK);
    assert_int_equal(lose_the_worker().requeued, 1);
    assert_string_equal(ask("HGET run:r1 crashes"), "0");
}

static void a_lost_run_that_is_being_cancelled_ends_cancelled(void **state)
{
    (void)state;
    running(RUN_DRIFT_CHECK);
    step_cancel(&fixture, "r1", false);
    assert_int_equal(lose_the_worker().cancelled, 1);
    assert_status("r1", "cancelled");
}

static void a_redis_that_stood_still_reaps_nobody_who_is_alive(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);
    struct queue_reaped reaped;

    (void)state;
    step_reap_for(&fixture, QUEUE_LEASE_MS + 2000);
    queue_fixture_advance(&fixture, HOUR_MS);
    reaped = step_reap(&fixture);
    assert_int_equal(reaped.requeued, 0);
    reaped = step_reap_for(&fixture, QUEUE_GRACE_MS - 1000);
    assert_int_equal(reaped.requeued, 0);
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).state, HOLD_OK);
    assert_int_equal(step_reap_for(&fixture, QUEUE_LEASE_MS).moved, 0);
}

static void a_redis_that_stood_still_still_reaps_the_dead(void **state)
{
    (void)state;
    running(RUN_DRIFT_CHECK);
    queue_fixture_advance(&fixture, HOUR_MS);
    assert_int_equal(step_reap_for(&fixture, QUEUE_GRACE_MS + 2000).requeued, 1);
}

static void a_clock_set_back_does_not_keep_a_lease_alive(void **state)
{
    (void)state;
    queue_fixture_advance(&fixture, HOUR_MS);
    running(RUN_DRIFT_CHECK);
    queue_fixture_advance(&fixture, -HOUR_MS);
    assert_int_equal(lose_the_worker().requeued, 1);
}

static void reaping_takes_a_hundred_at_a_time(void **state)
{
    (void)state;
    for (int i = 0; i < 150; i++) {
        char id[24];
        struct enqueue req = step_check(id);

        snprintf(id, sizeof id, "r%d", i);
        req.target = id;
        step_enqueue(&fixture, &req);
        step_claim(&fixture, "w", id);
    }
    step_reap(&fixture);
    queue_fixture_advance(&fixture, QUEUE_LEASE_MS + 1);
    assert_int_equal(step_reap(&fixture).moved, 100);
    assert_int_equal(step_reap(&fixture).moved, 50);
    assert_int_equal(step_reap(&fixture).moved, 0);
}

/* ---- orphans ---- */
static void a_lost_marked_apply_becomes_an_orphan_and_keeps_its_target(void **state)
{
    const struct enqueue next = step_check("r2");

    (void)state;
    orphan();
    step_enqueue(&fixture, &next);
    assert_status("r1", "orphaned");
    assert_string_equal(ask("HGET run:r1 error_code"), "INTERRUPTED");
    assert_string_equal(ask("HGET active t"), "r1");
    assert_string_equal(ask("ZCARD orphans"), "1");
    assert_string_equal(ask("ZSCORE ended r1"), ask("ZSCORE orphans r1"));
    assert_int_equal(step_claim_outcome(&fixture, "v", "m"), CLAIM_NONE);
    assert_int_equal(step_cancel(&fixture, "r1", true), CANCEL_ENDED);
}

static void an_orphan_is_finished_late_by_its_owner(void **state)
{
    const struct enqueue next = step_check("r2");
    struct queue_hold hold = orphan();
    struct queue_hold other = hold;

    (void)state;
    step_enqueue(&fixture, &next);
    snprintf(other.nonce, sizeof other.nonce, "other");
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).state, HOLD_ORPHANED);
    assert_int_equal(step_finish(&fixture, &other, RUN_APPLIED), HOLD_GONE);
    assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_DONE);
    assert_status("r1", "applied");
    assert_string_equal(ask("HGET run:r1 error_code"), "");
    assert_string_equal(ask("ZCARD orphans"), "0");
    assert_string_equal(ask("ZCARD ended"), "1");
    assert_string_equal(step_claim(&fixture, "v", "m").run_id, "r2");
}

static void an_orphan_cannot_end_as_anything_but_applied_or_error(void **state)
{
    struct queue_hold hold = orphan();

    (void)state;
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
    assert_status("r1", "error");
    assert_string_equal(ask("HGET run:r1 error_code"), "INTERRUPTED");
}

static void a_person_resolves_an_orphan_when_its_owner_is_silent(void **state)
{
    const struct enqueue next = step_check("r2");
    struct queue_hold hold = orphan();

    (void)state;
    step_enqueue(&fixture, &next);
    step_heartbeat(&fixture, "w", &hold);
    assert_int_equal(step_resolve(&fixture, "r1", RUN_APPLIED, false),
                     RESOLVE_OWNER_ALIVE);
    assert_status("r1", "orphaned");
    queue_fixture_advance(&fixture, QUEUE_ALIVE_MS);
    assert_int_equal(step_resolve(&fixture, "r1", RUN_APPLIED, false), RESOLVE_DONE);
    assert_status("r1", "applied");
    assert_string_equal(ask("HGET run:r1 resolve_reason"), "looked at it");
    assert_string_equal(step_claim(&fixture, "v", "m").run_id, "r2");
    assert_int_equal(step_resolve(&fixture, "r1", RUN_ERROR, true), RESOLVE_NOT_ORPHAN);
    assert_int_equal(step_resolve(&fixture, "no", RUN_ERROR, true), RESOLVE_UNKNOWN);
}

static void force_resolves_while_the_owner_lives_who_then_leaves_a_note(void **state)
{
    struct queue_hold hold = orphan();

    (void)state;
    step_heartbeat(&fixture, "w", &hold);
    assert_int_equal(step_resolve(&fixture, "r1", RUN_ERROR, true), RESOLVE_DONE);
    assert_string_equal(ask("HGET run:r1 error_message"), "looked at it");
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).state, HOLD_LOST);
    assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_GONE);
    assert_status("r1", "error");
    assert_string_equal(ask("HGET run:r1 note"), "applied  ");
}

static void a_resolve_that_is_sent_again_is_answered_again(void **state)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    (void)state;
    orphan();
    queue_resolve(&cmd, FIXTURE_PREFIX, "r1", RUN_ERROR, "", false);
    for (int i = 0; i < 2; i++) {
        AUTO(redis_reply_free)
        struct redisReply *reply = queue_fixture_send(&fixture, &cmd);

        assert_string_equal(redis_reply_text(reply), "done");
    }
}

/* ---- reassert ---- */
static void an_owner_that_comes_back_holds_its_orphan_again(void **state)
{
    struct queue_hold hold = orphan();
    struct queue_hold other = hold;

    (void)state;
    snprintf(other.nonce, sizeof other.nonce, "other");
    assert_int_equal(step_reassert(&fixture, "v", &other), HOLD_GONE);
    assert_int_equal(step_reassert(&fixture, "w", &hold), HOLD_DONE);
    assert_int_equal(step_reassert(&fixture, "w", &hold), HOLD_DONE);
    assert_status("r1", "running");
    assert_string_equal(ask("HGET run:r1 error_code"), "");
    assert_string_equal(ask("ZCARD orphans"), "0");
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).state, HOLD_OK);
    assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_DONE);
    assert_int_equal(step_reassert(&fixture, "w", &hold), HOLD_GONE);
}

/* As after a Redis that lost the claim and the mark: the run is queued. */
static void an_apply_whose_claim_was_lost_is_held_again(void **state)
{
    const struct queue_hold hold = {.run_id = "r1", .fence = "9-9", .nonce = "n"};
    struct enqueue req = step_check("r1");

    (void)state;
    req.kind = RUN_APPLY;
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    step_enqueue(&fixture, &req);
    assert_int_equal(step_reassert(&fixture, "w", &hold), HOLD_DONE);
    assert_status("r1", "running");
    assert_string_equal(ask("HGET run:r1 marked"), "1");
    assert_string_equal(ask("HGET active t"), "r1");
    assert_string_equal(ask("ZCARD ready"), "0");
    assert_string_equal(ask("HGET waiting "), "1");
    assert_int_equal(step_claim_outcome(&fixture, "v", "m"), CLAIM_NONE);
    assert_int_equal(step_finish(&fixture, &hold, RUN_APPLIED), HOLD_DONE);
    assert_string_equal(step_claim(&fixture, "v", "k").run_id, "r2");
}

static void a_hold_that_was_given_back_is_not_reasserted(void **state)
{
    struct queue_hold hold = running(RUN_APPLY);

    (void)state;
    step_release(&fixture, &hold);
    assert_int_equal(step_reassert(&fixture, "w", &hold), HOLD_GONE);
    assert_status("r1", "queued");
}

static void nobody_reasserts_a_target_that_another_has(void **state)
{
    const struct queue_hold stale = {.run_id = "r2", .fence = "9-9", .nonce = "n"};
    const struct enqueue req = step_check("r2");

    (void)state;
    running(RUN_APPLY);
    step_enqueue(&fixture, &req);
    assert_int_equal(step_reassert(&fixture, "w", &stale), HOLD_GONE);
    assert_status("r2", "queued");
    assert_string_equal(ask("HGET active t"), "r1");
}

/* ---- promote ---- */
static void a_delayed_run_is_promoted_when_it_is_due(void **state)
{
    struct queue_hold hold = running(RUN_DRIFT_CHECK);

    (void)state;
    step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE);
    fixture.now_ms = strtoll(ask("ZSCORE delayed r1"), NULL, 10) - 1;
    assert_int_equal(step_promote(&fixture), 0);
    assert_string_equal(ask("HGET waiting "), "0");
    queue_fixture_advance(&fixture, 1);
    assert_int_equal(step_promote(&fixture), 1);
    assert_status("r1", "queued");
    assert_string_equal(ask("HGET waiting "), "1");
    assert_string_equal(ask("ZCARD ready"), "1");
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
    assert_string_equal(ask("HLEN active"), "1");
    assert_string_equal(ask("ZCARD suspects"), "1");
    assert_string_equal(ask("ZCARD leases"), "0");
    assert_string_equal(ask("ZCARD orphans"), "0");
    assert_string_equal(ask("ZCARD ready"), "0");
    assert_int_equal(step_heartbeat(&fixture, "w", &hold).state, HOLD_OK);
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
    assert_string_equal(step_claim(&fixture, "w", "m").run_id, "r2");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_lost_worker_is_suspected_then_its_run_waits_again),
        T(a_suspect_that_is_heard_of_goes_on),
        T(the_third_crash_is_the_last),
        T(no_crash_is_counted_in_redis_first_minute),
        T(a_lost_run_that_is_being_cancelled_ends_cancelled),
        T(a_redis_that_stood_still_reaps_nobody_who_is_alive),
        T(a_redis_that_stood_still_still_reaps_the_dead),
        T(a_clock_set_back_does_not_keep_a_lease_alive),
        T(reaping_takes_a_hundred_at_a_time),
        T(a_lost_marked_apply_becomes_an_orphan_and_keeps_its_target),
        T(an_orphan_is_finished_late_by_its_owner),
        T(an_orphan_cannot_end_as_anything_but_applied_or_error),
        T(a_person_resolves_an_orphan_when_its_owner_is_silent),
        T(force_resolves_while_the_owner_lives_who_then_leaves_a_note),
        T(a_resolve_that_is_sent_again_is_answered_again),
        T(an_owner_that_comes_back_holds_its_orphan_again),
        T(an_apply_whose_claim_was_lost_is_held_again),
        T(a_hold_that_was_given_back_is_not_reasserted),
        T(nobody_reasserts_a_target_that_another_has),
        T(a_delayed_run_is_promoted_when_it_is_due),
        T(trim_keeps_the_newest_of_a_scope_by_count),
        T(trim_touches_nothing_younger_than_25_hours),
        T(trim_keeps_by_days_but_always_the_newest),
        T(trim_keeps_the_last_good_check_however_old),
        T(trim_never_takes_a_run_that_has_not_ended),
        T(trim_drops_the_oldest_outputs_above_the_limit),
        T(fsck_repairs_what_no_invariant_allows),
    };

    return cmocka_run_group_tests_name("queue_time", tests, group_setup, group_teardown);
}
