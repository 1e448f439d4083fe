/* Stopping a run, and what outlives what. Shell scripts stand in for terraform. */
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
#include "tests/support/runner_fixture.h"

RF_STANDS_IN

#define WAIT_SCRIPT                                                                      \
    "case $1 in plan) trap 'echo interrupted; exit 1' INT\n"                             \
    "echo half; : >$SHARED/ready; while :; do sleep 0.01; done ;; esac\n"

static void a_cancelled_run_keeps_its_partial_output(void **state)
{
    pid_t pid;

    (void)state;
    test_run_script(rf_run, WAIT_SCRIPT);
    pid = test_run_start(rf_run);
    rf_wait_for_shared("ready");
    assert_true(rundir_tell(rf_run->dir, "cancel 1"));
    test_run_wait(rf_run, pid);
    rf_expect_status(RUN_CANCELLED);
    assert_int_equal(rf_run->outcome.error, RUN_ERR_NONE);
    assert_null(rf_run->outcome.drift_record);
    rf_expect_part("output.z", "half\ninterrupted\n");
}

static void a_forced_cancel_does_not_wait(void **state)
{
    int64_t started_ms;
    pid_t pid;

    (void)state;
    rf_run->conf.cancel_grace_ms = RF_LONG_MS;
    test_run_script(rf_run, "case $1 in plan) trap '' INT; : >$SHARED/ready;"
                            "while :; do sleep 0.01; done ;; esac\n");
    pid = test_run_start(rf_run);
    rf_wait_for_shared("ready");
    started_ms = clock_mono_ms();
    assert_true(rundir_tell(rf_run->dir, "cancel 1"));
    assert_true(rundir_tell(rf_run->dir, "cancel 2"));
    test_run_wait(rf_run, pid);
    rf_expect_status(RUN_CANCELLED);
    assert_true(clock_mono_ms() - started_ms < RF_LONG_MS);
}

static void an_interrupted_run_leaves_no_result(void **state)
{
    pid_t pid;

    (void)state;
    test_run_script(rf_run, WAIT_SCRIPT);
    pid = test_run_start(rf_run);
    rf_wait_for_shared("ready");
    assert_true(rundir_tell(rf_run->dir, "interrupt"));
    test_run_wait(rf_run, pid);
    assert_int_equal(rf_run->exit_status, 75);
    assert_false(rundir_has_outcome(rf_run->dir));
    assert_false(rundir_alive(rf_run->dir));
}

static void signals_for_the_worker_do_not_reach_the_run(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    pid_t pid;

    (void)state;
    test_run_script(rf_run, "case $1 in plan) : >$SHARED/ready;"
                            "while ! test -e $SHARED/go; do sleep 0.01; done;"
                            "echo 'No changes.' ;; esac\n");
    pid = test_run_start(rf_run);
    rf_wait_for_shared("ready");
    assert_int_equal(getsid(pid), pid);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        kill(pid, signals[i]);
    test_run_put_shared(rf_run, "go", "");
    test_run_wait(rf_run, pid);
    rf_expect_status(RUN_CLEAN);
}

static void terraform_holds_the_lock_when_its_runner_is_killed(void **state)
{
    int64_t until_ms = clock_mono_ms() + RF_LONG_MS;
    int status;
    pid_t pid;

    (void)state;
    test_run_script(rf_run, "case $1 in plan) trap '' INT; : >$SHARED/ready;"
                            "while :; do sleep 0.01; done ;; esac\n");
    pid = test_run_start(rf_run);
    rf_wait_for_shared("ready");
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(rundir_alive(rf_run->dir));
    rundir_kill_holders(rf_run->dir);
    while (rundir_alive(rf_run->dir))
        if (clock_mono_ms() > until_ms)
            fail_msg("the lock is still held");
}

static void terraform_is_asked_to_stop_when_its_runner_is_killed(void **state)
{
    pid_t pid;

    (void)state;
    test_run_script(rf_run, "case $1 in plan) trap ': >$SHARED/asked; exit 1' INT;"
                            ": >$SHARED/ready; while :; do sleep 0.01; done ;; esac\n");
    pid = test_run_start(rf_run);
    rf_wait_for_shared("ready");
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    rf_wait_for_shared("asked");
}

static void a_cancel_wins_over_a_retry(void **state)
{
    pid_t pid;

    (void)state;
    test_run_script(rf_run, "case $1 in init) trap '' INT; : >$SHARED/ready;"
                            "while ! test -e $SHARED/go; do sleep 0.01; done;"
                            "echo 'Error: connection refused'; exit 1 ;; esac\n");
    pid = test_run_start(rf_run);
    rf_wait_for_shared("ready");
    assert_true(rundir_tell(rf_run->dir, "cancel 1"));
    test_run_put_shared(rf_run, "go", "");
    test_run_wait(rf_run, pid);
    rf_expect_status(RUN_CANCELLED);
    assert_false(rf_run->outcome.retry);
    assert_null(rf_run->outcome.error_message);
}

static void a_run_with_a_result_is_not_done_again(void **state)
{
    AUTO(auto_free) char *calls = NULL;

    (void)state;
    test_run_script(rf_run, RF_CLEAN_SCRIPT);
    test_run_go(rf_run);
    test_run_put_shared(rf_run, "calls", "");
    test_run_wait(rf_run, test_run_start(rf_run));
    assert_int_equal(rf_run->exit_status, 0);
    calls = test_run_calls(rf_run);
    assert_string_equal(calls, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rf_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cancelled_run_keeps_its_partial_output),
        TEST(a_forced_cancel_does_not_wait),
        TEST(an_interrupted_run_leaves_no_result),
        TEST(signals_for_the_worker_do_not_reach_the_run),
        TEST(terraform_holds_the_lock_when_its_runner_is_killed),
        TEST(terraform_is_asked_to_stop_when_its_runner_is_killed),
        TEST(a_cancel_wins_over_a_retry),
        TEST(a_run_with_a_result_is_not_done_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
