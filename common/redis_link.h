/* Redis, the client that never blocks: pipelining, driven by somebody's poll or epoll
 * loop.
 *
 *     link = redis_link_new(&address, prefix);
 *     loop: poll redis_link_fd() for redis_link_events() until redis_link_tick()'s time;
 *           redis_link_io(link, revents)
 *
 * Commands queue up and leave in one write per loop turn (redis_link_flush). Each gets
 * its callback exactly once: with the reply, or with NULL and an error when the
 * connection broke or the time was over first (ERR_TEMP: whether the command ran is
 * unknown; replay it when it is a script). The link reconnects by itself (backoff 50 ms
 * to 2 s), sends AUTH and SELECT, and loads the scripts before anything else. Reply
 * rules: redis.h. NOSCRIPT is answered with EVAL inside. One thread. */
#ifndef KEDGE_COMMON_REDIS_LINK_H
#define KEDGE_COMMON_REDIS_LINK_H

#include "common/redis.h"

struct redis_link;

/* `reply` is borrowed until the callback returns; NULL with *err set on failure. */
typedef void redis_link_callback(void *arg, const struct redisReply *reply,
                                 const struct err *err);

struct redis_link *redis_link_new(const struct redis_address *address,
                                  const char *prefix);
/* Calls what waits with ERR_TEMP first. */
void redis_link_free(struct redis_link *link);

/* Takes the command's bytes (the cmd may be reset after). `timeout_ms` counts from now,
 * also for a BLPOP or XREAD BLOCK: give it more than the command's own. While not
 * connected: fails at once with ERR_TEMP through the callback of the next
 * redis_link_tick; nothing is hoarded for a Redis that is away. */
void redis_link_send(struct redis_link *link, const struct redis_cmd *cmd,
                     int64_t timeout_ms, redis_link_callback *done, void *arg);

int redis_link_fd(
    const struct redis_link *link); /* -1 while waiting to reconnect; changes */
short redis_link_events(const struct redis_link *link); /* POLLIN | POLLOUT */
void redis_link_io(struct redis_link *link, short revents);
void redis_link_flush(struct redis_link *link);
/* Reconnects, times out; returns for how long the loop may sleep, -1: as long as it
 * likes. */
int64_t redis_link_tick(struct redis_link *link);
bool redis_link_ready(const struct redis_link *link);
uint64_t redis_link_generation(const struct redis_link *link);
size_t redis_link_pending(const struct redis_link *link);

#endif
