/* Starting a program: what happens between fork and exec, and how its failure is told. */
#include "worker/process/child_parts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/mem.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

enum start_step {
    START_GROUP,
    START_PARENT,
    START_CWD,
    START_STDIO,
    START_DESCRIPTORS,
    START_LIMIT,
    START_SANDBOX,
    START_EXEC,
    START_STEPS
};
static const char *const step_names[START_STEPS] = {
    [START_GROUP] = "process group",     [START_PARENT] = "its parent is gone",
    [START_CWD] = "working directory",   [START_STDIO] = "standard descriptors",
    [START_DESCRIPTORS] = "descriptors", [START_LIMIT] = "limit of memory",
    [START_SANDBOX] = "sandbox",         [START_EXEC] = "exec",
};

/* What the child writes into the report pipe; nothing when exec succeeds. */
struct start_failure {
    enum start_step step;
    int errnum;
};

struct plumbing {
    int null_fd, out_fd, err_fd; /* the child's ends */
    int report_fd;
    int reader_fd; /* of its output, which it keeps; -1: no */
    pid_t parent;
};

/* ---- after fork: async-signal-safe calls only ---- */

/* By the kernel's own call: the C library refuses the two signals it keeps for itself,
 * and whoever started us with posix_spawn has left those ignored. */
static void default_signals(void)
{
    const struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } action = {.handler = SIG_DFL};

    for (int number = 1; number < NSIG; number++)
        syscall(SYS_rt_sigaction, number, &action, NULL, sizeof action.mask);
}

/* A parent that died before the prctl sends nothing any more: look. */
static int die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGINT) < 0)
        return -1;
    errno = ESRCH;
    return getppid() == parent ? 0 : -1;
}

static int set_stdio(const struct plumbing *io)
{
    return dup2(io->null_fd, STDIN_FILENO) < 0 || dup2(io->out_fd, STDOUT_FILENO) < 0 ||
                   dup2(io->err_fd, STDERR_FILENO) < 0
               ? -1
               : 0;
}

static int set_inherited(int keep_fd, int reader_fd)
{
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return -1;
    if (reader_fd >= 0 && fcntl(reader_fd, F_SETFD, 0) < 0)
        return -1;
    return keep_fd < 0 ? 0 : fcntl(keep_fd, F_SETFD, 0);
}

static int set_limit(int64_t memory_bytes)
{
    const struct rlimit data = {.rlim_cur = (rlim_t)memory_bytes,
                                .rlim_max = (rlim_t)memory_bytes};

    return memory_bytes == 0 ? 0 : setrlimit(RLIMIT_DATA, &data);
}

/* Returns only when a step failed, with its errno. */
static enum start_step become(const struct child_spec *spec, const struct plumbing *io)
{
    sigset_t none;

    if (setpgid(0, 0) < 0)
        return START_GROUP;
    default_signals();
    if (spec->die_with_parent && die_with(io->parent) < 0)
        return START_PARENT;
    if (chdir(spec->cwd) < 0)
        return START_CWD;
    if (set_stdio(io) < 0)
        return START_STDIO;
    if (set_inherited(spec->keep_fd, io->reader_fd) < 0)
        return START_DESCRIPTORS;
    if (set_limit(spec->memory_bytes) < 0)
        return START_LIMIT;
    if (spec->sandbox != NULL) {
        errno = sandbox_enter(spec->sandbox);
        if (errno != 0)
            return START_SANDBOX;
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(spec->path, spec->argv, spec->envp);
    return START_EXEC;
}

static _Noreturn void child_side(const struct child_spec *spec, const struct plumbing *io)
{
    struct start_failure failure = {.step = become(spec, io)};

    failure.errnum = errno;
    if (write(io->report_fd, &failure, sizeof failure) < 0)
        _exit(126);
    _exit(127);
}

/* ---- the parent's side ---- */

static enum err_kind failure_kind(int errnum)
{
    switch (errnum) {
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ETXTBSY:
    case ENOSPC:
    case EDQUOT:
        return ERR_TEMP;
    default:
        return ERR_PERM;
    }
}

/* Every signal is blocked until the child has its default handlers. */
static pid_t fork_blocked(const struct child_spec *spec, const struct plumbing *io)
{
    sigset_t all, before;
    pid_t pid;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0)
        child_side(spec, io);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid;
}

/* End of file: the exec has closed the pipe. */
static bool read_failure(int fd, struct start_failure *failure)
{
    ssize_t got;

    do
        got = read(fd, failure, sizeof *failure);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof *failure;
}

static int make_pipe(int fds[2], struct err *err)
{
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(err, failure_kind(errno), errno, "pipe");
    assert(fds[0] > STDERR_FILENO && fds[1] > STDERR_FILENO);
    return 0;
}

/* Closes io->report_fd: only then does the read end see the exec. */
static int start(const struct child_spec *spec, const struct plumbing *io, int report_fd,
                 pid_t *pid, struct err *err)
{
    struct start_failure failure;
    int errnum;

    *pid = fork_blocked(spec, io);
    errnum = errno;
    close(io->report_fd);
    if (*pid < 0)
        return err_sys(err, failure_kind(errnum), errnum, "fork");
    if (!read_failure(report_fd, &failure))
        return 0;
    waitpid(*pid, NULL, 0);
    return err_sys(err, failure_kind(failure.errnum), failure.errnum, "%s: %s",
                   spec->path, step_names[failure.step]);
}

/* A file of that name is made anew; no link is followed. */
static int make_file(const char *path, int fds[2], struct err *err)
{
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

    if (unlink(path) < 0 && errno != ENOENT)
        return err_sys(err, failure_kind(errno), errno, "replace %s", path);
    fds[1] = open(path, flags, 0600);
    if (fds[1] < 0)
        return err_sys(err, failure_kind(errno), errno, "make %s", path);
    /* Written to as well: what has been read is given back to the disk. */
    fds[0] = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fds[0] >= 0)
        return 0;
    err_sys(err, failure_kind(errno), errno, "open %s", path);
    close(fds[1]);
    return -1;
}

static int make_output(const struct child_spec *spec, int fds[2], struct err *err)
{
    return spec->output_file != NULL ? make_file(spec->output_file, fds, err)
                                     : make_pipe(fds, err);
}

/* Makes the write ends, starts, and leaves the read ends in child. */
static int start_with_output(const struct child_spec *spec, struct child *child,
                             struct err *err)
{
    AUTO(auto_close) int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    AUTO(auto_close) int out_fd = -1;
    AUTO(auto_close) int err_fd = -1;
    AUTO(auto_close) int report_fd = -1;
    int fds[2] = {-1, -1};
    struct plumbing io = {.parent = getpid()};

    if (null_fd < 0)
        return err_sys(err, failure_kind(errno), errno, "/dev/null");
    if (make_output(spec, fds, err) < 0)
        return -1;
    child->out_fd = fds[0];
    out_fd = fds[1];
    if (spec->errors != NULL) {
        if (make_pipe(fds, err) < 0)
            return -1;
        child->err_fd = fds[0];
        err_fd = fds[1];
    }
    if (make_pipe(fds, err) < 0)
        return -1;
    report_fd = fds[0];
    io.null_fd = null_fd;
    io.reader_fd = spec->keep_output ? child->out_fd : -1;
    io.out_fd = out_fd;
    io.err_fd = err_fd >= 0 ? err_fd : out_fd;
    io.report_fd = fds[1];
    return start(spec, &io, report_fd, &child->pid, err);
}

static void set_nonblocking(int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFL, O_NONBLOCK);
}

int child_start(const struct child_spec *spec, struct child *child, struct err *err)
{
    int errnum;

    assert(spec->path[0] == '/');
    assert(spec->output_file == NULL || spec->errors == NULL);
    *child = (struct child){.pid_fd = -1, .out_fd = -1, .err_fd = -1};
    if (start_with_output(spec, child, err) == 0) {
        child->pid_fd = pidfd_open(child->pid, 0);
        if (child->pid_fd >= 0) {
            set_nonblocking(child->out_fd);
            set_nonblocking(child->err_fd);
            return 0;
        }
        errnum = errno;
        kill(-child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
        err_sys(err, ERR_TEMP, errnum, "pidfd_open");
    }
    auto_close(&child->out_fd);
    auto_close(&child->err_fd);
    return -1;
}
