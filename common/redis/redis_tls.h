/* TLS to Redis, where hiredis lets its reads and writes be replaced (1.0 and later).
 *
 * Built without it (redis_tls_none.c), redis_tls_built is false, redis_address_parse
 * refuses rediss://, and nothing else here does anything.
 *
 * TLS 1.2 or newer. The server's certificate must be signed by the CA and bear, as a
 * subject alternative name, the name or the address that was connected to (RFC 9525). A
 * certificate that is refused is ERR_TEMP like any other failure to connect: it may be
 * replaced while we try again.
 *
 * hiredis has a TLS layer of its own, which checks no name, tells no reasons, spends a
 * time-out on each step of the handshake, and keeps to itself whether it waits to read or
 * to write. Here hiredis is given the two functions only.
 *
 * A connection belongs to one thread; a struct redis_tls may serve several. SIGPIPE must
 * be ignored. */
#ifndef KEDGE_COMMON_REDIS_REDIS_TLS_H
#define KEDGE_COMMON_REDIS_REDIS_TLS_H

#include <stdbool.h>

#include "common/base/err.h"

struct redisContext; /* hiredis */
struct redis_tls;

bool redis_tls_built(void);

struct redis_tls_files {
    const char *ca;         /* PEM; NULL: the system's store */
    const char *cert, *key; /* PEM, both or neither: what we show the server */
    const char *name;       /* must stand in the certificate; NULL: the host's */
};
/* Reads the files, once. NULL: ERR_INPUT, naming the file and what is wrong with it. */
struct redis_tls *redis_tls_new(const struct redis_tls_files *files, struct err *err);
void redis_tls_free(struct redis_tls *tls); /* NULL is fine */

/* Begins TLS on a connected context. One that blocks has shaken hands on return, in as
 * much time as it had to connect; one that does not goes on with each read and write.
 * `host`: whom we meant to reach. ERR_TEMP with the reason ("certificate verify failed:
 * hostname mismatch"); later the context's errstr has it. */
int redis_tls_begin(struct redis_tls *tls, struct redisContext *context, const char *host,
                    struct err *err);

/* ---- for a loop that polls ----
 * A write may wait for bytes to come, and a read for room to write. A context without TLS
 * is fine in each of these. */

/* What to poll for, when POLLIN and perhaps POLLOUT are what a plain socket waits for. */
short redis_tls_events(const struct redisContext *context, short events);
/* After poll: is there something to read, or may a read go on? */
bool redis_tls_wants_read(const struct redisContext *context, short revents);
/* There are bytes to read which poll does not know of. */
bool redis_tls_holds(const struct redisContext *context);

#endif
