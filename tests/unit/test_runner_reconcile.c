/* A reconcile of what somebody has seen, of a state that somebody has lost, and what is
 * said when it did not help. A shell script stands in for terraform. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/sign.h"
#include "tests/support/reconcile_fixture.h"

RF_STANDS_IN

#define OTHER_COMMIT "fedcba9876543210fedcba9876543210fedcba98"
#define CHANGE(value)                                                                    \
    "{\"address\":\"t.n\",\"mode\":\"managed\",\"type\":\"t\",\"name\":\"n\","           \
    "\"change\":{\"actions\":[\"update\"],\"before\":{\"a\":1},\"after\":{\"a\":" value  \
    "}}}"

/* What a check of the same finds; the caller frees. */
static char *seen(void)
{
    AUTO(auto_json) cJSON *meta = NULL;

    rf_run->order.spec.kind = RUN_DRIFT_CHECK;
    test_run_again(rf_run);
    test_run_go(rf_run);
    rf_run->order.spec.kind = RUN_RECONCILE;
    meta = rf_metadata();
    return mem_dup(json_string(meta, "driftFingerprint"));
}

static cJSON *record(void)
{
    assert_true(rf_run->outcome.found);
    return rf_parse(rf_run->outcome.drift_record);
}

/* ---- is it what was seen? ---- */

static void the_drift_that_was_seen_is_reconciled(void **state)
{
    (void)state;
    rc_plan_is(CHANGE("2"));
    rf_run->order.spec.expected_drift = seen();
    rf_run->order.spec.expected_commit = mem_dup(RF_COMMIT);
    assert_int_equal(strlen(rf_run->order.spec.expected_drift), SIGN_ID_BYTES - 1);
    rc_reconcile();
    rc_expect_applied("as it was seen");
}

static void another_drift_is_not(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *known = NULL;

    (void)state;
    rc_plan_is(CHANGE("2"));
    rf_run->order.spec.expected_drift = seen();
    rc_plan_is(CHANGE("3"));
    rc_reconcile();
    rc_expect_refused(RUN_ERR_DRIFT_MOVED, "finds another drift");
    meta = rf_metadata();
    assert_string_not_equal(json_string(meta, "driftFingerprint"),
                            rf_run->order.spec.expected_drift);
    known = record();
    assert_string_equal(json_string(known, "status"), "drift_detected");
}

static void no_drift_where_there_was_some_has_moved_too(void **state)
{
    AUTO(auto_json) cJSON *known = NULL;

    (void)state;
    rc_plan_is(CHANGE("2"));
    rf_run->order.spec.expected_drift = seen();
    test_run_put_shared(rf_run, "clean", "");
    rc_reconcile();
    rc_expect_refused(RUN_ERR_DRIFT_MOVED, "finds no drift");
    known = record();
    assert_string_equal(json_string(known, "status"), "clean");
}

static void another_commit_ends_it_before_the_plan(void **state)
{
    (void)state;
    rc_plan_is(CHANGE("2"));
    rf_run->order.spec.expected_commit = mem_dup(OTHER_COMMIT);
    rc_reconcile();
    rc_expect_refused(RUN_ERR_DRIFT_MOVED, "at commit " RF_COMMIT);
    assert_int_equal(af_calls("plan"), 0);
    assert_false(rf_run->outcome.found);
    assert_null(rf_run->outcome.drift_record);
}

static void what_may_destroy_anything_does(void **state)
{
    (void)state;
    rc_plan_has("t.n", "\"delete\"", "");
    rf_run->order.spec.max_destroy = RUN_DESTROY_ANY;
    rc_reconcile();
    rc_expect_applied("any number");
}

/* ---- is the state what it was? ---- */

static void a_state_that_was_lost_is_not_made_anew(void **state)
{
    AUTO(auto_json) cJSON *known = NULL;

    (void)state;
    rc_plan_has("t.n", "\"create\"", "");
    rc_state_has("before.state", 0);
    rf_run->order.resources = 3;
    rc_reconcile();
    rc_expect_refused(RUN_ERR_EMPTY_STATE, "is empty, and had 3 resources before");
    assert_int_equal(rf_run->outcome.resources, -1);
    known = record();
    assert_string_equal(json_string(known, "status"), "drift_detected");
}

static void a_state_that_is_there_or_never_was_is_no_obstacle(void **state)
{
    static const struct {
        int64_t before;
        int now;
    } rows[] = {{0, 0}, {3, 1}, {0, 2}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rc_plan_has("t.n", "\"create\"", "");
        rc_state_has("before.state", rows[i].now);
        rf_run->order.resources = rows[i].before;
        rc_reconcile();
        rc_expect_applied("a state that is as it was");
    }
}

/* What was deleted by hand is still in the state; what is imported is not there yet. */
static void the_state_counts_as_it_was_stored(void **state)
{
    (void)state;
    rc_plan_has("t.n", "\"create\"", "");
    rf_run->order.resources = 3;
    rc_state_has("before.state", 3);
    rc_state_has("before.found", 0);
    rc_reconcile();
    rc_expect_applied("all of it was deleted by hand");
    rc_state_has("before.state", 0);
    rc_state_has("before.found", 1);
    rc_reconcile();
    rf_expect_error(RUN_ERR_EMPTY_STATE, "is empty");
    assert_false(rc_was_applied());
}

/* An apply that somebody asks for is how a lost state is made anew. */
static void an_apply_of_an_empty_state_is_not_refused(void **state)
{
    (void)state;
    rf_run->order.spec.kind = RUN_APPLY;
    rc_plan_has("t.n", "\"create\"", "");
    rc_state_has("before.state", 0);
    rf_run->order.resources = 3;
    rc_reconcile();
    rc_expect_applied("an apply");
}

/* ---- what the next run is told of the state ---- */

static void who_only_looks_does_not_say_that_it_is_empty(void **state)
{
    static const struct {
        int now;
        int64_t told;
    } rows[] = {{0, -1}, {2, 2}};

    (void)state;
    rc_plan_is(CHANGE("2"));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rc_state_has("before.state", rows[i].now);
        free(seen());
        assert_int_equal(rf_run->outcome.status, RUN_DRIFT_DETECTED);
        assert_int_equal(rf_run->outcome.resources, rows[i].told);
    }
}

static void who_has_applied_says_what_is_there(void **state)
{
    static const struct {
        int after;
        bool still;
        int64_t told;
    } rows[] = {{4, false, 4}, {0, false, 0}, {4, true, 4}, {0, true, -1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].still)
            test_run_put_shared(rf_run, "still", "");
        rc_plan_is(CHANGE("2"));
        rc_state_has("before.state", 2);
        rc_state_has("after.state", rows[i].after);
        rc_reconcile();
        assert_true(rc_was_applied());
        assert_int_equal(rf_run->outcome.resources, rows[i].told);
    }
}

/* ---- did it help? ---- */

static void drift_that_is_still_there_is_no_success(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *known = NULL;

    (void)state;
    rc_plan_is(CHANGE("2"));
    test_run_put_shared(rf_run, "still", "");
    rc_reconcile();
    assert_true(rc_was_applied());
    rf_expect_error(RUN_ERR_STILL_DRIFTED, "0 to add, 1 to change, 0 to destroy");
    assert_false(rf_run->outcome.retry);
    rf_expect_part("output.z", "Plan: 0 to add");
    meta = rf_metadata();
    assert_int_equal(json_int(json_get(meta, "driftAfter"), "toChange", -1), 1);
    known = record();
    assert_string_equal(json_string(known, "status"), "drift_detected");
    assert_null(json_get(known, "error"));
}

static void an_apply_that_somebody_asked_for_is_applied_all_the_same(void **state)
{
    (void)state;
    rf_run->order.spec.kind = RUN_APPLY;
    rc_plan_is(CHANGE("2"));
    test_run_put_shared(rf_run, "still", "");
    rc_reconcile();
    rc_expect_applied("an apply");
}

static void without_a_second_plan_it_is_applied(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    rc_plan_is(CHANGE("2"));
    rc_script("if test -e $SHARED/applied; then exit 1; fi; cat $SHARED/plan.json", ":");
    test_run_put_shared(rf_run, "still", "");
    rc_reconcile();
    rc_expect_applied("not known");
    meta = rf_metadata();
    assert_true(cJSON_IsNull(json_get(meta, "driftAfter")));
    rf_expect_part("log.z", "could not be planned");
}

/* ---- what a killed terraform leaves ---- */

#define LOCK                                                                             \
    "\nError: Error acquiring the state lock\n\nLock Info:\n"                            \
    "  ID:        11111111-2222-3333-4444-555555555555\n"                                \
    "  Operation: OperationTypeApply\n  Who:       a@b\n  Created:   today\n"

static void the_lock_of_a_killed_terraform_is_named(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    rc_plan_is(CHANGE("2"));
    rc_script("cat $SHARED/plan.json", "echo done so far; kill -9 $$");
    test_run_put_shared(rf_run, "locked", LOCK);
    rc_reconcile();
    rf_expect_error(RUN_ERR_TERRAFORM_KILLED, "was killed by SIGKILL");
    rf_expect_error(RUN_ERR_TERRAFORM_KILLED,
                    "lock 11111111-2222-3333-4444-555555555555, of today");
    assert_false(rf_run->outcome.retry);
    meta = rf_metadata();
    assert_string_equal(json_string(json_get(meta, "stateLock"), "id"),
                        "11111111-2222-3333-4444-555555555555");
    rf_expect_part("apply.z", "done so far");
}

static void where_no_lock_is_left_none_is_named(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    rc_plan_is(CHANGE("2"));
    rc_script("cat $SHARED/plan.json", "kill -9 $$");
    rc_reconcile();
    rf_expect_error(RUN_ERR_TERRAFORM_KILLED, "was killed by SIGKILL");
    assert_null(strstr(rf_run->outcome.error_message, "locked"));
    meta = rf_metadata();
    assert_null(json_get(meta, "stateLock"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rc_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_drift_that_was_seen_is_reconciled),
        TEST(another_drift_is_not),
        TEST(no_drift_where_there_was_some_has_moved_too),
        TEST(another_commit_ends_it_before_the_plan),
        TEST(what_may_destroy_anything_does),
        TEST(a_state_that_was_lost_is_not_made_anew),
        TEST(a_state_that_is_there_or_never_was_is_no_obstacle),
        TEST(the_state_counts_as_it_was_stored),
        TEST(an_apply_of_an_empty_state_is_not_refused),
        TEST(who_only_looks_does_not_say_that_it_is_empty),
        TEST(who_has_applied_says_what_is_there),
        TEST(drift_that_is_still_there_is_no_success),
        TEST(an_apply_that_somebody_asked_for_is_applied_all_the_same),
        TEST(without_a_second_plan_it_is_applied),
        TEST(the_lock_of_a_killed_terraform_is_named),
        TEST(where_no_lock_is_left_none_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
