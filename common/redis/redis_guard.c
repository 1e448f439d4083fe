/* The guard of a Redis: fitness, and whether it is the same server as before. */
#include "common/redis/redis_guard.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/redis/redis_internal.h"

#define WAIT_EVERY_MS 500
#define SAY_EVERY     20 /* looks between two lines in the log */

void redis_guard_init(struct redis_guard *guard, struct redis *redis, bool allow_unsafe)
{
    *guard = (struct redis_guard){.redis = redis, .allow_unsafe = allow_unsafe};
}

/* True at the first look and while the run id stays. */
static bool same_server(struct redis_guard *guard)
{
    const char *now = redis_server_id(guard->redis);
    bool same = guard->server_id[0] == '\0' || strcmp(guard->server_id, now) == 0;

    snprintf(guard->server_id, sizeof guard->server_id, "%s", now);
    return same;
}

int64_t redis_guard_pause_ms(const struct redis_guard *guard)
{
    bool waits = guard->replicas == 0 && guard->redis->address->sentinel_count > 0;

    return waits ? REDIS_GUARD_SOON_MS : REDIS_GUARD_EVERY_MS;
}

/* A master without replicas may have been left by them, for another: the sentinels are
 * asked once more before it is believed. */
static int check(struct redis *redis, struct redis_fitness *fitness, struct err *err)
{
    uint64_t generation = redis_generation(redis);

    if (redis_check(redis, fitness, err) < 0)
        return -1;
    if (redis->address->sentinel_count == 0 || fitness->replicas > 0 ||
        redis_generation(redis) != generation)
        return 0;
    redis_leave(redis);
    return redis_check(redis, fitness, err);
}

enum redis_guard_state redis_guard_look(struct redis_guard *guard, struct err *err)
{
    struct redis_fitness fitness;

    if (check(guard->redis, &fitness, err) < 0)
        return err->kind == ERR_PERM ? REDIS_GUARD_UNFIT : REDIS_GUARD_AWAY;
    if (!fitness.fit && (fitness.fatal || !guard->allow_unsafe)) {
        err_set(err, ERR_PERM, "Redis is not fit to hold runs: %s%s", fitness.reason,
                fitness.fatal ? "" : " (KEDGE_UNSAFE_REDIS=true overrides this)");
        return REDIS_GUARD_UNFIT;
    }
    if (!fitness.fit && !guard->warned)
        log_warn("redis_unsafe", "reason=%s", fitness.reason);
    guard->warned = !fitness.fit;
    if (fitness.advice[0] != '\0' && !guard->advised)
        log_warn("redis_may_lose", "advice=%s", fitness.advice);
    guard->advised = fitness.advice[0] != '\0';
    guard->replicas = fitness.replicas;
    return same_server(guard) ? REDIS_GUARD_FIT : REDIS_GUARD_CHANGED;
}

int redis_guard_wait(struct redis_guard *guard, int stop_fd, struct stop_signals *signals,
                     struct err *err)
{
    for (int look = 0;; look++) {
        struct pollfd wait = {.fd = stop_fd, .events = POLLIN};

        switch (redis_guard_look(guard, err)) {
        case REDIS_GUARD_FIT:
        case REDIS_GUARD_CHANGED:
            return 0;
        case REDIS_GUARD_UNFIT:
            return -1;
        case REDIS_GUARD_AWAY:
            break;
        }
        if (look % SAY_EVERY == 0)
            log_warn("redis_away", "error=%s", err->message);
        poll(&wait, 1, WAIT_EVERY_MS);
        stop_read(stop_fd, signals);
        if (signals->stop)
            return 1;
    }
}
