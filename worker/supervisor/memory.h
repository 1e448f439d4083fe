/* Free memory: how much a new run could use, as the kernel and the cgroups above this
 * process see it. A worker claims only while KEDGE_RUN_MEMORY is free. */
#ifndef KEDGE_WORKER_SUPERVISOR_MEMORY_H
#define KEDGE_WORKER_SUPERVISOR_MEMORY_H

#include <stdint.h>

/* The least of MemAvailable and what each cgroup from this process up to the root leaves
 * (version 1 and 2; inactive page cache counts as free). INT64_MAX where nothing says.
 * Reads a few files of /proc and /sys; never blocks. Sources: proc(5), the kernel's
 * cgroup-v1/memory and cgroup-v2. */
int64_t memory_free_bytes(void);
/* The same with other places for /proc and /sys/fs/cgroup. */
int64_t memory_free_below(const char *proc, const char *cgroups);

#endif
