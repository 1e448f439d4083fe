/* Paths that come from outside and must stay inside a directory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"

#define DIR_BYTES_MAX 1024
#define RACE_TRIES    100

static int check_text(const char *text, struct err *err)
{
    if (strlen(text) > DIR_BYTES_MAX)
        return err_set(err, ERR_INPUT, "directory is longer than %d bytes",
                       DIR_BYTES_MAX);
    if (text[0] == '/')
        return err_set(err, ERR_INPUT, "directory must be relative");
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return err_set(err, ERR_INPUT, "directory has a control character");
    return 0;
}

int path_normalize_dir(const char *text, char **out, struct err *err)
{
    struct buf normal = BUF_INIT(DIR_BYTES_MAX);

    if (check_text(text, err) < 0)
        return -1;
    while (*text != '\0') {
        size_t len = strcspn(text, "/");

        if (len == 2 && memcmp(text, "..", 2) == 0) {
            buf_done(&normal);
            return err_set(err, ERR_INPUT, "directory must not contain \"..\"");
        }
        if (len > 0 && !(len == 1 && text[0] == '.')) {
            if (normal.len > 0)
                buf_char(&normal, '/');
            buf_append(&normal, text, len);
        }
        text += len + (text[len] == '/');
    }
    if (normal.len == 0)
        buf_char(&normal, '.');
    *out = buf_take(&normal);
    return 0;
}

static int open_resolved(int root, const char *relative)
{
    struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd = -1;

    /* EAGAIN: something was renamed meanwhile and the kernel could not be sure. */
    for (int i = 0; i < RACE_TRIES; i++) {
        fd = syscall(SYS_openat2, root, relative, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return (int)fd;
}

int path_open_beneath(const char *root, const char *relative, struct err *err)
{
    AUTO(auto_close) int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd;

    if (root_fd < 0)
        return err_sys(err, ERR_PERM, errno, "open %s", root);
    fd = open_resolved(root_fd, relative);
    if (fd >= 0)
        return fd;
    if (errno == EXDEV || errno == ELOOP)
        return err_set(err, ERR_INPUT, "directory %s leaves the repository", relative);
    return err_sys(err, ERR_PERM, errno, "open directory %s", relative);
}
