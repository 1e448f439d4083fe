/* The small HTTP server of the programs that have no API: /metrics and /healthz on
 * KEDGE_METRICS_LISTEN, driven by the program's own poll loop.
 *
 *     listen = metrics_listen_open(conf->metrics_listen, print, arg, &err);
 *     loop: poll metrics_listen_fd() for POLLIN until metrics_listen_tick()'s time
 *
 * One thread; never blocks. At most 16 clients at a time. */
#ifndef KEDGE_COMMON_NET_METRICS_LISTEN_H
#define KEDGE_COMMON_NET_METRICS_LISTEN_H

#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct metrics_listen;

/* `print` appends the Prometheus text whenever /metrics is read. NULL on failure: as
 * listen_open. */
struct metrics_listen *metrics_listen_open(const char *address,
                                           void (*print)(void *arg, struct buf *out),
                                           void *arg, struct err *err);
void metrics_listen_free(struct metrics_listen *listen);
int metrics_listen_fd(const struct metrics_listen *listen); /* readable: call tick */
/* Answers what has come; returns for how long (ms) the loop may sleep, -1: as long as it
 * likes. */
int64_t metrics_listen_tick(struct metrics_listen *listen);
/* "127.0.0.1:9090": where it listens, for the log. Lives as long as the server. */
const char *metrics_listen_name(const struct metrics_listen *listen);

#endif
