/* The parts of the client that never blocks: the callbacks that wait (redis_pending.c),
 * the socket (redis_link_io.c), and commands and time (redis_link.c). For these only.
 *
 * What fails on the way only sets `failed`; the connection is dropped, and callbacks are
 * told, at the end of redis_link_io or of redis_link_tick. So nothing changes under the
 * feet of a callback or of a loop that runs one. */
#ifndef KEDGE_COMMON_REDIS_REDIS_LINK_INTERNAL_H
#define KEDGE_COMMON_REDIS_REDIS_LINK_INTERNAL_H

#include "common/redis/redis_internal.h"
#include "common/redis/redis_link.h"
#include "common/redis/redis_resolve.h"

/* ---- callbacks that wait, first in first out ---- */

/* Why a command was not even sent. */
enum redis_refusal {
    REFUSED_AWAY,    /* not connected */
    REFUSED_FULL,    /* too much is unsent */
    REFUSED_HUGE,    /* no command may be that long */
    REFUSED_CLOSING, /* sent from a callback of redis_link_free */
    REFUSALS
};

struct redis_pending {
    redis_link_callback *done; /* may be NULL */
    void *arg;
    int64_t deadline_mono_ms;
    enum redis_refusal refusal; /* of those that were not sent */
};

struct redis_pending_ring {
    struct redis_pending *slots; /* owned; NULL while nothing waits */
    size_t first, count;
    size_t cap; /* a power of two */
};

void redis_pending_push(struct redis_pending_ring *ring,
                        const struct redis_pending *pending);
/* There must be one. */
struct redis_pending redis_pending_pop(struct redis_pending_ring *ring);
/* The earliest deadline; INT64_MAX when nothing waits. */
int64_t redis_pending_earliest(const struct redis_pending_ring *ring);
void redis_pending_done(struct redis_pending_ring *ring);
void redis_pending_tell(const struct redis_pending *pending,
                        const struct redisReply *reply, const struct err *err);

/* ---- the link ---- */

enum redis_link_state {
    LINK_AWAY,       /* no socket; tries again when the pause is over */
    LINK_RESOLVING,  /* nor one now: the host's address is awaited */
    LINK_CONNECTING, /* the socket, to a sentinel or to Redis, is not connected yet */
    LINK_GREETING,   /* struct redis_greeting: nothing else may be sent */
    LINK_READY,
};

struct redis_link {
    const struct redis_address *address;
    const char *prefix;
    const struct redis_script *const *scripts;
    enum redis_link_state state;
    struct redis_lookup lookup;
    struct redisContext *context;        /* NULL when LINK_AWAY or LINK_RESOLVING */
    int resolve_fd;                      /* LINK_RESOLVING; else -1 */
    char resolved[REDIS_RESOLVED_BYTES]; /* whom to dial in this attempt; "": as it is */
    struct err why;                      /* LINK_AWAY, failed: what callbacks are told */
    struct err news;            /* what redis_link_news told last; "" when ready */
    int64_t news_mono_ms;       /* it tells nothing before */
    bool failed;                /* to be dropped */
    bool told;                  /* a sentinel named the master: to be dropped too */
    bool away_told;             /* a tick has returned since the socket was closed */
    bool closing;               /* in redis_link_free */
    struct redis_backoff pause; /* between attempts */
    struct redis_greeting greeting;
    struct buf out; /* commands; hiredis has the first `taken` bytes */
    size_t taken;
    bool writing;        /* hiredis has unsent bytes */
    size_t reloads_left; /* replies to SCRIPT LOAD after a NOSCRIPT, still to come */
    struct redis_pending_ring sent;
    int64_t earliest_mono_ms; /* no deadline in `sent` is earlier; INT64_MAX: none */
    struct redis_pending_ring refused;
    uint64_t generation;
};

/* The connection is to be dropped; the first reason stands. */
void redis_link_fail(struct redis_link *link, const struct err *err);
/* As above, from errno or from what hiredis noted in the context. */
void redis_link_fail_io(struct redis_link *link, int errnum, const char *what);
/* Closes the socket first, then tells whoever waited. */
void redis_link_drop(struct redis_link *link);
/* A command is in `out`: its reply goes to `pending`. */
void redis_link_await(struct redis_link *link, const struct redis_pending *pending);
void redis_link_connect(struct redis_link *link);

#endif
