/* The runner, from spec.json to result.json: how each end of a program becomes the run's.
 * Shell scripts stand in for terraform. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/runner_fixture.h"

RF_STANDS_IN

static void a_clean_plan_is_clean(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *record = NULL;

    (void)state;
    test_run_script(rf_run, RF_CLEAN_SCRIPT);
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    assert_int_equal(rf_run->outcome.exit_code, 0);
    assert_string_equal(rf_run->outcome.commit, RF_COMMIT);
    assert_false(rf_run->outcome.retry);
    rf_expect_part("output.z", "No changes.\n");
    rf_expect_part("head", "No changes.\n");
    rf_expect_part("log.z", "==> plan\nNo changes.\n");
    meta = rf_metadata();
    assert_string_equal(json_string(meta, "terraformVersion"), "9.9.9");
    assert_int_equal(json_int(json_get(meta, "timings"), "queued", -1), 250);
    assert_int_equal(json_int(json_get(meta, "timings"), "show", -1), 0);
    record = rf_parse(rf_run->outcome.drift_record);
    assert_string_equal(json_string(record, "status"), "clean");
    assert_string_equal(json_string(record, "ref"), "main");
    assert_string_equal(json_string(record, "commit"), RF_COMMIT);
    assert_false(json_bool(record, "hasChanges", true));
    assert_null(json_get(record, "error"));
}

static void a_clean_check_of_an_unchanged_workspace_is_one_process(void **state)
{
    AUTO(auto_free) char *first = NULL;
    AUTO(auto_free) char *second = NULL;
    AUTO(auto_free) char *path = path_join(rf_run->shared, "calls");

    (void)state;
    test_run_script(rf_run, RF_CLEAN_SCRIPT);
    test_run_go(rf_run);
    first = test_run_calls(rf_run);
    assert_non_null(strstr(first, "init -input=false"));
    unlink(path);
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    second = test_run_calls(rf_run);
    assert_memory_equal(second, "plan ", 5);
    assert_ptr_equal(strchr(second, '\n'), second + strlen(second) - 1);
}

static void a_changed_configuration_is_initialised_again(void **state)
{
    AUTO(auto_free) char *calls = NULL;

    (void)state;
    test_run_script(rf_run, RF_CLEAN_SCRIPT);
    test_run_go(rf_run);
    test_run_file(rf_run, "main.tf", "# something else\n");
    test_run_go(rf_run);
    calls = test_run_calls(rf_run);
    assert_non_null(strstr(strstr(calls, "init ") + 1, "init "));
}

static void a_plan_that_fails_after_a_skipped_init_is_done_again_with_it(void **state)
{
    AUTO(auto_free) char *calls = NULL;

    (void)state;
    test_run_script(rf_run, RF_CLEAN_SCRIPT);
    test_run_go(rf_run);
    test_run_put_shared(rf_run, "calls", "");
    test_run_put_shared(rf_run, "broken", "");
    test_run_script(rf_run,
                    "case $1 in\n" RF_VERSION_CASE "init) rm -f $SHARED/broken ;;\n"
                    "plan) test -e $SHARED/broken && { echo 'Error: broken'; exit 1; }\n"
                    "      echo 'No changes.' ;;\n"
                    "esac\n");
    /* The script is another binary now: make the memory fit. */
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    test_run_put_shared(rf_run, "calls", "");
    test_run_put_shared(rf_run, "broken", "");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    calls = test_run_calls(rf_run);
    assert_memory_equal(calls, "plan ", 5);
    assert_memory_equal(strchr(calls, '\n') + 1, "init ", 5);
    rf_expect_part("log.z", "Error: broken");
    rf_expect_part("output.z", "No changes.");
}

static void a_failed_plan_is_an_error_with_terraforms_sentence(void **state)
{
    AUTO(auto_json) cJSON *record = NULL;
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    test_run_script(rf_run,
                    "case $1 in plan) echo; echo 'Error: Unsupported argument'; echo;"
                    "echo '  on main.tf line 3'; exit 1 ;; esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TERRAFORM_FAILED, "Unsupported argument on main.tf line 3");
    assert_int_equal(rf_run->outcome.exit_code, 1);
    assert_null(rf_run->outcome.summary);
    record = rf_parse(rf_run->outcome.drift_record);
    assert_string_equal(json_string(record, "error"), rf_run->outcome.error_message);
    meta = rf_metadata();
    assert_true(json_int(json_get(meta, "timings"), "plan", -1) >= 0);
}

static void an_exit_status_nobody_knows_is_an_error(void **state)
{
    (void)state;
    test_run_script(rf_run, "case $1 in plan) exit 11 ;; esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TERRAFORM_FAILED, "ended with status 11");
}

/* A crash of the Go runtime ends with 2, too. */
static void changes_without_a_plan_are_an_error(void **state)
{
    (void)state;
    test_run_script(rf_run,
                    "case $1 in plan) echo 'fatal error: out of memory'; exit 2 ;;"
                    "show) echo 'Failed to read the given file'; exit 1 ;; esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TERRAFORM_FAILED, "show");
}

static void a_killed_terraform_is_named_with_its_signal(void **state)
{
    (void)state;
    test_run_script(rf_run, "case $1 in plan) kill -KILL $$ ;; esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TERRAFORM_KILLED, "SIGKILL");
    assert_non_null(strstr(rf_run->outcome.error_message, "MiB"));
    assert_false(rf_run->outcome.retry);
}

static void the_time_limit_ends_a_run(void **state)
{
    (void)state;
    rf_run->conf.run_timeout_ms = 1000;
    test_run_script(rf_run, "case $1 in plan) echo started; exec sleep 60 ;; esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TIMEOUT, "KEDGE_RUN_TIMEOUT");
    rf_expect_part("output.z", "started");
}

static void a_held_state_lock_is_told_with_its_owner_and_retried(void **state)
{
    (void)state;
    test_run_script(
        rf_run,
        "case $1 in plan) echo 'Error: Error acquiring the state lock'; echo;"
        "echo 'Error message: resource temporarily unavailable'; echo 'Lock Info:';"
        "echo '  ID:        128f4f10'; echo '  Operation: OperationTypeApply';"
        "echo '  Who:       root@host'; echo '  Created:   2025-01-01'; exit 1 ;; "
        "esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_STATE_LOCKED, "lock 128f4f10, held by root@host");
    assert_true(rf_run->outcome.retry);
    assert_int_equal(rf_run->outcome.retry_reason, RETRY_STATE_LOCKED);
}

static void an_unreachable_registry_is_retried_and_a_wrong_name_is_not(void **state)
{
    (void)state;
    test_run_script(rf_run,
                    "case $1 in init) echo 'Error: Failed to query available provider'\n"
                    "echo 'packages: could not connect to'; echo 'registry.example'; "
                    "exit 1 ;; esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TERRAFORM_FAILED, "terraform init failed");
    assert_true(rf_run->outcome.retry);
    assert_int_equal(rf_run->outcome.retry_reason, RETRY_INFRASTRUCTURE);
    rf_expect_part("output.z", "registry.example");
    test_run_script(rf_run,
                    "case $1 in init) echo 'Error: Invalid provider name'; exit 1 ;;"
                    "esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TERRAFORM_FAILED, "Invalid provider name");
    assert_false(rf_run->outcome.retry);
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    test_run_script(rf_run,
                    "case $1 in plan) echo 'Error: write plan: no space left on'\n"
                    "echo '  device'; exit 1 ;; esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_DISK_FULL, "disk");
}

static void remote_execution_is_refused(void **state)
{
    (void)state;
    test_run_script(rf_run, "case $1 in init)\n"
                            "echo '{\"backend\":{\"type\":\"remote\"}}' "
                            ">$TF_DATA_DIR/terraform.tfstate ;; esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_BACKEND_UNSUPPORTED, "remote");
    test_run_script(rf_run,
                    "case $1 in init) echo 'Initializing HCP Terraform...'; exit 1 ;;"
                    "esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_BACKEND_UNSUPPORTED, "cloud");
}

static void a_workspace_must_exist(void **state)
{
    static const char script[] =
        "case $1 in\n" RF_VERSION_CASE "init) test -z \"$TF_WORKSPACE\" || exit 1 ;;\n"
        "workspace) test -z \"$TF_WORKSPACE\" || exit 1\n"
        "           printf '* default\\n  prod\\n\\n' ;;\n"
        "plan) echo \"in $TF_WORKSPACE\" ;;\n"
        "esac\n";

    (void)state;
    test_run_script(rf_run, script);
    free(rf_run->order.spec.workspace);
    rf_run->order.spec.workspace = mem_dup("prod");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    rf_expect_part("output.z", "in prod");
    free(rf_run->order.spec.workspace);
    rf_run->order.spec.workspace = mem_dup("pro");
    rf_run->order.spec.create_workspace = true;
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_WORKSPACE_NOT_FOUND, "workspace pro.");
    rf_run->order.spec.kind = RUN_PLAN;
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
}

static void a_missing_workspace_is_asked_for_each_time(void **state)
{
    (void)state;
    test_run_script(rf_run, "case $1 in workspace) echo '* default' ;; esac\n");
    free(rf_run->order.spec.workspace);
    rf_run->order.spec.workspace = mem_dup("prod");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_WORKSPACE_NOT_FOUND, "prod");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_WORKSPACE_NOT_FOUND, "prod");
}

static void a_missing_directory_is_named(void **state)
{
    (void)state;
    test_run_script(rf_run, RF_CLEAN_SCRIPT);
    free(rf_run->order.spec.directory);
    rf_run->order.spec.directory = mem_dup("envs/prod");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_DIRECTORY_NOT_FOUND, "envs/prod");
    assert_non_null(strstr(rf_run->outcome.error_message, "owner/repo"));
}

static void a_repository_that_this_worker_does_not_allow_is_never_asked_for(void **state)
{
    AUTO(auto_free) char *src = path_join(rf_run->work, "src");

    (void)state;
    test_run_script(rf_run, RF_CLEAN_SCRIPT);
    free(TAKE(rf_run->conf.repo_allowlist));
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_REPOSITORY_NOT_ALLOWED, "github.com/owner/repo");
    rf_run->conf.repo_allowlist = mem_dup("*,!*/owner/repo");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_REPOSITORY_NOT_ALLOWED, "KEDGE_REPO_ALLOWLIST");
    assert_false(rf_run->outcome.retry);
    assert_false(path_exists(src));
}

static void errors_of_the_checkout_are_passed_on(void **state)
{
    (void)state;
    rf_checkout.kind = ERR_PERM;
    rf_checkout.error = RUN_ERR_REF_NOT_FOUND;
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_REF_NOT_FOUND, "the checkout's sentence");
    assert_false(rf_run->outcome.retry);
    rf_checkout.kind = ERR_TEMP;
    rf_checkout.error = RUN_ERR_NONE;
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_REPOSITORY_NOT_FOUND, "the checkout's sentence");
    assert_true(rf_run->outcome.retry);
    assert_null(rf_run->outcome.commit);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rf_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_clean_plan_is_clean),
        TEST(a_clean_check_of_an_unchanged_workspace_is_one_process),
        TEST(a_changed_configuration_is_initialised_again),
        TEST(a_plan_that_fails_after_a_skipped_init_is_done_again_with_it),
        TEST(a_failed_plan_is_an_error_with_terraforms_sentence),
        TEST(an_exit_status_nobody_knows_is_an_error),
        TEST(changes_without_a_plan_are_an_error),
        TEST(a_killed_terraform_is_named_with_its_signal),
        TEST(the_time_limit_ends_a_run),
        TEST(a_held_state_lock_is_told_with_its_owner_and_retried),
        TEST(an_unreachable_registry_is_retried_and_a_wrong_name_is_not),
        TEST(a_full_disk_is_told),
        TEST(remote_execution_is_refused),
        TEST(a_workspace_must_exist),
        TEST(a_missing_workspace_is_asked_for_each_time),
        TEST(a_missing_directory_is_named),
        TEST(a_repository_that_this_worker_does_not_allow_is_never_asked_for),
        TEST(errors_of_the_checkout_are_passed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
