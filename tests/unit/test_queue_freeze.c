/* The queue's switches: a freeze keeps out what applies, and nothing else; a pause is
 * kept beside it. And what a reconcile leaves in its workspace's history. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/queue_batch_steps.h"
#include "tests/support/queue_group.h"
#include "tests/support/schedule_steps.h"

#define WHY    "the auditors are here"
#define RUN_ID "0194890e-2f00-7000-8000-aaaaaaaaaaaa"

/* ---- switches ---- */
struct seen {
    bool on;
    char reason[64], by[32];
    int64_t since_ms;
};

static struct seen read_seen(struct redis_cmd *cmd)
{
    AUTO(redis_reply_free)
    struct redisReply *reply = queue_fixture_call(&fixture, cmd);
    struct queue_switched switched;
    struct seen seen = {0};
    struct err err;

    assert_int_equal(queue_switch_reply(reply, &switched, &err), 0);
    seen.on = switched.on;
    seen.since_ms = switched.since_ms;
    snprintf(seen.reason, sizeof seen.reason, "%s", switched.reason);
    snprintf(seen.by, sizeof seen.by, "%s", switched.by);
    return seen;
}

static struct seen turn(enum queue_switch which, bool on, const char *reason,
                        const char *by)
{
    struct redis_cmd cmd;

    queue_set_switch(&cmd, FIXTURE_PREFIX, which, on, reason, by);
    return read_seen(&cmd);
}

static struct seen look(enum queue_switch which)
{
    struct redis_cmd cmd;

    queue_get_switch(&cmd, FIXTURE_PREFIX, which);
    return read_seen(&cmd);
}

static void freeze(const char *reason)
{
    turn(SWITCH_FREEZE, true, reason, "ann");
}

static void a_switch_that_was_never_turned_is_off(void **state)
{
    struct seen seen = look(SWITCH_FREEZE);

    (void)state;
    assert_false(seen.on);
    assert_string_equal(seen.reason, "");
    assert_string_equal(seen.by, "");
    assert_int_equal(seen.since_ms, 0);
}

static void a_switch_keeps_why_who_and_since_when(void **state)
{
    struct seen seen = turn(SWITCH_FREEZE, true, WHY, "ann");
    int64_t since_ms = fixture.now_ms;

    (void)state;
    assert_true(seen.on);
    assert_string_equal(seen.reason, WHY);
    assert_string_equal(seen.by, "ann");
    assert_int_equal(seen.since_ms, since_ms);
    queue_fixture_advance(&fixture, 1000);
    turn(SWITCH_FREEZE, true, "another", "bob");
    seen = look(SWITCH_FREEZE);
    assert_string_equal(seen.reason, "another");
    assert_string_equal(seen.by, "bob");
    assert_int_equal(seen.since_ms, since_ms);
    seen = turn(SWITCH_FREEZE, false, NULL, "ann");
    assert_false(seen.on);
    assert_string_equal(seen.reason, "");
    assert_int_equal(seen.since_ms, fixture.now_ms);
}

static void the_switches_are_two(void **state)
{
    (void)state;
    freeze(WHY);
    assert_false(look(SWITCH_PAUSE).on);
    turn(SWITCH_PAUSE, true, "upgrade", "ann");
    turn(SWITCH_FREEZE, false, NULL, "ann");
    assert_true(look(SWITCH_PAUSE).on);
    assert_string_equal(look(SWITCH_PAUSE).reason, "upgrade");
}

/* ---- enqueue ---- */
static struct enqueue of_kind(const char *run_id, enum run_kind kind)
{
    struct enqueue req = step_check(run_id);

    req.kind = kind;
    return req;
}

static void what_applies_is_not_let_in_while_frozen(void **state)
{
    static const enum run_kind kinds[] = {RUN_APPLY, RUN_RECONCILE};
    const struct enqueue later = of_kind("r1", RUN_APPLY);

    (void)state;
    freeze(WHY);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct enqueue req = of_kind("r1", kinds[i]);
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct enqueued out;
        struct redis_cmd cmd;
        struct err err;

        queue_enqueue(&cmd, FIXTURE_PREFIX, &req);
        reply = queue_fixture_call(&fixture, &cmd);
        assert_int_equal(queue_enqueue_reply(reply, &out, &err), 0);
        assert_int_equal(out.outcome, ENQUEUE_FROZEN);
        assert_string_equal(out.reason, WHY);
        assert_status("r1", "none");
        assert_string_equal(ask("EXISTS q:t ready runs"), "0");
    }
    turn(SWITCH_FREEZE, false, NULL, "ann");
    assert_int_equal(step_enqueue(&fixture, &later), ENQUEUE_NEW);
}

static void checks_and_plans_go_on_while_frozen(void **state)
{
    const struct enqueue check = of_kind("r1", RUN_DRIFT_CHECK);
    const struct enqueue plan = of_kind("r2", RUN_PLAN);

    (void)state;
    freeze(WHY);
    assert_int_equal(step_enqueue(&fixture, &check), ENQUEUE_NEW);
    assert_int_equal(step_enqueue(&fixture, &plan), ENQUEUE_NEW);
    assert_string_equal(step_claim(&fixture, "w", "n").run_id, "r1");
}

static void a_replay_gets_its_first_answer_while_frozen(void **state)
{
    struct enqueue req = of_kind("r1", RUN_RECONCILE);
    struct enqueued again;

    (void)state;
    req.idem = "key";
    req.idem_body = "body";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    freeze(WHY);
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_REPLAYED);
    req.run_id = "r2";
    again = step_enqueued(&fixture, &req);
    assert_int_equal(again.outcome, ENQUEUE_REPLAYED);
    assert_string_equal(again.run_id, "r1");
    req.idem_body = "other";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_IDEM_MISMATCH);
    req.idem = "";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_FROZEN);
}

static void a_refusal_uses_no_idempotency_key_up(void **state)
{
    struct enqueue req = of_kind("r1", RUN_RECONCILE);

    (void)state;
    req.idem = "key";
    freeze("");
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_FROZEN);
    turn(SWITCH_FREEZE, false, NULL, "ann");
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

/* ---- what a key has got, asked without using it ---- */
static enum enqueue_outcome found_by(const char *idem, const char *body, char *run_id)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct enqueued found;
    struct redis_cmd cmd;
    struct err err;

    queue_get_idem(&cmd, FIXTURE_PREFIX, idem);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_int_equal(queue_get_idem_reply(reply, body, &found, &err), 0);
    memcpy(run_id, found.run_id, sizeof found.run_id);
    return found.outcome;
}

static void a_key_can_be_looked_up(void **state)
{
    struct enqueue req = of_kind("r1", RUN_RECONCILE);
    char run_id[SIGN_UUID_BYTES];

    (void)state;
    req.idem = "key";
    req.idem_body = "b0d4";
    assert_int_equal(found_by("key", "b0d4", run_id), ENQUEUE_NEW);
    step_enqueue(&fixture, &req);
    assert_int_equal(found_by("key", "b0d4", run_id), ENQUEUE_REPLAYED);
    assert_string_equal(run_id, "r1");
    assert_int_equal(found_by("key", "b0d", run_id), ENQUEUE_IDEM_MISMATCH);
    assert_int_equal(found_by("other", "b0d4", run_id), ENQUEUE_NEW);
}

/* ---- batches ---- */
static enum enqueue_outcome open_batch(const struct batch_open *open)
{
    return step_batch_open(&fixture, open).outcome;
}

static void a_batch_that_applies_is_not_opened_while_frozen(void **state)
{
    struct batch_open open = step_batch();

    (void)state;
    open.kind = BATCH_REMEDIATE;
    open.applies = true;
    freeze(WHY);
    assert_int_equal(open_batch(&open), ENQUEUE_FROZEN);
    assert_string_equal(ask("EXISTS batch:b run:r batches_open"), "0");
    open.applies = false;
    assert_int_equal(open_batch(&open), ENQUEUE_NEW);
}

static void a_batch_opened_before_the_freeze_is_found_again(void **state)
{
    struct batch_open open = step_batch();

    (void)state;
    open.kind = BATCH_APPLY;
    open.applies = true;
    open.idem = "key";
    assert_int_equal(open_batch(&open), ENQUEUE_NEW);
    freeze(WHY);
    assert_int_equal(open_batch(&open), ENQUEUE_REPLAYED);
    open.batch_id = "c";
    assert_string_equal(step_batch_open(&fixture, &open).run_id, "b");
    open.idem = "";
    assert_int_equal(open_batch(&open), ENQUEUE_FROZEN);
}

/* ---- schedules ---- */
static enum fire_outcome fire(enum run_kind kind, enum fire_action action)
{
    int64_t revision = step_register(&fixture);
    struct schedule schedule = step_due(&fixture);
    const struct order order = step_order(kind, revision);

    schedule.id = step_schedule_id(0);
    return step_fire(&fixture, &(struct fire){.schedule = &schedule,
                                              .next_tick_ms = schedule.tick_ms + 3600000,
                                              .action = action,
                                              .run_id = RUN_ID,
                                              .kind = kind,
                                              .order = &order});
}

static void a_reconcile_whose_time_comes_while_frozen_is_skipped(void **state)
{
    static const enum fire_action actions[] = {FIRE_RUN, FIRE_JOIN_QUEUE};

    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        assert_int_equal(queue_test_setup(state), 0);
        freeze("no \"apply\" today");
        assert_int_equal(fire(RUN_RECONCILE, actions[i]), FIRED_SKIPPED);
        assert_status(RUN_ID, "skipped");
        assert_string_equal(
            ask("HGET run:" RUN_ID " summary"),
            "{\"summary\":\"Applies are frozen: no \\\"apply\\\" today\"}");
        assert_string_equal(ask("EXISTS q:t ready"), "0");
    }
}

static void a_check_is_fired_while_frozen(void **state)
{
    (void)state;
    freeze(WHY);
    assert_int_equal(fire(RUN_DRIFT_CHECK, FIRE_RUN), FIRED);
    assert_status(RUN_ID, "queued");
}

static void a_freeze_without_a_reason_is_one_too(void **state)
{
    (void)state;
    freeze("");
    assert_int_equal(fire(RUN_RECONCILE, FIRE_RUN), FIRED_SKIPPED);
    assert_string_equal(ask("HGET run:" RUN_ID " summary"),
                        "{\"summary\":\"Applies are frozen\"}");
}

/* ---- runs that were let in before ---- */
static void the_end_of_a_run_says_why_it_was_frozen(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_RECONCILE);
    const struct finish frozen = {.status = RUN_ERROR,
                                  .error_code = "FROZEN",
                                  .error_message = "Nothing was applied."};

    (void)state;
    freeze(WHY);
    assert_int_equal(step_mark(&fixture, &hold), HOLD_FROZEN);
    turn(SWITCH_FREEZE, false, NULL, "ann");
    assert_int_equal(step_finish_with(&fixture, &hold, &frozen), HOLD_DONE);
    assert_string_equal(ask("HGET run:r1 error_message"),
                        "Nothing was applied. The reason: " WHY);
}

static void limit_memory(const char *bytes)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "CONFIG");
    redis_cmd_arg(&cmd, "SET");
    redis_cmd_arg(&cmd, "maxmemory");
    redis_cmd_arg(&cmd, bytes);
    reply = queue_fixture_call(&fixture, &cmd);
    assert_non_null(reply);
}

static void a_freeze_holds_when_memory_is_full(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_RECONCILE);

    (void)state;
    limit_memory("1");
    freeze(WHY);
    assert_int_equal(step_mark(&fixture, &hold), HOLD_FROZEN);
    turn(SWITCH_FREEZE, false, NULL, "ann");
    assert_int_equal(step_mark(&fixture, &hold), HOLD_DONE);
    limit_memory("0");
}

/* ---- what a reconcile leaves in the history ---- */
static void the_last_reconcile_that_went_well_is_kept_in_mind(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_RECONCILE);

    (void)state;
    step_mark(&fixture, &hold);
    step_finish(&fixture, &hold, RUN_APPLIED);
    assert_string_equal(ask("HGET last:s reconciled"), "r1");
    hold = step_running(&fixture, "r2", RUN_RECONCILE);
    step_finish(&fixture, &hold, RUN_ERROR);
    assert_string_equal(ask("HGET last:s reconciled"), "r1");
    hold = step_running(&fixture, "r3", RUN_RECONCILE);
    step_finish(&fixture, &hold, RUN_CLEAN);
    assert_string_equal(ask("HGET last:s reconciled"), "r3");
    hold = step_running(&fixture, "r4", RUN_APPLY);
    step_mark(&fixture, &hold);
    step_finish(&fixture, &hold, RUN_APPLIED);
    assert_string_equal(ask("HGET last:s reconciled"), "r3");
    assert_string_equal(ask("HGET last:s good"), "");
}

static void trim_keeps_it_however_old(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_RECONCILE);

    (void)state;
    step_finish(&fixture, &hold, RUN_CLEAN);
    for (int i = 0; i < 3; i++) {
        AUTO(auto_free) char *id = mem_fmt("plan%d", i);

        hold = step_running(&fixture, id, RUN_PLAN);
        step_finish(&fixture, &hold, RUN_CLEAN);
    }
    queue_fixture_advance(&fixture, INT64_C(100) * 24 * 3600 * 1000);
    while (step_trim(&fixture, 1, 1, 0) > 0 && step_trim(&fixture, 1, 1, 0) == 100)
        ;
    assert_status("plan0", "none");
    assert_status("r1", "clean");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_switch_that_was_never_turned_is_off),
        QUEUE_TEST(a_switch_keeps_why_who_and_since_when),
        QUEUE_TEST(the_switches_are_two),
        QUEUE_TEST(what_applies_is_not_let_in_while_frozen),
        QUEUE_TEST(checks_and_plans_go_on_while_frozen),
        QUEUE_TEST(a_replay_gets_its_first_answer_while_frozen),
        QUEUE_TEST(a_refusal_uses_no_idempotency_key_up),
        QUEUE_TEST(a_key_can_be_looked_up),
        QUEUE_TEST(a_batch_that_applies_is_not_opened_while_frozen),
        QUEUE_TEST(a_batch_opened_before_the_freeze_is_found_again),
        QUEUE_TEST(a_reconcile_whose_time_comes_while_frozen_is_skipped),
        QUEUE_TEST(a_check_is_fired_while_frozen),
        QUEUE_TEST(a_freeze_without_a_reason_is_one_too),
        QUEUE_TEST(the_end_of_a_run_says_why_it_was_frozen),
        QUEUE_TEST(a_freeze_holds_when_memory_is_full),
        QUEUE_TEST(the_last_reconcile_that_went_well_is_kept_in_mind),
        QUEUE_TEST(trim_keeps_it_however_old),
    };

    return cmocka_run_group_tests_name("queue_freeze", tests, queue_group_setup,
                                       queue_group_teardown);
}
