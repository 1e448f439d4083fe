/* The runner and applies: what is applied, when it may begin, what is said about it.
 * Shell scripts stand in for terraform. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/apply_fixture.h"
#include "worker/process/sandbox.h"

RF_STANDS_IN

#define APPLY_WELL "echo 'Apply complete!'; : >$SHARED/applied"

static bool in_run_dir(const char *name)
{
    AUTO(auto_free) char *path = path_join(rf_run->dir, name);

    return path_exists(path);
}

static void expect_not_applied(void)
{
    assert_int_equal(af_calls("apply"), 0);
    assert_false(in_run_dir("apply.z"));
}

/* ---- what is applied ---- */

static void the_plan_is_applied_and_then_planned_again(void **state)
{
    AUTO(auto_free) char *calls = NULL;
    AUTO(auto_free) char *output = NULL;
    const char *apply;

    (void)state;
    af_script("cat $plan >$SHARED/was; " APPLY_WELL);
    af_apply();
    rf_expect_status(RUN_APPLIED);
    assert_int_equal(rf_run->outcome.exit_code, 0);
    assert_int_equal(rf_run->outcome.error, RUN_ERR_NONE);
    calls = test_run_calls(rf_run);
    apply = strstr(calls, "\napply -input=false -no-color -lock-timeout=60s ");
    assert_non_null(apply);
    assert_non_null(strstr(apply, "/sealed/plan\n"));
    assert_true(strstr(calls, "-lock-timeout=") < apply);
    assert_non_null(strstr(apply + 1, "-lock=false"));
    assert_int_equal(af_calls("apply"), 1);
    assert_int_equal(af_calls("plan"), 2);
    output = test_run_part(rf_run, "output.z");
    assert_string_equal(output, "\nPlan: 1 to add.\n");
    rf_expect_part("apply.z", "Apply complete!\n");
    rf_expect_part("log.z", "==> apply\nApply complete!\n");
}

static void what_was_shown_is_what_is_applied(void **state)
{
    AUTO(auto_free) char *shown = NULL;
    AUTO(auto_free) char *was = NULL;

    (void)state;
    af_script("cat $plan >$SHARED/was; " APPLY_WELL);
    af_apply();
    shown = test_run_shared(rf_run, "shown");
    was = test_run_shared(rf_run, "was");
    assert_string_equal(shown, "the plan\n");
    assert_string_equal(was, shown);
}

static void terraform_cannot_write_the_sealed_plan(void **state)
{
    (void)state;
    if (sandbox_abi() == 0) {
        print_message("skipped: this kernel has no Landlock\n");
        skip();
    }
    af_script("chmod u+w $plan; echo more 2>/dev/null >>$plan && : >$SHARED/written\n"
              "rm -f $plan 2>/dev/null && : >$SHARED/removed\n" APPLY_WELL);
    af_apply();
    rf_expect_status(RUN_APPLIED);
    AUTO(auto_free) char *written = path_join(rf_run->shared, "written");
    AUTO(auto_free) char *removed = path_join(rf_run->shared, "removed");
    assert_false(path_exists(written));
    assert_false(path_exists(removed));
}

static void a_plan_without_changes_applies_nothing(void **state)
{
    AUTO(auto_json) cJSON *record = NULL;

    (void)state;
    af_script(APPLY_WELL);
    test_run_put_shared(rf_run, "applied", "");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    expect_not_applied();
    assert_false(in_run_dir("ask"));
    assert_int_equal(af_calls("plan"), 1);
    record = rf_parse(rf_run->outcome.drift_record);
    assert_string_equal(json_string(record, "status"), "clean");
}

/* Its plan had the lock, and the apply refuses one that the state has left behind. */
static void an_apply_is_not_confirmed_by_another_plan(void **state)
{
    (void)state;
    rf_run->order.spec.confirm = true;
    af_script(APPLY_WELL);
    af_apply();
    rf_expect_status(RUN_APPLIED);
    assert_int_equal(af_calls("plan"), 2);
}

static void secrets_do_not_stay(void **state)
{
    (void)state;
    af_script("test -e ${plan%/sealed/plan}/apply.log || exit 1; " APPLY_WELL);
    af_apply();
    rf_expect_status(RUN_APPLIED);
    assert_false(in_run_dir("sealed"));
    assert_false(in_run_dir("apply.log"));
    assert_false(in_run_dir("out"));
}

static void a_state_that_nobody_shares_is_refused_before_the_plan(void **state)
{
    (void)state;
    test_run_script(rf_run, "case $1 in plan) exit 2 ;; esac");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_LOCAL_STATE, "backend");
    assert_int_equal(af_calls("plan"), 0);
    rf_run->order.spec.kind = RUN_RECONCILE;
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_LOCAL_STATE, "backend");
}

/* ---- what is said about it ---- */

static void the_second_plan_is_told(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *summary = NULL;
    AUTO(auto_json) cJSON *record = NULL;
    const cJSON *after;

    (void)state;
    rf_checkout.project_name = "network";
    af_script(APPLY_WELL);
    af_apply();
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "toAdd", -1), 1);
    after = json_get(meta, "driftAfter");
    assert_string_equal(json_string(after, "summary"), "Apply completed successfully");
    assert_int_equal(json_int(after, "toAdd", -1), 0);
    assert_true(json_int(json_get(meta, "timings"), "apply", -1) >= 0);
    summary = rf_parse(rf_run->outcome.summary);
    assert_int_equal(json_int(summary, "toAdd", -1), 1);
    assert_true(json_bool(summary, "hasChanges", false));
    assert_int_equal(json_int(json_get(summary, "driftAfter"), "toAdd", -1), 0);
    record = rf_parse(rf_run->outcome.drift_record);
    assert_string_equal(json_string(record, "status"), "clean");
    assert_false(json_bool(record, "hasChanges", true));
    assert_string_equal(json_string(record, "projectName"), "network");
    assert_in_range(json_int(record, "checkedAt", -1), 1250, 1250 + RF_LONG_MS);
}

static void what_is_still_drifted_is_told(void **state)
{
    AUTO(auto_json) cJSON *summary = NULL;
    AUTO(auto_json) cJSON *record = NULL;

    (void)state;
    af_script("echo done");
    af_apply();
    rf_expect_status(RUN_APPLIED);
    summary = rf_parse(rf_run->outcome.summary);
    assert_string_equal(json_string(json_get(summary, "driftAfter"), "summary"),
                        "Plan: 1 to add, 0 to change, 0 to destroy.");
    assert_int_equal(json_int(json_get(summary, "driftAfter"), "driftedCount", -1), 1);
    record = rf_parse(rf_run->outcome.drift_record);
    assert_string_equal(json_string(record, "status"), "drift_detected");
    assert_true(json_bool(record, "hasChanges", false));
}

static void a_second_plan_that_fails_takes_nothing_back(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *summary = NULL;

    (void)state;
    af_script_after(APPLY_WELL, "echo 'Error: away'; exit 1");
    af_apply();
    rf_expect_status(RUN_APPLIED);
    assert_int_equal(rf_run->outcome.exit_code, 0);
    assert_null(rf_run->outcome.error_message);
    assert_false(rf_run->outcome.retry);
    assert_null(rf_run->outcome.drift_record);
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "toAdd", -1), 1);
    assert_true(cJSON_IsNull(json_get(meta, "driftAfter")));
    summary = rf_parse(rf_run->outcome.summary);
    assert_null(json_get(summary, "driftAfter"));
    rf_expect_part("log.z", "What the apply has left could not be planned");
    rf_expect_part("output.z", "Plan: 1 to add.");
}

static void a_failed_apply_is_an_error_with_what_it_said(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    af_script("echo 'Error: no such bucket'; exit 1");
    af_apply();
    rf_expect_error(RUN_ERR_TERRAFORM_FAILED, "terraform apply failed: no such bucket");
    assert_int_equal(rf_run->outcome.exit_code, 1);
    assert_false(rf_run->outcome.retry);
    assert_null(rf_run->outcome.drift_record);
    rf_expect_part("apply.z", "Error: no such bucket");
    rf_expect_part("output.z", "Plan: 1 to add.");
    assert_int_equal(af_calls("plan"), 1);
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "toAdd", -1), 1); /* of the plan that began */
    assert_true(json_int(json_get(meta, "timings"), "apply", -1) >= 0);
    assert_true(cJSON_IsNull(json_get(meta, "driftAfter")));
}

static void a_lock_that_somebody_took_meanwhile_is_no_retry(void **state)
{
    (void)state;
    af_script("echo 'Error: Error acquiring the state lock'; echo 'Lock Info:';"
              "echo '  ID:        128f4f10'; echo '  Who:       root@host'; exit 1");
    af_apply();
    rf_expect_error(RUN_ERR_STATE_LOCKED, "128f4f10");
    assert_false(rf_run->outcome.retry);
}

/* ---- requirements ---- */

static void requirements_are_asked_in_their_order(void **state)
{
    AUTO(auto_free) char *required = NULL;

    (void)state;
    af_script(APPLY_WELL);
    af_apply();
    required = test_run_shared(rf_run, "required");
    assert_string_equal(required, "plan\npolicies\napply\n");
}

static void what_is_not_met_is_not_applied(void **state)
{
    bool *const unmet[] = {&rf_require.plan_unmet, &rf_require.policies_unmet,
                           &rf_require.apply_unmet};

    (void)state;
    af_script(APPLY_WELL);
    for (size_t i = 0; i < ARRAY_LEN(unmet); i++) {
        *unmet[i] = true;
        test_run_go(rf_run);
        rf_expect_error(RUN_ERR_REQUIREMENT_UNMET, "not met");
        expect_not_applied();
        assert_false(in_run_dir("ask"));
        assert_int_equal(af_calls("plan"), (int)i);
        *unmet[i] = false;
    }
}

static void a_plan_asks_for_policies_even_without_changes(void **state)
{
    AUTO(auto_free) char *required = NULL;

    (void)state;
    rf_run->order.spec.kind = RUN_PLAN;
    rf_require.wants_policies = rf_require.policies_unmet = true;
    af_script(APPLY_WELL);
    test_run_put_shared(rf_run, "applied", "");
    test_run_put_shared(rf_run, "shown", "");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_REQUIREMENT_UNMET, "policies");
    assert_int_equal(af_calls("show"), 1);
    required = test_run_shared(rf_run, "required");
    assert_string_equal(required, "plan\npolicies\n");
}

static void a_check_has_no_requirements(void **state)
{
    AUTO(auto_free) char *path = path_join(rf_run->shared, "required");

    (void)state;
    rf_run->order.spec.kind = RUN_DRIFT_CHECK;
    rf_require.wants_policies = true;
    af_script(APPLY_WELL);
    test_run_put_shared(rf_run, "applied", "");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    assert_int_equal(af_calls("show"), 0);
    assert_false(path_exists(path));
}

/* ---- pull requests ---- */

static void a_pull_request_has_a_directory_of_its_own_and_leaves_nothing(void **state)
{
    AUTO(auto_free) char *work = path_join(rf_run->work, "pr");
    AUTO(auto_free) char *src = path_join(rf_run->work, "src");
    AUTO(auto_free) char *left = path_join(work, "tf/left");
    AUTO(auto_free) char *kept = path_join(rf_run->work, "tf/kept");
    struct err err;

    (void)state;
    rf_run->order.spec.kind = RUN_PLAN;
    rf_run->order.spec.pull_request = 7;
    test_run_script(rf_run, "case $1 in\n" RF_VERSION_CASE
                            "init) test ! -e $TF_DATA_DIR/left ;;\n"
                            "plan) echo 'No changes.' ;;\nesac");
    assert_int_equal(path_mkdirs(left, 0700, &err), 0);
    assert_int_equal(path_mkdirs(kept, 0700, &err), 0);
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    assert_true(path_exists(kept));
    assert_null(rf_run->outcome.drift_record);
    assert_false(path_exists(work));
    assert_false(path_exists(src));
    test_run_go(rf_run);
    assert_int_equal(af_calls("init"), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, af_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_plan_is_applied_and_then_planned_again),
        TEST(what_was_shown_is_what_is_applied),
        TEST(terraform_cannot_write_the_sealed_plan),
        TEST(a_plan_without_changes_applies_nothing),
        TEST(an_apply_is_not_confirmed_by_another_plan),
        TEST(secrets_do_not_stay),
        TEST(a_state_that_nobody_shares_is_refused_before_the_plan),
        TEST(the_second_plan_is_told),
        TEST(what_is_still_drifted_is_told),
        TEST(a_second_plan_that_fails_takes_nothing_back),
        TEST(a_failed_apply_is_an_error_with_what_it_said),
        TEST(a_lock_that_somebody_took_meanwhile_is_no_retry),
        TEST(requirements_are_asked_in_their_order),
        TEST(what_is_not_met_is_not_applied),
        TEST(a_plan_asks_for_policies_even_without_changes),
        TEST(a_check_has_no_requirements),
        TEST(a_pull_request_has_a_directory_of_its_own_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
