/* Redis, the client that never blocks: pipelining, driven by somebody's poll or epoll
 * loop.
 *
 *     link = redis_link_new(&address, prefix, scripts_all);
 *     for (;;) {
 *         sleep_ms = redis_link_tick(link);
 *         poll(redis_link_fd(link), redis_link_events(link), sleep_ms)
 *         redis_link_io(link, revents);
 *         … whoever has commands calls redis_link_send …
 *     }
 *
 * Commands queue up and leave in one write per loop turn: redis_link_tick flushes, and so
 * does redis_link_flush, for a loop that sleeps without a tick. Each gets its callback
 * exactly once: with the reply (and err NULL), or with NULL and an error. ERR_TEMP: the
 * connection broke, the time was over, or Redis is not ready; whether the command ran may
 * be unknown, so replay it when it is a script. ERR_PERM: an error reply that is a bug.
 * What each error reply means stands in redis.h.
 *
 * Scripts are loaded at connect, before any command is accepted. No command's bytes are
 * kept for a second try: a NOSCRIPT, which only SCRIPT FLUSH or a failover can cause,
 * loads all scripts again and fails the call with ERR_TEMP, for the caller to replay.
 *
 * The link connects again by itself; between two attempts it waits 50 ms, doubling up to
 * 2 s, until a command has succeeded. Where the address has sentinels, an attempt goes
 * through sockets to one or more of them, each as here: polled like any other, with a
 * tick without one in between. redis.h says when they are asked. A host name is resolved
 * at each connect, by a thread (redis_resolve.h), in the time the socket has.
 *
 * One thread. Callbacks are called from redis_link_io, redis_link_tick and
 * redis_link_free only. A callback may send, flush and ask, but not call those three. */
#ifndef KEDGE_COMMON_REDIS_REDIS_LINK_H
#define KEDGE_COMMON_REDIS_REDIS_LINK_H

#include "common/redis/redis.h"

struct redis_link;

/* `reply` is borrowed until the callback returns, and never an error reply. */
typedef void redis_link_callback(void *arg, const struct redisReply *reply,
                                 const struct err *err);

/* Does not connect yet: the first tick does. `scripts`: NULL-terminated; may be NULL. All
 * is borrowed. */
struct redis_link *redis_link_new(const struct redis_address *address, const char *prefix,
                                  const struct redis_script *const *scripts);
/* Calls what waits with ERR_TEMP first. What these callbacks send fails with ERR_PERM. */
void redis_link_free(struct redis_link *link);
const char *redis_link_prefix(const struct redis_link *link);

/* Takes the command's bytes (cmd is the caller's again at once). `timeout_ms` counts from
 * now, also for a BLPOP or XREAD BLOCK: give it more than the command's own. When a time
 * is over the connection is dropped with all that waits on it. While not connected, or
 * with 64 MiB unsent: fails with ERR_TEMP through the callback of the next
 * redis_link_tick; nothing is hoarded for a Redis that is away. `done` may be NULL. */
void redis_link_send(struct redis_link *link, const struct redis_cmd *cmd,
                     int64_t timeout_ms, redis_link_callback *done, void *arg);

/* -1 while waiting to reconnect. Between two sockets redis_link_tick returns at least
 * once with -1 here, so that epoll can be told even when the number is the same. */
int redis_link_fd(const struct redis_link *link);
short redis_link_events(const struct redis_link *link); /* POLLIN | POLLOUT */
void redis_link_io(struct redis_link *link, short revents);
void redis_link_flush(struct redis_link *link);
/* Connects, times out, flushes; returns for how many ms the loop may sleep, -1: as long
 * as it likes. A send after it may make that shorter: tick again before sleeping, or
 * sleep no longer than the shortest time-out. */
int64_t redis_link_tick(struct redis_link *link);
/* Connected, and the scripts are loaded. */
bool redis_link_ready(const struct redis_link *link);
/* Why it is not ready, when that should be logged: at once when it went away, and when
 * the reason is another one than was told last, though not more often than every 5 s.
 * NULL: nothing is new. Borrowed until the next call on the link. */
const char *redis_link_news(struct redis_link *link);
/* Grows by one each time the link becomes ready. */
uint64_t redis_link_generation(const struct redis_link *link);
/* Commands whose callback is still to come. */
size_t redis_link_pending(const struct redis_link *link);

#endif
