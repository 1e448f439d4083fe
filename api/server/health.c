/* Is Redis there, and fit to hold runs? */
#include "api/server/health.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/registry/order.h"
#include "common/schedule/schedule_store.h"

#define CHECK_TIMEOUT_MS 500
#define CHECK_EVERY_MS   60000
#define CHECK_AGAIN_MS   5000 /* without an answer what was found before stands */

/* The schedulers have no settings of repositories: they go by what an api said last. */
static void tell_hosts(struct health *health)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct err err;

    schedule_put_hosts(&cmd, health->api->conf->redis_prefix,
                       orders_hosts(health->api->orders));
    if (redis_call(health->redis, &cmd, 0, &reply, &err) < 0)
        log_warn("hosts_untold", "error=%s", err.message);
}

/* Blocks the loop for as long as the check takes: a few round trips on a connection of
 * its own, CHECK_TIMEOUT_MS each at the very most, and what it takes to find the master
 * (REDIS_LOOKUP_MS at most) where sentinels are asked. */
static void check(struct health *health)
{
    struct redis_fitness fitness;
    struct err err;
    bool is_news;

    health->generation = redis_link_generation(health->api->link.redis);
    loop_set(&health->api->loop, &health->timer, clock_mono_ms() + CHECK_EVERY_MS);
    if (redis_check(health->redis, &fitness, &err) < 0) {
        log_warn("redis_unchecked", "reason=%s", err.message);
        loop_set(&health->api->loop, &health->timer, clock_mono_ms() + CHECK_AGAIN_MS);
        return;
    }
    health->unfit = !fitness.fit && (fitness.fatal || !health->api->conf->unsafe_redis);
    is_news = strcmp(health->reason, fitness.reason) != 0;
    snprintf(health->reason, sizeof health->reason, "%s", fitness.reason);
    if (is_news && !fitness.fit)
        log_warn("redis_unsafe", "reason=%s refused=%s", fitness.reason,
                 health->unfit ? "yes" : "no");
    else if (is_news)
        log_info("redis_safe", "");
    if (!health->unfit)
        tell_hosts(health);
}

static void on_time(struct loop_timer *timer)
{
    struct health *health = LOOP_OWNER(timer, struct health, timer);

    if (redis_link_ready(health->api->link.redis))
        check(health);
    else
        loop_set(&health->api->loop, timer, clock_mono_ms() + CHECK_EVERY_MS);
}

int health_open(struct health *health, struct api *api, struct err *err)
{
    *health = (struct health){
        .api = api,
        .redis = redis_new(&api->redis, api->conf->redis_prefix, NULL, CHECK_TIMEOUT_MS),
        .timer.fire = on_time,
    };
    check(health);
    if (health->unfit)
        return err_set(err, ERR_INPUT, "this Redis is not safe for runs: %s",
                       health->reason);
    return 0;
}

void health_close(struct health *health)
{
    if (health->api != NULL)
        loop_clear(&health->api->loop, &health->timer);
    redis_free(health->redis);
    health->redis = NULL;
}

void health_turn(struct health *health)
{
    struct redis_link *link = health->api->link.redis;
    const char *why_away = redis_link_news(link);
    bool ready = redis_link_ready(link);

    if (ready && redis_link_generation(link) != health->generation)
        check(health);
    if (ready && !health->was_ready)
        log_info("redis_connected", "generation=%" PRIu64, redis_link_generation(link));
    if (why_away != NULL)
        log_warn("redis_away", "error=%s", why_away);
    health->was_ready = ready;
}

int health_check(const struct health *health, struct err *err)
{
    if (health->unfit)
        return err_set(err, ERR_TEMP, "this Redis is not safe for runs: %s",
                       health->reason);
    return 0;
}

int health_ready(const struct health *health, struct err *err)
{
    if (!redis_link_ready(health->api->link.redis))
        return err_set(err, ERR_TEMP, "Redis is away");
    return health_check(health, err);
}
