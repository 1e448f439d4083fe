/* What a reconcile may not do: each of these plans would be applied without its guard. A
 * shell script stands in for terraform. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "tests/support/reconcile_fixture.h"

RF_STANDS_IN

#define PLAN_BYTES ((size_t)4 * 1024 * 1024)

/* ---- maxDestroy ---- */

static void no_more_is_destroyed_than_allowed(void **state)
{
    static const struct {
        const char *actions;
        int64_t limit;
        bool refused;
    } rows[] = {
        {"\"delete\"", 0, true},
        {"\"delete\",\"create\"", 0, true},
        {"\"create\",\"delete\"", 0, true},
        {"\"delete\"", 1, false},
        {"\"delete\",\"create\"", 1, false},
        {"\"update\"", 0, false},
        {"\"create\"", 0, false},
        {"\"forget\"", 0, false},
        {"\"create\",\"forget\"", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rc_plan_has("t.n", rows[i].actions, "");
        rf_run->order.spec.max_destroy = rows[i].limit;
        rc_reconcile();
        if (!rows[i].refused)
            rc_expect_applied(rows[i].actions);
        else
            rc_expect_refused(RUN_ERR_DESTROY_REFUSED,
                              "destroys 1 resource, and maxDestroy "
                              "of this reconcile is 0");
    }
}

static void each_object_counts(void **state)
{
    AUTO(auto_free) char *one = rc_resource("t.a", "\"delete\"", "");
    AUTO(auto_free) char *two = rc_resource("t.b", "\"delete\",\"create\"", "");
    AUTO(auto_free)
    char *old = rc_resource("t.b", "\"delete\"", "\"deposed\":\"00000001\",");
    AUTO(auto_free) char *all = mem_fmt("%s,%s,%s", one, two, old);

    (void)state;
    rc_plan_is(all);
    rf_run->order.spec.max_destroy = 2;
    rc_reconcile();
    rc_expect_refused(RUN_ERR_DESTROY_REFUSED, "destroys 3 resources");
    rf_run->order.spec.max_destroy = 3;
    rc_reconcile();
    rc_expect_applied("three");
}

/* ---- protected ---- */

static void what_is_protected_is_not_touched(void **state)
{
    static const struct {
        const char *glob, *address, *actions, *more;
        bool refused;
    } rows[] = {
        {"*", "t.n", "\"update\"", "", true},
        {"t.n", "t.n", "\"delete\"", "", true},
        {"t.*", "t.n[\\\"k\\\"]", "\"delete\",\"create\"", "", true},
        {"*.n", "module.a[0].t.n", "\"forget\"", "", true},
        {"*", "t.n", "\"create\",\"forget\"", "", true},
        {"*", "t.n", "\"delete\"", "\"deposed\":\"00000001\",", true},
        {"*", "t.n", "\"what is to come\"", "", true},
        {"t.was", "t.is", "\"update\"", "\"previous_address\":\"t.was\",", true},
        {"t.was", "t.is", "\"no-op\"", "\"previous_address\":\"t.was\",", false},
        {"*", "t.n", "\"create\"", "", false},
        {"*", "data.t.n", "\"read\"", "", false},
        {"*", "t.n", "\"no-op\"", "", false},
        {"t.n", "t.nn", "\"update\"", "", false},
        {"T.N", "t.n", "\"update\"", "", false},
        {"module.a.*", "t.n", "\"delete\"", "", false},
    };

    (void)state;
    rf_run->order.spec.max_destroy = 10;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rc_plan_has(rows[i].address, rows[i].actions, rows[i].more);
        rc_protect(rows[i].glob);
        rc_reconcile();
        if (rows[i].refused)
            rc_expect_refused(RUN_ERR_PROTECTED, "which the workspace protects");
        else
            rc_expect_applied(rows[i].address);
    }
}

static void the_first_one_is_named(void **state)
{
    AUTO(auto_free) char *new = rc_resource("db.new", "\"create\"", "");
    AUTO(auto_free) char *one = rc_resource("db.one", "\"update\"", "");
    AUTO(auto_free) char *two = rc_resource("db.two", "\"update\"", "");
    AUTO(auto_free) char *all = mem_fmt("%s,%s,%s", new, one, two);

    (void)state;
    rc_plan_is(all);
    rc_protect("db.*");
    rc_reconcile();
    rc_expect_refused(RUN_ERR_PROTECTED, "touches db.one, which");
}

/* 99 bytes, then characters of two: the cut would be in the middle of one. */
static void a_long_address_is_cut_between_characters(void **state)
{
    const char *message;
    char address[400];

    (void)state;
    memset(address, 'a', 99);
    for (size_t i = 99; i + 2 < sizeof address; i += 2)
        memcpy(address + i, "\xC3\xA9", 3);
    rc_plan_has(address, "\"update\"", "");
    rc_protect("*");
    rc_reconcile();
    rc_expect_refused(RUN_ERR_PROTECTED, "a\xE2\x80\xA6, which");
    message = rf_run->outcome.error_message;
    assert_true(parse_is_utf8(message, strlen(message)));
}

/* ---- what was not looked at ---- */

/* More than the report lists; the last one counts as the first does. */
static void what_the_report_leaves_out_is_judged_too(void **state)
{
    static const char *const last[] = {"\"delete\"", "\"update\""};
    static const enum run_error errors[] = {RUN_ERR_DESTROY_REFUSED, RUN_ERR_PROTECTED};

    (void)state;
    rc_protect("t.last");
    for (size_t i = 0; i < ARRAY_LEN(last); i++) {
        AUTO(buf_done) struct buf list = BUF_INIT(PLAN_BYTES);
        AUTO(auto_free) char *end = rc_resource("t.last", last[i], "");
        AUTO(auto_free) char *other = rc_resource("t.other", "\"update\"", "");

        for (size_t n = 0; n < REPORT_RESOURCES_MAX; n++)
            buf_fmt(&list, "%s,", other);
        buf_str(&list, end);
        rc_plan_is(buf_text(&list));
        rc_reconcile();
        rc_expect_refused(errors[i], "Nothing was applied");
    }
}

static void a_plan_that_cannot_be_read_is_refused(void **state)
{
    (void)state;
    rf_run->order.spec.max_destroy = 100000;
    rc_script("head -c 270000000 /dev/zero", ":");
    rc_reconcile();
    rc_expect_refused(RUN_ERR_OUTPUT_TOO_LARGE, "Nothing was applied");
}

/* ---- what is said about it ---- */

static void the_plan_of_a_refused_reconcile_is_told(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *summary = NULL;
    AUTO(auto_json) cJSON *record = NULL;

    (void)state;
    rc_plan_has("t.n", "\"delete\"", "");
    rc_reconcile();
    rc_expect_refused(RUN_ERR_DESTROY_REFUSED, "allow that many");
    assert_false(rf_run->outcome.retry);
    rf_expect_part("output.z", "Plan: 0 to add");
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "toDestroy", -1), 1);
    assert_int_equal(cJSON_GetArraySize(json_get(meta, "driftedResources")), 1);
    assert_null(json_get(meta, "driftAfter"));
    summary = rf_parse(rf_run->outcome.summary);
    assert_int_equal(json_int(summary, "toDestroy", -1), 1);
    record = rf_parse(rf_run->outcome.drift_record);
    assert_string_equal(json_string(record, "status"), "drift_detected");
    assert_int_equal(json_int(record, "toDestroy", -1), 1);
    assert_true(json_bool(record, "hasChanges", false));
    assert_null(json_get(record, "error"));
}

/* Nothing was applied: its plan says what there is, as that of any other that was
 * refused. */
static void the_plan_of_a_frozen_reconcile_is_told(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *record = NULL;
    pid_t pid;

    (void)state;
    rc_plan_has("t.n", "\"update\"", "");
    pid = af_start();
    af_await_ask(1);
    af_tell("no 1 frozen");
    test_run_wait(rf_run, pid);
    rf_expect_error(RUN_ERR_FROZEN, "frozen");
    assert_false(rc_was_applied());
    assert_true(rf_run->outcome.found);
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "toChange", -1), 1);
    assert_non_null(json_string(meta, "driftFingerprint"));
    record = rf_parse(rf_run->outcome.drift_record);
    assert_string_equal(json_string(record, "status"), "drift_detected");
}

/* The state is looked at first: who has lost it is not sent to look for other drift. */
static void a_lost_state_comes_before_drift_that_has_moved(void **state)
{
    (void)state;
    rc_plan_has("t.n", "\"create\"", "");
    rc_state_has("before.state", 0);
    rf_run->order.resources = 3;
    rf_run->order.spec.expected_drift = mem_dup("0123456789abcdef0123456789abcdef");
    rc_reconcile();
    rc_expect_refused(RUN_ERR_EMPTY_STATE, "is empty");
}

/* Its code is empty as well, or nothing would be planned. */
static void an_empty_state_of_which_nothing_is_planned_is_clean(void **state)
{
    (void)state;
    rc_plan_has("t.n", "\"create\"", "");
    test_run_put_shared(rf_run, "clean", "");
    rc_state_has("before.state", 0);
    rf_run->order.resources = 3;
    rc_reconcile();
    rf_expect_status(RUN_CLEAN);
}

static void the_plan_of_a_protected_reconcile_is_told(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    rc_plan_has("t.n", "\"update\"", "");
    rc_protect("*");
    rc_reconcile();
    rc_expect_refused(RUN_ERR_PROTECTED, "touches t.n");
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "toChange", -1), 1);
    assert_true(rf_run->outcome.found);
}

static void an_apply_that_somebody_asked_for_has_no_limits(void **state)
{
    (void)state;
    rf_run->order.spec.kind = RUN_APPLY;
    rc_plan_has("t.n", "\"delete\"", "");
    rc_protect("*");
    rc_reconcile();
    rc_expect_applied("an apply");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rc_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_more_is_destroyed_than_allowed),
        TEST(each_object_counts),
        TEST(what_is_protected_is_not_touched),
        TEST(the_first_one_is_named),
        TEST(a_long_address_is_cut_between_characters),
        TEST(what_the_report_leaves_out_is_judged_too),
        TEST(a_plan_that_cannot_be_read_is_refused),
        TEST(the_plan_of_a_refused_reconcile_is_told),
        TEST(the_plan_of_a_protected_reconcile_is_told),
        TEST(the_plan_of_a_frozen_reconcile_is_told),
        TEST(a_lost_state_comes_before_drift_that_has_moved),
        TEST(an_empty_state_of_which_nothing_is_planned_is_clean),
        TEST(an_apply_that_somebody_asked_for_has_no_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
