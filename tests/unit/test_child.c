/* Running a program: output, ends, the ladder, orphans, descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/process/child.h"

#define GRACE_MS 150
/* Longer than any of these programs takes on a busy machine. */
#define LONG_MS 20000

struct probe {
    struct buf out, errors;
    const char *stop_at; /* stop_wanted asks once the output has this */
    int level;
    int ctl_fd; /* stop_wanted reads it, and asks when there was something; -1 */
};

static void take_output(void *arg, const char *bytes, size_t len)
{
    struct probe *probe = arg;

    buf_append(&probe->out, bytes, len);
}

static void take_errors(void *arg, const char *bytes, size_t len)
{
    struct probe *probe = arg;

    buf_append(&probe->errors, bytes, len);
}

static int stop_wanted(void *arg)
{
    struct probe *probe = arg;
    char c;

    if (probe->ctl_fd >= 0 && read(probe->ctl_fd, &c, 1) == 1)
        return probe->level;
    if (probe->stop_at == NULL || strstr(buf_text(&probe->out), probe->stop_at) == NULL)
        return 0;
    return probe->level;
}

static char path_variable[] = "PATH=/usr/bin:/bin";
static char only_variable[] = "ONLY=this";
static char *environment[] = {path_variable, only_variable, NULL};

struct setup {
    struct probe probe;
    char *argv[4];
    struct child_spec spec;
    struct child_result result;
    struct err err;
};

static struct setup *setup_new(const char *script)
{
    struct setup *setup = mem_new(1, sizeof *setup);

    setup->probe = (struct probe){.ctl_fd = -1, .level = 1};
    buf_init(&setup->probe.out, 1 << 20);
    buf_init(&setup->probe.errors, 1 << 20);
    setup->argv[0] = mem_dup("sh");
    setup->argv[1] = mem_dup("-c");
    setup->argv[2] = mem_dup(script);
    setup->spec = (struct child_spec){
        .path = "/bin/sh",
        .argv = setup->argv,
        .envp = environment,
        .cwd = "/",
        .keep_fd = -1,
        .deadline_mono_ms = clock_mono_ms() + LONG_MS,
        .grace_ms = GRACE_MS,
        .output = take_output,
        .stop_wanted = stop_wanted,
        .poll_fd = -1,
        .arg = &setup->probe,
    };
    return setup;
}

static void auto_setup(struct setup **setup)
{
    for (size_t i = 0; i < ARRAY_LEN((*setup)->argv); i++)
        free((*setup)->argv[i]);
    buf_done(&(*setup)->probe.out);
    buf_done(&(*setup)->probe.errors);
    free(*setup);
}

static char *scratch(void)
{
    char *dir = mem_dup("/tmp/test_child.XXXXXX");

    assert_non_null(mkdtemp(dir));
    return dir;
}

static void auto_scratch(char **dir)
{
    struct err err;

    path_remove_tree(*dir, &err);
    free(*dir);
}

static void run(struct setup *setup)
{
    int rc = child_run(&setup->spec, &setup->result, &setup->err);

    if (rc != 0)
        fail_msg("child_run: %s", setup->err.message);
}

static const char *output(const struct setup *setup)
{
    return buf_text(&setup->probe.out);
}

static bool gone(pid_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

/* ---- ends ---- */

static void an_exit_status_and_both_streams_are_told(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("echo out; echo err >&2; exit 3");

    (void)state;
    run(setup);
    assert_int_equal(setup->result.end, CHILD_EXITED);
    assert_int_equal(setup->result.code, 3);
    assert_string_equal(output(setup), "out\nerr\n");
    assert_false(setup->result.timed_out);
    assert_false(setup->result.stopped);
    assert_true(setup->result.peak_rss_bytes > 100 * 1024);
}

static void a_signal_is_told(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("kill -KILL $$");

    (void)state;
    run(setup);
    assert_int_equal(setup->result.end, CHILD_SIGNALED);
    assert_int_equal(setup->result.code, SIGKILL);
    assert_false(setup->result.stopped);
}

static void stderr_can_have_a_pipe_of_its_own(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("echo out; echo err >&2");

    (void)state;
    setup->spec.errors = take_errors;
    run(setup);
    assert_string_equal(output(setup), "out\n");
    assert_string_equal(buf_text(&setup->probe.errors), "err\n");
}

static void all_output_arrives_however_long(void **state)
{
    AUTO(auto_setup)
    struct setup *setup = setup_new("head -c 700000 /dev/zero | tr '\\0' x; echo end");

    (void)state;
    run(setup);
    assert_int_equal(setup->probe.out.len, 700004);
    assert_string_equal(output(setup) + 700000, "end\n");
}

static void a_program_that_is_not_there_is_an_error_with_its_path(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("");

    (void)state;
    setup->spec.path = "/nowhere/program";
    assert_int_equal(child_run(&setup->spec, &setup->result, &setup->err), -1);
    assert_int_equal(setup->err.kind, ERR_PERM);
    assert_string_equal(setup->err.message,
                        "/nowhere/program: exec: No such file or directory");
}

static void a_missing_working_directory_is_an_error(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("");

    (void)state;
    setup->spec.cwd = "/nowhere";
    assert_int_equal(child_run(&setup->spec, &setup->result, &setup->err), -1);
    assert_non_null(strstr(setup->err.message, "working directory"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* ---- what the program gets ---- */

static void it_gets_exactly_the_listed_environment(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("");

    (void)state;
    setup->spec.path = "/usr/bin/env";
    free(setup->argv[1]);
    setup->argv[1] = NULL;
    run(setup);
    assert_string_equal(output(setup), "PATH=/usr/bin:/bin\nONLY=this\n");
}

static void it_leads_its_own_group_and_has_default_signals(void **state)
{
    AUTO(auto_setup)
    struct setup *setup =
        setup_new("test $$ = $(cut -d' ' -f5 /proc/$$/stat) && echo leader;"
                  "exec grep -E 'Sig(Blk|Ign)' /proc/self/status");
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigset_t block, old;

    (void)state;
    sigemptyset(&block);
    sigaddset(&block, SIGTERM);
    sigprocmask(SIG_BLOCK, &block, &old);
    sigaction(SIGHUP, &ignore, &before);
    run(setup);
    sigaction(SIGHUP, &before, NULL);
    sigprocmask(SIG_SETMASK, &old, NULL);
    assert_string_equal(output(setup), "leader\nSigBlk:\t0000000000000000\n"
                                       "SigIgn:\t0000000000000000\n");
}

static void it_inherits_the_kept_descriptor_and_no_other(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("ls /proc/$$/fd");
    AUTO(auto_close) int kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
    AUTO(auto_close) int open_by_mistake = open("/dev/null", O_RDONLY);
    char expected[64];

    (void)state;
    setup->spec.keep_fd = kept;
    run(setup);
    assert_true(open_by_mistake > kept);
    snprintf(expected, sizeof expected, "0\n1\n2\n%d\n", kept);
    assert_string_equal(output(setup), expected);
}

static void its_standard_input_is_empty(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("cat; echo end");

    (void)state;
    run(setup);
    assert_string_equal(output(setup), "end\n");
}

/* ---- stopping ---- */

static void one_that_never_ends_is_stopped_at_the_deadline(void **state)
{
    AUTO(auto_setup)
    struct setup *setup =
        setup_new("trap 'echo interrupted; exit 7' INT; while :; do sleep 0.01; done");

    (void)state;
    setup->spec.deadline_mono_ms = clock_mono_ms() + 200;
    run(setup);
    assert_true(setup->result.timed_out);
    assert_false(setup->result.stopped);
    assert_int_equal(setup->result.end, CHILD_EXITED);
    assert_int_equal(setup->result.code, 7);
    assert_string_equal(output(setup), "interrupted\n");
}

static void one_that_ignores_sigint_gets_two_and_is_killed(void **state)
{
    AUTO(auto_setup)
    struct setup *setup =
        setup_new("trap 'echo no' INT; echo ready; while :; do sleep 0.01; done");

    (void)state;
    setup->probe.stop_at = "ready";
    run(setup);
    assert_true(setup->result.stopped);
    assert_int_equal(setup->result.end, CHILD_SIGNALED);
    assert_int_equal(setup->result.code, SIGKILL);
    assert_string_equal(output(setup), "ready\nno\nno\n");
    assert_true(setup->result.elapsed_ms >= 2 * GRACE_MS);
}

/* Terraform's providers must not get the SIGINT that asks terraform to stop. A shell
 * starts what goes to the background with SIGINT ignored: env undoes that. */
static void sigint_goes_to_the_program_alone(void **state)
{
    AUTO(auto_setup)
    struct setup *setup =
        setup_new("trap 'echo interrupted; : >asked' INT;"
                  "env --default-signal=INT sh -c '"
                  "  trap \"echo child got it\" INT; echo ready;"
                  "  while ! test -e asked; do sleep 0.01; done; echo child ends' &"
                  "wait; wait; exit 0");
    AUTO(auto_scratch) char *dir = scratch();

    (void)state;
    setup->spec.cwd = dir;
    setup->spec.grace_ms = LONG_MS;
    setup->probe.stop_at = "ready";
    run(setup);
    assert_string_equal(output(setup), "ready\ninterrupted\nchild ends\n");
}

static void a_forced_stop_kills_at_once(void **state)
{
    AUTO(auto_setup)
    struct setup *setup =
        setup_new("trap 'echo no' INT; echo ready; while :; do sleep 0.01; done");

    (void)state;
    setup->spec.grace_ms = LONG_MS;
    setup->probe.stop_at = "ready";
    setup->probe.level = 2;
    run(setup);
    assert_true(setup->result.stopped);
    assert_int_equal(setup->result.code, SIGKILL);
    assert_string_equal(output(setup), "ready\n");
}

static void a_forced_stop_lets_what_holds_something_give_it_back(void **state)
{
    AUTO(auto_setup)
    struct setup *setup = setup_new("trap 'sleep 0.1; echo given back; exit 1' INT; "
                                    "echo ready; while :; do sleep 0.01; done");

    (void)state;
    setup->spec.grace_ms = LONG_MS;
    setup->spec.forced_grace_ms = LONG_MS;
    setup->probe.stop_at = "ready";
    setup->probe.level = 2;
    run(setup);
    assert_true(setup->result.stopped);
    assert_int_equal(setup->result.end, CHILD_EXITED);
    assert_string_equal(output(setup), "ready\ngiven back\n");
}

static void a_forced_stop_waits_no_longer_than_that(void **state)
{
    AUTO(auto_setup)
    struct setup *setup =
        setup_new("trap 'echo no' INT; echo ready; while :; do sleep 0.01; done");

    (void)state;
    setup->spec.grace_ms = LONG_MS;
    setup->spec.forced_grace_ms = 200;
    setup->probe.stop_at = "ready";
    setup->probe.level = 2;
    run(setup);
    assert_int_equal(setup->result.code, SIGKILL);
    assert_true(setup->result.elapsed_ms >= 200);
    assert_true(setup->result.elapsed_ms < LONG_MS / 2);
    assert_string_equal(output(setup), "ready\nno\n");
}

static void force_after_the_first_step_does_not_wait_for_the_grace(void **state)
{
    AUTO(auto_setup)
    struct setup *setup =
        setup_new("trap 'echo no' INT; echo ready; while :; do sleep 0.01; done");

    (void)state;
    setup->spec.grace_ms = LONG_MS;
    setup->spec.deadline_mono_ms = clock_mono_ms() + 200;
    setup->probe.stop_at = "no";
    setup->probe.level = 2;
    run(setup);
    assert_true(setup->result.timed_out);
    assert_int_equal(setup->result.code, SIGKILL);
    assert_true(setup->result.elapsed_ms < LONG_MS / 2);
}

static void the_poll_descriptor_wakes_it(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("echo $$; exec sleep 60");
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    setup->probe.ctl_fd = setup->spec.poll_fd = fds[0];
    run(setup);
    close(fds[0]);
    close(fds[1]);
    assert_true(setup->result.stopped);
    assert_int_equal(setup->result.code, SIGINT);
}

/* ---- what it leaves behind ---- */

static void closing_stdout_is_not_an_end(void **state)
{
    AUTO(auto_setup)
    struct setup *setup = setup_new("echo on; exec >&- 2>&-; sleep 0.2; exit 5");

    (void)state;
    run(setup);
    assert_int_equal(setup->result.code, 5);
    assert_true(setup->result.elapsed_ms >= 200);
    assert_string_equal(output(setup), "on\n");
}

static void a_grandchild_that_keeps_the_pipe_is_killed(void **state)
{
    AUTO(auto_setup) struct setup *setup = setup_new("sleep 60 & echo $!; exit 4");

    (void)state;
    run(setup);
    assert_int_equal(setup->result.code, 4);
    assert_true(setup->result.elapsed_ms < LONG_MS / 2);
    assert_true(gone((pid_t)strtol(output(setup), NULL, 10)));
}

static void orphans_that_left_the_group_are_killed_and_reaped(void **state)
{
    AUTO(auto_setup)
    struct setup *setup = setup_new(
        "setsid sh -c 'echo $$; setsid sh -c \"echo \\$\\$; : >ready; sleep 60\" &"
        "              sleep 60' &"
        "while ! test -e ready; do sleep 0.01; done; exit 0");
    AUTO(auto_scratch) char *dir = scratch();
    char *next;
    pid_t first, second;

    (void)state;
    setup->spec.cwd = dir;
    run(setup);
    first = (pid_t)strtol(output(setup), &next, 10);
    second = (pid_t)strtol(next, NULL, 10);
    assert_true(first > 1 && second > 1);
    assert_true(gone(first));
    assert_true(gone(second));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* Runs a program from a child of this test, and kills that runner. */
static pid_t program_of_killed_runner(bool die_with_parent)
{
    int fds[2];
    char text[32] = "";
    pid_t runner;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    runner = fork();
    assert_true(runner >= 0);
    if (runner == 0) {
        struct setup *setup = setup_new("echo $$ >/proc/$PPID/fd/$0; exec sleep 60");

        free(setup->argv[3]);
        setup->argv[3] = mem_fmt("%d", fds[1]);
        setup->spec.die_with_parent = die_with_parent;
        child_run(&setup->spec, &setup->result, &setup->err);
        _exit(0);
    }
    assert_true(read(fds[0], text, sizeof text - 1) > 0);
    close(fds[0]);
    close(fds[1]);
    kill(runner, SIGKILL);
    waitpid(runner, NULL, 0);
    return (pid_t)strtol(text, NULL, 10);
}

static void it_can_die_with_its_runner(void **state)
{
    pid_t pid = program_of_killed_runner(true);
    int status;

    (void)state;
    assert_int_equal(waitpid(pid, &status, 0), pid); /* this test is its subreaper */
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

static void it_can_outlive_its_runner(void **state)
{
    pid_t pid = program_of_killed_runner(false);

    (void)state;
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(gone(pid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exit_status_and_both_streams_are_told),
        cmocka_unit_test(a_signal_is_told),
        cmocka_unit_test(stderr_can_have_a_pipe_of_its_own),
        cmocka_unit_test(all_output_arrives_however_long),
        cmocka_unit_test(a_program_that_is_not_there_is_an_error_with_its_path),
        cmocka_unit_test(a_missing_working_directory_is_an_error),
        cmocka_unit_test(it_gets_exactly_the_listed_environment),
        cmocka_unit_test(it_leads_its_own_group_and_has_default_signals),
        cmocka_unit_test(it_inherits_the_kept_descriptor_and_no_other),
        cmocka_unit_test(its_standard_input_is_empty),
        cmocka_unit_test(one_that_never_ends_is_stopped_at_the_deadline),
        cmocka_unit_test(one_that_ignores_sigint_gets_two_and_is_killed),
        cmocka_unit_test(sigint_goes_to_the_program_alone),
        cmocka_unit_test(a_forced_stop_kills_at_once),
        cmocka_unit_test(a_forced_stop_lets_what_holds_something_give_it_back),
        cmocka_unit_test(a_forced_stop_waits_no_longer_than_that),
        cmocka_unit_test(force_after_the_first_step_does_not_wait_for_the_grace),
        cmocka_unit_test(the_poll_descriptor_wakes_it),
        cmocka_unit_test(closing_stdout_is_not_an_end),
        cmocka_unit_test(a_grandchild_that_keeps_the_pipe_is_killed),
        cmocka_unit_test(orphans_that_left_the_group_are_killed_and_reaped),
        cmocka_unit_test(it_can_die_with_its_runner),
        cmocka_unit_test(it_can_outlive_its_runner),
    };

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
