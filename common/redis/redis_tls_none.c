/* TLS to Redis, where hiredis has none: it is refused. Built instead of redis_tls.c and
 * redis_tls_trust.c. */
#include <poll.h>
#include <stddef.h>

#include "common/redis/redis_tls.h"

#define REFUSAL "this build has no TLS for Redis"

bool redis_tls_built(void)
{
    return false;
}

struct redis_tls *redis_tls_new(const struct redis_tls_files *files, struct err *err)
{
    (void)files;
    err_set(err, ERR_INPUT, REFUSAL);
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
    return err_set(err, ERR_PERM, REFUSAL);
}

short redis_tls_events(const struct redisContext *context, short events)
{
    (void)context;
    return events;
}

bool redis_tls_wants_read(const struct redisContext *context, short revents)
{
    (void)context;
    return (revents & ~POLLOUT) != 0;
}

bool redis_tls_holds(const struct redisContext *context)
{
    (void)context;
    return false;
}
