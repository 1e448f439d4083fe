/* The sealed plan, the shared state, and the apply's own way of running. Shell scripts
 * stand in for terraform. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/terraform_fixture.h"
#include "worker/process/file.h"

#define SCRIPT                                                                           \
    "for last in \"$@\"; do :; done\n"                                                   \
    "case $1 in plan) echo planned >${last#-out=}; exit 2 ;;\n"                          \
    "show|apply) echo \"$1 $(cat $last)\" ;; esac\n"

static char *in_run(const char *name)
{
    return path_join(tf_run->dir, name);
}

static void planned(void)
{
    test_run_script(tf_run, SCRIPT);
    tf_begin();
    tf_plan();
}

static void sealed(void)
{
    struct err err;

    planned();
    if (terraform_seal_plan(tf_used, &err) < 0)
        fail_msg("%s", err.message);
}

static void expect_applied(void)
{
    struct child_result result;
    struct err err;

    buf_reset(&tf_output);
    if (terraform_apply(tf_used, tf_soon(), &result, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(result.code, 0);
    tf_expect("apply planned");
}

static void expect_no_apply(const char *sentence)
{
    AUTO(auto_free) char *calls = NULL;
    struct child_result result;
    struct err err;

    assert_int_equal(terraform_apply(tf_used, tf_soon(), &result, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    if (strstr(err.message, sentence) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", sentence, err.message);
    calls = test_run_calls(tf_run);
    assert_null(strstr(calls, "apply "));
}

/* ---- the plan ---- */

static void a_sealed_plan_is_moved_and_applied(void **state)
{
    AUTO(auto_free) char *from = in_run(TERRAFORM_PLAN_FILE);
    AUTO(auto_free) char *log = in_run(TERRAFORM_APPLY_LOG);
    AUTO(auto_free) char *to = in_run("sealed/plan");
    struct stat st;

    (void)state;
    sealed();
    assert_false(path_exists(from));
    assert_int_equal(stat(to, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0400);
    expect_applied();
    assert_true(path_exists(log));
}

static void show_reads_the_sealed_plan_and_a_new_one_is_not_sealed(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(100);
    struct child_result result;
    struct err err;
    bool over;

    (void)state;
    sealed();
    assert_int_equal(terraform_show(tf_used, tf_soon(), &over, &result, &err), 0);
    assert_int_equal(file_get(tf_run->dir, TERRAFORM_PLAN_JSON, &text), 1);
    assert_string_equal(buf_text(&text), "show planned\n");
    tf_plan();
    expect_no_apply("no plan was sealed");
}

static void a_sealed_plan_that_was_changed_is_not_applied(void **state)
{
    AUTO(auto_free) char *plan = in_run("sealed/plan");
    struct err err;

    (void)state;
    sealed();
    assert_int_equal(path_write_atomic(plan, "plannee\n", 8, 0600, &err), 0);
    expect_no_apply("changed");
    unlink(plan);
    expect_no_apply("sealed/plan");
}

/* The run may have kept another name of what it wrote. */
static void what_a_run_still_holds_is_not_what_was_sealed(void **state)
{
    AUTO(auto_free) char *from = in_run(TERRAFORM_PLAN_FILE);
    AUTO(auto_free) char *kept = path_join(tf_run->work, "kept");
    struct err err;

    (void)state;
    planned();
    assert_int_equal(link(from, kept), 0);
    assert_int_equal(terraform_seal_plan(tf_used, &err), 0);
    assert_int_equal(truncate(kept, 3), 0);
    expect_applied();
}

static void what_is_no_plain_file_is_not_sealed(void **state)
{
    AUTO(auto_free) char *plan = in_run(TERRAFORM_PLAN_FILE);
    struct err err;

    (void)state;
    planned();
    assert_int_equal(unlink(plan), 0);
    assert_int_equal(symlink("/etc/hostname", plan), 0);
    assert_int_equal(terraform_seal_plan(tf_used, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_int_equal(unlink(plan), 0);
    assert_int_equal(mkfifo(plan, 0600), 0);
    assert_int_equal(terraform_seal_plan(tf_used, &err), -1);
    assert_non_null(strstr(err.message, "not the file that terraform wrote"));
    assert_int_equal(unlink(plan), 0);
    assert_int_equal(mkdir(plan, 0700), 0);
    assert_int_equal(terraform_seal_plan(tf_used, &err), -1);
    assert_non_null(strstr(err.message, "not the file that terraform wrote"));
    expect_no_apply("no plan was sealed");
}

/* ---- the state ---- */

struct state_row {
    const char *backend; /* what init leaves; NULL: no file */
    bool shared;         /* for `default` */
    bool shared_other;   /* for another Terraform workspace */
};

static void a_state_is_shared_where_every_worker_finds_it(void **state)
{
    static const struct state_row rows[] = {
        {NULL, false, false},
        {"{}", false, false},
        {"not JSON", false, false},
        {"{\"backend\":{\"type\":\"s3\",\"config\":{}}}", true, true},
        {"{\"backend\":{\"type\":\"http\"}}", true, true},
        {"{\"backend\":{\"type\":\"local\",\"config\":{\"path\":null}}}", false, false},
        {"{\"backend\":{\"type\":\"local\",\"config\":{\"path\":\"a/s\"}}}", false,
         false},
        {"{\"backend\":{\"type\":\"local\",\"config\":{\"path\":\"/a/s\"}}}", true,
         false},
        {"{\"backend\":{\"type\":\"local\",\"config\":{\"path\":\"s\","
         "\"workspace_dir\":\"/a\"}}}",
         false, true},
    };

    (void)state;
    tf_begin();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].backend != NULL)
            tf_put("data/w1/work/00112233445566778899aabbccddeeff/tf",
                   "terraform.tfstate", rows[i].backend);
        assert_int_equal(terraform_shared_state(tf_used), rows[i].shared);
        free(tf_run->order.spec.workspace);
        tf_run->order.spec.workspace = mem_dup("prod");
        assert_int_equal(terraform_shared_state(tf_used), rows[i].shared_other);
        free(tf_run->order.spec.workspace);
        tf_run->order.spec.workspace = mem_dup("default");
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tf_set_up, tf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sealed_plan_is_moved_and_applied),
        TEST(show_reads_the_sealed_plan_and_a_new_one_is_not_sealed),
        TEST(a_sealed_plan_that_was_changed_is_not_applied),
        TEST(what_a_run_still_holds_is_not_what_was_sealed),
        TEST(what_is_no_plain_file_is_not_sealed),
        TEST(a_state_is_shared_where_every_worker_finds_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
