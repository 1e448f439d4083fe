/* Whom to connect to: one address, or the master that sentinels name.
 *
 * An attempt to connect is one socket, or with sentinels several, one after the other: to
 * sentinels until one of them names the master, then to that. Both clients go the same
 * way with each socket:
 *
 *     to = redis_lookup_next(&lookup);      whom to dial, until when
 *     … greeting (redis_internal.h): to a sentinel it is the question …
 *     redis_lookup_closed(&lookup, failed)  of every socket but one that stays
 *     lookup.goes_on                        dial the next one at once; else: a pause
 *
 * The sentinel that answered last is asked first; when it does not answer, does not know
 * the master or names one that is none, the next in the list has its turn, in the same
 * attempt or in the next. Nothing that a sentinel says is kept from one connection to the
 * next. This is what "Guidelines for Redis clients with support for Redis Sentinel" asks
 * for. For common/redis/redis*.c only. */
#ifndef KEDGE_COMMON_REDIS_REDIS_SENTINEL_H
#define KEDGE_COMMON_REDIS_REDIS_SENTINEL_H

#include "common/redis/redis.h"

#define REDIS_SENTINEL_MS 400  /* for each: connect, TLS, answer */
#define REDIS_LOOKUP_MS   1600 /* for all that are asked in one attempt */

#define REDIS_DOUBT_MS   5000
#define REDIS_HOST_BYTES 256

struct redis_lookup {
    const struct redis_address *address; /* borrowed */
    size_t at;                           /* the sentinel whose turn it is */
    size_t tried;                        /* of this attempt, in vain */
    bool asking;                         /* the socket is to a sentinel */
    bool goes_on;                        /* the next socket belongs to this attempt */
    bool settled;                        /* connected, and it is the master */
    int64_t settled_mono_ms;
    int64_t lookup_by_mono_ms, attempt_by_mono_ms;
    int64_t by_mono_ms; /* the deadline of this socket's greeting */
    int port;           /* of the master that was named; 0: not yet */
    char host[REDIS_HOST_BYTES];
    struct redis_host to; /* whom this socket goes to; host NULL: the address itself */
};

void redis_lookup_init(struct redis_lookup *lookup, const struct redis_address *address);
/* Before each socket: begins an attempt unless one goes on. Borrowed until the next one;
 * NULL: the address itself, which has no sentinels. */
const struct redis_host *redis_lookup_next(struct redis_lookup *lookup);
/* The same again, of the socket that there is. */
const struct redis_host *redis_lookup_to(const struct redis_lookup *lookup);
/* Puts in front of the error whom the socket was to. */
void redis_lookup_blame(const struct redis_lookup *lookup, struct err *err);
/* The question; returns how many replies it will have. */
size_t redis_lookup_write(const struct redis_lookup *lookup, struct buf *out);
/* The replies in their order. ERR_TEMP: of no use. */
int redis_lookup_read(struct redis_lookup *lookup, const struct redisReply *reply,
                      bool is_last, struct err *err);
/* ROLE's reply. ERR_TEMP when it is not the master. */
int redis_lookup_check_role(const struct redisReply *reply, struct err *err);
/* The greeting went well: this socket stays. */
void redis_lookup_settle(struct redis_lookup *lookup);
void redis_lookup_closed(struct redis_lookup *lookup, bool failed);
/* Whether an error reply may come from one that is the master no more: one that was cut
 * off from its replicas goes on as if it were, and only a write shows it. The sentinels
 * are then to be asked again, though not without end where replicas are just missing. */
bool redis_lookup_in_doubt(const struct redis_lookup *lookup,
                           const struct redisReply *reply);

#endif
