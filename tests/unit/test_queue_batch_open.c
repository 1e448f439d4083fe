/* Batches in the queue: how they are opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/queue_batch_steps.h"
#include "tests/support/queue_group.h"

#define assert_batch(was) assert_string_equal(step_batch_state(&fixture, "b"), was)

static int setup(void **state)
{
    step_worker_new();
    return queue_test_setup(state);
}

#define BATCH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, queue_test_teardown)

static enum enqueue_outcome open_batch(const struct batch_open *open)
{
    return step_batch_open(&fixture, open).outcome;
}

static void a_batch_begins_as_a_resolve_run_that_waits(void **state)
{
    const struct batch_open open = step_batch();
    const struct enqueued got = step_batch_open(&fixture, &open);
    struct queue_hold hold;

    (void)state;
    assert_int_equal(got.outcome, ENQUEUE_NEW);
    assert_string_equal(got.run_id, "b");
    assert_batch("queued 0 0 0 0");
    assert_string_equal(ask("HGET run:r batch"), "b");
    assert_string_equal(ask("HGET run:r index"), "-1");
    assert_string_equal(ask("GET spec:r"), open.resolve_spec);
    assert_string_equal(ask("HGET waiting "), "1");
    hold = step_claim(&fixture, "w", "n");
    assert_string_equal(hold.run_id, "r");
}

static void a_resolve_run_is_in_no_list_of_runs(void **state)
{
    const struct queue_hold hold = step_resolving(&fixture);

    (void)state;
    assert_int_equal(step_finish(&fixture, &hold, RUN_ERROR), HOLD_DONE);
    assert_string_equal(ask("EXISTS runs"), "0");
    assert_string_equal(ask("EXISTS runs:"), "0");
    assert_string_equal(ask("EXISTS scopes"), "0");
    assert_string_equal(ask("EXISTS last:"), "0");
}

static void two_batches_are_resolved_at_the_same_time(void **state)
{
    struct batch_open open = step_batch();

    (void)state;
    open_batch(&open);
    open.batch_id = "c";
    open.resolve_id = "s";
    open_batch(&open);
    assert_int_equal(step_claim_all(&fixture), 2);
}

static void a_batch_opened_again_is_the_same_batch(void **state)
{
    struct batch_open open = step_batch();

    (void)state;
    assert_int_equal(open_batch(&open), ENQUEUE_NEW);
    assert_int_equal(open_batch(&open), ENQUEUE_REPLAYED);
    assert_string_equal(ask("HGET waiting "), "1");
    assert_string_equal(ask("ZCARD batches:repo"), "1");
    assert_string_equal(step_told(&fixture, "b"), "queued ");
}

static void an_idempotency_key_gets_its_batch_again(void **state)
{
    struct batch_open open = step_batch();
    struct enqueued got;

    (void)state;
    open.idem = "key";
    open.idem_body = "body";
    open_batch(&open);
    open.batch_id = "c";
    open.resolve_id = "s";
    got = step_batch_open(&fixture, &open);
    assert_int_equal(got.outcome, ENQUEUE_REPLAYED);
    assert_string_equal(got.run_id, "b");
    assert_status("s", "none");
    open.idem_body = "other";
    assert_int_equal(open_batch(&open), ENQUEUE_IDEM_MISMATCH);
    assert_string_equal(step_batch_state(&fixture, "c"), "none");
    assert_int_equal(strtoll(ask("PTTL idem:key"), NULL, 10) > 86000000, 1);
}

static void a_full_queue_takes_no_batch(void **state)
{
    const struct batch_run runs[] = {step_run("0", 0, ""), step_run("1", 0, "")};
    struct batch_open open = step_batch();

    (void)state;
    open.max_queued = 0;
    assert_int_equal(open_batch(&open), ENQUEUE_FULL);
    open.resolve_id = open.resolve_spec = "";
    open.kind = BATCH_CHECK;
    open.project_id = "p";
    open.runs = runs;
    open.run_count = 2;
    open.max_queued = 1;
    assert_int_equal(open_batch(&open), ENQUEUE_FULL);
    open.max_queued = 2;
    open.max_queued_project = 1;
    assert_int_equal(open_batch(&open), ENQUEUE_FULL_PROJECT);
    assert_string_equal(ask("EXISTS batch:b"), "0");
    assert_status("0", "none");
    open.max_queued_project = 2;
    assert_int_equal(open_batch(&open), ENQUEUE_NEW);
}

static void a_batch_of_a_project_that_has_changed_is_not_opened(void **state)
{
    struct batch_open open = step_batch();

    (void)state;
    open.project_id = "p";
    open.registry_revision = 7;
    assert_int_equal(open_batch(&open), ENQUEUE_MOVED);
    assert_string_equal(ask("EXISTS batch:b"), "0");
    assert_status("r", "none");
}

/* A check knows its runs; they are like any other, but they belong together. */
static void a_check_begins_with_its_runs(void **state)
{
    struct batch_run runs[] = {step_run("0", 0, ""), step_run("1", 0, "")};
    struct batch_open open = step_batch();

    (void)state;
    runs[0].kind = runs[1].kind = RUN_DRIFT_CHECK;
    runs[0].project_id = runs[1].project_id = open.project_id = "p";
    open.kind = BATCH_CHECK;
    open.resolve_id = open.resolve_spec = "";
    open.runs = runs;
    open.run_count = 2;
    assert_int_equal(open_batch(&open), ENQUEUE_NEW);
    assert_batch("queued 2 2 0 0");
    assert_string_equal(ask("HGET last:1 newest"), "1");
    assert_string_equal(ask("ZCARD runs"), "2");
    assert_string_equal(step_claim(&fixture, "w", "n").run_id, "0");
    assert_batch("running 2 2 0 0");
    assert_int_equal(strtoll(ask("HGET batch:b started"), NULL, 10), fixture.now_ms);
    step_claim(&fixture, "v", "m");
    assert_string_equal(step_told(&fixture, "b"), "queued running ");
}

static void a_check_of_nothing_is_a_success_at_once(void **state)
{
    struct batch_open open = step_batch();

    (void)state;
    open.kind = BATCH_CHECK;
    open.resolve_id = open.resolve_spec = "";
    assert_int_equal(open_batch(&open), ENQUEUE_NEW);
    assert_batch("success 0 0 0 0");
    assert_string_equal(step_told(&fixture, "b"), "queued success ");
    assert_string_equal(ask("ZCARD batches_open"), "0");
}

static void with_memory_full_no_batch_is_opened_but_one_is_expanded(void **state)
{
    const struct queue_hold hold = step_resolving(&fixture);
    const struct batch_run run = step_run("0", 0, "");
    struct batch_open open = step_batch();
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    open.batch_id = "c";
    open.resolve_id = "s";
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "CONFIG");
    redis_cmd_arg(&cmd, "SET");
    redis_cmd_arg(&cmd, "maxmemory");
    redis_cmd_arg(&cmd, "1");
    freeReplyObject(queue_fixture_call(&fixture, &cmd));
    queue_batch_open(&cmd, FIXTURE_PREFIX, &open);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "memory"));
    assert_int_equal(step_expand(&fixture, &hold, &run, 1, false), HOLD_DONE);
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "CONFIG");
    redis_cmd_arg(&cmd, "SET");
    redis_cmd_arg(&cmd, "maxmemory");
    redis_cmd_arg(&cmd, "0");
    freeReplyObject(queue_fixture_call(&fixture, &cmd));
    assert_string_equal(step_batch_state(&fixture, "c"), "none");
    assert_batch("running 1 1 0 0");
}

static void a_resolve_run_never_comes_alone(void **state)
{
    struct enqueue req = step_check("alone");
    struct redis_cmd cmd;
    struct err err;

    (void)state;
    req.kind = RUN_RESOLVE;
    queue_enqueue(&cmd, FIXTURE_PREFIX, &req);
    assert_non_null(strstr(queue_fixture_refusal(&fixture, &cmd, &err), "batch"));
    assert_status("alone", "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BATCH_TEST(a_batch_begins_as_a_resolve_run_that_waits),
        BATCH_TEST(a_resolve_run_is_in_no_list_of_runs),
        BATCH_TEST(two_batches_are_resolved_at_the_same_time),
        BATCH_TEST(a_batch_opened_again_is_the_same_batch),
        BATCH_TEST(an_idempotency_key_gets_its_batch_again),
        BATCH_TEST(a_full_queue_takes_no_batch),
        BATCH_TEST(a_batch_of_a_project_that_has_changed_is_not_opened),
        BATCH_TEST(a_check_begins_with_its_runs),
        BATCH_TEST(a_check_of_nothing_is_a_success_at_once),
        BATCH_TEST(with_memory_full_no_batch_is_opened_but_one_is_expanded),
        BATCH_TEST(a_resolve_run_never_comes_alone),
    };

    return cmocka_run_group_tests_name("queue_batch_open", tests, queue_group_setup,
                                       queue_group_teardown);
}
