/* What a run keeps of its text, and what it must not: secrets. Shell scripts stand in for
 * terraform. */
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

static void long_output_keeps_its_beginning_and_its_end(void **state)
{
    AUTO(auto_free) char *output = NULL;
    AUTO(auto_free) char *log = NULL;

    (void)state;
    test_run_script(rf_run,
                    "case $1 in plan) echo beginning;"
                    "head -c 6000000 /dev/zero | tr '\\0' x; echo; echo end ;; esac\n");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    assert_true(rf_run->outcome.output_truncated);
    output = test_run_part(rf_run, "output.z");
    assert_memory_equal(output, "beginning\n", 10);
    assert_non_null(strstr(output, "bytes left out"));
    assert_string_equal(output + strlen(output) - 5, "\nend\n");
    assert_in_range(strlen(output), 1024 * 1024, 1024 * 1024 + 64);
    log = test_run_part(rf_run, "log.z");
    assert_non_null(strstr(log, "bytes left out"));
    assert_string_equal(log + strlen(log) - 15, "end\n==> report\n");
    assert_in_range(strlen(log), 4 * 1024 * 1024, 4 * 1024 * 1024 + 64);
}

static void text_that_is_held_until_the_end_is_whole_and_in_order(void **state)
{
    AUTO(auto_free) char *log = NULL;

    (void)state;
    test_run_script(rf_run, "case $1 in plan) echo progress; echo; echo one; echo;"
                            "echo two; printf three ;; esac\n");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    rf_expect_part("output.z", "progress\n\none\n\ntwo\nthree");
    rf_expect_part("log.z", "==> plan\nprogress\n\none\n\ntwo\nthree\n==> report\n");
    test_run_script(rf_run, "case $1 in plan) echo; echo beginning;"
                            "head -c 9000000 /dev/zero | tr '\\0' x; echo end ;; esac\n");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    assert_true(rf_run->outcome.output_truncated);
    log = test_run_part(rf_run, "log.z");
    assert_non_null(strstr(log, "\nbeginning\nxxx"));
    assert_string_equal(log + strlen(log) - 19, "xxxxend\n==> report\n");
    assert_in_range(strlen(log), 3 * 1024 * 1024, 4 * 1024 * 1024 + 256);
}

static void secrets_of_env_files_are_masked_everywhere(void **state)
{
    static const char *const parts[] = {"output.z",      "log.z",       "head",
                                        "metadata.json", "result.json", "log"};
    AUTO(auto_free) char *dir = path_join(rf_run->top, "env");
    AUTO(auto_free) char *file = path_join(dir, "default.env");
    struct err err;

    (void)state;
    assert_int_equal(path_mkdirs(dir, 0700, &err), 0);
    assert_int_equal(path_write_atomic(file, "KEY=correct-horse\n", 18, 0600, &err), 0);
    rf_run->conf.env_dir = mem_dup(dir);
    test_run_script(rf_run,
                    "case $1 in plan) echo \"Error: key $KEY is wrong\"; exit 1 ;;"
                    "esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TERRAFORM_FAILED, "key *** is wrong");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        AUTO(auto_free) char *text = test_run_part(rf_run, parts[i]);

        assert_null(strstr(text, "correct-horse"));
    }
    rf_expect_part("output.z", "key *** is wrong");
}

static void plan_and_variables_are_gone_afterwards(void **state)
{
    AUTO(auto_free) char *plan = NULL;
    AUTO(auto_free) char *in = NULL;

    (void)state;
    rf_run->order.spec.variables = mem_dup("{\"a\":1}");
    test_run_script(rf_run, "case $1 in plan) for a; do case $a in -out=*)\n"
                            "echo secret >${a#-out=}; : >$SHARED/planned ;; esac; done ;;"
                            "esac\n");
    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    rf_wait_for_shared("planned");
    plan = path_join(rf_run->dir, "out/plan");
    in = path_join(rf_run->dir, "in");
    assert_false(path_exists(plan));
    assert_false(path_exists(in));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rf_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(long_output_keeps_its_beginning_and_its_end),
        TEST(text_that_is_held_until_the_end_is_whole_and_in_order),
        TEST(secrets_of_env_files_are_masked_everywhere),
        TEST(plan_and_variables_are_gone_afterwards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
