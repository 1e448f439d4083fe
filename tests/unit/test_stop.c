/* Signals as a descriptor: in a child, which is sent each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/stop.h"

#define DEADLINE_MS 10000

/* Runs `body` in a child, where the signals may be blocked; it says whether all is well.
 */
static void in_child(bool (*body)(int fd))
{
    int status;

    if (fork() == 0) {
        struct err err;
        int fd = stop_open(&err);

        _exit(fd >= 0 && body(fd) ? 0 : 1);
    }
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool becomes_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    return poll(&poll_fd, 1, DEADLINE_MS) == 1;
}

static bool term_then_int(int fd)
{
    struct stop_signals signals = {0};

    stop_read(fd, &signals);
    if (signals.stop || signals.again || signals.hup || signals.child)
        return false;
    kill(getpid(), SIGTERM);
    if (!becomes_readable(fd))
        return false;
    stop_read(fd, &signals);
    if (!signals.stop || signals.again)
        return false;
    kill(getpid(), SIGINT);
    stop_read(fd, &signals);
    return signals.stop && signals.again && !signals.hup;
}

static void the_second_wish_to_stop_is_told_from_the_first(void **state)
{
    (void)state;
    in_child(term_then_int);
}

static bool flags_stay(int fd)
{
    struct stop_signals signals = {0};

    kill(getpid(), SIGTERM);
    kill(getpid(), SIGHUP);
    stop_read(fd, &signals);
    stop_read(fd, &signals);
    return signals.stop && signals.hup && !signals.again && !signals.child;
}

static void what_was_read_stays_until_the_reader_clears_it(void **state)
{
    (void)state;
    in_child(flags_stay);
}

static bool child_ends(int fd)
{
    struct stop_signals signals = {0};
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    if (!becomes_readable(fd))
        return false;
    stop_read(fd, &signals);
    return signals.child && !signals.stop && waitpid(pid, NULL, 0) == pid;
}

static void the_end_of_a_child_is_seen(void **state)
{
    (void)state;
    in_child(child_ends);
}

static bool pipe_breaks(int fd)
{
    int fds[2];

    if (pipe(fds) < 0)
        return false;
    close(fds[0]);
    return write(fds[1], "x", 1) < 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 &&
           (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

static void a_broken_pipe_is_an_error_and_no_death(void **state)
{
    (void)state;
    in_child(pipe_breaks);
}

/* What came before there was a descriptor. */
static void what_was_blocked_from_the_start_is_not_lost(void **state)
{
    int status;

    (void)state;
    if (fork() == 0) {
        struct stop_signals signals = {0};
        struct err err;
        int fd;

        stop_block();
        kill(getpid(), SIGTERM);
        kill(getpid(), SIGHUP);
        fd = stop_open(&err);
        stop_read(fd, &signals);
        _exit(fd >= 0 && signals.stop && signals.hup && !signals.again ? 0 : 1);
    }
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_part_does_not_hear_a_hang_up(void **state)
{
    int status;

    (void)state;
    if (fork() == 0) {
        stop_ignore_hangup();
        kill(getpid(), SIGHUP);
        _exit(0);
    }
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_wish_to_stop_is_told_from_the_first),
        cmocka_unit_test(what_was_read_stays_until_the_reader_clears_it),
        cmocka_unit_test(the_end_of_a_child_is_seen),
        cmocka_unit_test(a_broken_pipe_is_an_error_and_no_death),
        cmocka_unit_test(what_was_blocked_from_the_start_is_not_lost),
        cmocka_unit_test(a_part_does_not_hear_a_hang_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
