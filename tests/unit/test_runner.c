/* The runner, from spec.json to result.json: with shell scripts in terraform's place for
 * what is hard to come by, and with the real one. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/path.h"
#include "tests/support/test_run.h"
#include "worker/checkout.h"
#include "worker/sandbox.h"

#define COMMIT  "0123456789abcdef0123456789abcdef01234567"
#define LONG_MS 30000

static struct test_run *run;
/* What the stand-in for the checkout answers. */
static struct {
    enum err_kind kind; /* ERR_NONE: well */
    enum run_error error;
} checkout_answer;

int checkout_run(const struct checkout *checkout, struct checked_out *out,
                 struct err *err)
{
    *out = (struct checked_out){.error = checkout_answer.error};
    if (checkout_answer.kind != ERR_NONE)
        return err_set(err, checkout_answer.kind, "the checkout's sentence");
    test_run_lay_out(checkout->work_tree);
    memcpy(out->commit, COMMIT, sizeof out->commit);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    checkout_answer.kind = ERR_NONE;
    checkout_answer.error = RUN_ERR_NONE;
    run = test_run_new();
    test_run_file(run, "main.tf", "# nothing\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_run_free(run);
    return 0;
}

static void expect_error(enum run_error error, const char *in_message)
{
    assert_string_equal(run_status_name(run->outcome.status), "error");
    assert_string_equal(run_error_name(run->outcome.error), run_error_name(error));
    if (strstr(run->outcome.error_message, in_message) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", in_message, run->outcome.error_message);
}

static void expect_status(enum run_status status)
{
    if (run->outcome.error_message != NULL)
        print_message("error: %s\n", run->outcome.error_message);
    assert_string_equal(run_status_name(run->outcome.status), run_status_name(status));
}

static void expect_part(const char *name, const char *in_text)
{
    AUTO(auto_free) char *text = test_run_part(run, name);

    if (strstr(text, in_text) == NULL)
        fail_msg("\"%s\" is not in %s: %s", in_text, name, text);
}

static cJSON *parse(const char *text)
{
    struct err err;
    cJSON *doc = json_parse(text, strlen(text), 100, false, &err);

    if (doc == NULL)
        fail_msg("%s: %s", err.message, text);
    return doc;
}

static cJSON *metadata(void)
{
    AUTO(auto_free) char *text = test_run_part(run, "metadata.json");

    return parse(text);
}

static void wait_for_shared(const char *name)
{
    AUTO(auto_free) char *path = path_join(run->shared, name);
    int64_t until_ms = clock_mono_ms() + LONG_MS;

    while (!path_exists(path))
        if (clock_mono_ms() > until_ms)
            fail_msg("%s did not appear", name);
}

/* ---- with a script ---- */

#define VERSION_CASE "version) echo '{\"terraform_version\":\"9.9.9\"}' ;;\n"
#define CLEAN_SCRIPT                                                                     \
    "case $1 in\n" VERSION_CASE "plan) echo 'No changes.' ;;\n"                          \
    "esac\n"

static void a_clean_plan_is_clean(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *record = NULL;

    (void)state;
    test_run_script(run, CLEAN_SCRIPT);
    test_run_go(run);
    expect_status(RUN_CLEAN);
    assert_int_equal(run->outcome.exit_code, 0);
    assert_string_equal(run->outcome.commit, COMMIT);
    assert_false(run->outcome.retry);
    expect_part("output.z", "No changes.\n");
    expect_part("head", "No changes.\n");
    expect_part("log.z", "==> plan\nNo changes.\n");
    meta = metadata();
    assert_string_equal(json_string(meta, "terraformVersion"), "9.9.9");
    assert_int_equal(json_int(json_get(meta, "timings"), "queued", -1), 250);
    assert_int_equal(json_int(json_get(meta, "timings"), "show", -1), 0);
    record = parse(run->outcome.drift_record);
    assert_string_equal(json_string(record, "status"), "clean");
    assert_string_equal(json_string(record, "ref"), "main");
    assert_string_equal(json_string(record, "commit"), COMMIT);
    assert_false(json_bool(record, "hasChanges", true));
    assert_null(json_get(record, "error"));
}

static void a_clean_check_of_an_unchanged_workspace_is_one_process(void **state)
{
    AUTO(auto_free) char *first = NULL;
    AUTO(auto_free) char *second = NULL;
    AUTO(auto_free) char *path = path_join(run->shared, "calls");

    (void)state;
    test_run_script(run, CLEAN_SCRIPT);
    test_run_go(run);
    first = test_run_calls(run);
    assert_non_null(strstr(first, "init -input=false"));
    unlink(path);
    test_run_go(run);
    expect_status(RUN_CLEAN);
    second = test_run_calls(run);
    assert_memory_equal(second, "plan ", 5);
    assert_ptr_equal(strchr(second, '\n'), second + strlen(second) - 1);
}

static void a_changed_configuration_is_initialised_again(void **state)
{
    AUTO(auto_free) char *calls = NULL;

    (void)state;
    test_run_script(run, CLEAN_SCRIPT);
    test_run_go(run);
    test_run_file(run, "main.tf", "# something else\n");
    test_run_go(run);
    calls = test_run_calls(run);
    assert_non_null(strstr(strstr(calls, "init ") + 1, "init "));
}

static void a_plan_that_fails_after_a_skipped_init_is_done_again_with_it(void **state)
{
    AUTO(auto_free) char *calls = NULL;

    (void)state;
    test_run_script(run, CLEAN_SCRIPT);
    test_run_go(run);
    test_run_put_shared(run, "calls", "");
    test_run_put_shared(run, "broken", "");
    test_run_script(run,
                    "case $1 in\n" VERSION_CASE "init) rm -f $SHARED/broken ;;\n"
                    "plan) test -e $SHARED/broken && { echo 'Error: broken'; exit 1; }\n"
                    "      echo 'No changes.' ;;\n"
                    "esac\n");
    /* The script is another binary now: make the memory fit. */
    test_run_go(run);
    expect_status(RUN_CLEAN);
    test_run_put_shared(run, "calls", "");
    test_run_put_shared(run, "broken", "");
    test_run_go(run);
    expect_status(RUN_CLEAN);
    calls = test_run_calls(run);
    assert_memory_equal(calls, "plan ", 5);
    assert_memory_equal(strchr(calls, '\n') + 1, "init ", 5);
    expect_part("log.z", "Error: broken");
    expect_part("output.z", "No changes.");
}

static void a_failed_plan_is_an_error_with_terraforms_sentence(void **state)
{
    AUTO(auto_json) cJSON *record = NULL;
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    test_run_script(run,
                    "case $1 in plan) echo; echo 'Error: Unsupported argument'; echo;"
                    "echo '  on main.tf line 3'; exit 1 ;; esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_TERRAFORM_FAILED, "Unsupported argument on main.tf line 3");
    assert_int_equal(run->outcome.exit_code, 1);
    assert_null(run->outcome.summary);
    record = parse(run->outcome.drift_record);
    assert_string_equal(json_string(record, "error"), run->outcome.error_message);
    meta = metadata();
    assert_true(json_int(json_get(meta, "timings"), "plan", -1) >= 0);
}

static void an_exit_status_nobody_knows_is_an_error(void **state)
{
    (void)state;
    test_run_script(run, "case $1 in plan) exit 11 ;; esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_TERRAFORM_FAILED, "ended with status 11");
}

/* A crash of the Go runtime ends with 2, too. */
static void changes_without_a_plan_are_an_error(void **state)
{
    (void)state;
    test_run_script(run, "case $1 in plan) echo 'fatal error: out of memory'; exit 2 ;;"
                         "show) echo 'Failed to read the given file'; exit 1 ;; esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_TERRAFORM_FAILED, "show");
}

static void a_killed_terraform_is_named_with_its_signal(void **state)
{
    (void)state;
    test_run_script(run, "case $1 in plan) kill -KILL $$ ;; esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_TERRAFORM_KILLED, "SIGKILL");
    assert_non_null(strstr(run->outcome.error_message, "MiB"));
    assert_false(run->outcome.retry);
}

static void the_time_limit_ends_a_run(void **state)
{
    (void)state;
    run->conf.run_timeout_ms = 1000;
    test_run_script(run, "case $1 in plan) echo started; exec sleep 60 ;; esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_TIMEOUT, "KEDGE_RUN_TIMEOUT");
    expect_part("output.z", "started");
}

static void a_held_state_lock_is_told_with_its_owner_and_retried(void **state)
{
    (void)state;
    test_run_script(
        run, "case $1 in plan) echo 'Error: Error acquiring the state lock'; echo;"
             "echo 'Error message: resource temporarily unavailable'; echo 'Lock Info:';"
             "echo '  ID:        128f4f10'; echo '  Operation: OperationTypeApply';"
             "echo '  Who:       root@host'; echo '  Created:   2025-01-01'; exit 1 ;; "
             "esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_STATE_LOCKED, "lock 128f4f10, held by root@host");
    assert_true(run->outcome.retry);
    assert_int_equal(run->outcome.retry_reason, RETRY_STATE_LOCKED);
}

static void an_unreachable_registry_is_retried_and_a_wrong_name_is_not(void **state)
{
    (void)state;
    test_run_script(run,
                    "case $1 in init) echo 'Error: Failed to query available provider'\n"
                    "echo 'packages: could not connect to'; echo 'registry.example'; "
                    "exit 1 ;; esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_TERRAFORM_FAILED, "terraform init failed");
    assert_true(run->outcome.retry);
    assert_int_equal(run->outcome.retry_reason, RETRY_INFRASTRUCTURE);
    expect_part("output.z", "registry.example");
    test_run_script(run, "case $1 in init) echo 'Error: Invalid provider name'; exit 1 ;;"
                         "esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_TERRAFORM_FAILED, "Invalid provider name");
    assert_false(run->outcome.retry);
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    test_run_script(run, "case $1 in plan) echo 'Error: write plan: no space left on'\n"
                         "echo '  device'; exit 1 ;; esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_DISK_FULL, "disk");
}

static void remote_execution_is_refused(void **state)
{
    (void)state;
    test_run_script(run, "case $1 in init)\n"
                         "echo '{\"backend\":{\"type\":\"remote\"}}' "
                         ">$TF_DATA_DIR/terraform.tfstate ;; esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_BACKEND_UNSUPPORTED, "remote");
    test_run_script(run,
                    "case $1 in init) echo 'Initializing HCP Terraform...'; exit 1 ;;"
                    "esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_BACKEND_UNSUPPORTED, "cloud");
}

static void a_workspace_must_exist(void **state)
{
    static const char script[] =
        "case $1 in\n" VERSION_CASE "init) test -z \"$TF_WORKSPACE\" || exit 1 ;;\n"
        "workspace) test -z \"$TF_WORKSPACE\" || exit 1\n"
        "           printf '* default\\n  prod\\n\\n' ;;\n"
        "plan) echo \"in $TF_WORKSPACE\" ;;\n"
        "esac\n";

    (void)state;
    test_run_script(run, script);
    free(run->order.spec.workspace);
    run->order.spec.workspace = mem_dup("prod");
    test_run_go(run);
    expect_status(RUN_CLEAN);
    expect_part("output.z", "in prod");
    free(run->order.spec.workspace);
    run->order.spec.workspace = mem_dup("pro");
    run->order.spec.create_workspace = true;
    test_run_go(run);
    expect_error(RUN_ERR_WORKSPACE_NOT_FOUND, "workspace pro.");
    run->order.spec.kind = RUN_PLAN;
    test_run_go(run);
    expect_status(RUN_CLEAN);
}

static void a_missing_workspace_is_asked_for_each_time(void **state)
{
    (void)state;
    test_run_script(run, "case $1 in workspace) echo '* default' ;; esac\n");
    free(run->order.spec.workspace);
    run->order.spec.workspace = mem_dup("prod");
    test_run_go(run);
    expect_error(RUN_ERR_WORKSPACE_NOT_FOUND, "prod");
    test_run_go(run);
    expect_error(RUN_ERR_WORKSPACE_NOT_FOUND, "prod");
}

static void a_missing_directory_is_named(void **state)
{
    (void)state;
    test_run_script(run, CLEAN_SCRIPT);
    free(run->order.spec.directory);
    run->order.spec.directory = mem_dup("envs/prod");
    test_run_go(run);
    expect_error(RUN_ERR_DIRECTORY_NOT_FOUND, "envs/prod");
    assert_non_null(strstr(run->outcome.error_message, "owner/repo"));
}

static void errors_of_the_checkout_are_passed_on(void **state)
{
    (void)state;
    checkout_answer.kind = ERR_PERM;
    checkout_answer.error = RUN_ERR_REF_NOT_FOUND;
    test_run_go(run);
    expect_error(RUN_ERR_REF_NOT_FOUND, "the checkout's sentence");
    assert_false(run->outcome.retry);
    checkout_answer.kind = ERR_TEMP;
    checkout_answer.error = RUN_ERR_NONE;
    test_run_go(run);
    expect_error(RUN_ERR_REPOSITORY_NOT_FOUND, "the checkout's sentence");
    assert_true(run->outcome.retry);
    assert_null(run->outcome.commit);
}

/* ---- cancel, interrupt, restart ---- */

#define WAIT_SCRIPT                                                                      \
    "case $1 in plan) trap 'echo interrupted; exit 1' INT\n"                             \
    "echo half; : >$SHARED/ready; while :; do sleep 0.01; done ;; esac\n"

static void a_cancelled_run_keeps_its_partial_output(void **state)
{
    pid_t pid;

    (void)state;
    test_run_script(run, WAIT_SCRIPT);
    pid = test_run_start(run);
    wait_for_shared("ready");
    assert_true(rundir_tell(run->dir, "cancel 1"));
    test_run_wait(run, pid);
    expect_status(RUN_CANCELLED);
    assert_int_equal(run->outcome.error, RUN_ERR_NONE);
    assert_null(run->outcome.drift_record);
    expect_part("output.z", "half\ninterrupted\n");
}

static void a_forced_cancel_does_not_wait(void **state)
{
    int64_t started_ms;
    pid_t pid;

    (void)state;
    run->conf.cancel_grace_ms = LONG_MS;
    test_run_script(run, "case $1 in plan) trap '' INT; : >$SHARED/ready;"
                         "while :; do sleep 0.01; done ;; esac\n");
    pid = test_run_start(run);
    wait_for_shared("ready");
    started_ms = clock_mono_ms();
    assert_true(rundir_tell(run->dir, "cancel 1"));
    assert_true(rundir_tell(run->dir, "cancel 2"));
    test_run_wait(run, pid);
    expect_status(RUN_CANCELLED);
    assert_true(clock_mono_ms() - started_ms < LONG_MS);
}

static void an_interrupted_run_leaves_no_result(void **state)
{
    AUTO(auto_free) char *plan = NULL;
    pid_t pid;

    (void)state;
    test_run_script(run, WAIT_SCRIPT);
    pid = test_run_start(run);
    wait_for_shared("ready");
    assert_true(rundir_tell(run->dir, "interrupt"));
    test_run_wait(run, pid);
    assert_int_equal(run->exit_status, 75);
    assert_false(rundir_has_outcome(run->dir));
    assert_false(rundir_alive(run->dir));
}

static void signals_for_the_worker_do_not_reach_the_run(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    pid_t pid;

    (void)state;
    test_run_script(run, "case $1 in plan) : >$SHARED/ready;"
                         "while ! test -e $SHARED/go; do sleep 0.01; done;"
                         "echo 'No changes.' ;; esac\n");
    pid = test_run_start(run);
    wait_for_shared("ready");
    assert_int_equal(getsid(pid), pid);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        kill(pid, signals[i]);
    test_run_put_shared(run, "go", "");
    test_run_wait(run, pid);
    expect_status(RUN_CLEAN);
}

static void terraform_holds_the_lock_when_its_runner_is_killed(void **state)
{
    int64_t until_ms = clock_mono_ms() + LONG_MS;
    int status;
    pid_t pid;

    (void)state;
    test_run_script(run, "case $1 in plan) trap '' INT; : >$SHARED/ready;"
                         "while :; do sleep 0.01; done ;; esac\n");
    pid = test_run_start(run);
    wait_for_shared("ready");
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(rundir_alive(run->dir));
    rundir_kill_holders(run->dir);
    while (rundir_alive(run->dir))
        if (clock_mono_ms() > until_ms)
            fail_msg("the lock is still held");
}

static void a_run_with_a_result_is_not_done_again(void **state)
{
    AUTO(auto_free) char *calls = NULL;

    (void)state;
    test_run_script(run, CLEAN_SCRIPT);
    test_run_go(run);
    test_run_put_shared(run, "calls", "");
    test_run_wait(run, test_run_start(run));
    assert_int_equal(run->exit_status, 0);
    calls = test_run_calls(run);
    assert_string_equal(calls, "");
}

/* ---- text ---- */

static void long_output_keeps_its_beginning_and_its_end(void **state)
{
    AUTO(auto_free) char *output = NULL;
    AUTO(auto_free) char *log = NULL;

    (void)state;
    test_run_script(run,
                    "case $1 in plan) echo beginning;"
                    "head -c 6000000 /dev/zero | tr '\\0' x; echo; echo end ;; esac\n");
    test_run_go(run);
    expect_status(RUN_CLEAN);
    assert_true(run->outcome.output_truncated);
    output = test_run_part(run, "output.z");
    assert_memory_equal(output, "beginning\n", 10);
    assert_non_null(strstr(output, "bytes left out"));
    assert_string_equal(output + strlen(output) - 5, "\nend\n");
    assert_in_range(strlen(output), 1024 * 1024, 1024 * 1024 + 64);
    log = test_run_part(run, "log.z");
    assert_non_null(strstr(log, "bytes left out"));
    assert_string_equal(log + strlen(log) - 15, "end\n==> report\n");
    assert_in_range(strlen(log), 4 * 1024 * 1024, 4 * 1024 * 1024 + 64);
}

static void secrets_of_env_files_are_masked_everywhere(void **state)
{
    static const char *const parts[] = {"output.z",      "log.z",       "head",
                                        "metadata.json", "result.json", "log"};
    AUTO(auto_free) char *dir = path_join(run->top, "env");
    AUTO(auto_free) char *file = path_join(dir, "default.env");
    struct err err;

    (void)state;
    assert_int_equal(path_mkdirs(dir, 0700, &err), 0);
    assert_int_equal(path_write_atomic(file, "KEY=correct-horse\n", 18, 0600, &err), 0);
    run->conf.env_dir = mem_dup(dir);
    test_run_script(run, "case $1 in plan) echo \"Error: key $KEY is wrong\"; exit 1 ;;"
                         "esac\n");
    test_run_go(run);
    expect_error(RUN_ERR_TERRAFORM_FAILED, "key *** is wrong");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        AUTO(auto_free) char *text = test_run_part(run, parts[i]);

        assert_null(strstr(text, "correct-horse"));
    }
    expect_part("output.z", "key *** is wrong");
}

static void plan_and_variables_are_gone_afterwards(void **state)
{
    AUTO(auto_free) char *plan = NULL;
    AUTO(auto_free) char *in = NULL;

    (void)state;
    run->order.spec.variables = mem_dup("{\"a\":1}");
    test_run_script(run, "case $1 in plan) for a; do case $a in -out=*)\n"
                         "echo secret >${a#-out=}; : >$SHARED/planned ;; esac; done ;;"
                         "esac\n");
    test_run_go(run);
    expect_status(RUN_CLEAN);
    wait_for_shared("planned");
    plan = path_join(run->dir, "out/plan");
    in = path_join(run->dir, "in");
    assert_false(path_exists(plan));
    assert_false(path_exists(in));
}

/* ---- with the real terraform ---- */

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
                   run->shared, run->shared, run->shared, more);
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

    if (!test_run_real(run))
        skip();
    test_run_file(run, "main.tf", text);
    test_run_put_shared(run, "value", "one");
    test_run_put_shared(run, "terraform.tfstate", state_of_one);
}

static void drift_is_found_and_reported(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *summary = NULL;
    const cJSON *resource;

    (void)state;
    with_real_terraform("");
    test_run_put_shared(run, "value", "two");
    test_run_go(run);
    expect_status(RUN_DRIFT_DETECTED);
    assert_int_equal(run->outcome.exit_code, 2);
    expect_part("output.z", "Plan: 0 to add, 1 to change, 0 to destroy.");
    meta = metadata();
    assert_int_equal(json_int(meta, "toChange", -1), 1);
    assert_int_equal(json_int(meta, "driftedCount", -1), 1);
    assert_int_equal(json_int(meta, "totalResources", -1), 1);
    assert_true(json_int(json_get(meta, "timings"), "show", -1) > 0);
    assert_true(json_int(meta, "peakRssBytes", -1) > 10 * 1024 * 1024);
    resource = json_get(meta, "driftedResources")->child;
    assert_string_equal(json_string(resource, "address"), "terraform_data.a");
    assert_string_equal(json_string(resource, "origin"), "code");
    summary = parse(run->outcome.summary);
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
    test_run_go(run);
    expect_status(RUN_CLEAN);
    test_run_put_shared(run, "calls", "");
    test_run_go(run);
    expect_status(RUN_CLEAN);
    calls = test_run_calls(run);
    assert_memory_equal(calls, "plan ", 5);
    assert_ptr_equal(strchr(calls, '\n'), calls + strlen(calls) - 1);
    meta = metadata();
    assert_int_equal(json_int(meta, "totalResources", -1), 1);
    assert_int_equal(json_int(json_get(meta, "timings"), "init", -1), 0);
    assert_true(strlen(json_string(meta, "terraformVersion")) > 0);
}

static void only_outputs_are_no_drift(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    AUTO(auto_json) cJSON *record = NULL;

    (void)state;
    with_real_terraform("output \"o\" {\n  value = 1\n}\n");
    test_run_go(run);
    expect_status(RUN_CLEAN);
    assert_int_equal(run->outcome.exit_code, 2);
    meta = metadata();
    assert_true(json_bool(meta, "outputChanges", false));
    record = parse(run->outcome.drift_record);
    assert_true(json_bool(record, "hasChanges", false));
}

static void failing_checks_are_counted_in_a_clean_run(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;

    (void)state;
    with_real_terraform("check \"c\" {\n  assert {\n    condition = length(terraform_data"
                        ".a.id) == 1\n    error_message = \"no\"\n  }\n}\n");
    test_run_go(run);
    expect_status(RUN_CLEAN);
    meta = metadata();
    assert_int_equal(json_int(meta, "checkFailures", -1), 1);
}

static void a_missing_workspace_is_not_made(void **state)
{
    AUTO(auto_free) char *states = NULL;

    (void)state;
    with_real_terraform("");
    free(run->order.spec.workspace);
    run->order.spec.workspace = mem_dup("prod");
    test_run_go(run);
    expect_error(RUN_ERR_WORKSPACE_NOT_FOUND, "prod");
    states = path_join(run->shared, "states/prod");
    assert_false(path_exists(states));
}

static void variables_reach_the_plan(void **state)
{
    (void)state;
    with_real_terraform("variable \"a\" {}\nvariable \"b\" {}\n"
                        "output \"o\" {\n  value = \"${var.a}-${var.b.c}\"\n}\n");
    test_run_file(run, "env/prod.tfvars", "a = \"file\"\n");
    run->order.spec.var_files = mem_new(1, sizeof(char *));
    run->order.spec.var_files[0] = mem_dup("env/prod.tfvars");
    run->order.spec.var_file_count = 1;
    run->order.spec.variables = mem_dup("{\"b\":{\"c\":\"given\"}}");
    test_run_go(run);
    expect_status(RUN_CLEAN);
    expect_part("output.z", "file-given");
}

static void a_run_cannot_read_what_is_not_its_own(void **state)
{
    AUTO(auto_free) char *secret = path_join(run->top, "secret");
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
    test_run_go(run);
    expect_error(RUN_ERR_TERRAFORM_FAILED, "permission denied");
}

static void a_confirmed_finding_is_planned_twice(void **state)
{
    AUTO(auto_free) char *calls = NULL;
    const char *first;

    (void)state;
    with_real_terraform("");
    test_run_put_shared(run, "value", "two");
    run->order.spec.confirm = true;
    test_run_go(run);
    expect_status(RUN_DRIFT_DETECTED);
    calls = test_run_calls(run);
    first = strstr(calls, "plan ");
    assert_non_null(strstr(first, "-lock=false"));
    assert_non_null(strstr(strstr(first + 1, "\nplan "), "-lock-timeout="));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

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
        TEST(errors_of_the_checkout_are_passed_on),
        TEST(a_cancelled_run_keeps_its_partial_output),
        TEST(a_forced_cancel_does_not_wait),
        TEST(an_interrupted_run_leaves_no_result),
        TEST(signals_for_the_worker_do_not_reach_the_run),
        TEST(terraform_holds_the_lock_when_its_runner_is_killed),
        TEST(a_run_with_a_result_is_not_done_again),
        TEST(long_output_keeps_its_beginning_and_its_end),
        TEST(secrets_of_env_files_are_masked_everywhere),
        TEST(plan_and_variables_are_gone_afterwards),
        TEST(drift_is_found_and_reported),
        TEST(no_drift_is_clean_and_takes_one_terraform_process),
        TEST(only_outputs_are_no_drift),
        TEST(failing_checks_are_counted_in_a_clean_run),
        TEST(a_missing_workspace_is_not_made),
        TEST(variables_reach_the_plan),
        TEST(a_run_cannot_read_what_is_not_its_own),
        TEST(a_confirmed_finding_is_planned_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
