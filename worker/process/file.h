/* Small files beside a run: written at once without waiting for the disk, and read with
 * care, because a repository may have put something else in their place. */
#ifndef KEDGE_WORKER_PROCESS_FILE_H
#define KEDGE_WORKER_PROCESS_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "common/base/buf.h"
#include "common/base/err.h"

/* Makes the file anew, whatever had its name: no link is followed, nobody who has the old
 * one open sees the new bytes. Not durable. ERR_TEMP: the disk is full; else ERR_PERM. */
int file_put(const char *dir, const char *name, const void *bytes, size_t len,
             mode_t mode, struct err *err);
/* The same, and the bytes are on the disk when it returns; the name is when the directory
 * has been synced. */
int file_put_durable(const char *dir, const char *name, const void *bytes, size_t len,
                     mode_t mode, struct err *err);
/* Appends a regular file's bytes. 1: read; 0: not there; -1: not a regular file, not
 * readable, or more than out->max. Never blocks on a FIFO or device. */
int file_get(const char *dir, const char *name, struct buf *out);
/* The same, but a symbolic link counts as not a regular file. */
int file_get_plain(const char *dir, const char *name, struct buf *out);

#endif
