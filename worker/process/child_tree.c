/* The end of a program's process tree: its group, then the orphans that it left. */
#include "worker/process/child_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define ORPHANS_WAIT_MS 5000
#define ORPHANS_POLL_MS 2

static void auto_closedir(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

static void note_peak(struct child_result *out, const struct rusage *usage)
{
    int64_t peak_bytes = (int64_t)usage->ru_maxrss * 1024;

    if (peak_bytes > out->peak_rss_bytes)
        out->peak_rss_bytes = peak_bytes;
}

static void note_end(struct child_result *out, int status)
{
    out->end = WIFSIGNALED(status) ? CHILD_SIGNALED : CHILD_EXITED;
    out->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

/* Field 4 of proc(5)'s stat; the name before it may hold blanks and brackets. -1: gone.
 */
static pid_t parent_of(int proc_fd, pid_t pid)
{
    char path[32], text[512];
    const char *after_name;
    ssize_t got;

    snprintf(path, sizeof path, "%d/stat", (int)pid);
    AUTO(auto_close) int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    got = read(fd, text, sizeof text - 1);
    if (got <= 0)
        return -1;
    text[got] = '\0';
    after_name = strrchr(text, ')');
    if (after_name == NULL || strlen(after_name) < sizeof ") S 1" - 1)
        return -1;
    return (pid_t)strtol(after_name + sizeof ") S" - 1, NULL, 10);
}

/* Not /proc/self/task/<tid>/children: not every kernel is built with it. */
static void kill_children(void)
{
    AUTO(auto_closedir) DIR *proc = opendir("/proc");
    const struct dirent *entry;
    int64_t pid;

    while (proc != NULL && (entry = readdir(proc)) != NULL)
        if (parse_int64(entry->d_name, 1, INT32_MAX, &pid) == 0 &&
            parent_of(dirfd(proc), (pid_t)pid) == getpid())
            kill((pid_t)pid, SIGKILL);
}

/* Each one that dies may leave orphans of its own: until there are none. */
static void end_orphans(struct child_result *out)
{
    int64_t until_ms = clock_mono_ms() + ORPHANS_WAIT_MS;
    struct rusage usage;
    pid_t pid;

    while ((pid = wait4(-1, NULL, WNOHANG, &usage)) >= 0 || errno == EINTR) {
        if (pid > 0) {
            note_peak(out, &usage);
            continue;
        }
        if (clock_mono_ms() > until_ms)
            return;
        kill_children();
        poll(NULL, 0, ORPHANS_POLL_MS);
    }
}

void child_tree_end(pid_t pid, struct child_result *out)
{
    struct rusage usage;
    int status = 0;

    /* Before the program is reaped, so that its number cannot be another group's. */
    kill(-pid, SIGKILL);
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return;
    note_end(out, status);
    note_peak(out, &usage);
    end_orphans(out);
}
