/* The scheduler's loop: one function does all timed work and returns for how long it may
 * sleep. */
#include "scheduler/loop.h"

#include <poll.h>
#include <stdbool.h>
#include <sysexits.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/stop.h"
#include "common/net/metrics_listen.h"
#include "common/redis/redis_guard.h"
#include "common/redis/scripts.h"
#include "common/schedule/zone.h"
#include "scheduler/away.h"
#include "scheduler/fire.h"
#include "scheduler/notify.h"
#include "scheduler/sweep.h"

#define REDIS_TIMEOUT_MS 3000
#define UNFIT_PAUSE_MS   5000
#define SLEEP_MAX_MS     1000

struct loop {
    struct conf *conf; /* borrowed */
    struct redis_address address;
    struct redis *redis;
    struct redis_guard guard;
    int64_t guard_due_mono_ms;
    uint64_t guarded; /* generation of the connection at the last look */
    bool fit;
    bool away;      /* it did not answer, or not to all of the work: ask again first */
    bool said_away; /* in the log, once until all of the work has been done again */
    int64_t connected, reconnects;
    struct sweep sweep;
    struct firing firing;
    struct notify notify;
    struct metrics_listen *metrics; /* NULL: not wanted */
    int stop_fd;
    struct stop_signals signals;
};

static void print_metrics(void *arg, struct buf *out)
{
    struct loop *loop = arg;
    const struct metric table[] = {
        {"kedge_redis_connected", "1 while Redis answers.", METRIC_GAUGE, NULL,
         &loop->connected},
        {"kedge_redis_reconnects_total", "Connections after the first.", METRIC_COUNTER,
         NULL, &loop->reconnects},
    };

    loop->connected = !loop->said_away;
    sweep_print_metrics(&loop->sweep, out);
    fire_print_metrics(&loop->firing, out);
    notify_print_metrics(&loop->notify, out);
    metrics_print(table, ARRAY_LEN(table), out);
    metrics_print_process(out);
}

/* ---- is Redis there and fit? ---- */
static void note_away(struct loop *loop, const struct err *err)
{
    if (!loop->said_away)
        log_warn("redis_away", "error=%s", err->message);
    loop->away = loop->said_away = true;
}

static void note_back(struct loop *loop)
{
    if (loop->said_away)
        log_info("redis_connected", "generation=%llu",
                 (unsigned long long)redis_generation(loop->redis));
    loop->said_away = false;
}

static void look(struct loop *loop, int64_t now_mono_ms)
{
    bool was_fit = loop->fit;
    struct err err;

    loop->guard_due_mono_ms = now_mono_ms + REDIS_GUARD_EVERY_MS;
    switch (redis_guard_look(&loop->guard, &err)) {
    case REDIS_GUARD_CHANGED:
        log_warn("redis_restarted", "");
        loop->fit = true;
        break;
    case REDIS_GUARD_FIT:
        loop->fit = true;
        break;
    case REDIS_GUARD_UNFIT:
        if (was_fit)
            log_error("redis_unfit", "error=%s", err.message);
        loop->fit = false;
        loop->guard_due_mono_ms = now_mono_ms + UNFIT_PAUSE_MS;
        break;
    case REDIS_GUARD_AWAY:
        note_away(loop, &err);
        loop->guard_due_mono_ms = now_mono_ms + AWAY_PAUSE_MS;
        return;
    }
    loop->away = false;
    loop->reconnects +=
        loop->guarded != 0 && loop->guarded != redis_generation(loop->redis);
    loop->guarded = redis_generation(loop->redis);
}

/* What is due of everything; *next_mono_ms is when something will be. */
static int work(struct loop *loop, int64_t now_mono_ms, int64_t *next_mono_ms,
                struct err *err)
{
    int64_t sweep_mono_ms, notify_mono_ms;

    if (fire_tick(&loop->firing, now_mono_ms, next_mono_ms, err) < 0)
        return -1;
    if (sweep_tick(&loop->sweep, now_mono_ms, &sweep_mono_ms, err) < 0) {
        *next_mono_ms = sweep_mono_ms;
        return -1;
    }
    if (sweep_mono_ms < *next_mono_ms)
        *next_mono_ms = sweep_mono_ms;
    if (notify_tick(&loop->notify, now_mono_ms, &notify_mono_ms, err) < 0) {
        *next_mono_ms = notify_mono_ms;
        return -1;
    }
    if (notify_mono_ms < *next_mono_ms)
        *next_mono_ms = notify_mono_ms;
    return 0;
}

/* All timed work; returns for how long (ms) the loop may sleep. */
static int64_t tick(struct loop *loop)
{
    int64_t now_mono_ms = clock_mono_ms();
    int64_t next_mono_ms = now_mono_ms + SLEEP_MAX_MS;
    int64_t sleep_ms, page_ms;
    struct err err;

    if (now_mono_ms >= loop->guard_due_mono_ms ||
        redis_generation(loop->redis) != loop->guarded)
        look(loop, now_mono_ms);
    if (!loop->away && loop->fit && work(loop, now_mono_ms, &next_mono_ms, &err) < 0) {
        note_away(loop, &err);
        loop->guard_due_mono_ms = next_mono_ms;
    }
    if (!loop->away)
        note_back(loop);
    if (loop->guard_due_mono_ms < next_mono_ms)
        next_mono_ms = loop->guard_due_mono_ms;
    sleep_ms = next_mono_ms - clock_mono_ms();
    page_ms = loop->metrics ? metrics_listen_tick(loop->metrics) : -1;
    if (page_ms >= 0 && page_ms < sleep_ms)
        sleep_ms = page_ms;
    if (sleep_ms > SLEEP_MAX_MS)
        return SLEEP_MAX_MS;
    return sleep_ms > 0 ? sleep_ms : 0;
}

static void wait_for_news(struct loop *loop, int64_t sleep_ms)
{
    struct pollfd polled[] = {
        {.fd = loop->stop_fd, .events = POLLIN},
        {.fd = loop->metrics ? metrics_listen_fd(loop->metrics) : -1, .events = POLLIN},
    };

    if (notify_wait(&loop->notify, polled, ARRAY_LEN(polled), sleep_ms) > 0)
        stop_read(loop->stop_fd, &loop->signals);
}

/* ---- SIGHUP ---- */
static void reload(struct loop *loop)
{
    if (!loop->signals.hup)
        return;
    loop->signals.hup = false;
    conf_hangup(loop->conf, PROGRAM_SCHEDULER);
    fire_reload(&loop->firing);
}

/* ---- beginning and end ---- */
static int set_up(struct loop *loop, struct err *err)
{
    const struct conf *conf = loop->conf;

    loop->stop_fd = stop_open(err);
    if (loop->stop_fd < 0)
        return -1;
    if (zone_check_installed(err) < 0)
        return -1;
    if (conf_redis_address(conf, &loop->address, err) < 0)
        return -1;
    loop->redis =
        redis_new(&loop->address, conf->redis_prefix, scripts_all, REDIS_TIMEOUT_MS);
    redis_guard_init(&loop->guard, loop->redis, conf->unsafe_redis);
    sweep_init(&loop->sweep, conf, loop->redis);
    fire_init(&loop->firing, conf, loop->redis);
    notify_init(&loop->notify, conf, loop->redis);
    if (!conf->metrics_listen)
        return 0;
    loop->metrics = metrics_listen_open(conf->metrics_listen, print_metrics, loop, err);
    if (!loop->metrics)
        return err_wrap(err, "KEDGE_METRICS_LISTEN");
    log_info("listening", "address=%s", metrics_listen_name(loop->metrics));
    return 0;
}

static void tear_down(struct loop *loop)
{
    metrics_listen_free(loop->metrics);
    fire_done(&loop->firing);
    notify_done(&loop->notify);
    redis_free(loop->redis);
    redis_address_done(&loop->address);
    auto_close(&loop->stop_fd);
}

static void serve(struct loop *loop)
{
    loop->fit = true;
    loop->guarded = redis_generation(loop->redis);
    loop->guard_due_mono_ms = clock_mono_ms() + REDIS_GUARD_EVERY_MS;
    log_info("started", "");
    while (!loop->signals.stop) {
        reload(loop);
        wait_for_news(loop, tick(loop));
    }
}

int loop_main(struct conf *conf)
{
    struct loop loop = {.conf = conf, .stop_fd = -1};
    struct err err;
    int failed = set_up(&loop, &err);

    if (failed == 0)
        failed = redis_guard_wait(&loop.guard, loop.stop_fd, &loop.signals, &err);
    if (failed == 0)
        serve(&loop);
    if (failed < 0)
        log_error("start_failed", "error=%s", err.message);
    else
        log_info("stopped", "");
    tear_down(&loop);
    return failed < 0 ? EX_CONFIG : EX_OK;
}
