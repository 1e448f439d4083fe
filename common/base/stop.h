/* The wish to stop, and other signals, as a readable descriptor for poll loops.
 *
 * stop_block is the first thing a program does: what arrives from then on waits, so that
 * no moment of its start is one in which SIGTERM or SIGHUP kills it. stop_open blocks
 * them too, with SIGINT and SIGCHLD, and ignores SIGPIPE; the descriptor becomes readable
 * when one arrives, or has; stop_read empties it. Children must restore the mask before
 * exec (worker/process/child.c does). Main thread, once. */
#ifndef KEDGE_COMMON_BASE_STOP_H
#define KEDGE_COMMON_BASE_STOP_H

#include <stdbool.h>

#include "common/base/err.h"

struct stop_signals {
    bool stop;  /* SIGTERM or SIGINT */
    bool again; /* a second one: hurry */
    bool hup;
    bool child;
};

void stop_block(void);
/* For a part of a program that has nothing to reload: SIGHUP means nothing to it. */
void stop_ignore_hangup(void);
/* The descriptor (close-on-exec, non-blocking), or -1. */
int stop_open(struct err *err);
/* Adds what has arrived to *signals; flags are never cleared here. */
void stop_read(int fd, struct stop_signals *signals);

#endif
