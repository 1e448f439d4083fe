/* TLS to Redis. */
#include "common/redis/redis_tls.h"

#include <stddef.h>

bool redis_tls_built(void)
{
    return false;
}

struct redis_tls *redis_tls_new(const struct redis_tls_files *files, struct err *err)
{
    (void)files;
    err_set(err, ERR_INPUT, "this build has no TLS for Redis");
    return NULL;
}

void redis_tls_free(struct redis_tls *tls)
{
    (void)tls;
}

int redis_tls_begin(struct redis_tls *tls, struct redisContext *context, const char *host,
                    struct err *err)
{
    (void)tls;
    (void)context;
    (void)host;
    return err_set(err, ERR_PERM, "this build has no TLS for Redis");
}
