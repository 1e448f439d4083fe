/* The lock of a run: who holds it is alive. */
#include "worker/rundir/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"

#define LOOKER_TRIES    100
#define LOOKER_PAUSE_MS 10

static void auto_closedir(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

int rundir_lock(const char *dir, struct err *err)
{
    AUTO(auto_free) char *path = path_join(dir, "lock");
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);

    if (fd < 0)
        return err_sys(err, errno == ENOSPC ? ERR_TEMP : ERR_PERM, errno, "open %s",
                       path);
    /* rundir_alive holds it for a moment. */
    for (int i = 0; i < LOOKER_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        if (errno != EWOULDBLOCK && errno != EINTR)
            break;
        poll(NULL, 0, LOOKER_PAUSE_MS);
    }
    err_sys(err, ERR_TEMP, errno, "lock %s", path);
    close(fd);
    return -1;
}

bool rundir_alive(const char *dir)
{
    AUTO(auto_free) char *path = path_join(dir, "lock");
    AUTO(auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* Has the process opened that very file? */
static bool has_open(pid_t pid, const struct stat *file)
{
    char path[32];
    const struct dirent *entry;
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    AUTO(auto_closedir) DIR *fds = opendir(path);
    while (fds != NULL && (entry = readdir(fds)) != NULL)
        if (fstatat(dirfd(fds), entry->d_name, &st, 0) == 0 &&
            st.st_dev == file->st_dev && st.st_ino == file->st_ino)
            return true;
    return false;
}

/* The pidfd is opened before the look, so that the signal cannot reach another process
 * that got the same number meanwhile. A process that forks faster than it is found dies
 * with its group, which a sandboxed one cannot leave. */
static void kill_if_holder(pid_t pid, const struct stat *file)
{
    AUTO(auto_close) int fd = pidfd_open(pid, 0);
    pid_t group = getpgid(pid);

    if (fd < 0 || !has_open(pid, file))
        return;
    pidfd_send_signal(fd, SIGKILL, NULL, 0);
    if (group > 1 && group != getpgrp())
        kill(-group, SIGKILL);
}

/* A group whose leader is there: the runner, or terraform when the runner has died. What
 * they started is in the group and does not lead it. */
static bool is_led(pid_t pid, const struct stat *file)
{
    pid_t group = getpgid(pid);

    return group > 0 && has_open(pid, file) && getpgid(group) == group;
}

static void interrupt_leader(pid_t pid, const struct stat *file, bool *led)
{
    AUTO(auto_close) int fd = pidfd_open(pid, 0);

    if (fd >= 0 && getpgid(pid) == pid && has_open(pid, file) &&
        pidfd_send_signal(fd, SIGINT, NULL, 0) == 0)
        *led = true;
}

static void kill_one(pid_t pid, const struct stat *file, bool *led)
{
    (void)led;
    kill_if_holder(pid, file);
}

static void look_at_one(pid_t pid, const struct stat *file, bool *led)
{
    *led = *led || is_led(pid, file);
}

/* With every other process there is. False: they cannot be listed. */
static bool each_process(const char *dir,
                         void (*look)(pid_t pid, const struct stat *file, bool *led),
                         bool *led)
{
    AUTO(auto_free) char *path = path_join(dir, "lock");
    AUTO(auto_closedir) DIR *proc = opendir("/proc");
    const struct dirent *entry;
    struct stat file;
    int64_t pid;

    if (proc == NULL || lstat(path, &file) < 0)
        return false;
    while ((entry = readdir(proc)) != NULL)
        if (parse_int64(entry->d_name, 1, INT32_MAX, &pid) == 0 && pid != getpid())
            look((pid_t)pid, &file, led);
    return true;
}

void rundir_kill_holders(const char *dir)
{
    bool led = false;

    (void)each_process(dir, kill_one, &led);
}

bool rundir_interrupt(const char *dir)
{
    bool led = false;

    return each_process(dir, interrupt_leader, &led) && led;
}

bool rundir_is_led(const char *dir)
{
    bool led = false;

    return !each_process(dir, look_at_one, &led) || led;
}
