/* policies_passed: a program that is called with the plan's JSON, what it is given and
 * what its end means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"
#include "worker/process/sandbox.h"
#include "worker/runner/runner_parts.h"

#define SECRET "correct-horse-battery"
#define COMMIT "cccccccccccccccccccccccccccccccccccccccc"

static struct conf conf;
static struct runner run;
static void **scratch;

static void put(const char *name, const char *text, mode_t mode)
{
    AUTO(auto_free) char *path = scratch_path(scratch, name);
    struct err err;

    assert_int_equal(path_write_atomic(path, text, strlen(text), mode, &err), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void make(const char *name)
{
    AUTO(auto_free) char *path = scratch_path(scratch, name);
    struct err err;

    assert_int_equal(path_mkdirs(path, 0700, &err), 0);
}

static char *get(const char *name)
{
    AUTO(auto_free) char *path = scratch_path(scratch, name);
    struct buf text = BUF_INIT(1024 * 1024);
    struct err err;

    if (path_read(path, &text, &err) < 0)
        fail_msg("%s", err.message);
    return buf_take(&text);
}

/* The policy command is this script; "$SHARED" in it is a directory that may be written
 * whatever the sandbox is. */
static void use_script(const char *body)
{
    AUTO(auto_free) char *shared = scratch_path(scratch, "shared");
    AUTO(auto_free) char *text = mem_fmt("#!/bin/sh\nSHARED=%s\n%s", shared, body);

    put("check", text, 0700);
}

static int set_up(void **state)
{
    struct err err;

    scratch_make(state);
    scratch = state;
    conf = (struct conf){
        .policy_command = scratch_path(state, "check"),
        .plan_requirements = mem_dup("policies_passed"),
        .cancel_grace_ms = 200,
        .run_memory_bytes = INT64_C(1024) * 1024 * 1024,
        .run_timeout_ms = 30000,
        .sandbox = SANDBOX_NONE,
        .sandbox_read = mem_dup("/usr:/lib:/lib64:/etc"),
        .data_dir = scratch_path(state, "run"),
    };
    run = (struct runner){
        .conf = &conf,
        .dir = scratch_path(state, "run"),
        .lock_fd = -1,
        .ctl_fd = -1,
        .deadline_mono_ms = clock_mono_ms() + 30000,
        .commit = COMMIT,
        .project_name = mem_dup("vpc"),
    };
    run.order.spec = (struct run_spec){
        .kind = RUN_PLAN,
        .type = VCS_GITHUB,
        .repository = mem_dup("o/r"),
        .ref = mem_dup("main"),
        .directory = mem_dup("env/prod"),
        .workspace = mem_dup("blue"),
        .pull_request = 7,
    };
    make("run/in");
    make("shared");
    put("run/in/plan.json", "{\"format_version\":\"1.2\"}", 0600);
    assert_int_equal(runner_log_open(&run.log, run.dir, &err), 0);
    mask_add(run.log.mask, SECRET);
    return 0;
}

static int tear_down(void **state)
{
    runner_log_done(&run.log);
    run_outcome_done(&run.outcome);
    run_spec_done(&run.order.spec);
    free(run.dir);
    free(run.project_name);
    conf_done(&conf);
    return scratch_remove(state);
}

static void expect_passed(void)
{
    if (runner_require_policies(&run) < 0)
        fail_msg("%s: %s", run_error_name(run.outcome.error), run.outcome.error_message);
}

static void expect_error(enum run_error error, const char *words)
{
    run_outcome_done(&run.outcome);
    run.outcome = (struct run_outcome){0};
    assert_int_equal(runner_require_policies(&run), -1);
    assert_string_equal(run_status_name(run.outcome.status), "error");
    assert_string_equal(run_error_name(run.outcome.error), run_error_name(error));
    assert_false(run.outcome.retry);
    if (!strstr(run.outcome.error_message, words))
        fail_msg("\"%s\" says nothing of \"%s\"", run.outcome.error_message, words);
}

/* ---- what it is given ---- */

static void it_is_called_with_the_plan_and_little_else(void **state)
{
    static const char expected[] =
        "HOME=@\nKEDGE_COMMIT=" COMMIT "\nKEDGE_DIRECTORY=env/prod\nKEDGE_KIND=plan\n"
        "KEDGE_PROJECT=vpc\nKEDGE_PULL_REQUEST=7\n"
        "KEDGE_REF=main\nKEDGE_REPOSITORY=o/r\nKEDGE_RUN_ID=\n"
        "KEDGE_WORKSPACE=blue\nTMPDIR=@\n";
    AUTO(auto_free) char *found = NULL;
    AUTO(auto_free) char *plan = NULL;
    AUTO(auto_free) char *dir = scratch_path(state, "run/in/policy");

    use_script("cat \"$1\" > $SHARED/plan; echo $# > $SHARED/count; ls -A > $SHARED/ls\n"
               "test \"$PWD\" = \"$HOME\" || exit 3\n"
               "env | grep -v '^PWD=\\|^_=\\|^PATH=\\|^LANG=\\|^SHLVL=\\|^OLDPWD=' |"
               "sed \"s|$PWD|@|\" | sort > $SHARED/env; echo x > left\n");
    expect_passed();
    found = get("shared/env");
    assert_string_equal(found, expected);
    plan = get("shared/plan");
    assert_string_equal(plan, "{\"format_version\":\"1.2\"}");
    free(TAKE(plan));
    plan = get("shared/count");
    assert_string_equal(plan, "1\n");
    free(TAKE(plan));
    plan = get("shared/ls");
    assert_string_equal(plan, "");
    assert_false(path_exists(dir)); /* with what it left */
}

static void without_a_pull_request_there_is_no_number(void **state)
{
    AUTO(auto_free) char *found = NULL;

    (void)state;
    run.order.spec.pull_request = 0;
    free(TAKE(run.project_name));
    use_script("echo \"${KEDGE_PULL_REQUEST-none}${KEDGE_PROJECT-none}\" > $SHARED/a\n");
    expect_passed();
    found = get("shared/a");
    assert_string_equal(found, "none\n");
}

static void it_is_confined_to_its_own_directory(void **state)
{
    AUTO(auto_free) char *shared = scratch_path(state, "shared/written");

    if (sandbox_abi() == 0) {
        print_message("no Landlock in this kernel\n");
        skip();
    }
    conf.sandbox = SANDBOX_AUTO;
    put("secret", SECRET, 0600);
    put("run/in-secret", SECRET, 0600);
    use_script("cat \"$1\" >/dev/null || { echo no plan; exit 1; }\n"
               "echo x > $TMPDIR/a && cat a >/dev/null || { echo no tmp; exit 1; }\n"
               "echo x > $SHARED/written && exit 1\n"
               "echo x >> \"$1\" && exit 1\n"
               "cat $SHARED/../secret && exit 1\n"
               "cat $SHARED/../run/in-secret && exit 1\n"
               "cat /proc/$PPID/environ && exit 1\nexit 0\n");
    expect_passed();
    assert_false(path_exists(shared));
}

static void a_plan_that_is_not_what_terraform_wrote_is_not_shown(void **state)
{
    AUTO(auto_free) char *json = scratch_path(state, "run/in/plan.json");

    use_script("touch $SHARED/called\n");
    assert_int_equal(unlink(json), 0);
    expect_error(RUN_ERR_REQUIREMENT_UNMET, "not the file that Terraform wrote");
    assert_int_equal(symlink("/etc/passwd", json), 0);
    expect_error(RUN_ERR_REQUIREMENT_UNMET, "not the file that Terraform wrote");
    unlink(json);
    put("run/in/plan.json", "{", 0600);
    assert_int_equal(truncate(json, (off_t)REPORT_PLAN_JSON_BYTES), 0);
    expect_error(RUN_ERR_REQUIREMENT_UNMET, "too large");
    free(TAKE(json));
    json = scratch_path(state, "shared/called");
    assert_false(path_exists(json));
}

/* ---- what its end means ---- */

static void what_it_prints_says_why_not(void **state)
{
    static const struct {
        const char *script, *words;
    } rows[] = {
        {"echo 'no public buckets'; echo second >&2; exit 1\n",
         "policies_passed is not met: no public buckets\nsecond"},
        {"exit 3\n", "status 3 and said nothing"},
        {"printf '\\n \\n'; exit 1\n", "status 1 and said nothing"},
        {"kill -9 $$\n", "killed by SIGKILL"},
        {"echo 'the key is " SECRET "'; exit 1\n", "the key is ***"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *log = NULL;

        use_script(rows[i].script);
        expect_error(RUN_ERR_REQUIREMENT_UNMET, rows[i].words);
        assert_null(strstr(run.outcome.error_message, SECRET));
        log = get("run/log");
        assert_non_null(strstr(log, "==> policies\n"));
        assert_null(strstr(log, SECRET));
    }
}

static void what_it_prints_is_cut(void **state)
{
    AUTO(auto_free) char *log = NULL;
    size_t len;

    (void)state;
    use_script("i=0; while [ $i -lt 3000 ]; do echo 'ééééééééééééééééééééé'; "
               "i=$((i+1)); done; echo last words; exit 1\n");
    expect_error(RUN_ERR_REQUIREMENT_UNMET, "not met: é");
    len = strlen(run.outcome.error_message);
    assert_in_range(len, 4000, 4200);
    assert_string_equal(run.outcome.error_message + len - 2, "é");
    log = get("run/log");
    assert_in_range(strlen(log), 64 * 1024, 66 * 1024);
    assert_non_null(strstr(log, "bytes left out"));
    assert_non_null(strstr(log, "last words\n"));
}

static void passing_leaves_the_run_as_it_is(void **state)
{
    AUTO(auto_free) char *log = NULL;
    AUTO(buf_done) struct buf output = BUF_INIT(4096);

    (void)state;
    runner_log_feed(&run.log, "the plan's text\n", 16);
    use_script("echo 'all is well'\n");
    expect_passed();
    assert_int_equal(run.outcome.error, RUN_ERR_NONE);
    log = get("run/log");
    assert_non_null(strstr(log, "all is well\n"));
    capture_text(&run.log.output, &output);
    assert_string_equal(buf_text(&output), "the plan's text\n");
}

static void without_a_program_nothing_passes(void **state)
{
    (void)state;
    free(TAKE(conf.policy_command));
    expect_error(RUN_ERR_REQUIREMENT_UNMET, "set KEDGE_POLICY_COMMAND");
    conf.policy_command = mem_dup("/nowhere/check");
    expect_error(RUN_ERR_REQUIREMENT_UNMET, "could not be run");
    put("check", "no program", 0700);
    free(conf.policy_command);
    conf.policy_command = scratch_path(scratch, "check");
    expect_error(RUN_ERR_REQUIREMENT_UNMET, "could not be run");
}

static void it_is_called_only_where_it_is_required(void **state)
{
    (void)state;
    use_script("exit 1\n");
    free(TAKE(conf.plan_requirements));
    expect_passed();
    run.order.spec.apply_requirements = mem_dup("policies_passed");
    expect_passed();
    run.order.spec.kind = RUN_APPLY;
    run.plan_changes = true;
    expect_error(RUN_ERR_REQUIREMENT_UNMET, "status 1");
}

static void it_is_stopped_with_the_run(void **state)
{
    int64_t started_ms = clock_mono_ms();

    (void)state;
    use_script("trap '' INT; sleep 60\n");
    run.deadline_mono_ms = clock_mono_ms() + 100;
    expect_error(RUN_ERR_TIMEOUT, "KEDGE_RUN_TIMEOUT");
    run.deadline_mono_ms = clock_mono_ms() + 30000;
    run.cancel_level = 2;
    assert_int_equal(runner_require_policies(&run), -1);
    assert_string_equal(run_status_name(run.outcome.status), "cancelled");
    assert_in_range(clock_mono_ms() - started_ms, 0, 20000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_called_with_the_plan_and_little_else),
        TEST(without_a_pull_request_there_is_no_number),
        TEST(it_is_confined_to_its_own_directory),
        TEST(a_plan_that_is_not_what_terraform_wrote_is_not_shown),
        TEST(what_it_prints_says_why_not),
        TEST(what_it_prints_is_cut),
        TEST(passing_leaves_the_run_as_it_is),
        TEST(without_a_program_nothing_passes),
        TEST(it_is_called_only_where_it_is_required),
        TEST(it_is_stopped_with_the_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
