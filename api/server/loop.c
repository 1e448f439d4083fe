/* The event loop: epoll for descriptors, a binary heap for timers. */
#include "api/server/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

#define EVENTS_PER_TURN 256
#define HEAP_FIRST      64

int loop_open(struct loop *loop, struct err *err)
{
    *loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    if (loop->epoll_fd < 0)
        return err_sys(err, ERR_PERM, errno, "epoll");
    return 0;
}

void loop_done(struct loop *loop)
{
    auto_close(&loop->epoll_fd);
    free(loop->heap);
    *loop = (struct loop){.epoll_fd = -1};
}

/* ---- descriptors ---- */
int loop_watch(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
               struct err *err)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    int op = source->fd == fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (op == EPOLL_CTL_MOD && source->events == events)
        return 0;
    if (epoll_ctl(loop->epoll_fd, op, fd, &event) < 0)
        return err_sys(err, ERR_TEMP, errno, "watching descriptor %d", fd);
    source->fd = fd;
    source->events = events;
    return 0;
}

void loop_unwatch(struct loop *loop, struct loop_source *source)
{
    if (source->fd >= 0)
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    source->fd = -1;
    source->events = 0;
}

/* ---- timers ---- */
static void place(struct loop *loop, size_t at, struct loop_timer *timer)
{
    loop->heap[at] = timer;
    timer->place = at;
}

static void sift_up(struct loop *loop, size_t at, struct loop_timer *timer)
{
    while (at > 1 && loop->heap[at / 2]->due_mono_ms > timer->due_mono_ms) {
        place(loop, at, loop->heap[at / 2]);
        at /= 2;
    }
    place(loop, at, timer);
}

static void sift_down(struct loop *loop, size_t at, struct loop_timer *timer)
{
    for (size_t child = at * 2; child <= loop->timers; child = at * 2) {
        if (child < loop->timers &&
            loop->heap[child + 1]->due_mono_ms < loop->heap[child]->due_mono_ms)
            child++;
        if (loop->heap[child]->due_mono_ms >= timer->due_mono_ms)
            break;
        place(loop, at, loop->heap[child]);
        at = child;
    }
    place(loop, at, timer);
}

void loop_set(struct loop *loop, struct loop_timer *timer, int64_t due_mono_ms)
{
    loop_clear(loop, timer);
    if (loop->timers + 1 >= loop->cap) {
        loop->cap = loop->cap == 0 ? HEAP_FIRST : loop->cap * 2;
        loop->heap = mem_grow(loop->heap, loop->cap, sizeof(struct loop_timer *));
    }
    timer->due_mono_ms = due_mono_ms;
    sift_up(loop, ++loop->timers, timer);
}

void loop_clear(struct loop *loop, struct loop_timer *timer)
{
    size_t at = timer->place;
    struct loop_timer *last;

    if (at == 0)
        return;
    timer->place = 0;
    last = loop->heap[loop->timers--];
    if (last == timer)
        return;
    if (at > 1 && loop->heap[at / 2]->due_mono_ms > last->due_mono_ms)
        sift_up(loop, at, last);
    else
        sift_down(loop, at, last);
}

static int64_t next_timer_ms(const struct loop *loop)
{
    int64_t left;

    if (loop->timers == 0)
        return -1;
    left = loop->heap[1]->due_mono_ms - clock_mono_ms();
    return left > 0 ? left : 0;
}

static void fire_timers(struct loop *loop)
{
    int64_t now_ms;

    if (loop->timers == 0)
        return;
    now_ms = clock_mono_ms();
    while (loop->timers > 0 && loop->heap[1]->due_mono_ms <= now_ms) {
        struct loop_timer *timer = loop->heap[1];

        loop_clear(loop, timer);
        timer->fire(timer);
    }
}

/* ---- a turn ---- */
static int sleep_ms(const struct loop *loop, int64_t sleep_max_ms)
{
    int64_t ms = next_timer_ms(loop);

    if (ms < 0 || (sleep_max_ms >= 0 && sleep_max_ms < ms))
        ms = sleep_max_ms;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

void loop_turn(struct loop *loop, int64_t sleep_max_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count =
        epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, sleep_ms(loop, sleep_max_ms));

    for (int i = 0; i < count; i++) {
        struct loop_source *source = events[i].data.ptr;

        /* A callback earlier in this turn may have unwatched it. */
        if (source->fd >= 0)
            source->ready(source, events[i].events);
    }
    fire_timers(loop);
}
