/* The work tree, made equal to a commit: a walk over descriptors that never follows a
 * symbolic link. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/checkout/checkout_parts.h"

#define COPY_BYTES (64 * 1024)

struct layout {
    git_repository *repo;
    EVP_MD_CTX *digest;
    unsigned depth;
    int64_t files, bytes; /* named so far; written */
    struct checkout_fault *fault;
    struct err *err;
    char copy[COPY_BYTES];
};

static void auto_tree(git_tree **tree)
{
    git_tree_free(*tree);
}

static void auto_blob(git_blob **blob)
{
    git_blob_free(*blob);
}

static void auto_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static int disk_failed(struct layout *layout, const char *name)
{
    return checkout_disk_error(errno, name, layout->fault, layout->err);
}

/* ---- removing ---- */

/* Whatever `name` is in that directory; missing is fine. */
static int remove_entry(struct layout *layout, int dir_fd, const char *name)
{
    AUTO(auto_free) char *path = NULL;

    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return disk_failed(layout, name);
    path = mem_fmt("/proc/self/fd/%d/%s", dir_fd, name);
    return path_remove_tree(path, layout->err);
}

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Removes what the tree does not name; all of it when tree is NULL. */
static int remove_others(struct layout *layout, int dir_fd, const git_tree *tree)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO(auto_dir) DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;

    if (!dir)
        return disk_failed(layout, "reading a directory");
    while ((entry = readdir(dir))) {
        if (is_dot(entry->d_name) || (tree && git_tree_entry_byname(tree, entry->d_name)))
            continue;
        if (remove_entry(layout, dir_fd, entry->d_name) < 0)
            return -1;
    }
    return 0;
}

/* ---- comparing ---- */

/* The id git gives to contents: SHA-1 over "blob <size>", a NUL and the bytes. */
static void digest_begin(struct layout *layout, size_t size)
{
    char head[32];
    int len = snprintf(head, sizeof(head), "blob %zu", size);

    EVP_DigestInit_ex(layout->digest, EVP_sha1(), NULL);
    EVP_DigestUpdate(layout->digest, head, (size_t)len + 1);
}

static bool digest_equals(struct layout *layout, const git_oid *id)
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    return EVP_DigestFinal_ex(layout->digest, digest, NULL) == 1 &&
           memcmp(digest, id->id, GIT_OID_RAWSZ) == 0;
}

/* Has the file this content? A size that changes meanwhile only makes it differ. */
static bool content_is(struct layout *layout, int fd, size_t size, const git_oid *id)
{
    ssize_t got;

    digest_begin(layout, size);
    while ((got = read(fd, layout->copy, sizeof(layout->copy))) > 0)
        EVP_DigestUpdate(layout->digest, layout->copy, (size_t)got);
    return got == 0 && digest_equals(layout, id);
}

/* A file with a second name could be changed through that later. */
static bool file_is(struct layout *layout, int dir_fd, const char *name, mode_t mode,
                    const git_oid *id)
{
    AUTO(auto_close)
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat info;

    return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
           (info.st_mode & 07777) == mode && info.st_nlink == 1 &&
           content_is(layout, fd, (size_t)info.st_size, id);
}

static bool link_is(struct layout *layout, int dir_fd, const char *name,
                    const git_oid *id)
{
    ssize_t len = readlinkat(dir_fd, name, layout->copy, sizeof(layout->copy));

    if (len < 0)
        return false;
    digest_begin(layout, (size_t)len);
    EVP_DigestUpdate(layout->digest, layout->copy, (size_t)len);
    return digest_equals(layout, id);
}

/* ---- writing ---- */

static int read_blob(struct layout *layout, const git_oid *id, const char *name,
                     git_blob **out)
{
    git_odb *odb = NULL;
    git_object_t type = GIT_OBJECT_INVALID;
    size_t size = 0;
    int rc = git_repository_odb(&odb, layout->repo);

    if (rc == 0)
        rc = git_odb_read_header(&size, &type, odb, id);
    git_odb_free(odb);
    if (rc == 0 && size > CHECKOUT_BLOB_BYTES)
        return err_set(layout->err, ERR_PERM, "%s is larger than %lld MiB", name,
                       CHECKOUT_BLOB_BYTES / (1024 * 1024));
    layout->bytes += (int64_t)size;
    if (rc == 0 && layout->bytes > CHECKOUT_BYTES_MAX)
        return err_set(layout->err, ERR_PERM, "the commit has more than %lld MiB in all",
                       (long long)CHECKOUT_BYTES_MAX / (1024 * 1024));
    if (rc == 0)
        rc = git_blob_lookup(out, layout->repo, id);
    return rc == 0 ? 0 : checkout_cache_error(name, layout->fault, layout->err);
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno != EINTR)
            return -1;
        bytes += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
    }
    return 0;
}

static int write_file(struct layout *layout, int dir_fd, const char *name, mode_t mode,
                      const git_blob *blob)
{
    AUTO(auto_close)
    int fd =
        openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0 ||
        write_all(fd, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob)) < 0 ||
        fchmod(fd, mode) < 0)
        return disk_failed(layout, name);
    return 0;
}

static int lay_file(struct layout *layout, int dir_fd, const char *name, mode_t mode,
                    const git_oid *id)
{
    AUTO(auto_blob) git_blob *blob = NULL;

    if (file_is(layout, dir_fd, name, mode, id))
        return 0;
    if (remove_entry(layout, dir_fd, name) < 0 || read_blob(layout, id, name, &blob) < 0)
        return -1;
    return write_file(layout, dir_fd, name, mode, blob);
}

static int lay_link(struct layout *layout, int dir_fd, const char *name,
                    const git_oid *id)
{
    AUTO(auto_blob) git_blob *blob = NULL;
    AUTO(auto_free) char *target = NULL;

    if (link_is(layout, dir_fd, name, id))
        return 0;
    if (remove_entry(layout, dir_fd, name) < 0 || read_blob(layout, id, name, &blob) < 0)
        return -1;
    if (git_blob_rawsize(blob) >= PATH_MAX)
        return err_set(layout->err, ERR_PERM, "the symbolic link %s is too long", name);
    target = mem_dup_n(git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob));
    return symlinkat(target, dir_fd, name) == 0 ? 0 : disk_failed(layout, name);
}

/* ---- directories ---- */

/* The directory of that name, made where it is not. */
static int enter(struct layout *layout, int dir_fd, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dir_fd, name, flags);

    if (fd < 0) {
        if (remove_entry(layout, dir_fd, name) < 0)
            return -1;
        if (mkdirat(dir_fd, name, 0700) < 0 || (fd = openat(dir_fd, name, flags)) < 0)
            return disk_failed(layout, name);
    }
    if (fchmod(fd, 0700) < 0) {
        disk_failed(layout, name);
        close(fd);
        return -1;
    }
    return fd;
}

static int lay_tree(struct layout *layout, int dir_fd, const git_oid *id);

static int lay_dir(struct layout *layout, int dir_fd, const char *name, const git_oid *id)
{
    AUTO(auto_close) int fd = enter(layout, dir_fd, name);
    int rc;

    if (fd < 0)
        return -1;
    if (!id)
        return remove_others(layout, fd, NULL);
    if (layout->depth == CHECKOUT_DEPTH_MAX)
        return err_set(layout->err, ERR_PERM, "more than %d directories in one another",
                       CHECKOUT_DEPTH_MAX);
    layout->depth++;
    rc = lay_tree(layout, fd, id);
    layout->depth--;
    return rc;
}

static bool is_name(const char *name)
{
    return *name && !is_dot(name) && !strchr(name, '/') && strcasecmp(name, ".git") != 0;
}

static int lay_entry(struct layout *layout, int dir_fd, const git_tree_entry *entry)
{
    const char *name = git_tree_entry_name(entry);
    const git_oid *id = git_tree_entry_id(entry);

    if (!is_name(name))
        return err_set(layout->err, ERR_PERM, "the commit has a file named \"%s\"", name);
    if (++layout->files > CHECKOUT_FILES_MAX)
        return err_set(layout->err, ERR_PERM, "the commit has more than %d files",
                       CHECKOUT_FILES_MAX);
    switch (git_tree_entry_filemode(entry)) {
    case GIT_FILEMODE_TREE:
        return lay_dir(layout, dir_fd, name, id);
    case GIT_FILEMODE_BLOB:
        return lay_file(layout, dir_fd, name, 0600, id);
    case GIT_FILEMODE_BLOB_EXECUTABLE:
        return lay_file(layout, dir_fd, name, 0700, id);
    case GIT_FILEMODE_LINK:
        return lay_link(layout, dir_fd, name, id);
    case GIT_FILEMODE_COMMIT:
        return lay_dir(layout, dir_fd, name, NULL);
    case GIT_FILEMODE_UNREADABLE:
        break;
    }
    return err_set(layout->err, ERR_PERM, "%s is of no known kind", name);
}

static int lay_tree(struct layout *layout, int dir_fd, const git_oid *id)
{
    AUTO(auto_tree) git_tree *tree = NULL;

    if (git_tree_lookup(&tree, layout->repo, id) < 0)
        return checkout_cache_error("a directory", layout->fault, layout->err);
    if (remove_others(layout, dir_fd, tree) < 0)
        return -1;
    for (size_t i = 0; i < git_tree_entrycount(tree); i++)
        if (lay_entry(layout, dir_fd, git_tree_entry_byindex(tree, i)) < 0)
            return -1;
    return 0;
}

int layout_make(git_repository *repo, const git_oid *commit, const char *work_tree,
                struct checkout_fault *fault, struct err *err)
{
    AUTO(auto_close)
    int fd = open(work_tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    AUTO(auto_tree) git_tree *tree = NULL;
    struct layout *layout;
    int rc;

    if (fd < 0)
        return checkout_disk_error(errno, work_tree, fault, err);
    if (checkout_tree(repo, commit, &tree, fault, err) < 0)
        return -1;
    layout = mem_new(1, sizeof(*layout));
    *layout = (struct layout){
        .repo = repo, .digest = EVP_MD_CTX_new(), .fault = fault, .err = err};
    rc = lay_tree(layout, fd, git_tree_id(tree));
    EVP_MD_CTX_free(layout->digest);
    auto_free(&layout);
    return rc;
}
