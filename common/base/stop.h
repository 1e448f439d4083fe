/* The wish to stop, and other signals, as a readable descriptor for poll loops.
 *
 * stop_open blocks SIGTERM, SIGINT, SIGHUP, SIGCHLD and ignores SIGPIPE; the descriptor
 * becomes readable when one arrives; stop_read empties it. Children must restore the mask
 * before exec (worker/process/child.c does). Main thread, once. */
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

/* The descriptor (close-on-exec, non-blocking), or -1. */
int stop_open(struct err *err);
/* Adds what has arrived to *signals; flags are never cleared here. */
void stop_read(int fd, struct stop_signals *signals);

#endif
