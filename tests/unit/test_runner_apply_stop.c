/* When an apply may begin, and what stops one that has begun. Shell scripts stand in for
 * terraform. */
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

#define POLL_US       2000
#define SHORT_MS      20
#define INTERRUPTED   75
#define APPLY_NOTHING ": >$SHARED/applied"
/* Notes each SIGINT, says that it is ready, and ends by itself: `how` it goes on. */
#define APPLY_SIGNALLED(how)                                                             \
    "trap 'echo x >>$SHARED/signals' INT; echo half; : >$SHARED/ready; " how

/* ---- the question ---- */

static void an_answer_counts_only_for_the_newest_question(void **state)
{
    struct runner r = {.ask = {.serial = 12, .boot_ms = clock_boot_ms()}};

    (void)state;
    runner_ask_answered(&r, "go 11");
    runner_ask_answered(&r, "go 1");
    runner_ask_answered(&r, "go 123");
    runner_ask_answered(&r, "go");
    runner_ask_answered(&r, "go 12 twice");
    runner_ask_answered(&r, "no 11 frozen");
    runner_ask_answered(&r, "no 12 reason");
    assert_int_equal(r.answer, ANSWER_NONE);
    runner_ask_answered(&r, "go 12");
    assert_int_equal(r.answer, ANSWER_GO);
    runner_ask_answered(&r, "no 12 frozen");
    assert_int_equal(r.answer, ANSWER_FROZEN);
}

static void a_late_go_is_none(void **state)
{
    struct runner r = {.ask = {.serial = 1, .boot_ms = clock_boot_ms() - RUNDIR_GO_MS}};

    (void)state;
    runner_ask_answered(&r, "go 1");
    assert_int_equal(r.answer, ANSWER_NONE);
    r.ask.boot_ms += RF_LONG_MS;
    runner_ask_answered(&r, "go 1");
    assert_int_equal(r.answer, ANSWER_GO);
}

static void it_is_asked_again_and_an_older_go_begins_nothing(void **state)
{
    pid_t pid;

    (void)state;
    af_script(APPLY_NOTHING);
    pid = af_start();
    af_await_ask(2);
    af_go(1);
    af_tell("no 2 frozen");
    test_run_wait(rf_run, pid);
    rf_expect_error(RUN_ERR_FROZEN, "frozen");
    assert_int_equal(af_calls("apply"), 0);
}

/* The answer after which a run that was never begun ends. */
static void refused(const char *answer, int exit_status)
{
    pid_t pid = af_start();

    af_await_ask(1);
    af_tell(answer);
    test_run_wait(rf_run, pid);
    assert_int_equal(rf_run->exit_status, exit_status);
    assert_int_equal(rundir_has_outcome(rf_run->dir), exit_status == 0);
    assert_int_equal(af_calls("apply"), 0);
}

static void each_refusal_has_its_end(void **state)
{
    (void)state;
    af_script(APPLY_NOTHING);
    refused("no 1 frozen", 0);
    rf_expect_error(RUN_ERR_FROZEN, "frozen");
    assert_null(rf_run->outcome.drift_record);
    refused("no 1 cancelled", 0);
    rf_expect_status(RUN_CANCELLED);
    refused("no 1 gone", INTERRUPTED);
}

static void a_wish_before_the_go_is_as_for_a_plan(void **state)
{
    (void)state;
    af_script(APPLY_NOTHING);
    refused("cancel 1", 0);
    rf_expect_status(RUN_CANCELLED);
    refused("cancel 1\ngo 1", 0);
    rf_expect_status(RUN_CANCELLED);
    refused("interrupt", INTERRUPTED);
}

/* Redis knows it as marked, and would not take it back. */
static void a_marked_run_that_was_not_begun_ends_with_a_result(void **state)
{
    struct err err;
    pid_t pid;

    (void)state;
    af_script(APPLY_NOTHING);
    pid = af_start();
    af_await_ask(1);
    assert_int_equal(rundir_set_marked(rf_run->dir, &err), 0);
    af_tell("interrupt");
    test_run_wait(rf_run, pid);
    rf_expect_error(RUN_ERR_INTERRUPTED, "nothing was changed");
    assert_int_equal(af_calls("apply"), 0);
}

static void the_time_of_the_run_ends_the_asking(void **state)
{
    (void)state;
    rf_run->conf.run_timeout_ms = 1000;
    af_script(APPLY_NOTHING);
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_TIMEOUT, "nothing was changed");
}

/* ---- an apply that has begun ---- */

static pid_t begin(const char *apply)
{
    pid_t pid;

    af_script(apply);
    pid = af_start();
    af_await_ask(1);
    af_go(1);
    rf_wait_for_shared("ready");
    return pid;
}

static void a_cancel_asks_once_and_never_again(void **state)
{
    pid_t pid;

    (void)state;
    rf_run->conf.cancel_grace_ms = SHORT_MS;
    pid = begin(APPLY_SIGNALLED("while ! test -s $SHARED/signals; do sleep 0.01; done;"
                                "sleep 0.4; echo tidy; exit 1"));
    af_tell("cancel 1");
    test_run_wait(rf_run, pid);
    rf_expect_error(RUN_ERR_INTERRUPTED, "stopped on request");
    assert_int_equal(af_bytes("signals"), strlen("x\n"));
    assert_int_equal(rf_run->outcome.exit_code, 1);
    assert_null(rf_run->outcome.drift_record);
    rf_expect_part("apply.z", "half\ntidy\n");
}

static void an_apply_that_was_done_before_it_could_be_stopped_is_applied(void **state)
{
    pid_t pid;

    (void)state;
    pid = begin(APPLY_SIGNALLED("while ! test -s $SHARED/signals; do sleep 0.01; done;"
                                ": >$SHARED/applied; exit 0"));
    af_tell("cancel 1");
    test_run_wait(rf_run, pid);
    rf_expect_status(RUN_APPLIED);
    assert_int_equal(rf_run->exit_status, 0);
    assert_int_equal(af_calls("plan"), 1);
}

static void a_forced_cancel_asks_again_and_then_kills(void **state)
{
    pid_t pid;

    (void)state;
    rf_run->conf.cancel_grace_ms = 300;
    pid = begin(APPLY_SIGNALLED("while :; do sleep 0.01; done"));
    af_tell("cancel 1");
    rf_wait_for_shared("signals");
    af_tell("cancel 2");
    test_run_wait(rf_run, pid);
    rf_expect_error(RUN_ERR_INTERRUPTED, "killed");
    assert_int_equal(af_bytes("signals"), strlen("x\nx\n"));
    assert_int_equal(rf_run->outcome.exit_code, -1);
}

static void a_worker_that_stops_leaves_a_result(void **state)
{
    pid_t pid;

    (void)state;
    pid = begin(APPLY_SIGNALLED("while ! test -s $SHARED/signals; do sleep 0.01; done;"
                                "exit 1"));
    af_tell("interrupt");
    test_run_wait(rf_run, pid);
    assert_int_equal(rf_run->exit_status, 0);
    rf_expect_error(RUN_ERR_INTERRUPTED, "stopped on request");
}

static void the_time_limit_asks_once(void **state)
{
    (void)state;
    rf_run->conf.run_timeout_ms = 1500;
    rf_run->conf.cancel_grace_ms = SHORT_MS;
    test_run_wait(rf_run,
                  begin(APPLY_SIGNALLED(
                      "while ! test -s $SHARED/signals; do sleep 0.01; done; sleep 0.3;"
                      "exit 1")));
    rf_expect_error(RUN_ERR_TIMEOUT, "KEDGE_RUN_TIMEOUT");
    assert_int_equal(af_bytes("signals"), strlen("x\n"));
}

static void a_cancel_of_the_second_plan_leaves_the_apply_as_it_was(void **state)
{
    AUTO(auto_json) cJSON *meta = NULL;
    pid_t pid;

    (void)state;
    af_script_after(APPLY_NOTHING, "trap 'exit 1' INT; : >$SHARED/ready;"
                                   "while :; do sleep 0.01; done");
    pid = af_start();
    af_await_ask(1);
    af_go(1);
    rf_wait_for_shared("ready");
    af_tell("cancel 1");
    test_run_wait(rf_run, pid);
    rf_expect_status(RUN_APPLIED);
    assert_int_equal(rf_run->outcome.exit_code, 0);
    meta = rf_metadata();
    assert_true(cJSON_IsNull(json_get(meta, "driftAfter")));
}

static void a_terraform_that_is_killed_is_named(void **state)
{
    (void)state;
    af_script("kill -KILL $$");
    af_apply();
    rf_expect_error(RUN_ERR_TERRAFORM_KILLED, "SIGKILL");
    assert_false(rf_run->outcome.retry);
}

static void await_end_of_lock(void)
{
    int64_t until_ms = clock_mono_ms() + RF_LONG_MS;

    while (rundir_alive(rf_run->dir)) {
        if (clock_mono_ms() > until_ms)
            fail_msg("the lock is still held");
        usleep(POLL_US);
    }
}

/* What it prints must not end it either, although nobody reads it any more. */
static void an_apply_goes_on_when_its_runner_is_killed(void **state)
{
    AUTO(auto_free) char *log = NULL;
    pid_t pid;

    (void)state;
    pid = begin(APPLY_SIGNALLED("while ! test -e $SHARED/end; do sleep 0.01; done;"
                                "echo more && echo again && : >$SHARED/finished"));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(rundir_alive(rf_run->dir));
    test_run_put_shared(rf_run, "end", "");
    rf_wait_for_shared("finished");
    await_end_of_lock();
    assert_false(rundir_has_outcome(rf_run->dir));
    assert_int_equal(af_calls("apply"), 1);
    log = test_run_part(rf_run, "apply.log");
    assert_string_equal(log, "half\nmore\nagain\n");
    AUTO(auto_free) char *signals = path_join(rf_run->shared, "signals");
    assert_false(path_exists(signals));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, af_set_up, rf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_counts_only_for_the_newest_question),
        TEST(a_late_go_is_none),
        TEST(it_is_asked_again_and_an_older_go_begins_nothing),
        TEST(each_refusal_has_its_end),
        TEST(a_wish_before_the_go_is_as_for_a_plan),
        TEST(a_marked_run_that_was_not_begun_ends_with_a_result),
        TEST(the_time_of_the_run_ends_the_asking),
        TEST(a_cancel_asks_once_and_never_again),
        TEST(an_apply_that_was_done_before_it_could_be_stopped_is_applied),
        TEST(a_forced_cancel_asks_again_and_then_kills),
        TEST(a_worker_that_stops_leaves_a_result),
        TEST(the_time_limit_asks_once),
        TEST(a_cancel_of_the_second_plan_leaves_the_apply_as_it_was),
        TEST(a_terraform_that_is_killed_is_named),
        TEST(an_apply_goes_on_when_its_runner_is_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
