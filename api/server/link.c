/* A connection to Redis that never blocks, as a source of the loop. */
#include "api/server/link.h"

#include <poll.h>
#include <sys/epoll.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/redis/scripts.h"

/* epoll's EPOLLIN, EPOLLOUT, EPOLLERR and EPOLLHUP have the values of poll's. */
_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLHUP == POLLHUP, "epoll");

static void ready(struct loop_source *source, uint32_t events)
{
    struct link *link = LOOP_OWNER(source, struct link, source);

    redis_link_io(link->redis, (short)events);
}

void link_open(struct link *link, struct loop *loop, const struct redis_address *address,
               const char *prefix)
{
    *link = (struct link){
        .loop = loop,
        .source = {.fd = -1, .ready = ready},
        .redis = redis_link_new(address, prefix, scripts_all),
        .away_since_mono_ms = clock_mono_ms(),
    };
}

void link_close(struct link *link)
{
    if (link->redis == NULL)
        return;
    loop_unwatch(link->loop, &link->source);
    redis_link_free(link->redis);
    link->redis = NULL;
}

static void note_away(struct link *link)
{
    if (redis_link_ready(link->redis))
        link->away_since_mono_ms = 0;
    else if (link->away_since_mono_ms == 0)
        link->away_since_mono_ms = clock_mono_ms();
}

/* The descriptor may have been closed meanwhile, which took it out of epoll: a turn with
 * -1 lies between two sockets, so the same number never means another one. */
static void watch(struct link *link)
{
    int fd = redis_link_fd(link->redis);
    uint32_t events = (uint32_t)redis_link_events(link->redis);
    struct err err;

    if (fd != link->source.fd)
        loop_unwatch(link->loop, &link->source);
    if (fd >= 0 && loop_watch(link->loop, &link->source, fd, events, &err) < 0)
        log_error("redis_unwatched", "reason=%s", err.message);
}

int64_t link_turn(struct link *link)
{
    int64_t sleep_ms = redis_link_tick(link->redis);

    note_away(link);
    watch(link);
    return sleep_ms;
}

int64_t link_away_ms(const struct link *link)
{
    if (link->away_since_mono_ms == 0)
        return 0;
    return clock_mono_ms() - link->away_since_mono_ms + 1;
}
