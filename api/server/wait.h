/* Waiting for a run or a batch to change: long polls, and requests that are answered at
 * the end of what they started.
 *
 *     wait_begin(req, run_id, until, again);    before the run is read
 *     … read the run; unchanged? …
 *     wait_park(req);                           until something may have changed
 *
 * `again` is called, with the request no longer parked, when an event of that run comes,
 * when an event may have been missed, every WAIT_REREAD_MS in any case, when the time is
 * over, and when the program drains: it reads the run again, and answers or parks. An
 * event between reading and parking is not lost: parking then calls `again` at once. A
 * client that hangs up is noticed on its socket. wait_end comes with the answer. */
#ifndef KEDGE_API_SERVER_WAIT_H
#define KEDGE_API_SERVER_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "api/server/loop.h"

#define WAIT_MAX_S     60
#define WAIT_REREAD_MS 10000
#define WAIT_FOREVER   INT64_MAX
#define WAIT_NOT       INT64_MIN

struct request;
struct waiters;

struct wait {
    void (*again)(struct request *req); /* NULL: does not wait */
    int64_t until_mono_ms;
    bool parked;
    bool stale;         /* something may have changed since `again` was called */
    struct wait *next;  /* in its bucket of the table */
    struct wait **link; /* what points to this one */
    const char *run_id; /* the request's */
    struct loop_timer timer;
};

struct waiters *waiters_new(void);
void waiters_free(struct waiters *waiters);
int64_t waiters_count(const struct waiters *waiters);
/* That run has changed. */
void waiters_event(struct waiters *waiters, const char *run_id);
/* Any run may have changed. */
void waiters_all_stale(struct waiters *waiters);

/* Until when the client of a POST would wait for what it starts (Prefer), monotonic ms;
 * WAIT_FOREVER, WAIT_NOT. */
int64_t wait_preferred(const struct request *req);
/* `run_id` is borrowed from the request. */
void wait_begin(struct request *req, const char *run_id, int64_t until_mono_ms,
                void (*again)(struct request *req));
/* The same for a request that is answered at the end of what it started, as long as its
 * client would wait: calls `look` at once, and then as `again`. `let_go` answers 202: at
 * once when the client would not wait, and when the request cannot be served otherwise.
 */
void wait_for_end(struct request *req, const char *run_id,
                  void (*look)(struct request *req), void (*let_go)(struct request *req));
/* From now on `again` is called instead; nothing on one that does not wait. */
void wait_turn_to(struct request *req, void (*again)(struct request *req));
/* Is there time left to wait? */
bool wait_is_open(const struct request *req);
void wait_park(struct request *req);
void wait_end(struct request *req); /* fine on one that does not wait */

#endif
