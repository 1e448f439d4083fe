/* What the program shares: made, turned and taken down. */
#include "api/api.h"

#include <malloc.h>
#include <sys/epoll.h>

#include "api/ai/ai.h"
#include "api/log/log_feed.h"
#include "api/reload.h"
#include "api/run/run_cache.h"
#include "api/server/audit.h"
#include "api/server/events.h"
#include "api/server/server.h"
#include "api/server/stream.h"
#include "api/server/wait.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/tokens.h"
#include "common/registry/order.h"
#include "common/schedule/zone.h"

/* A drain that takes longer than this is cut short: what kills who does not stop waits
 * ten seconds as a rule. */
#define DRAIN_MS 9000
/* Who has not sent all of a request by then has not been heard. */
#define READ_MS 5000
/* A drain ends when nothing was under way for so long: what was on its way to us has
 * come. */
#define QUIET_MS 100
/* After a second signal. */
#define HURRY_MS 1000
/* How often memory that a burst of connections left free is given back. */
#define TIDY_MS 15000

/* ---- begin ---- */
static void on_signal(struct loop_source *source, uint32_t events)
{
    struct api *api = LOOP_OWNER(source, struct api, signals);

    (void)events;
    stop_read(source->fd, &api->stop);
    if (api->stop.hup)
        reload_all(api);
    api->stop.hup = false;
}

static void on_tidy(struct loop_timer *timer)
{
    struct api *api = LOOP_OWNER(timer, struct api, tidy);

    malloc_trim(0);
    loop_set(&api->loop, timer, clock_mono_ms() + TIDY_MS);
}

int api_open(struct api *api, struct conf *conf, struct err *err)
{
    int signals;

    *api = (struct api){.conf = conf,
                        .loop.epoll_fd = -1,
                        .signals = {.fd = -1, .ready = on_signal},
                        .waiters = waiters_new(),
                        .orders = orders_new(conf->repo_allowlist),
                        .zones = zones_new(),
                        .run_cache = run_cache_new(),
                        .audit = audit_new(api)};
    orders_set_conf_hosts(api->orders, conf);
    if (reload_first(api, err) < 0)
        return -1;
    if (zone_check_installed(err) < 0)
        log_warn("only_utc", "reason=%s", err->message);
    if (conf_redis_address(conf, &api->redis, err) < 0)
        return -1;
    if (loop_open(&api->loop, err) < 0)
        return -1;
    signals = stop_open(err);
    if (signals < 0 || loop_watch(&api->loop, &api->signals, signals, EPOLLIN, err) < 0)
        return -1;
    link_open(&api->link, &api->loop, &api->redis, conf->redis_prefix);
    if (health_open(&api->health, api, err) < 0)
        return -1;
    api->tidy.fire = on_tidy;
    loop_set(&api->loop, &api->tidy, clock_mono_ms() + TIDY_MS);
    api->events = events_new(api);
    api->log_feed = log_feed_new(api);
    api->ai = ai_new(api, err);
    if (api->ai == NULL)
        return -1;
    api->server = server_open(api, err);
    return api->server == NULL ? -1 : 0;
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    if (a_ms < 0 || (b_ms >= 0 && b_ms < a_ms))
        return b_ms;
    return a_ms;
}

/* In this order: what the server's requests ask leaves with the link's one write, and the
 * audit of it; what the link had to fail is answered at once. */
static void turn(struct api *api, int64_t sleep_max_ms)
{
    int64_t sleep_ms = events_turn(api->events);

    sleep_ms = sooner(sleep_ms, log_feed_turn(api->log_feed));
    sleep_ms = sooner(sleep_ms, server_turn(api->server));
    audit_turn(api->audit);
    sleep_ms = sooner(sleep_ms, link_turn(&api->link));
    health_turn(&api->health);
    if (server_is_due(api->server))
        sleep_ms = 0;
    loop_turn(&api->loop, sooner(sleep_ms, sleep_max_ms));
}

/* ---- the end ---- */
/* Whoever asks hears that we are not ready, so that balancers send nobody any more; who
 * comes all the same is served. */
static void leave(struct api *api)
{
    int64_t until_ms = clock_mono_ms() + api->conf->drain_delay_ms;

    api->leaving = true;
    if (api->conf->drain_delay_ms > 0)
        log_info("leaving", "delay_ms=%lld", (long long)api->conf->drain_delay_ms);
    for (int64_t left_ms; (left_ms = until_ms - clock_mono_ms()) > 0 && !api->stop.again;)
        turn(api, left_ms);
    api->stop.again = false;
}

static bool is_busy(const struct api *api, int64_t drained_ms)
{
    int64_t unheard = drained_ms < READ_MS ? 0 : api->reading;

    return api->requests > unheard || !audit_is_empty(api->audit);
}

/* Answers everybody: those who wait for a change get what there is now. */
static void answer_all(struct api *api)
{
    int64_t began_ms = clock_mono_ms(), now_ms = began_ms;
    int64_t end_ms = began_ms + DRAIN_MS, quiet_ms = began_ms;

    while (now_ms < end_ms && now_ms < quiet_ms + QUIET_MS) {
        turn(api, QUIET_MS);
        now_ms = clock_mono_ms();
        if (is_busy(api, now_ms - began_ms))
            quiet_ms = now_ms;
        if (api->stop.again && end_ms > now_ms + HURRY_MS)
            end_ms = now_ms + HURRY_MS;
    }
}

static void drain(struct api *api)
{
    log_info("draining", "requests=%lld", (long long)api->requests);
    api->draining = true;
    server_stop_listening(api->server);
    waiters_all_stale(api->waiters);
    stream_drain_all(api);
    ai_drain(api->ai);
    answer_all(api);
}

void api_run(struct api *api)
{
    while (!api->stop.stop)
        turn(api, -1);
    leave(api);
    drain(api);
}

void api_close(struct api *api)
{
    /* What still waits for Redis is told first, so that nothing is suspended when the
     * server is closed. */
    link_close(&api->link);
    ai_stop(api->ai);
    server_close(api->server);
    ai_free(api->ai);
    log_feed_free(api->log_feed);
    events_free(api->events);
    health_close(&api->health);
    orders_free(api->orders);
    zones_free(api->zones);
    run_cache_free(api->run_cache);
    audit_free(api->audit);
    tokens_drop(api->tokens);
    waiters_free(api->waiters);
    redis_address_done(&api->redis);
    loop_done(&api->loop);
}
