/* Files: whole reads with a cap, atomic writes, directories. */
#include "common/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"

#define READ_CHUNK (64 * 1024)

char *path_join(const char *dir, const char *name)
{
    return mem_fmt("%s/%s", dir, name);
}

bool path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static int fail(struct err *err, const char *doing, const char *path)
{
    bool full = errno == ENOSPC || errno == EDQUOT;

    return err_sys(err, full ? ERR_TEMP : ERR_PERM, errno, "%s %s", doing, path);
}

/* One read(2) more than needed tells a file of exactly max bytes from a longer one. */
static int read_chunk(int fd, struct buf *out, ssize_t *got)
{
    size_t room;
    char *at = buf_reserve(out, READ_CHUNK, &room);
    char beyond;

    do
        *got = room > 0 ? read(fd, at, room) : read(fd, &beyond, 1);
    while (*got < 0 && errno == EINTR);
    if (*got < 0)
        return -1;
    if (room > 0)
        buf_advance(out, (size_t)*got);
    else if (*got > 0)
        out->over = true;
    return 0;
}

/* A pipe would be waited for, by a program that serves others meanwhile. */
int path_read(const char *path, struct buf *out, struct err *err)
{
    AUTO(auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    ssize_t got;

    if (fd < 0 || fstat(fd, &info) < 0)
        return fail(err, "open", path);
    if (!S_ISREG(info.st_mode))
        return err_set(err, ERR_PERM, "%s is not a regular file", path);
    do {
        if (read_chunk(fd, out, &got) < 0)
            return fail(err, "read", path);
        if (out->over)
            return err_set(err, ERR_PERM, "%s is larger than %zu bytes", path, out->max);
    } while (got > 0);
    return 0;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t wrote = write(fd, bytes, len);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -1;
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return 0;
}

static int sync_parent(const char *path, struct err *err)
{
    const char *slash = strrchr(path, '/');
    AUTO(auto_free) char *parent = NULL;
    AUTO(auto_close) int fd = -1;

    if (slash == NULL)
        parent = mem_dup(".");
    else
        parent = slash == path ? mem_dup("/") : mem_dup_n(path, (size_t)(slash - path));
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return fail(err, "fsync", parent);
    return 0;
}

static int write_synced(int fd, const char *path, const void *bytes, size_t len,
                        mode_t mode, struct err *err)
{
    if (write_all(fd, bytes, len) < 0)
        return fail(err, "write", path);
    if (fchmod(fd, mode) < 0)
        return fail(err, "chmod", path);
    if (fsync(fd) < 0)
        return fail(err, "fsync", path);
    return 0;
}

int path_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode,
                      struct err *err)
{
    AUTO(auto_free) char *temporary = mem_fmt("%s.XXXXXX", path);
    AUTO(auto_close) int fd = mkostemp(temporary, O_CLOEXEC);

    if (fd < 0)
        return fail(err, "create", temporary);
    if (write_synced(fd, temporary, bytes, len, mode, err) < 0) {
        unlink(temporary);
        return -1;
    }
    if (rename(temporary, path) < 0) {
        fail(err, "rename to", path);
        unlink(temporary);
        return -1;
    }
    return sync_parent(path, err);
}

static int make_dir(const char *path, mode_t mode, struct err *err)
{
    struct stat st;
    int errnum;

    if (mkdir(path, mode) == 0)
        return 0;
    errnum = errno; /* EEXIST, or EACCES and EROFS above what is already there */
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    errno = errnum;
    return fail(err, "mkdir", path);
}

int path_mkdirs(const char *path, mode_t mode, struct err *err)
{
    AUTO(auto_free) char *upto = mem_dup(path);

    for (char *slash = strchr(upto + (*upto == '/'), '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (make_dir(upto, mode, err) < 0)
            return -1;
        *slash = '/';
    }
    return make_dir(upto, mode, err);
}
