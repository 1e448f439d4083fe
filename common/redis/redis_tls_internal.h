/* The parts of TLS to Redis: files (redis_tls_trust.c) and connections (redis_tls.c). For
 * these only. */
#ifndef KEDGE_COMMON_REDIS_REDIS_TLS_INTERNAL_H
#define KEDGE_COMMON_REDIS_REDIS_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "common/redis/redis_tls.h"

struct redis_tls {
    SSL_CTX *trust;
    char *name; /* NULL: the host's */
};

/* Why OpenSSL failed last in this thread: a few words, static. */
const char *redis_tls_reason(void);

#endif
