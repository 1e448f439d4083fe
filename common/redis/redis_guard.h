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
#define REDIS_GUARD_SOON_MS  2000

struct redis_guard {
    struct redis *redis; /* borrowed */
    bool allow_unsafe;
    bool warned;  /* that it is unsafe, but allowed */
    bool advised; /* of what a failover could lose */
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
/* Until the next look, when all is well: soon where a failover would find no replica yet,
 * because marks of applies wait for one only when one was seen. */
int64_t redis_guard_pause_ms(const struct redis_guard *guard);
/* Blocks for a few time-outs of `redis` at most. Where sentinels say who the master is,
 * they are asked anew before one without replicas is believed to have none. An unsafe one
 * that is allowed is logged as a warning, once; so is one that is fit but loses more than
 * it must when sentinels replace it. */
enum redis_guard_state redis_guard_look(struct redis_guard *guard, struct err *err);
/* Looks until Redis is there, and says so in the log while it waits. 0: fit. 1: a signal
 * to stop came first. -1: refused, ERR_PERM. */
int redis_guard_wait(struct redis_guard *guard, int stop_fd, struct stop_signals *signals,
                     struct err *err);

#endif
