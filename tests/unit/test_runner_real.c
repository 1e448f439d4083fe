/* The runner with the real terraform and what is built into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/runner_fixture.h"
#include "worker/process/sandbox.h"

RF_STANDS_IN

static char *configuration(const char *more)
{
    return mem_fmt("terraform {\n"
                   "  backend \"local\" {\n"
                   "    path          = \"%s/terraform.tfstate\"\n"
                   "    workspace_dir = \"%s/states\"\n"
                   "  }\n"
                   "}\n"
                   "resource \"terraform_data\" \"a\" {\n"
                   "  input = file(\"%s/value\")\n"
                   "}\n%s",
                   rf_run->shared, rf_run->shared, rf_run->shared, more);
}

/* The state of an apply of "one"; everything after that is read from files. */
static const char state_of_one[] =
    "{\"version\":4,\"terraform_version\":\"1.5.0\",\"serial\":1,"
    "\"lineage\":\"6b9cd1b6-8b8f-4a4e-9f0a-0e7d5d1c2b3a\",\"outputs\":{},\"resources\":[{"
    "\"mode\":\"managed\",\"type\":\"terraform_data\",\"name\":\"a\","
    "\"provider\":\"provider[\\\"terraform.io/builtin/terraform\\\"]\",\"instances\":[{"
    "\"schema_version\":0,\"attributes\":{\"id\":\"c0ffee\",\"input\":{\"value\":\"one\","
    "\"type\":\"string\"},\"output\":{\"value\":\"one\",\"type\":\"string\"},"
    "\"triggers_replace\":null},\"sensitive_attributes\":[]}]}],\"check_results\":null}"
    "\n";

static void with_real_terraform(const char *more)
{
    AUTO(auto_free) char *text = configuration(more);

    if (!test_run_real(rf_run))
        skip();
    test_run_file(rf_run, "main.tf", text);
    test_run_put_shared(rf_run, "value", "one");
    test_run_put_shared(rf_run, "terraform.tfstate", state_of_one);
}

static void drift_is_found_and_reported(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *summary = NULL;
    const cJSON *resource;

    (void)state;
    with_real_terraform("");
    test_run_put_shared(rf_run, "value", "two");
    test_run_go(rf_run);
    rf_expect_status(RUN_DRIFT_DETECTED);
    assert_int_equal(rf_run->outcome.exit_code, 2);
    rf_expect_part("output.z", "Plan: 0 to add, 1 to change, 0 to destroy.");
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "toChange", -1), 1);
    assert_int_equal(json_int(meta, "driftedCount", -1), 1);
    assert_int_equal(json_int(meta, "totalResources", -1), 1);
    assert_true(json_int(json_get(meta, "timings"), "show", -1) > 0);
    assert_true(json_int(meta, "peakRssBytes", -1) > 10 * 1024 * 1024);
    resource = json_get(meta, "driftedResources")->child;
    assert_string_equal(json_string(resource, "address"), "terraform_data.a");
    assert_string_equal(json_string(resource, "origin"), "code");
    summary = rf_parse(rf_run->outcome.summary);
    assert_int_equal(json_int(summary, "toChange", -1), 1);
    assert_int_equal(json_int(summary, "driftedCount", -1), 1);
    assert_string_equal(json_string(summary, "summary"),
                        "Plan: 0 to add, 1 to change, 0 to destroy.");
}

static void no_drift_is_clean_and_takes_one_terraform_process(void **state)
{
    AUTO(auto_free) char *calls = NULL;
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    with_real_terraform("");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    test_run_put_shared(rf_run, "calls", "");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    calls = test_run_calls(rf_run);
    assert_memory_equal(calls, "plan ", 5);
    assert_ptr_equal(strchr(calls, '\n'), calls + strlen(calls) - 1);
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "totalResources", -1), 1);
    assert_int_equal(json_int(json_get(meta, "timings"), "init", -1), 0);
    assert_true(strlen(json_string(meta, "terraformVersion")) > 0);
}

/* Terraform itself does not mark what a provider has computed from a sensitive value. */
static void what_is_computed_from_a_secret_is_masked_too(void **state)
{
    static const char *const parts[] = {"output.z", "log.z",         "log",
                                        "head",     "metadata.json", "result.json"};

    (void)state;
    if (!test_run_real(rf_run))
        skip();
    test_run_file(rf_run, "main.tf",
                  "variable \"p\" {\n  default   = \"hunter2-hunter2\"\n"
                  "  sensitive = true\n}\n"
                  "resource \"terraform_data\" \"a\" {\n  input = var.p\n}\n"
                  "output \"again\" {\n  value = nonsensitive(\"<${var.p}>\")\n}\n");
    test_run_go(rf_run);
    rf_expect_status(RUN_DRIFT_DETECTED);
    rf_expect_part("output.z", "again = \"<***>\"");
    rf_expect_part("log.z", "Plan: 1 to add");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        AUTO(auto_free) char *text = test_run_part(rf_run, parts[i]);

        assert_null(strstr(text, "hunter2-hunter2"));
    }
}

static void values_of_env_files_are_masked_in_the_report(void **state)
{
    AUTO(auto_free) char *dir = path_join(rf_run->top, "env");
    AUTO(auto_free) char *file = path_join(dir, "p1.env");
    AUTO(auto_json) cJSON *meta = NULL;
    const cJSON *change;
    struct err err;

    (void)state;
    if (!test_run_real(rf_run))
        skip();
    assert_int_equal(path_mkdirs(dir, 0700, &err), 0);
    assert_int_equal(path_write_atomic(file, "TF_VAR_q=correct-horse\n", 23, 0600, &err),
                     0);
    rf_run->conf.env_dir = mem_dup(dir);
    test_run_file(rf_run, "main.tf",
                  "variable \"q\" {}\n"
                  "resource \"terraform_data\" \"a\" {\n  input = \"<${var.q}>\"\n}\n");
    test_run_go(rf_run);
    rf_expect_status(RUN_DRIFT_DETECTED);
    meta = rf_metadata();
    change = json_get(json_get(meta, "driftedResources")->child, "changes")->child;
    for (; strcmp(json_string(change, "attribute"), "input") != 0; change = change->next)
        assert_non_null(change->next);
    assert_string_equal(json_string(change, "after"), "<***>");
}

static void only_outputs_are_no_drift(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *record = NULL;

    (void)state;
    with_real_terraform("output \"o\" {\n  value = 1\n}\n");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    assert_int_equal(rf_run->outcome.exit_code, 2);
    meta = rf_metadata();
    assert_true(json_bool(meta, "outputChanges", false));
    record = rf_parse(rf_run->outcome.drift_record);
    assert_true(json_bool(record, "hasChanges", false));
}

static void failing_checks_are_counted_in_a_clean_run(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    with_real_terraform("check \"c\" {\n  assert {\n    condition = length(terraform_data"
                        ".a.id) == 1\n    error_message = \"no\"\n  }\n}\n");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "checkFailures", -1), 1);
}

static void a_missing_workspace_is_not_made(void **state)
{
    AUTO(auto_free) char *states = NULL;

    (void)state;
    with_real_terraform("");
    free(rf_run->order.spec.workspace);
    rf_run->order.spec.workspace = mem_dup("prod");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_WORKSPACE_NOT_FOUND, "prod");
    states = path_join(rf_run->shared, "states/prod");
    assert_false(path_exists(states));
}

static void variables_reach_the_plan(void **state)
{
    (void)state;
    with_real_terraform("variable \"a\" {}\nvariable \"b\" {}\n"
                        "output \"o\" {\n  value = \"${var.a}-${var.b.c}\"\n}\n");
    test_run_file(rf_run, "env/prod.tfvars", "a = \"file\"\n");
    rf_run->order.spec.var_files = mem_new(1, sizeof(char *));
    rf_run->order.spec.var_files[0] = mem_dup("env/prod.tfvars");
    rf_run->order.spec.var_file_count = 1;
    rf_run->order.spec.variables = mem_dup("{\"b\":{\"c\":\"given\"}}");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    rf_expect_part("output.z", "file-given");
}

static void a_run_cannot_read_what_is_not_its_own(void **state)
{
    AUTO(auto_free) char *secret = path_join(rf_run->top, "secret");
    AUTO(auto_free) char *config = NULL;
    struct err err;

    (void)state;
    if (sandbox_abi() == 0) {
        print_message("skipped: this kernel has no Landlock\n");
        skip();
    }
    assert_int_equal(path_write_atomic(secret, "hidden", 6, 0600, &err), 0);
    config = mem_fmt("output \"o\" {\n  value = file(\"%s\")\n}\n", secret);
    with_real_terraform(config);
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TERRAFORM_FAILED, "permission denied");
}

static void a_confirmed_finding_is_planned_twice(void **state)
{
    AUTO(auto_free) char *calls = NULL;
    const char *first;

    (void)state;
    with_real_terraform("");
    test_run_put_shared(rf_run, "value", "two");
    rf_run->order.spec.confirm = true;
    test_run_go(rf_run);
    rf_expect_status(RUN_DRIFT_DETECTED);
    calls = test_run_calls(rf_run);
    first = strstr(calls, "plan ");
    assert_non_null(strstr(first, "-lock=false"));
    assert_non_null(strstr(strstr(first + 1, "\nplan "), "-lock-timeout="));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rf_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(drift_is_found_and_reported),
        TEST(no_drift_is_clean_and_takes_one_terraform_process),
        TEST(what_is_computed_from_a_secret_is_masked_too),
        TEST(values_of_env_files_are_masked_in_the_report),
        TEST(only_outputs_are_no_drift),
        TEST(failing_checks_are_counted_in_a_clean_run),
        TEST(a_missing_workspace_is_not_made),
        TEST(variables_reach_the_plan),
        TEST(a_run_cannot_read_what_is_not_its_own),
        TEST(a_confirmed_finding_is_planned_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
