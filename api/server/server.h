/* The HTTP server: libmicrohttpd, driven by our loop.
 *
 * About four daemons without a listening socket: we accept and hand each connection to
 * the one that has fewest, because a resume scans all suspended connections of its
 * daemon. A daemon runs when its epoll descriptor is ready, when a request of it was
 * resumed, or when its own time-out says so; bytes it has already buffered are not in
 * epoll. */
#ifndef KEDGE_API_SERVER_SERVER_H
#define KEDGE_API_SERVER_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct api;
struct server;
struct server_daemon;
struct tls;

/* Listens at once. ERR_PERM: the address or the certificate cannot be used. */
struct server *server_open(struct api *api, struct err *err);
void server_close(struct server *server); /* no request may be suspended */

/* Once a turn: runs whichever daemon has something to do. Returns for how long the loop
 * may sleep, ms; -1: as long as it likes. */
int64_t server_turn(struct server *server);
/* Was a request resumed since? Then it is not the time to sleep. */
bool server_is_due(const struct server *server);
/* NULL: it speaks plain HTTP. */
struct tls *server_tls(struct server *server);
/* Stops listening; connections that are open, or wait to be accepted, go on. */
void server_stop_listening(struct server *server);

struct api *server_api(const struct server_daemon *daemon);
/* A connection of that daemon was resumed or has its answer: run it this turn. */
void server_wake(struct server_daemon *daemon);
/* Something else that held connections wait for has come. */
void server_wake_held(struct server *server); /* NULL is fine */
/* One more (or, with -1, one less) connection that the library would call in a busy loop
 * while it waits for Redis. */
void server_hold(struct server_daemon *daemon, int step);

#endif
