/* The guard of a Redis: may this program use it, and is it still the one it was?
 *
 * Asked at start (redis_guard_wait), every minute and after each reconnect
 * (redis_guard_look). A Redis that could lose runs is refused unless KEDGE_UNSAFE_REDIS
 * says otherwise; one that no setting makes usable is always refused. */
#ifndef KEDGE_COMMON_REDIS_REDIS_GUARD_H
#define KEDGE_COMMON_REDIS_REDIS_GUARD_H

#include <stdbool.h>

#include "common/base/stop.h"
#include "common/redis/redis.h"

#define REDIS_GUARD_EVERY_MS 60000

struct redis_guard {
    struct redis *redis; /* borrowed */
    bool allow_unsafe;
    bool warned; /* that it is unsafe, but allowed */
    char server_id[48];
    int64_t replicas; /* connected at the last look that found it fit */
};

enum redis_guard_state {
    REDIS_GUARD_FIT,
    REDIS_GUARD_CHANGED, /* fit, but restarted or another server than last time */
    REDIS_GUARD_UNFIT,   /* err says why: claim and start nothing */
    REDIS_GUARD_AWAY,
};

void redis_guard_init(struct redis_guard *guard, struct redis *redis, bool allow_unsafe);
/* Blocks for a few time-outs of `redis` at most. An unsafe one that is allowed is logged
 * as a warning, once. */
enum redis_guard_state redis_guard_look(struct redis_guard *guard, struct err *err);
/* Looks until Redis is there, and says so in the log while it waits. 0: fit. 1: a signal
 * to stop came first. -1: refused, ERR_PERM. */
int redis_guard_wait(struct redis_guard *guard, int stop_fd, struct stop_signals *signals,
                     struct err *err);

#endif
