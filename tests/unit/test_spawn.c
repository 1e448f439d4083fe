/* Starting this program again: what it inherits and what it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/stop.h"
#include "worker/process/spawn.h"

/* ---- the child's side: exits 0 when all is as it should be, else with a number ---- */
static bool mask_is_empty(void)
{
    sigset_t mask;

    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&mask, number) == 1)
            return false;
    return true;
}

static bool broken_pipes_kill(void)
{
    struct sigaction action;

    sigaction(SIGPIPE, NULL, &action);
    return action.sa_handler == SIG_DFL;
}

static bool input_is_null(void)
{
    struct stat input, null;

    return fstat(STDIN_FILENO, &input) == 0 && stat("/dev/null", &null) == 0 &&
           input.st_rdev == null.st_rdev;
}

/* Descriptors above 2 that an exec leaves open: those that this program was given. */
static int inheritable(void)
{
    int count = 0;

    for (int fd = 3; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFD);

        count += flags >= 0 && !(flags & FD_CLOEXEC);
    }
    return count;
}

static int look_around(const char *wanted_fds)
{
    if (!mask_is_empty())
        return 1;
    if (!broken_pipes_kill())
        return 2;
    if (!input_is_null())
        return 3;
    if (getsid(0) != getpid())
        return 4;
    if (environ[0] == NULL || strcmp(environ[0], "A=1") != 0 || environ[1] != NULL)
        return 5;
    return inheritable() == strtol(wanted_fds, NULL, 10) ? 0 : 6;
}

/* ---- the tests ---- */
static int start(char *const *envp)
{
    AUTO(auto_close) int self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    AUTO(auto_free) char *fds = mem_fmt("%d", inheritable());
    char name[] = "x", option[] = "--look";
    char *const argv[] = {name, option, fds, NULL};
    struct err err;
    pid_t pid = spawn_self(self_fd, argv, envp, &err);
    int status;

    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void it_starts_in_a_clean_state(void **state)
{
    char variable[] = "A=1";
    char *const envp[] = {variable, NULL};
    struct err err;
    AUTO(auto_close) int stop_fd = stop_open(&err); /* blocks signals, as we do */

    (void)state;
    assert_true(stop_fd >= 0);
    assert_int_equal(start(envp), 0);
}

static void the_look_sees_another_environment(void **state)
{
    char variable[] = "B=1";
    char *const envp[] = {variable, NULL};

    (void)state;
    assert_int_equal(start(envp), 5);
}

static void what_cannot_be_executed_is_an_error_with_the_reason(void **state)
{
    AUTO(auto_close) int not_a_program = open("/dev/null", O_RDONLY | O_CLOEXEC);
    char name[] = "x", option[] = "--look";
    char *const argv[] = {name, option, NULL};
    struct err err;

    (void)state;
    assert_int_equal(spawn_self(not_a_program, argv, environ, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, "Permission denied"));
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
}

static void where_redis_is_is_withheld_and_all_else_passed_on(void **state)
{
    char path[] = "PATH=/bin", url[] = "KEDGE_REDIS_URL=redis://:secret@h",
         file[] = "KEDGE_REDIS_URL_FILE=/run/secret", ca[] = "KEDGE_REDIS_CA=/c",
         cert[] = "KEDGE_REDIS_CERT=/d", key[] = "KEDGE_REDIS_KEY=/k",
         name[] = "KEDGE_REDIS_TLS_NAME=r",
         prefix[] = "KEDGE_REDIS_PREFIX=k:", none[] = "KEDGE_REDIS_URLX=1";
    char *list[] = {url, path, file, ca, cert, key, name, prefix, none, NULL};
    AUTO(auto_free) char **kept = spawn_environment(list);

    (void)state;
    assert_ptr_equal(kept[0], path);
    assert_ptr_equal(kept[1], file + strlen("KEDGE_")); /* to be hidden, not read */
    assert_ptr_equal(kept[2], key + strlen("KEDGE_"));
    assert_ptr_equal(kept[3], prefix);
    assert_ptr_equal(kept[4], none);
    assert_null(kept[5]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_in_a_clean_state),
        cmocka_unit_test(the_look_sees_another_environment),
        cmocka_unit_test(what_cannot_be_executed_is_an_error_with_the_reason),
        cmocka_unit_test(where_redis_is_is_withheld_and_all_else_passed_on),
    };

    if (argc == 3 && strcmp(argv[1], "--look") == 0)
        return look_around(argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
