/* How long a duty that found Redis away waits before it asks again. The client behind it
 * backs off by itself (redis.h); this is what keeps the loop from spinning meanwhile, and
 * what a tick is late for after Redis has come back. */
#ifndef KEDGE_SCHEDULER_AWAY_H
#define KEDGE_SCHEDULER_AWAY_H

#define AWAY_PAUSE_MS 200

#endif
