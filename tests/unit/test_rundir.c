/* The run directory: what is written is read back, and the lock tells who lives. */
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

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/rundir/rundir.h"

#define LONG_MS 20000

static char *top;
static char *dir;

static int set_up(void **state)
{
    (void)state;
    top = mem_dup("/tmp/test_rundir.XXXXXX");
    if (mkdtemp(top) == NULL)
        return -1;
    dir = path_join(top, "run");
    return 0;
}

static int tear_down(void **state)
{
    struct err err;

    (void)state;
    path_remove_tree(top, &err);
    free(top);
    free(dir);
    return 0;
}

static struct run_order example(void)
{
    struct run_order order = {
        .hold = {.run_id = "01890000-0000-7000-8000-000000000001",
                 .fence = "1700000000000-3",
                 .nonce = "00112233445566778899aabbccddeeff"},
        .target = "ffeeddccbbaa99887766554433221100",
        .attempt = 2,
        .queued_at_ms = 1700000000001,
        .started_at_ms = 1700000000002,
        .lock_retry_since_ms = 1700000000003,
        .resources = 12,
    };

    order.spec.kind = RUN_PLAN;
    order.spec.type = VCS_GITLAB;
    order.spec.repository = mem_dup("group/sub/repo");
    order.spec.ref = mem_dup("main");
    order.spec.directory = mem_dup("envs/prod");
    order.spec.workspace = mem_dup("prod");
    order.spec.variables = mem_dup("{\"a\":{\"b\":[1,2]}}");
    order.spec.confirm = true;
    return order;
}

static void create(void)
{
    AUTO(run_order_done) struct run_order order = example();
    struct err err;

    if (rundir_create(dir, &order, &err) < 0)
        fail_msg("%s", err.message);
}

static void write_file(const char *name, const char *text)
{
    AUTO(auto_free) char *path = path_join(dir, name);
    struct err err;

    assert_int_equal(path_write_atomic(path, text, strlen(text), 0600, &err), 0);
}

/* ---- spec.json ---- */

static void an_order_is_read_back_as_written(void **state)
{
    AUTO(run_order_done) struct run_order order = example();
    AUTO(run_order_done) struct run_order got = {0};
    char expected[33], actual[33];
    struct err err;

    (void)state;
    create();
    assert_int_equal(rundir_read_order(dir, &got, &err), 0);
    assert_string_equal(got.hold.run_id, order.hold.run_id);
    assert_string_equal(got.hold.fence, order.hold.fence);
    assert_string_equal(got.hold.nonce, order.hold.nonce);
    assert_string_equal(got.target, order.target);
    assert_int_equal(got.attempt, 2);
    assert_int_equal(got.queued_at_ms, order.queued_at_ms);
    assert_int_equal(got.started_at_ms, order.started_at_ms);
    assert_int_equal(got.lock_retry_since_ms, order.lock_retry_since_ms);
    assert_int_equal(got.resources, order.resources);
    run_spec_fingerprint(&order.spec, expected);
    run_spec_fingerprint(&got.spec, actual);
    assert_string_equal(actual, expected);
}

static void nobody_else_can_read_it(void **state)
{
    AUTO(auto_free) char *path = path_join(dir, "spec.json");
    struct stat st;

    (void)state;
    create();
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_broken_order_is_an_error_that_names_what_is_missing(void **state)
{
    struct run_order got;
    struct err err;

    (void)state;
    create();
    write_file("spec.json", "{\"runId\":\"1\",\"fence\":\"1-1\",\"nonce\":\"n\"}");
    assert_int_equal(rundir_read_order(dir, &got, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, "target"));
    write_file("spec.json", "{");
    assert_int_equal(rundir_read_order(dir, &got, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
}

/* ---- result.json ---- */

static void an_outcome_is_read_back_as_written(void **state)
{
    struct run_outcome outcome = {
        .status = RUN_ERROR,
        .retry = true,
        .retry_reason = RETRY_STATE_LOCKED,
        .exit_code = 1,
        .error = RUN_ERR_STATE_LOCKED,
        .error_message = mem_dup("held by \"me\"\n"),
        .commit = mem_dup("0123456789012345678901234567890123456789"),
        .drift_record = mem_dup("{\"status\":\"error\"}"),
        .reads = mem_dup("env\nmodules/a"),
        .resources = 3,
        .found = true,
        .output_truncated = true,
    };
    struct run_outcome got;
    struct err err;

    (void)state;
    create();
    assert_int_equal(rundir_read_outcome(dir, &got, &err), 0);
    assert_int_equal(rundir_write_outcome(dir, &outcome, &err), 0);
    assert_int_equal(rundir_read_outcome(dir, &got, &err), 1);
    assert_int_equal(got.status, RUN_ERROR);
    assert_true(got.retry);
    assert_int_equal(got.retry_reason, RETRY_STATE_LOCKED);
    assert_int_equal(got.exit_code, 1);
    assert_int_equal(got.error, RUN_ERR_STATE_LOCKED);
    assert_string_equal(got.error_message, outcome.error_message);
    assert_string_equal(got.commit, outcome.commit);
    assert_null(got.summary);
    assert_string_equal(got.drift_record, outcome.drift_record);
    assert_string_equal(got.reads, outcome.reads);
    assert_int_equal(got.resources, outcome.resources);
    assert_true(got.found);
    assert_true(got.output_truncated);
    run_outcome_done(&got);
    run_outcome_done(&outcome);
}

static void a_clean_outcome_has_no_error_and_no_retry(void **state)
{
    struct run_outcome outcome = {.status = RUN_CLEAN, .summary = mem_dup("{}")};
    struct run_outcome got;
    struct err err;

    (void)state;
    create();
    assert_int_equal(rundir_write_outcome(dir, &outcome, &err), 0);
    assert_int_equal(rundir_read_outcome(dir, &got, &err), 1);
    assert_int_equal(got.status, RUN_CLEAN);
    assert_int_equal(got.error, RUN_ERR_NONE);
    assert_false(got.retry);
    assert_false(got.expand);
    assert_string_equal(got.summary, "{}");
    run_outcome_done(&got);
    run_outcome_done(&outcome);
}

static void an_outcome_says_that_a_batch_is_to_be_expanded(void **state)
{
    struct run_outcome outcome = {.status = RUN_CLEAN, .expand = true};
    struct run_outcome got;
    struct err err;

    (void)state;
    create();
    assert_int_equal(rundir_write_outcome(dir, &outcome, &err), 0);
    assert_int_equal(rundir_read_outcome(dir, &got, &err), 1);
    assert_true(got.expand);
    run_outcome_done(&got);
}

static void a_broken_outcome_is_an_error(void **state)
{
    static const char *const broken[] = {
        "",
        "{",
        "{}",
        "{\"status\":\"splendid\"}",
        "{\"status\":\"error\",\"error\":\"NO_SUCH_CODE\"}",
        "{\"status\":\"error\",\"retry\":\"for fun\"}",
    };
    struct run_outcome got;
    struct err err;

    (void)state;
    create();
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        write_file("result.json", broken[i]);
        assert_int_equal(rundir_read_outcome(dir, &got, &err), -1);
        assert_int_equal(err.kind, ERR_PERM);
    }
}

/* ---- may an apply begin? ---- */

static void what_was_asked_last_is_read(void **state)
{
    const struct rundir_ask first = {.serial = 1, .boot_ms = 1000};
    const struct rundir_ask second = {.serial = 2, .boot_ms = 4000000000000};
    struct rundir_ask got;
    struct err err;

    (void)state;
    create();
    assert_false(rundir_read_ask(dir, &got));
    assert_int_equal(rundir_ask(dir, &first, &err), 0);
    assert_int_equal(rundir_ask(dir, &second, &err), 0);
    assert_true(rundir_read_ask(dir, &got));
    assert_int_equal(got.serial, second.serial);
    assert_int_equal(got.boot_ms, second.boot_ms);
}

static void a_broken_question_is_none(void **state)
{
    static const char *const broken[] = {
        "", "\n", "1\n", "0 1000\n", "1 x\n", "1 -1\n", "1 1000 2\n",
    };
    struct rundir_ask got;

    (void)state;
    create();
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        write_file("ask", broken[i]);
        if (rundir_read_ask(dir, &got))
            fail_msg("\"%s\" was read", broken[i]);
    }
}

static void a_mark_stays(void **state)
{
    struct err err;

    (void)state;
    assert_int_equal(rundir_set_marked(dir, &err), -1);
    create();
    assert_false(rundir_is_marked(dir));
    assert_int_equal(rundir_set_marked(dir, &err), 0);
    assert_int_equal(rundir_set_marked(dir, &err), 0);
    assert_true(rundir_is_marked(dir));
}

/* ---- lock ---- */

static void a_run_is_alive_while_its_lock_is_held(void **state)
{
    struct err err;
    int fd;

    (void)state;
    create();
    assert_false(rundir_alive(dir));
    fd = rundir_lock(dir, &err);
    assert_true(fd >= 0);
    assert_true(rundir_alive(dir));
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    assert_int_equal(rundir_lock(dir, &err), -1);
    assert_int_equal(err.kind, ERR_TEMP);
    close(fd);
    assert_false(rundir_alive(dir));
}

/* As terraform, which goes on when its runner has died. */
static pid_t holder(void)
{
    struct err err;
    int fd = rundir_lock(dir, &err);
    pid_t pid = fork();

    assert_true(fd >= 0 && pid >= 0);
    if (pid == 0)
        for (;;)
            pause();
    close(fd);
    return pid;
}

static void a_child_that_inherited_the_lock_keeps_the_run_alive(void **state)
{
    pid_t pid;

    (void)state;
    create();
    pid = holder();
    assert_true(rundir_alive(dir));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(rundir_alive(dir));
}

static void holders_can_be_killed_and_nobody_else_is(void **state)
{
    pid_t bystander = fork(), pid;
    int status;

    (void)state;
    if (bystander == 0)
        for (;;)
            pause();
    create();
    pid = holder();
    rundir_kill_holders(dir);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    assert_int_equal(waitpid(bystander, &status, WNOHANG), 0);
    kill(bystander, SIGKILL);
    assert_int_equal(waitpid(bystander, NULL, 0), bystander);
}

/* Of terraform and what it has started, which has the lock too, terraform alone. */
static void the_leader_that_holds_the_lock_is_interrupted(void **state)
{
    pid_t leader, other;
    int status;

    (void)state;
    create();
    assert_false(rundir_interrupt(dir));
    other = holder();
    assert_false(rundir_interrupt(dir)); /* it leads no group of its own */
    kill(other, SIGKILL);
    assert_int_equal(waitpid(other, NULL, 0), other);
    leader = holder();
    assert_int_equal(setpgid(leader, leader), 0);
    assert_true(rundir_interrupt(dir));
    assert_int_equal(waitpid(leader, &status, 0), leader);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

/* ---- ctl ---- */

static void a_line_reaches_the_runner(void **state)
{
    AUTO(auto_free) char *path = path_join(dir, "ctl");
    AUTO(auto_close) int fd = -1;
    char text[64] = "";

    (void)state;
    create();
    assert_false(rundir_tell(dir, "cancel 1"));
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(rundir_tell(dir, "cancel 1"));
    assert_true(rundir_tell(dir, "interrupt"));
    assert_int_equal(read(fd, text, sizeof text - 1), 19);
    assert_string_equal(text, "cancel 1\ninterrupt\n");
}

static void telling_a_run_that_is_gone_is_false(void **state)
{
    (void)state;
    assert_false(rundir_tell(dir, "cancel 1"));
    assert_false(rundir_alive(dir));
    rundir_kill_holders(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_order_is_read_back_as_written),
        TEST(nobody_else_can_read_it),
        TEST(a_broken_order_is_an_error_that_names_what_is_missing),
        TEST(an_outcome_is_read_back_as_written),
        TEST(a_clean_outcome_has_no_error_and_no_retry),
        TEST(an_outcome_says_that_a_batch_is_to_be_expanded),
        TEST(a_broken_outcome_is_an_error),
        TEST(what_was_asked_last_is_read),
        TEST(a_broken_question_is_none),
        TEST(a_mark_stays),
        TEST(a_run_is_alive_while_its_lock_is_held),
        TEST(a_child_that_inherited_the_lock_keeps_the_run_alive),
        TEST(holders_can_be_killed_and_nobody_else_is),
        TEST(the_leader_that_holds_the_lock_is_interrupted),
        TEST(a_line_reaches_the_runner),
        TEST(telling_a_run_that_is_gone_is_false),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
