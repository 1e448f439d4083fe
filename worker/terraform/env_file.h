/* Env files: KEY=VALUE lines, the credentials that KEDGE_ENV_DIR gives to runs.
 *
 * Blank lines and lines that start with # are skipped, "export " in front of a name too.
 * A value is taken as it is; around one in single quotes they are taken off; in double
 * quotes \n, \" and \\ stand for what they say, so that a key file fits in a line. */
#ifndef KEDGE_WORKER_TERRAFORM_ENV_FILE_H
#define KEDGE_WORKER_TERRAFORM_ENV_FILE_H

#include <stdbool.h>

#include "common/base/err.h"

#define ENV_FILE_MAX_BYTES ((size_t)1024 * 1024)

/* Calls `set` for each variable, in order; stops when it returns -1. A file that is not
 * there has none. ERR_PERM names file and line, never a value. */
int env_file_read(const char *dir, const char *name,
                  int (*set)(void *arg, const char *key, const char *value,
                             struct err *err),
                  void *arg, struct err *err);
/* Would this variable change what Kedge asks of terraform, or what runs at all? */
bool env_refused(const char *key);

#endif
