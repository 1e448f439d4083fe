/* Programs in a run that mean harm: what they leave where the runner reads, and what they
 * leave behind. Shell scripts stand in for terraform. */
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
#include "worker/process/sandbox.h"

#define PLAN_JSON                                                                        \
    "{\"format_version\":\"1.2\",\"resource_changes\":[{\"address\":\"a.b\","            \
    "\"mode\":\"managed\",\"type\":\"a\",\"name\":\"b\",\"change\":{\"actions\":["       \
    "\"create\"],\"before\":null,\"after\":{}}}]}"
/* After it was written, wherever that may be. */
#define SHOW_INSTEAD(commands)                                                           \
    "case $1 in\n" RF_VERSION_CASE "plan) exit 2 ;;\n"                                   \
    "show) echo '" PLAN_JSON "'\n"                                                       \
    "for plan; do :; done; run=${plan%/out/plan}\n"                                      \
    "for json in $run/in/plan.json $run/out/plan.json; do\n"                             \
    "rm -f $json; " commands "; done; exit 0 ;;\n"                                       \
    "esac\n"
#define PLAN_IS(commands)                                                                \
    "case $1 in\n" RF_VERSION_CASE                                                       \
    "plan) for a; do case $a in -out=*) plan=${a#-out=} ;; esac; done\n" commands        \
    " ;;\n"                                                                              \
    "esac\n"
/* More than is read of a plan. */
#define TOO_MUCH "show) head -c 269000000 /dev/zero ;;\n"

RF_STANDS_IN

static void what_takes_the_place_of_the_json_is_not_read(void **state)
{
    static const char *const scripts[] = {
        SHOW_INSTEAD("mkfifo $json"),
        SHOW_INSTEAD("ln -s $SHARED/forged $json"),
        SHOW_INSTEAD("mkdir $json"),
        SHOW_INSTEAD("true"),
    };

    (void)state;
    rf_run->conf.sandbox = SANDBOX_NONE;
    test_run_put_shared(rf_run, "forged", "{\"format_version\":\"1.2\"}");
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        test_run_script(rf_run, scripts[i]);
        test_run_go(rf_run);
        rf_expect_error(RUN_ERR_TERRAFORM_FAILED, "not the file that show wrote");
    }
}

/* A provider runs while show does. */
static void in_a_sandbox_nothing_takes_the_place_of_the_json(void **state)
{
    if (sandbox_abi() == 0)
        skip();
    (void)state;
    test_run_put_shared(rf_run, "forged", "{\"format_version\":\"1.2\"}");
    test_run_script(rf_run, SHOW_INSTEAD("cp $SHARED/forged $json"));
    test_run_go(rf_run);
    rf_expect_status(RUN_DRIFT_DETECTED);
    rf_expect_part("result.json", "\\\"toAdd\\\":1");
}

static void a_plan_file_that_is_none_only_costs_the_count_of_resources(void **state)
{
    static const char *const scripts[] = {
        PLAN_IS("mkfifo $plan"),
        PLAN_IS("mkdir $plan"),
        PLAN_IS("ln -s /dev/zero $plan"),
        PLAN_IS("truncate -s 1T $plan"),
        PLAN_IS("printf 'PK\\005\\006' >$plan"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(scripts); i++) {
        test_run_script(rf_run, scripts[i]);
        test_run_go(rf_run);
        rf_expect_status(RUN_CLEAN);
    }
}

/* What in it is secret only the JSON would have said. */
static void changes_too_many_to_read_are_counted_and_not_shown(void **state)
{
    AUTO(auto_free) char *output = NULL;
    AUTO(auto_free) char *log = NULL;

    (void)state;
    test_run_script(rf_run, "case $1 in\n" RF_VERSION_CASE
                            "plan) echo progress; echo; echo '  + key = \"whisper\"'\n"
                            "echo; echo 'Plan: 1 to add, 2 to change, 3 to destroy.'\n"
                            "exit 2 ;;\n" TOO_MUCH "esac\n");
    test_run_go(rf_run);
    rf_expect_status(RUN_DRIFT_DETECTED);
    rf_expect_part("result.json", "\\\"toDestroy\\\":3");
    output = test_run_part(rf_run, "output.z");
    log = test_run_part(rf_run, "log.z");
    assert_string_equal(output, "progress\nThe changes are not shown: there are too many "
                                "to search them for secrets.\n");
    assert_null(strstr(log, "whisper"));
}

/* Nothing is known of it then: least of all that there is no drift. */
static void a_plan_too_large_to_be_even_counted_is_an_error(void **state)
{
    (void)state;
    test_run_script(rf_run, "case $1 in\n" RF_VERSION_CASE
                            "plan) echo; echo '  # a.b will be created'\n"
                            "head -c 3000000 /dev/zero; echo\n"
                            "echo 'Plan: 1 to add, 0 to change, 0 to destroy.'\n"
                            "head -c 3000000 /dev/zero; exit 2 ;;\n" TOO_MUCH "esac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_OUTPUT_TOO_LARGE, "256 MiB");
    assert_null(rf_run->outcome.summary);
}

/* The Go runtime ends with 2 then, as a plan with changes does. */
static void a_plan_that_takes_too_much_memory_is_told_so(void **state)
{
    (void)state;
    test_run_script(rf_run, "case $1 in\n" RF_VERSION_CASE
                            "plan) ulimit -d; echo; echo 'fatal error: runtime: out of'\n"
                            "echo memory; exit 2 ;;\nshow) exit 1 ;;\nesac\n");
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TERRAFORM_KILLED, "plan ran out of memory");
    rf_expect_part("output.z", "4194304\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rf_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_takes_the_place_of_the_json_is_not_read),
        TEST(in_a_sandbox_nothing_takes_the_place_of_the_json),
        TEST(a_plan_file_that_is_none_only_costs_the_count_of_resources),
        TEST(changes_too_many_to_read_are_counted_and_not_shown),
        TEST(a_plan_that_takes_too_much_memory_is_told_so),
        TEST(a_plan_too_large_to_be_even_counted_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
