/* Is Redis there, and fit to hold runs? Asked at start, every minute and after each
 * reconnect; /readyz and every request that needs Redis go by it. What the schedulers
 * must know of this process's settings is told to Redis at the same times. */
#ifndef KEDGE_API_SERVER_HEALTH_H
#define KEDGE_API_SERVER_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "api/server/loop.h"
#include "common/redis/redis.h"

struct api;

struct health {
    struct api *api;
    struct redis *redis; /* blocking, with a short time-out; only for the check */
    bool unfit;
    bool was_ready;                 /* connected, at the last turn */
    char reason[ERR_MESSAGE_BYTES]; /* what is wrong, "": nothing */
    uint64_t generation;            /* of the link at the last check */
    struct loop_timer timer;
};

/* Checks for the first time. ERR_INPUT: this Redis must not hold runs. When Redis is away
 * the check comes with the first connection. */
int health_open(struct health *health, struct api *api, struct err *err);
void health_close(struct health *health);
/* Once a turn: checks again after a reconnect, and logs comings and goings. */
void health_turn(struct health *health);
/* ERR_TEMP with the reason when Redis is not fit. Says nothing of a Redis that is away.
 */
int health_check(const struct health *health, struct err *err);
/* As above, and ERR_TEMP when it is away: may this process be sent requests? */
int health_ready(const struct health *health, struct err *err);

#endif
