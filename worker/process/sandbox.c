/* The sandbox: a Landlock ruleset, with whatever rights the kernel's ABI knows. */
#include "worker/process/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"

/* Newer than some headers; landlock(7) says which ABI has what. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL               (1ULL << 1)
#endif

/* struct landlock_ruleset_attr of ABI 6; an older kernel takes it when what it does not
 * know is zero. */
struct ruleset {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};

#define ABI_REFER     2
#define ABI_TRUNCATE  3
#define ABI_IOCTL_DEV 5
#define ABI_SCOPES    6

#define FS_ABI_1  ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define READ_FILE ((uint64_t)LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define READ_DIR  (READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILE                                                                       \
    (READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
/* Everything but making device nodes and controlling devices. */
#define WRITE_DIR                                                                        \
    (WRITE_FILE | READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |                             \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                      \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                        \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |                        \
     LANDLOCK_ACCESS_FS_REFER)
#define DEVICE (WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV)

/* What a path may be used for; the two masks of a use. */
struct rights {
    uint64_t directory, file;
};
static const struct rights to_read = {READ_DIR, READ_FILE};
static const struct rights to_write = {WRITE_DIR, WRITE_FILE};
static const struct rights to_drive = {0, DEVICE};

static const char *const devices[] = {
    "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/full", "/dev/tty",
};

static uint64_t handled_rights(int abi)
{
    uint64_t rights = FS_ABI_1;

    if (abi >= ABI_REFER)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= ABI_TRUNCATE)
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    if (abi >= ABI_IOCTL_DEV)
        rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
    return rights;
}

int sandbox_abi(void)
{
    long abi =
        syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi > 0 ? (int)abi : 0;
}

int sandbox_init(struct sandbox *sandbox, struct err *err)
{
    int abi = sandbox_abi();
    struct ruleset attr = {.handled_access_fs = handled_rights(abi)};

    if (abi == 0)
        return err_set(err, ERR_PERM, "this kernel has no Landlock");
    if (abi >= ABI_SCOPES)
        attr.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
    /* The kernel makes it close-on-exec. */
    sandbox->ruleset_fd =
        (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (sandbox->ruleset_fd < 0)
        return err_sys(err, ERR_PERM, errno, "landlock ruleset");
    sandbox->handled = attr.handled_access_fs;
    return 0;
}

void sandbox_done(struct sandbox *sandbox)
{
    if (sandbox->ruleset_fd >= 0)
        close(sandbox->ruleset_fd);
    *sandbox = SANDBOX_INIT;
}

static int allow(struct sandbox *sandbox, const char *path, const struct rights *rights,
                 struct err *err)
{
    AUTO(auto_close) int fd = open(path, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr rule = {.parent_fd = fd};
    struct stat st;

    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, ERR_PERM, errno, "sandbox: %s", path);
    rule.allowed_access =
        sandbox->handled & (S_ISDIR(st.st_mode) ? rights->directory : rights->file);
    if (rule.allowed_access == 0)
        return 0;
    if (syscall(SYS_landlock_add_rule, sandbox->ruleset_fd, LANDLOCK_RULE_PATH_BENEATH,
                &rule, 0) < 0)
        return err_sys(err, ERR_PERM, errno, "sandbox: %s", path);
    return 0;
}

int sandbox_allow_read(struct sandbox *sandbox, const char *path, struct err *err)
{
    return allow(sandbox, path, &to_read, err);
}

int sandbox_allow_write(struct sandbox *sandbox, const char *path, struct err *err)
{
    return allow(sandbox, path, &to_write, err);
}

int sandbox_allow_basics(struct sandbox *sandbox, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        if (allow(sandbox, devices[i], &to_drive, err) < 0)
            return -1;
    /* Often a link to somewhere below /run. */
    return sandbox_allow_read(sandbox, "/etc/resolv.conf", err);
}

int sandbox_enter(const struct sandbox *sandbox)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return errno;
    if (sandbox->ruleset_fd >= 0 &&
        syscall(SYS_landlock_restrict_self, sandbox->ruleset_fd, 0) < 0)
        return errno;
    return sandbox_filter();
}
