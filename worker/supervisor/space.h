/* Disk space: is there room for another run, and freeing what has not been used for the
 * longest time.
 *
 * Above KEDGE_DATA_MAX, or below 10 % free, a sweep removes work directories of this
 * worker, then git caches, then plugins, least recently used first: never a work
 * directory of a run that is held, never a cache whose lock somebody holds, and plugins
 * only while no worker of this data directory holds a run. What is removed is renamed
 * away first. */
#ifndef KEDGE_WORKER_SUPERVISOR_SPACE_H
#define KEDGE_WORKER_SUPERVISOR_SPACE_H

#include <stdbool.h>

#include "common/conf/conf.h"

/* Too little is free on the file system of `dir` to begin a run. Never blocks long. */
bool space_is_full(const char *dir);
/* `kedge-worker --sweep w<n>`: a process of its own that sweeps once. Exit status. */
int space_main(const struct conf *conf, const char *worker_dir);

#endif
