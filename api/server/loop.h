/* The event loop: descriptors by epoll, and timers.
 *
 *     loop_open(&loop, &err)
 *     for (;;) { loop_turn(&loop, sleep_max_ms); … what is done once a turn … }
 *
 * Sources and timers are embedded in what owns them (LOOP_OWNER gets back to it) and
 * stay owned by it: unwatch and clear before freeing. Callbacks may watch, unwatch, set
 * and clear anything, their own source or timer too. One thread. */
#ifndef KEDGE_API_SERVER_LOOP_H
#define KEDGE_API_SERVER_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define LOOP_OWNER(member_ptr, type, member)                                             \
    ((type *)(void *)((char *)(member_ptr)-offsetof(type, member)))

struct loop_source {
    int fd; /* -1: not watched */
    uint32_t events;
    void (*ready)(struct loop_source *source, uint32_t events); /* EPOLLIN, … */
};

struct loop_timer {
    int64_t due_mono_ms;
    size_t place; /* in the heap, from 1; 0: not set */
    void (*fire)(struct loop_timer *timer);
};

struct loop {
    int epoll_fd;
    struct loop_timer **heap; /* heap[1] is due first; heap[0] is not used */
    size_t timers, cap;
};

int loop_open(struct loop *loop, struct err *err);
void loop_done(struct loop *loop);

/* Watches `fd` for `events`, or changes what a watched source waits for. The descriptor
 * stays the caller's. ERR_TEMP when the kernel refuses. */
int loop_watch(struct loop *loop, struct loop_source *source, int fd, uint32_t events,
               struct err *err);
/* To be called before the descriptor is closed; fine on a source that is not watched. */
void loop_unwatch(struct loop *loop, struct loop_source *source);

/* Sets a timer, or moves one that is set. */
void loop_set(struct loop *loop, struct loop_timer *timer, int64_t due_mono_ms);
void loop_clear(struct loop *loop, struct loop_timer *timer);

/* Sleeps until a source is ready, a timer is due or `sleep_max_ms` are over (-1: no
 * limit), then calls back whatever is ready and due. */
void loop_turn(struct loop *loop, int64_t sleep_max_ms);

#endif
