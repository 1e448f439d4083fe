/* The supervisor: one poll loop that claims runs, starts a runner for each, heartbeats,
 * ships their logs, carries cancels to them, and sends their results. One thread; it
 * never waits for a run. */
#ifndef KEDGE_WORKER_SUPERVISOR_SUPERVISOR_H
#define KEDGE_WORKER_SUPERVISOR_SUPERVISOR_H

#include "common/conf/conf.h"

/* Runs until SIGTERM or SIGINT and the drain are over. Returns the exit status. `self_fd`
 * is this program, opened at start (so that an upgrade under a running worker does not
 * mix versions); `environ_list` is what runners inherit, less where Redis is
 * (worker/process/spawn.h). SIGHUP says whether the files of secrets are right: each run
 * reads them itself. */
int supervisor_main(struct conf *conf, int self_fd, char **environ_list);

#endif
