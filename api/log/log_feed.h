/* The logs that somebody watches, each read once for all who watch it in this process.
 *
 * A hub is a run whose log is watched: what is known of the run, and its members. A
 * member that has read all there is becomes live: it is handed what comes. Live logs are
 * read by one connection that blocks on all of them; nothing is asked for each member. A
 * member that cannot keep up leaves the live ones, reads for itself, and comes back.
 *
 * When the run has ended, `ended` is called; the log that was stored with its result is
 * then the hub's to hand out. Of the stored logs only some are kept in memory at a time.
 */
#ifndef KEDGE_API_LOG_LOG_FEED_H
#define KEDGE_API_LOG_LOG_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/queue/queue.h"
#include "common/queue/queue_log.h"

struct api;
struct log_feed;
struct log_hub;

struct log_member {
    /* A live one: the next entry. */
    void (*fresh)(struct log_member *member, const struct log_entry *entry);
    /* The run has ended, or a stored log that was asked for is there, or is not. */
    void (*ended)(struct log_member *member);
    bool live;
    struct log_hub *hub; /* from log_feed_join to log_feed_leave */
    struct log_member *next, **link;
};

struct log_feed *log_feed_new(struct api *api);
void log_feed_free(struct log_feed *feed); /* no member is left */
/* Once a turn; for how long the loop may sleep, ms, -1: as long as it likes. */
int64_t log_feed_turn(struct log_feed *feed);
/* Does it want to hear of events? */
bool log_feed_listens(const struct log_feed *feed);
/* That run has changed; any may have changed. */
void log_feed_event(struct log_feed *feed, const char *run_id);
void log_feed_all_stale(struct log_feed *feed);

/* `run` is as it was read just now. Nothing is called back from here. */
void log_feed_join(struct log_feed *feed, struct log_member *member,
                   const struct run_record *run);
void log_feed_leave(struct log_member *member); /* fine on one that has not joined */
/* It has read everything up to there and found no more. False: there is more by now; read
 * again. */
bool log_feed_go_live(struct log_member *member, const struct log_place *place);
void log_feed_stop_live(struct log_member *member);

/* ---- what is known of the run ---- */
const char *log_hub_run_id(const struct log_hub *hub);
bool log_hub_ended(const struct log_hub *hub);
const char *log_hub_status(const struct log_hub *hub); /* as it is shown */
int64_t log_hub_attempts(const struct log_hub *hub);
enum log_stored {
    LOG_STORED_ASKED, /* `ended` will be called */
    LOG_STORED_THERE, /* *bytes live until anything is asked of Redis or handed out */
    LOG_STORED_NONE,  /* the run left none */
    LOG_STORED_GONE,  /* it is not kept any more */
};
/* Of a run that has ended: the log of its last attempt. */
enum log_stored log_hub_stored(struct log_hub *hub, const char **bytes, size_t *len);

#endif
