/* Small files beside a run. */
#include "worker/process/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"

#define READ_BYTES (64 * 1024)

static int fail(struct err *err, const char *doing, const char *path)
{
    enum err_kind kind = errno == ENOSPC || errno == EDQUOT ? ERR_TEMP : ERR_PERM;

    return err_sys(err, kind, errno, "%s %s", doing, path);
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

static int put(const char *dir, const char *name, const void *bytes, size_t len,
               mode_t mode, bool durable, struct err *err)
{
    AUTO(auto_free) char *path = path_join(dir, name);
    AUTO(auto_close) int fd = -1;

    if (unlink(path) < 0 && errno != ENOENT)
        return fail(err, "replace", path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0)
        return fail(err, "make", path);
    /* The umask may have taken away what the mode names. */
    if (fchmod(fd, mode) < 0 || write_all(fd, bytes, len) < 0)
        return fail(err, "write", path);
    return durable && fsync(fd) < 0 ? fail(err, "sync", path) : 0;
}

int file_put(const char *dir, const char *name, const void *bytes, size_t len,
             mode_t mode, struct err *err)
{
    return put(dir, name, bytes, len, mode, false, err);
}

int file_put_durable(const char *dir, const char *name, const void *bytes, size_t len,
                     mode_t mode, struct err *err)
{
    return put(dir, name, bytes, len, mode, true, err);
}

static int read_all(int fd, struct buf *out)
{
    ssize_t got;

    do {
        size_t room;
        char *at = buf_reserve(out, READ_BYTES, &room);

        got = room == 0 ? 0 : read(fd, at, room);
        if (got > 0)
            buf_advance(out, (size_t)got);
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got < 0 ? -1 : 1;
}

static int get(const char *dir, const char *name, int flags, struct buf *out)
{
    AUTO(auto_free) char *path = path_join(dir, name);
    AUTO(auto_close) int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags);
    struct stat st;

    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        (size_t)st.st_size > out->max - out->len)
        return -1;
    return read_all(fd, out);
}

int file_get(const char *dir, const char *name, struct buf *out)
{
    return get(dir, name, 0, out);
}

int file_get_plain(const char *dir, const char *name, struct buf *out)
{
    return get(dir, name, O_NOFOLLOW, out);
}
