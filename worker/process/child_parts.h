/* Parts of child.c: how a program is started, and how its process tree is ended. */
#ifndef KEDGE_WORKER_PROCESS_CHILD_PARTS_H
#define KEDGE_WORKER_PROCESS_CHILD_PARTS_H

#include "worker/process/child.h"

struct child {
    pid_t pid; /* also its process group */
    int pid_fd;
    int out_fd, err_fd; /* read ends, non-blocking; -1: closed */
    /* of an output file */
    off_t forgotten; /* so much of it takes no room any more */
    bool behind;     /* there is more to be read */
};

/* Forks and waits until the program is executed or could not be. Errors as child_run. */
int child_start(const struct child_spec *spec, struct child *child, struct err *err);
/* Of a program that has ended but was not reaped: kills what is left of its group, reaps
 * it (out->end, code, peak_rss_bytes), then kills and reaps its orphans. May block for
 * some seconds when a process cannot be killed. */
void child_tree_end(pid_t pid, struct child_result *out);

#endif
