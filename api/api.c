/* What the program shares: made, turned and taken down. */
#include "api/api.h"

#include <malloc.h>
#include <string.h>
#include <sys/epoll.h>

#include "api/ai/ai.h"
#include "api/log/log_feed.h"
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

/* A drain that takes longer than this is cut short. */
#define DRAIN_MS 10000
/* How often memory that a burst of connections left free is given back. */
#define TIDY_MS 15000
/* Of what is told of a tokens file. */
#define PROBLEMS_MAX_BYTES ((size_t)64 << 10)

/* ---- tokens ---- */
static void log_lines(void (*log)(const char *event, const char *format, ...),
                      const char *event, const struct buf *lines)
{
    const char *line = buf_text(lines);

    for (size_t len; *line != '\0'; line += len + (line[len] == '\n')) {
        len = strcspn(line, "\n");
        log(event, "reason=%.*s", (int)len, line);
    }
}

/* The settings as they were at start and the file as it is now; NULL, and it is logged,
 * when the file is not right. */
static struct tokens *load_tokens(const struct conf *conf, bool warn)
{
    AUTO(buf_done) struct buf problems = BUF_INIT(PROBLEMS_MAX_BYTES);
    AUTO(buf_done) struct buf warnings = BUF_INIT(PROBLEMS_MAX_BYTES);
    struct tokens *tokens = tokens_new(conf->api_secret, conf->read_token);

    if (conf->tokens_file != NULL &&
        tokens_load(tokens, conf->tokens_file, &problems, &warnings) > 0) {
        tokens_drop(tokens);
        tokens = NULL;
    }
    if (warn)
        log_lines(log_warn, "tokens_warning", &warnings);
    log_lines(log_error, "tokens_problem", &problems);
    return tokens;
}

/* A file that is not right lets nobody in and locks nobody out. */
static void reload_tokens(struct api *api)
{
    struct tokens *tokens;

    if (api->conf->tokens_file == NULL)
        return;
    tokens = load_tokens(api->conf, true);
    if (tokens == NULL) {
        log_error("tokens_kept", "tokens=%zu", tokens_count(api->tokens));
        return;
    }
    tokens_drop(api->tokens);
    api->tokens = tokens;
    log_info("tokens_loaded", "tokens=%zu", tokens_count(tokens));
}

/* ---- begin ---- */
static void on_signal(struct loop_source *source, uint32_t events)
{
    struct api *api = LOOP_OWNER(source, struct api, signals);

    (void)events;
    stop_read(source->fd, &api->stop);
    if (api->stop.hup)
        reload_tokens(api);
    api->stop.hup = false;
}

static void on_tidy(struct loop_timer *timer)
{
    struct api *api = LOOP_OWNER(timer, struct api, tidy);

    malloc_trim(0);
    loop_set(&api->loop, timer, clock_mono_ms() + TIDY_MS);
}

int api_open(struct api *api, const struct conf *conf, struct err *err)
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
    api->tokens = load_tokens(conf, false); /* conf_start has warned */
    if (api->tokens == NULL)
        return err_set(err, ERR_INPUT, "KEDGE_TOKENS_FILE is not right");
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

/* Accepts nothing new and answers everybody: those who wait for a change get what there
 * is now. */
static void drain(struct api *api)
{
    int64_t deadline_ms = clock_mono_ms() + DRAIN_MS;

    log_info("draining", "requests=%lld", (long long)api->requests);
    api->draining = true;
    server_stop_listening(api->server);
    waiters_all_stale(api->waiters);
    stream_drain_all(api);
    ai_drain(api->ai);
    while ((api->requests > 0 || !audit_is_empty(api->audit)) &&
           clock_mono_ms() < deadline_ms && !api->stop.again)
        turn(api, 100);
}

void api_run(struct api *api)
{
    while (!api->stop.stop)
        turn(api, -1);
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
