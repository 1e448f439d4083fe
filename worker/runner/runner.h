/* The runner: one process per run, `kedge-worker --runner <run directory>`, that takes it
 * from spec.json to result.json: checkout, init, plan, show, apply, report; or, for a
 * batch, checkout and the list of its runs. It never talks to Redis and never sees its
 * password; it outlives its supervisor. See rundir.h for what it reads and writes. */
#ifndef KEDGE_WORKER_RUNNER_RUNNER_H
#define KEDGE_WORKER_RUNNER_RUNNER_H

#include "common/conf/conf.h"

/* `dir` is w<n>/runs/<id>; the target's work directory is w<n>/work/<target>. Returns the
 * exit status: 0 when there is a result.json. */
int runner_main(const struct conf *conf, const char *dir);

#endif
