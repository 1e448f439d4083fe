/* The sandbox that the settings ask for, as every program below a runner starts from: the
 * system may be read, nothing may be written. */
#ifndef KEDGE_WORKER_CONFINE_H
#define KEDGE_WORKER_CONFINE_H

#include <stdbool.h>

#include "common/conf.h"
#include "common/err.h"
#include "worker/sandbox.h"

/* By KEDGE_SANDBOX, and by what the kernel has. */
bool confine_wanted(const struct conf *conf);
/* An empty ruleset, with the basics and KEDGE_SANDBOX_READ without the worker's data and
 * env files. Call when it is wanted; the caller adds what the program needs besides.
 * ERR_PERM. */
int confine_start(const struct conf *conf, struct sandbox *sandbox, struct err *err);

#endif
