/* A connection to Redis that never blocks, as a source of the loop. */
#ifndef KEDGE_API_SERVER_LINK_H
#define KEDGE_API_SERVER_LINK_H

#include "api/server/loop.h"
#include "common/redis/redis_link.h"

struct link {
    struct loop *loop; /* borrowed */
    struct loop_source source;
    struct redis_link *redis;
    int64_t away_since_mono_ms; /* 0: connected */
};

/* `address` and `prefix` are borrowed for the link's life. */
void link_open(struct link *link, struct loop *loop, const struct redis_address *address,
               const char *prefix);
void link_close(struct link *link);
/* Once a turn: time-outs, reconnects, one write for all that was sent. Returns for how
 * long the loop may sleep, ms; -1: as long as it likes. */
int64_t link_turn(struct link *link);
/* For how long it has been away; 0 while connected. */
int64_t link_away_ms(const struct link *link);

#endif
