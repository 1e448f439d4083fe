/* The sandbox that the settings ask for, as every program below a runner starts from: the
 * system may be read, nothing may be written. */
#ifndef KEDGE_WORKER_PROCESS_CONFINE_H
#define KEDGE_WORKER_PROCESS_CONFINE_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/conf/conf.h"
#include "worker/process/sandbox.h"
#include "worker/process/strings.h"

/* By KEDGE_SANDBOX, and by what the kernel has. */
bool confine_wanted(const struct conf *conf);
/* What nothing below a runner may read, wherever it lies: the worker's data, the env
 * files, and the files that KEDGE_<secret>_FILE of this environment name. */
void confine_hidden(const struct conf *conf, char *const *environ_list,
                    struct strings *out);
/* An empty ruleset, with the basics and KEDGE_SANDBOX_READ without what is hidden. Call
 * when it is wanted; the caller adds what the program needs besides. ERR_PERM. */
int confine_start(const struct conf *conf, struct sandbox *sandbox, struct err *err);

#endif
