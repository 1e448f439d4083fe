/* Callbacks that wait, first in first out: a ring that grows, and is given back when a
 * burst is over. */
#include "common/redis/redis_link_internal.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/mem.h"

#define CAP_MIN  16
#define CAP_KEPT 1024 /* a larger ring is freed when it is empty */

static struct redis_pending *slot(const struct redis_pending_ring *ring, size_t index)
{
    return &ring->slots[(ring->first + index) & (ring->cap - 1)];
}

static void grow(struct redis_pending_ring *ring)
{
    size_t cap = ring->cap > 0 ? 2 * ring->cap : CAP_MIN;
    struct redis_pending *slots = mem_new(cap, sizeof *slots);

    for (size_t i = 0; i < ring->count; i++)
        slots[i] = *slot(ring, i);
    free(ring->slots);
    ring->slots = slots;
    ring->first = 0;
    ring->cap = cap;
}

void redis_pending_push(struct redis_pending_ring *ring,
                        const struct redis_pending *pending)
{
    if (ring->count == ring->cap)
        grow(ring);
    *slot(ring, ring->count) = *pending;
    ring->count++;
}

struct redis_pending redis_pending_pop(struct redis_pending_ring *ring)
{
    struct redis_pending pending;

    assert(ring->count > 0);
    pending = *slot(ring, 0);
    ring->first = (ring->first + 1) & (ring->cap - 1);
    ring->count--;
    if (ring->count == 0 && ring->cap > CAP_KEPT)
        redis_pending_done(ring);
    return pending;
}

int64_t redis_pending_earliest(const struct redis_pending_ring *ring)
{
    int64_t earliest = INT64_MAX;

    for (size_t i = 0; i < ring->count; i++) {
        int64_t deadline = slot(ring, i)->deadline_mono_ms;

        earliest = deadline < earliest ? deadline : earliest;
    }
    return earliest;
}

void redis_pending_done(struct redis_pending_ring *ring)
{
    free(ring->slots);
    *ring = (struct redis_pending_ring){0};
}

void redis_pending_tell(const struct redis_pending *pending,
                        const struct redisReply *reply, const struct err *err)
{
    if (pending->done != NULL)
        pending->done(pending->arg, reply, err);
}
