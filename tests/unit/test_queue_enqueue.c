/* The queue, where runs come in: enqueue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/registry/registry.h"
#include "tests/support/queue_group.h"

/* ---- enqueue ---- */
static void a_new_run_is_queued_and_its_target_ready(void **state)
{
    const struct enqueue req = step_check("r1");

    (void)state;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    assert_status("r1", "queued");
    assert_string_equal(ask("ZSCORE q:t r1"), "1");
    assert_int_equal(strtoll(ask("ZSCORE ready t"), NULL, 10),
                     fixture.now_ms - run_trigger_credit_ms(TRIGGER_API));
    assert_string_equal(ask("HGET last:s newest"), "r1");
    assert_string_equal(ask("HGET waiting "), "1");
    assert_string_equal(ask("ZCARD wake"), "1");
    assert_string_equal(ask("XLEN events"), "1");
}

static void the_same_call_sent_again_finds_its_own_run(void **state)
{
    const struct enqueue req = step_check("r1");
    struct enqueued again;

    (void)state;
    step_enqueue(&fixture, &req);
    again = step_enqueued(&fixture, &req);
    assert_int_equal(again.outcome, ENQUEUE_REPLAYED);
    assert_string_equal(again.run_id, "r1");
    assert_string_equal(ask("ZCARD q:t"), "1");
}

static void an_idempotency_key_gives_the_same_run_to_another_call(void **state)
{
    struct enqueue req = step_check("r1");
    struct enqueued again;

    (void)state;
    req.idem = "key";
    req.idem_body = "body one";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    req.run_id = "r2";
    again = step_enqueued(&fixture, &req);
    assert_int_equal(again.outcome, ENQUEUE_REPLAYED);
    assert_string_equal(again.run_id, "r1");
    assert_status("r2", "none");
    assert_true(strtol(ask("PTTL idem:key"), NULL, 10) > 86390000);
}

static void an_idempotency_key_with_another_body_is_a_mismatch(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.idem = "key";
    req.idem_body = "one";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    req.idem_body = "two";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_IDEM_MISMATCH);
    assert_status("r2", "none");
}

static void an_equal_check_joins_the_queued_one_and_leaves_nothing_behind(void **state)
{
    struct enqueue req = step_check("r1");
    struct enqueued joined;

    (void)state;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    joined = step_enqueued(&fixture, &req);
    assert_int_equal(joined.outcome, ENQUEUE_COALESCED);
    assert_true(joined.coalesced);
    assert_string_equal(joined.run_id, "r1");
    assert_string_equal(ask("EXISTS run:r2 idem:r2 idem:"), "0");
    step_claim(&fixture, "w", "n");
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_check_that_joins_binds_its_idempotency_key(void **state)
{
    struct enqueue req = step_check("r1");
    struct enqueued again;

    (void)state;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    req.idem = "key";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_COALESCED);
    step_claim(&fixture, "w", "n");
    req.run_id = "r3";
    again = step_enqueued(&fixture, &req);
    assert_int_equal(again.outcome, ENQUEUE_REPLAYED);
    assert_true(again.coalesced);
    assert_string_equal(again.run_id, "r1");
}

static void a_person_who_joins_raises_a_schedules_check(void **state)
{
    struct enqueue req = step_check("slow");
    struct enqueue other = step_check("other");

    (void)state;
    req.trigger = TRIGGER_SCHEDULE;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    other.target = "other";
    other.trigger = TRIGGER_WEBHOOK;
    step_enqueue(&fixture, &other);
    req.run_id = "person";
    req.trigger = TRIGGER_API;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_COALESCED);
    assert_string_equal(step_claim(&fixture, "w", "n1").run_id, "slow");
    assert_string_equal(step_claim(&fixture, "w", "n2").run_id, "other");
}

static void a_running_check_is_not_joined(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    step_claim(&fixture, "w", "n");
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_cancelled_or_delayed_check_is_not_joined(void **state)
{
    struct enqueue req = step_check("r1");
    struct queue_hold hold;

    (void)state;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    step_cancel(&fixture, "r1", false);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    hold = step_claim(&fixture, "w", "n");
    assert_int_equal(step_retry(&fixture, &hold, RETRY_INFRASTRUCTURE), HOLD_DONE);
    req.run_id = "r3";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void plans_never_join(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.kind = RUN_PLAN;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_changed_project_is_told_before_anything_is_written(void **state)
{
    struct enqueue req = step_check("r1");
    char key[SIGN_ID_BYTES];

    (void)state;
    registry_project_key("p", key);
    ask("HSET project:%s revision 7", key);
    req.project_id = "p";
    req.registry_revision = 6;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_MOVED);
    assert_status("r1", "none");
    req.registry_revision = 7;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_deleted_project_is_told_as_moved(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.project_id = "p";
    req.registry_revision = 0;
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_MOVED);
}

static void more_than_the_limit_do_not_wait(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.max_queued = 1;
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_FULL);
    step_claim(&fixture, "w", "n");
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_project_has_a_limit_of_its_own(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.max_queued_project = 1;
    req.project_id = "p";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_FULL_PROJECT);
    req.project_id = "q";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
    step_cancel(&fixture, "r1", false);
    req.run_id = "r3";
    req.project_id = "p";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_NEW);
}

static void a_joining_check_is_let_in_at_the_limit(void **state)
{
    struct enqueue req = step_check("r1");

    (void)state;
    req.max_queued = 1;
    req.fingerprint = "f";
    step_enqueue(&fixture, &req);
    req.run_id = "r2";
    assert_int_equal(step_enqueue(&fixture, &req), ENQUEUE_COALESCED);
}

static void a_spec_above_64_kib_is_refused_whole(void **state)
{
    AUTO(auto_free) char *spec = mem_new(1, QUEUE_SPEC_BYTES + 2);
    struct enqueue req = step_check("r1");
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    memset(spec, 'x', QUEUE_SPEC_BYTES + 1);
    req.spec = spec;
    queue_enqueue(&cmd, FIXTURE_PREFIX, &req);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "64 KiB"));
    assert_int_equal(err.kind, ERR_PERM);
    assert_status("r1", "none");
}

static void with_memory_full_enqueue_is_refused_and_finish_is_not(void **state)
{
    struct queue_hold hold = step_running(&fixture, "r1", RUN_PLAN);
    const struct enqueue req = step_check("r2");
    struct redis_cmd limit;
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    for (int full = 1; full >= 0; full--) {
        redis_cmd_init(&limit);
        redis_cmd_arg(&limit, "CONFIG");
        redis_cmd_arg(&limit, "SET");
        redis_cmd_arg(&limit, "maxmemory");
        redis_cmd_arg(&limit, full ? "1" : "0");
        freeReplyObject(queue_fixture_call(&fixture, &limit));
        if (!full)
            break;
        queue_enqueue(&cmd, FIXTURE_PREFIX, &req);
        assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "memory"));
        assert_int_equal(err.kind, ERR_TEMP);
    }
    assert_status("r2", "none");
    assert_int_equal(step_finish(&fixture, &hold, RUN_CLEAN), HOLD_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE_TEST(a_new_run_is_queued_and_its_target_ready),
        QUEUE_TEST(the_same_call_sent_again_finds_its_own_run),
        QUEUE_TEST(an_idempotency_key_gives_the_same_run_to_another_call),
        QUEUE_TEST(an_idempotency_key_with_another_body_is_a_mismatch),
        QUEUE_TEST(an_equal_check_joins_the_queued_one_and_leaves_nothing_behind),
        QUEUE_TEST(a_check_that_joins_binds_its_idempotency_key),
        QUEUE_TEST(a_person_who_joins_raises_a_schedules_check),
        QUEUE_TEST(a_running_check_is_not_joined),
        QUEUE_TEST(a_cancelled_or_delayed_check_is_not_joined),
        QUEUE_TEST(plans_never_join),
        QUEUE_TEST(a_changed_project_is_told_before_anything_is_written),
        QUEUE_TEST(a_deleted_project_is_told_as_moved),
        QUEUE_TEST(more_than_the_limit_do_not_wait),
        QUEUE_TEST(a_project_has_a_limit_of_its_own),
        QUEUE_TEST(a_joining_check_is_let_in_at_the_limit),
        QUEUE_TEST(a_spec_above_64_kib_is_refused_whole),
        QUEUE_TEST(with_memory_full_enqueue_is_refused_and_finish_is_not),
    };

    return cmocka_run_group_tests_name("queue_enqueue", tests, queue_group_setup,
                                       queue_group_teardown);
}
