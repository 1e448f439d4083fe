/* The reader of the events stream: tells the waiters of this process which runs changed.
 *
 * It has a connection of its own, because it blocks there, and reads only while somebody
 * waits. When it begins, after every reconnect, and when it has fallen behind the
 * stream's first entry, all waiters are told to look for themselves. */
#ifndef KEDGE_API_SERVER_EVENTS_H
#define KEDGE_API_SERVER_EVENTS_H

#include <stdint.h>

struct api;
struct events;

struct events *events_new(struct api *api);
void events_free(struct events *events);
/* Somebody waits now. */
void events_need(struct events *events);
/* Once a turn; for how long the loop may sleep, ms, -1: as long as it likes. */
int64_t events_turn(struct events *events);

#endif
