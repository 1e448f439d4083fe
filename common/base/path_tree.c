/* Directory trees that somebody hostile may have made: no symbolic link is followed, no
 * depth costs stack or descriptors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"

#define RENAME_TRIES 1000000
#define BLOCK_BYTES  512 /* unit of st_blocks */

static void auto_dir(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The next entry's name, or NULL at the end; errno is 0 there. */
static const char *next_name(DIR *dir)
{
    const struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry != NULL && is_dot(entry->d_name));
    return entry != NULL ? entry->d_name : NULL;
}

/* A directory without permission for its owner cannot be opened to be changed; /proc
 * reaches it through a descriptor, where no link can come in between. */
static int grant_unreadable(int parent, const char *name)
{
    AUTO(auto_close)
    int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    char proc[64];

    if (fd < 0)
        return -1;
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    return chmod(proc, S_IRWXU);
}

static int open_dir(int parent, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    struct stat st;
    int fd = openat(parent, name, flags);

    if (fd < 0 && errno == EACCES && grant_unreadable(parent, name) == 0)
        fd = openat(parent, name, flags);
    if (fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & S_IRWXU) != S_IRWXU)
        (void)fchmod(fd, S_IRWXU); /* what it was needed for will say so */
    return fd;
}

static DIR *open_stream(int parent, const char *name)
{
    int fd = open_dir(parent, name);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (dir == NULL && fd >= 0)
        close(fd);
    return dir;
}

/* Moves the directory `name` of `from` to a free name in `top`. */
static int lift(int from, const char *name, int top, uint64_t *serial)
{
    int fd = open_dir(from, name); /* moving a directory rewrites its ".." */
    char free_name[48];

    if (fd < 0)
        return -1;
    close(fd);
    for (int i = 0; i < RENAME_TRIES; i++) {
        snprintf(free_name, sizeof free_name, "removing-%" PRIu64, (*serial)++);
        if (renameat(from, name, top, free_name) == 0)
            return 0;
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            return -1;
    }
    return -1;
}

/* Empties the directory `name` of `top`, lifting its subdirectories into `top`, and
 * removes it. */
static int remove_dir(int top, const char *name, uint64_t *serial)
{
    AUTO(auto_dir) DIR *dir = open_stream(top, name);
    const char *inner;

    if (dir == NULL)
        return -1;
    while ((inner = next_name(dir)) != NULL) {
        if (unlinkat(dirfd(dir), inner, 0) == 0)
            continue;
        if (errno != EISDIR || lift(dirfd(dir), inner, top, serial) < 0)
            return -1;
    }
    return errno != 0 ? -1 : unlinkat(top, name, AT_REMOVEDIR);
}

/* One pass over `top`; *left says whether there was anything. */
static int remove_entries(DIR *top, uint64_t *serial, bool *left)
{
    const char *name;

    *left = false;
    rewinddir(top);
    while ((name = next_name(top)) != NULL) {
        *left = true;
        if (unlinkat(dirfd(top), name, 0) == 0)
            continue;
        if (errno != EISDIR || remove_dir(dirfd(top), name, serial) < 0)
            return -1;
    }
    return errno != 0 ? -1 : 0;
}

/* Every directory is lifted at most once, to just below the top, so that any depth takes
 * two descriptors and linear time. */
static int remove_all(const char *path)
{
    AUTO(auto_dir) DIR *top = NULL;
    uint64_t serial = 0;
    bool left;

    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return -1;
    top = open_stream(AT_FDCWD, path);
    if (top == NULL)
        return -1;
    do
        if (remove_entries(top, &serial, &left) < 0)
            return -1;
    while (left);
    return rmdir(path);
}

int path_remove_tree(const char *path, struct err *err)
{
    if (remove_all(path) < 0)
        return err_sys(err, ERR_PERM, errno, "remove %s", path);
    return 0;
}

/* Directories still to be counted, as paths below the top. */
struct todo {
    char **paths;
    size_t count, cap;
};

static void push(struct todo *todo, char *path)
{
    if (todo->count == todo->cap) {
        todo->cap = todo->cap > 0 ? todo->cap * 2 : 16;
        todo->paths = mem_grow(todo->paths, todo->cap, sizeof *todo->paths);
    }
    todo->paths[todo->count++] = path;
}

static int64_t count_dir(int top, const char *path, struct todo *todo)
{
    int fd = openat(top, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO(auto_dir) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    int64_t blocks = 0;
    const char *name;
    struct stat st;

    if (dir == NULL && fd >= 0)
        close(fd);
    while (dir != NULL && (name = next_name(dir)) != NULL) {
        if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        blocks += st.st_blocks;
        if (S_ISDIR(st.st_mode))
            push(todo, path_join(path, name));
    }
    return blocks;
}

int64_t path_tree_bytes(const char *path)
{
    AUTO(auto_close)
    int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct todo todo = {0};
    struct stat st;
    int64_t blocks;

    if (lstat(path, &st) < 0)
        return 0;
    blocks = st.st_blocks;
    if (top >= 0)
        push(&todo, mem_dup("."));
    while (todo.count > 0) {
        AUTO(auto_free) char *dir = todo.paths[--todo.count];

        blocks += count_dir(top, dir, &todo);
    }
    free(todo.paths);
    return blocks * BLOCK_BYTES;
}
