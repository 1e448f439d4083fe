/* Files and paths: whole-file reads with a cap, atomic writes, directory trees.
 * Errors: ERR_PERM with the path in the message unless said otherwise. All descriptors
 * are close-on-exec. */
#ifndef KEDGE_COMMON_BASE_PATH_H
#define KEDGE_COMMON_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* dir + "/" + name; the caller frees. */
char *path_join(const char *dir, const char *name);
bool path_exists(const char *path);
/* Appends the file's bytes to `out`. ERR_PERM: there are more than out->max, it cannot be
 * read, or it is not a regular file. Waits for nobody. */
int path_read(const char *path, struct buf *out, struct err *err);
/* Writes `path` through a temporary file beside it: write, fsync, rename, fsync of the
 * directory. After a crash there is the old file or the new one, whole. A full disk is
 * ERR_TEMP. */
int path_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode,
                      struct err *err);
/* As mkdir -p; existing directories are fine. */
int path_mkdirs(const char *path, mode_t mode, struct err *err);
/* Removes a tree without following symbolic links; a missing one is fine. */
int path_remove_tree(const char *path, struct err *err);
/* Size in bytes of a tree (allocated blocks), symbolic links not followed. */
int64_t path_tree_bytes(const char *path);

/* Lexically normal form of a relative directory: no leading or trailing '/', no "." or
 * empty segments; "." for the top. Absolute paths, ".." segments, control bytes and more
 * than 1024 bytes: ERR_INPUT. The caller frees *out. */
int path_normalize_dir(const char *text, char **out, struct err *err);
/* Opens `relative` beneath `root` without leaving it by "..", absolute or symbolic links
 * (openat2 RESOLVE_BENEATH semantics; links that stay inside are fine). Returns an O_PATH
 * descriptor of a directory, or -1: ERR_INPUT when it leaves the root, ERR_PERM when it
 * is not there or not a directory. */
int path_open_beneath(const char *root, const char *relative, struct err *err);

#endif
