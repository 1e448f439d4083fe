/* Terraform as a run uses it: its environment, its files, its binary. A shell script
 * stands in for terraform and says what it got. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/terraform_fixture.h"
#include "worker/process/sandbox.h"

/* ---- environment ---- */

static void a_run_sees_exactly_the_listed_environment(void **state)
{
    static const char *const wide[] = {
        "PATH=/usr/bin:/bin",  "LANG=en_GB.UTF-8",    "HOME=/root",
        "AWS_REGION=eu-1",     "TF_VAR_size=3",       "TF_LOG=trace",
        "TF_CLI_ARGS=-x",      "KEDGE_REDIS_URL=r",   "KEDGE_API_SECRET=s",
        "LD_PRELOAD=/evil.so", "SOMETHING_ELSE=else", NULL,
    };
    AUTO(auto_free) char *expected = NULL;

    (void)state;
    tf_environment = wide;
    free(tf_run->conf.env_pass);
    tf_run->conf.env_pass = mem_dup("AWS_*, TF_*, KEDGE_*, LD_*");
    test_run_script(tf_run,
                    "/usr/bin/env -u PWD -u SHARED -u _ -u OLDPWD | LC_ALL=C sort");
    tf_begin();
    tf_plan();
    expected = mem_fmt("AWS_REGION=eu-1\nCHECKPOINT_DISABLE=1\n"
                       "GIT_CONFIG_GLOBAL=/dev/null\nGIT_CONFIG_NOSYSTEM=1\n"
                       "GIT_CONFIG_SYSTEM=/dev/null\nGIT_TERMINAL_PROMPT=0\n"
                       "HOME=%s/home\nLANG=en_GB.UTF-8\nPATH=/usr/bin:/bin\n"
                       "TF_DATA_DIR=%s/tf\nTF_INPUT=0\nTF_IN_AUTOMATION=1\n"
                       "TF_VAR_size=3\nTF_WORKSPACE=default\nTMPDIR=%s/tmp\n",
                       tf_run->work, tf_run->work, tf_run->work);
    assert_string_equal(buf_text(&tf_output), expected);
}

static void later_env_files_win(void **state)
{
    (void)state;
    tf_run->conf.env_dir = path_join(tf_run->top, "env");
    tf_put("env", "default.env", "A=default\nB=default\nC=default\n");
    tf_put("env", "p1.env", "B=project\nC=project\n");
    tf_put("env", "p1/w1.env", "C=workspace\n");
    tf_put("env", "p2.env", "A=other\n");
    test_run_script(tf_run, "echo \"$A $B $C\"");
    tf_begin();
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "default project workspace\n");
    free(TAKE(tf_run->order.spec.project_id));
    free(TAKE(tf_run->order.spec.workspace_id));
    tf_begin();
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "default default default\n");
}

static void a_refused_variable_names_itself_and_its_file(void **state)
{
    (void)state;
    tf_run->conf.env_dir = path_join(tf_run->top, "env");
    tf_put("env", "p1.env", "A=1\nTF_CLI_ARGS_plan=-destroy\n");
    tf_refuse("p1.env line 2: TF_CLI_ARGS_plan");
}

static void count_secret(void *arg, const char *secret)
{
    buf_fmt(arg, "<%s>", secret);
}

static void secrets_of_files_and_tokens_are_told(void **state)
{
    static const char *const worker[] = {"PATH=/usr/bin:/bin",
                                         "AWS_SECRET_ACCESS_KEY=aws", "AWS_REGION=eu-1",
                                         "AWS_TOKEN_FILE=/run/t", NULL};
    AUTO(buf_done) struct buf secrets = BUF_INIT(4096);

    (void)state;
    tf_environment = worker;
    free(tf_run->conf.env_pass);
    tf_run->conf.env_pass = mem_dup("AWS_*");
    tf_run->conf.env_dir = path_join(tf_run->top, "env");
    tf_run->conf.github_token = mem_dup("github");
    tf_put("env", "default.env", "A=file\n");
    tf_begin();
    terraform_secrets(tf_used, count_secret, &secrets);
    assert_string_equal(buf_text(&secrets), "<aws><file><github>");
}

static void tokens_and_the_plugin_cache_are_for_init_alone(void **state)
{
    AUTO(auto_free) char *askpass = path_join(tf_run->dir, "in/askpass");
    AUTO(auto_free) char *cache = NULL;

    (void)state;
    tf_run->conf.github_token = mem_dup("token-of-github");
    test_run_script(tf_run, "/usr/bin/env");
    tf_begin();
    tf_init();
    cache = mem_fmt("TF_PLUGIN_CACHE_DIR=%s/data/plugins\n", tf_run->top);
    tf_expect(cache);
    tf_expect("TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE=1\n");
    tf_expect("=token-of-github\n");
    tf_expect(askpass);
    assert_false(tf_printed("TF_WORKSPACE"));
    tf_plan();
    assert_false(tf_printed("TF_PLUGIN_CACHE"));
    assert_false(tf_printed("token-of-github"));
    assert_false(tf_printed("askpass"));
}

static void a_committed_lock_file_is_not_to_be_broken(void **state)
{
    (void)state;
    test_run_file(tf_run, ".terraform.lock.hcl", "# committed\n");
    test_run_script(tf_run, "/usr/bin/env");
    tf_begin();
    tf_init();
    assert_false(tf_printed("MAY_BREAK"));
}

/* ---- files ---- */

static void variables_and_backend_settings_are_files_not_arguments(void **state)
{
    AUTO(auto_free) char *calls = NULL;
    AUTO(auto_free) char *backend = path_join(tf_run->dir, "in/backend.json");
    struct stat st;

    (void)state;
    tf_run->order.spec.variables = mem_dup("{\"password\":\"v-secret\"}");
    tf_run->order.spec.backend_config = mem_dup("{\"key\":\"b-secret\"}");
    tf_run->order.spec.var_files = mem_new(2, sizeof(char *));
    tf_run->order.spec.var_files[0] = mem_dup("a.tfvars");
    tf_run->order.spec.var_files[1] = mem_dup("env/b.tfvars");
    tf_run->order.spec.var_file_count = 2;
    test_run_file(tf_run, "a.tfvars", "");
    test_run_file(tf_run, "env/b.tfvars", "");
    test_run_script(tf_run,
                    "for a; do case $a in -var-file=*.json) cat ${a#-var-file=} ;;"
                    "-backend-config=*) cat ${a#-backend-config=} ;; esac; done");
    tf_begin();
    tf_init();
    assert_string_equal(buf_text(&tf_output), "{\"key\":\"b-secret\"}");
    assert_int_equal(stat(backend, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "{\"password\":\"v-secret\"}");
    calls = test_run_calls(tf_run);
    assert_null(strstr(calls, "secret"));
    assert_non_null(
        strstr(calls, "-var-file=a.tfvars -var-file=env/b.tfvars -var-file=/"));
}

static void a_var_file_stays_inside_the_checkout(void **state)
{
    (void)state;
    test_run_file(tf_run, "dir/main.tf", "");
    test_run_file(tf_run, "common.tfvars", "");
    free(tf_run->order.spec.directory);
    tf_run->order.spec.directory = mem_dup("dir");
    tf_run->order.spec.var_files = mem_new(1, sizeof(char *));
    tf_run->order.spec.var_file_count = 1;
    tf_run->order.spec.var_files[0] = mem_dup("../common.tfvars");
    tf_begin();
    free(tf_run->order.spec.var_files[0]);
    tf_run->order.spec.var_files[0] = mem_dup("../../init.json");
    tf_put("data/w1/work/00112233445566778899aabbccddeeff", "init.json", "{}");
    tf_refuse("leaves the repository");
    free(tf_run->order.spec.var_files[0]);
    tf_run->order.spec.var_files[0] = mem_dup("/etc/passwd");
    tf_refuse("must be relative");
    free(tf_run->order.spec.var_files[0]);
    tf_run->order.spec.var_files[0] = mem_dup("none.tfvars");
    tf_refuse("none.tfvars is not in the repository");
}

static void home_and_tmp_are_empty_at_the_start(void **state)
{
    (void)state;
    test_run_script(tf_run, "ls -A $HOME $TMPDIR | grep -v -e : -e '^$';"
                            "echo x >$HOME/.terraformrc; echo x >$TMPDIR/left");
    tf_begin();
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "");
    tf_plan();
    assert_string_equal(buf_text(&tf_output), ".terraformrc\nleft\n");
    tf_begin();
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "");
}

/* Providers make sockets in TMPDIR. */
static void tmp_has_a_short_path_even_below_a_long_one(void **state)
{
    AUTO(auto_free) char *tmp = NULL;
    char *moved;

    (void)state;
    moved =
        mem_fmt("%s/data/a-rather-long-name-for-a-directory/and-another-one/w1/work/t",
                tf_run->top);
    free(tf_run->work);
    tf_run->work = moved;
    test_run_script(tf_run, "printf %s $TMPDIR; echo x >$TMPDIR/x || echo failed");
    tf_begin();
    tf_plan();
    assert_false(tf_printed("failed"));
    assert_true(tf_output.len <= 90);
    tmp = mem_dup(buf_text(&tf_output));
    assert_true(path_exists(tmp));
    terraform_free(TAKE(tf_used));
    assert_false(path_exists(tmp));
}

static void a_plan_cannot_change_what_the_next_run_starts_from(void **state)
{
    (void)state;
    if (sandbox_abi() == 0) {
        print_message("skipped: this kernel has no Landlock\n");
        skip();
    }
    test_run_script(tf_run,
                    "case $1 in init) mkdir $TF_DATA_DIR/providers;"
                    "echo x >$TF_PLUGIN_CACHE_DIR/x ;;"
                    "plan) for f in $TF_DATA_DIR/x $TF_DATA_DIR/providers/x "
                    "$HOME/../init.json $HOME/../lock.hcl $SHARED/../data/plugins/x;"
                    "do (echo x >$f) 2>/dev/null && echo wrote $f; done;"
                    "echo x >$HOME/x && echo end ;; esac");
    tf_begin();
    tf_init();
    assert_string_equal(buf_text(&tf_output), "");
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "end\n");
}

/* ---- binaries and versions ---- */

static void the_version_is_asked_once(void **state)
{
    AUTO(auto_free) char *calls = NULL;

    (void)state;
    test_run_script(tf_run, "echo '{\"terraform_version\":\"1.2.3\"}'; echo warning >&2");
    tf_begin();
    assert_string_equal(terraform_version(tf_used), "1.2.3");
    tf_begin();
    assert_string_equal(terraform_version(tf_used), "1.2.3");
    calls = test_run_calls(tf_run);
    assert_string_equal(calls, "version -json\n");
}

static void a_pinned_version_comes_from_its_directory(void **state)
{
    AUTO(auto_free) char *from = path_join(tf_run->top, "terraform.sh");
    AUTO(auto_free) char *to = NULL;

    (void)state;
    tf_run->conf.terraform_versions_dir = path_join(tf_run->top, "versions");
    tf_run->order.spec.terraform_version = mem_dup("1.4.0");
    test_run_script(tf_run, "echo '{\"terraform_version\":\"1.2.3\"}'");
    tf_refuse("Terraform 1.4.0 is not installed here: put it in ");
    to = mem_fmt("%s/1.4.0/terraform", tf_run->conf.terraform_versions_dir);
    tf_put("versions/1.4.0", "none", "");
    assert_int_equal(rename(from, to), 0);
    test_run_script(tf_run, "echo default");
    tf_begin();
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "{\"terraform_version\":\"1.2.3\"}\n");
}

static void the_default_serves_its_own_version(void **state)
{
    (void)state;
    tf_run->order.spec.terraform_version = mem_dup("1.2.3");
    test_run_script(tf_run, "echo '{\"terraform_version\":\"1.2.3\"}'");
    tf_begin();
    free(tf_run->order.spec.terraform_version);
    tf_run->order.spec.terraform_version = mem_dup("../../bin");
    tf_refuse("is not a version");
}

static void a_missing_terraform_is_told(void **state)
{
    (void)state;
    free(tf_run->conf.terraform);
    tf_run->conf.terraform = mem_dup("/nowhere/terraform");
    tf_refuse("/nowhere/terraform");
    free(TAKE(tf_run->conf.terraform));
    tf_environment = (const char *const[]){"PATH=/nowhere", NULL};
    tf_refuse("neither terraform nor tofu");
    tf_environment = tf_few;
}

/* ---- show ---- */

static void show_keeps_warnings_out_of_the_json(void **state)
{
    AUTO(auto_free) char *json = NULL;
    struct child_result result;
    bool over = true;
    struct err err;

    (void)state;
    test_run_script(tf_run, "echo '{\"a\":1}'; echo 'Warning: old' >&2");
    tf_begin();
    assert_int_equal(terraform_show(tf_used, tf_soon(), &over, &result, &err), 0);
    assert_false(over);
    json = test_run_part(tf_run, "in/plan.json");
    assert_string_equal(json, "{\"a\":1}\n");
    assert_string_equal(buf_text(&tf_output), "Warning: old\n");
}

static void show_does_not_follow_a_link_that_the_plan_left(void **state)
{
    AUTO(auto_free) char *victim = NULL;
    struct child_result result;
    bool over = true;
    struct err err;

    (void)state;
    tf_put("shared", "victim", "whole");
    test_run_script(tf_run, "case $1 in plan) for a; do case $a in -out=*)"
                            "ln -s $SHARED/victim ${a#-out=}.json ;; esac; done ;;"
                            "show) echo {} ;; esac");
    tf_begin();
    tf_plan();
    assert_int_equal(terraform_show(tf_used, tf_soon(), &over, &result, &err), 0);
    victim = test_run_shared(tf_run, "victim");
    assert_string_equal(victim, "whole");
}

static void the_sandbox_can_be_demanded_and_left_out(void **state)
{
    (void)state;
    tf_run->conf.sandbox = SANDBOX_NONE;
    tf_begin();
    assert_string_equal(terraform_sandbox(tf_used), "none");
    tf_run->conf.sandbox = SANDBOX_LANDLOCK;
    if (sandbox_abi() == 0) {
        tf_refuse("KEDGE_SANDBOX=landlock");
        return;
    }
    tf_begin();
    assert_string_equal(terraform_sandbox(tf_used), "landlock");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tf_set_up, tf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_sees_exactly_the_listed_environment),
        TEST(later_env_files_win),
        TEST(a_refused_variable_names_itself_and_its_file),
        TEST(secrets_of_files_and_tokens_are_told),
        TEST(tokens_and_the_plugin_cache_are_for_init_alone),
        TEST(a_committed_lock_file_is_not_to_be_broken),
        TEST(variables_and_backend_settings_are_files_not_arguments),
        TEST(a_var_file_stays_inside_the_checkout),
        TEST(home_and_tmp_are_empty_at_the_start),
        TEST(tmp_has_a_short_path_even_below_a_long_one),
        TEST(a_plan_cannot_change_what_the_next_run_starts_from),
        TEST(the_version_is_asked_once),
        TEST(a_pinned_version_comes_from_its_directory),
        TEST(the_default_serves_its_own_version),
        TEST(a_missing_terraform_is_told),
        TEST(show_keeps_warnings_out_of_the_json),
        TEST(show_does_not_follow_a_link_that_the_plan_left),
        TEST(the_sandbox_can_be_demanded_and_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
