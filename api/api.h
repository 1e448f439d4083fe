/* What the program shares: one thread, one loop, one of everything. */
#ifndef KEDGE_API_API_H
#define KEDGE_API_API_H

#include <stdbool.h>
#include <stdint.h>

#include "api/ops/metrics_handler.h"
#include "api/server/health.h"
#include "api/server/link.h"
#include "api/server/loop.h"
#include "api/server/stream.h"
#include "common/base/stop.h"
#include "common/conf/conf.h"

struct server;
struct events;
struct waiters;
struct audit;
struct orders;
struct zones;
struct run_cache;
struct ai;
struct log_feed;
struct tokens;

struct api {
    struct conf *conf;
    struct redis_address redis;
    struct loop loop;
    struct link link; /* for the commands of requests */
    struct health health;
    struct server *server;
    struct events *events;
    struct waiters *waiters;
    struct orders *orders;
    struct zones *zones;
    struct run_cache *run_cache;
    struct tokens *tokens;
    struct audit *audit;
    struct stream *streams;             /* open ones */
    int64_t streams_open[STREAM_KINDS]; /* how many those are */
    struct ai *ai;
    struct log_feed *log_feed;
    struct counters counters;
    struct loop_timer tidy;
    struct loop_source signals;
    struct stop_signals stop;
    int64_t requests;   /* begun and not ended */
    int64_t reading;    /* of them those whose body is not all there */
    size_t large_bytes; /* of the bodies above REQUEST_BODY_MAX that they hold */
    bool leaving;       /* SIGTERM came: not ready for more, each answer closes */
    bool draining;      /* and nothing new is accepted, nobody waits any more */
};

/* Everything but the waiting for requests. Redis may be away. ERR_PERM: what the settings
 * ask for cannot be had; ERR_INPUT: this Redis must not hold runs. Call api_close after a
 * failure too. */
int api_open(struct api *api, struct conf *conf, struct err *err);
/* Serves until SIGTERM or SIGINT, then drains. SIGHUP: api/reload.h. */
void api_run(struct api *api);
void api_close(struct api *api);

#endif
