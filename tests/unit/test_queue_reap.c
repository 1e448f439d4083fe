/* The queue: what happens when workers are lost and come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/scripts.h"
#include "tests/support/queue_group.h"

#define HOUR_MS INT64_C(3600000)
#define LOSS_MS (QUEUE_LEASE_MS + QUEUE_GRACE_MS)

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

/* The scripts as the programs load them: nothing replaced. */
static int64_t call_embedded(struct redis *redis, struct redis_cmd *cmd, size_t at)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct err err = {0};
    int result = redis_call(redis, cmd, 1000, &reply, &err);

    redis_cmd_done(cmd);
    if (result < 0)
        fail_msg("%s", err.message);
    return redis_reply_int(redis_reply_at(reply, at), -1);
}

static void embedded_scripts_go_by_redis_own_clock_and_uptime(void **state)
{
    struct redis *redis =
        redis_new(&fixture.server.address, FIXTURE_PREFIX, scripts_all, 5000);
    const struct enqueue req = step_check("r1");
    int64_t lease_ms;
    struct redis_cmd cmd;

    (void)state;
    queue_enqueue(&cmd, FIXTURE_PREFIX, &req);
    call_embedded(redis, &cmd, 2);
    queue_claim(&cmd, FIXTURE_PREFIX, "w", "n");
    call_embedded(redis, &cmd, 0);
    lease_ms = strtoll(ask("ZSCORE leases r1"), NULL, 10) - clock_wall_ms();
    assert_in_range(lease_ms, QUEUE_LEASE_MS - 5000, QUEUE_LEASE_MS);
    ask("ZREM leases r1");
    ask("ZADD suspects 1 r1");
    ask("HSET meta reaping_since 1 reaped_at %lld", (long long)clock_wall_ms() - 100);
    queue_reap(&cmd, FIXTURE_PREFIX);
    assert_int_equal(call_embedded(redis, &cmd, 2), 1);
    assert_string_equal(ask("HGET run:r1 crashes"), "0");
    redis_free(redis);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: Redis is up for less than a minute. */
        QUEUE_TEST(embedded_scripts_go_by_redis_own_clock_and_uptime),
        QUEUE_TEST(a_lost_worker_is_suspected_then_its_run_waits_again),
        QUEUE_TEST(a_suspect_that_is_heard_of_goes_on),
        QUEUE_TEST(the_third_crash_is_the_last),
        QUEUE_TEST(no_crash_is_counted_in_redis_first_minute),
        QUEUE_TEST(a_lost_run_that_is_being_cancelled_ends_cancelled),
        QUEUE_TEST(a_redis_that_stood_still_reaps_nobody_who_is_alive),
        QUEUE_TEST(a_redis_that_stood_still_still_reaps_the_dead),
        QUEUE_TEST(a_clock_set_back_does_not_keep_a_lease_alive),
        QUEUE_TEST(reaping_takes_a_hundred_at_a_time),
        QUEUE_TEST(a_lost_marked_apply_becomes_an_orphan_and_keeps_its_target),
        QUEUE_TEST(an_orphan_is_finished_late_by_its_owner),
        QUEUE_TEST(an_orphan_cannot_end_as_anything_but_applied_or_error),
        QUEUE_TEST(a_person_resolves_an_orphan_when_its_owner_is_silent),
        QUEUE_TEST(force_resolves_while_the_owner_lives_who_then_leaves_a_note),
        QUEUE_TEST(a_resolve_that_is_sent_again_is_answered_again),
        QUEUE_TEST(an_owner_that_comes_back_holds_its_orphan_again),
        QUEUE_TEST(an_apply_whose_claim_was_lost_is_held_again),
        QUEUE_TEST(a_hold_that_was_given_back_is_not_reasserted),
        QUEUE_TEST(nobody_reasserts_a_target_that_another_has),
        QUEUE_TEST(a_delayed_run_is_promoted_when_it_is_due),
    };

    return cmocka_run_group_tests_name("queue_reap", tests, queue_group_setup,
                                       queue_group_teardown);
}
