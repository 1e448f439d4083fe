/* Starting this program again: fork, a session of its own, exec from a descriptor. */
#include "worker/process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/mem.h"

#define OURS "KEDGE_"

/* A runner must not know where Redis is, and does not ask how to get there. */
static const char *const withheld[] = {
    "KEDGE_REDIS_URL=", "KEDGE_REDIS_CA=", "KEDGE_REDIS_CERT=", "KEDGE_REDIS_TLS_NAME="};
/* And of these only where they are, so that it can hide them from what it runs. */
static const char *const unread[] = {OURS SPAWN_HIDDEN_FILE "=",
                                     OURS SPAWN_HIDDEN_KEY "="};

static bool is_one_of(const char *const *names, size_t count, const char *variable)
{
    for (size_t i = 0; i < count; i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

char **spawn_environment(char **environ_list)
{
    size_t count = 0, kept = 0;
    char **list;

    while (environ_list[count])
        count++;
    list = mem_new(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        if (is_one_of(withheld, ARRAY_LEN(withheld), environ_list[i]))
            continue;
        list[kept] = environ_list[i];
        if (is_one_of(unread, ARRAY_LEN(unread), environ_list[i]))
            list[kept] += sizeof OURS - 1;
        kept++;
    }
    return list;
}

/* The child's side: async-signal-safe calls only; tells errno and never returns. */
__attribute__((noreturn)) static void become(int self_fd, char *const *argv,
                                             char *const *envp, int report_fd)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    int null_fd, failed;

    setsid();
    sigaction(SIGPIPE, &standard, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd >= 0)
        dup2(null_fd, STDIN_FILENO);
    fexecve(self_fd, argv, envp);
    failed = errno;
    if (write(report_fd, &failed, sizeof failed) < 0)
        _exit(126);
    _exit(127);
}

/* errno of a failed exec, 0 when it worked: then the pipe closes without a word. */
static int exec_failure(int fd)
{
    int failed = 0;
    ssize_t got;

    do
        got = read(fd, &failed, sizeof failed);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof failed ? failed : 0;
}

pid_t spawn_self(int self_fd, char *const *argv, char *const *envp, struct err *err)
{
    AUTO(auto_close) int read_fd = -1;
    int ends[2], failed;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_sys(err, ERR_TEMP, errno, "pipe");
    read_fd = ends[0];
    pid = fork();
    if (pid == 0)
        become(self_fd, argv, envp, ends[1]);
    failed = errno;
    close(ends[1]);
    if (pid < 0)
        return err_sys(err, ERR_TEMP, failed, "fork");
    failed = exec_failure(read_fd);
    if (failed == 0)
        return pid;
    waitpid(pid, NULL, 0);
    return err_sys(err, ERR_PERM, failed, "start %s %s", argv[0], argv[1]);
}
