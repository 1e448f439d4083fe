/* The scheduler's loop: everything that time triggers. No leader: each replica does all
 * of it, and every step is a script that is safe to do twice. One thread. */
#ifndef KEDGE_SCHEDULER_LOOP_H
#define KEDGE_SCHEDULER_LOOP_H

#include "common/conf/conf.h"

/* Runs until SIGTERM or SIGINT; SIGHUP has it read again what may change. Returns the
 * exit status. */
int loop_main(struct conf *conf);

#endif
