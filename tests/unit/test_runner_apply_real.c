/* Applies with the real terraform and what is built into it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/apply_fixture.h"

RF_STANDS_IN

#define POLL_US 5000

/* One resource that is there at once, and one whose making waits for the file `end`. */
#define TWO                                                                              \
    "resource \"terraform_data\" \"a\" {\n  input = \"one\"\n}\n"                        \
    "resource \"terraform_data\" \"b\" {\n  input = terraform_data.a.output\n"           \
    "  provisioner \"local-exec\" {\n    command = <<-EOT\n      : >%s/ready\n"          \
    "      while ! test -e %s/end; do sleep 0.01; done\n    EOT\n  }\n}\n"

static void with_real_terraform(const char *resources)
{
    AUTO(auto_free)
    char *text = mem_fmt("terraform {\n  backend \"local\" {\n"
                         "    path          = \"%s/state\"\n"
                         "    workspace_dir = \"%s/states\"\n  }\n}\n%s",
                         rf_run->shared, rf_run->shared, resources);

    if (!test_run_real(rf_run))
        skip();
    test_run_file(rf_run, "main.tf", text);
}

static void with_two(void)
{
    AUTO(auto_free) char *text = mem_fmt(TWO, rf_run->shared, rf_run->shared);

    with_real_terraform(text);
}

static void set_workspace(const char *name)
{
    free(rf_run->order.spec.workspace);
    rf_run->order.spec.workspace = mem_dup(name);
}

/* Is it in the state, and made? */
static bool in_state(const char *name)
{
    AUTO(auto_free) char *state = test_run_shared(rf_run, "state");
    AUTO(auto_json) cJSON *doc = rf_parse(state);
    const cJSON *resource = json_get(doc, "resources");

    for (resource = resource->child; resource != NULL; resource = resource->next) {
        const cJSON *instance = json_get(resource, "instances")->child;

        if (strcmp(json_string(resource, "name"), name) == 0)
            return instance != NULL && json_get(instance, "status") == NULL;
    }
    return false;
}

static bool is_locked(void)
{
    AUTO(auto_free) char *path = path_join(rf_run->shared, ".state.lock.info");

    return path_exists(path);
}

static pid_t begin(void)
{
    pid_t pid = af_start();

    af_await_ask(1);
    af_go(1);
    rf_wait_for_shared("ready");
    return pid;
}

static void changes_are_made_and_nothing_is_left_to_do(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    with_two();
    test_run_put_shared(rf_run, "end", "");
    af_apply();
    rf_expect_status(RUN_APPLIED);
    assert_true(in_state("a") && in_state("b"));
    rf_expect_part("output.z", "Plan: 2 to add, 0 to change, 0 to destroy.");
    rf_expect_part("apply.z", "Apply complete! Resources: 2 added");
    meta = rf_metadata();
    assert_int_equal(json_int(meta, "toAdd", -1), 2);
    assert_string_equal(json_string(json_get(meta, "driftAfter"), "summary"),
                        "Apply completed successfully");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    assert_int_equal(af_calls("apply"), 1);
}

static void only_outputs_are_applied_too(void **state)
{
    (void)state;
    with_real_terraform("output \"o\" {\n  value = \"told\"\n}\n");
    af_apply();
    rf_expect_status(RUN_APPLIED);
    rf_expect_part("apply.z", "told");
}

static void secrets_of_the_plan_are_masked_in_what_apply_prints(void **state)
{
    AUTO(auto_free) char *text = NULL;

    (void)state;
    with_real_terraform("variable \"p\" {\n  default   = \"hunter2-hunter2\"\n"
                        "  sensitive = true\n}\n"
                        "output \"again\" {\n"
                        "  value = nonsensitive(\"<${var.p}>\")\n}\n");
    af_apply();
    rf_expect_status(RUN_APPLIED);
    rf_expect_part("apply.z", "again = \"<***>\"");
    text = test_run_part(rf_run, "log.z");
    assert_null(strstr(text, "hunter2-hunter2"));
}

static void a_missing_workspace_is_made(void **state)
{
    AUTO(auto_free)
    char *states = path_join(rf_run->shared, "states/prod/terraform."
                                             "tfstate");

    (void)state;
    with_real_terraform("resource \"terraform_data\" \"a\" {}\n");
    set_workspace("prod");
    af_apply();
    rf_expect_status(RUN_APPLIED);
    assert_true(path_exists(states));
}

static void a_state_beside_the_configuration_is_refused(void **state)
{
    (void)state;
    with_real_terraform("");
    test_run_file(rf_run, "main.tf", "resource \"terraform_data\" \"a\" {}\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_LOCAL_STATE, "backend");
    test_run_file(rf_run, "main.tf",
                  "terraform {\n  backend \"local\" {\n    path = \"here\"\n  }\n}\n"
                  "resource \"terraform_data\" \"a\" {}\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_LOCAL_STATE, "backend");
    assert_int_equal(af_calls("plan"), 0);
}

/* What a second SIGINT would lose. */
static void what_was_made_before_a_cancel_is_in_the_state(void **state)
{
    pid_t pid;

    (void)state;
    rf_run->conf.cancel_grace_ms = 20;
    with_two();
    pid = begin();
    assert_true(is_locked());
    af_tell("cancel 1");
    test_run_put_shared(rf_run, "end", "");
    test_run_wait(rf_run, pid);
    if (rf_run->outcome.status != RUN_APPLIED) /* it may have been done in time */
        rf_expect_error(RUN_ERR_INTERRUPTED, "on request");
    assert_true(in_state("a"));
    assert_false(is_locked());
}

static void an_apply_ends_well_without_its_runner(void **state)
{
    int64_t until_ms = clock_mono_ms() + RF_LONG_MS;
    pid_t pid;

    (void)state;
    with_two();
    pid = begin();
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(rundir_alive(rf_run->dir));
    test_run_put_shared(rf_run, "end", "");
    while (rundir_alive(rf_run->dir)) {
        if (clock_mono_ms() > until_ms)
            fail_msg("the lock is still held");
        usleep(POLL_US);
    }
    assert_true(in_state("a") && in_state("b"));
    assert_false(is_locked());
    rf_expect_part("apply.log", "Apply complete!");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, af_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(changes_are_made_and_nothing_is_left_to_do),
        TEST(only_outputs_are_applied_too),
        TEST(secrets_of_the_plan_are_masked_in_what_apply_prints),
        TEST(a_missing_workspace_is_made),
        TEST(a_state_beside_the_configuration_is_refused),
        TEST(what_was_made_before_a_cancel_is_in_the_state),
        TEST(an_apply_ends_well_without_its_runner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
