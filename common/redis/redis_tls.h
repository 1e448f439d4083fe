/* TLS to Redis, where hiredis has it (1.0 and later, pkg-config hiredis_ssl).
 *
 * Built without it, redis_tls_built is false, redis_address_parse refuses rediss://, and
 * nothing else here is called.
 *
 * TLS 1.2 or newer. The server's certificate must be signed by the CA and bear the name
 * or the address that was connected to (RFC 9525; hiredis by itself checks no name). */
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

/* Begins TLS on a connected context. One that blocks has shaken hands on return; one that
 * does not goes on with each read and write. `host`: whom we meant to reach. ERR_TEMP
 * with the reason ("certificate verify failed: hostname mismatch"). */
int redis_tls_begin(struct redis_tls *tls, struct redisContext *context, const char *host,
                    struct err *err);

#endif
