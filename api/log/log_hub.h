/* A watched run, for log_feed.c and log_hub.c only. */
#ifndef KEDGE_API_LOG_LOG_HUB_H
#define KEDGE_API_LOG_LOG_HUB_H

#include "api/log/log_feed.h"
#include "api/server/link.h"
#include "common/base/buf.h"
#include "common/base/sign.h"

#define LOG_FEED_BUCKETS 1024 /* a power of two */

struct log_hub {
    struct log_feed *feed;
    struct log_hub *next, **link; /* in its bucket */
    char run_id[SIGN_UUID_BYTES];
    struct log_member *members;
    size_t live; /* of them */
    int replies; /* on their way; the last one frees a hub without members */

    /* what is known of the run */
    enum run_status status;
    int64_t attempts;
    bool over;           /* ended, or an orphan */
    bool dropped;        /* its log is not kept any more */
    bool looking, stale; /* it is being read; it changed meanwhile */
    struct loop_timer look_again;

    /* where the live ones are */
    struct log_place place; /* everything before it was handed out */
    struct log_place asked; /* what the read that is on its way goes on from */

    /* the stored log */
    enum { STORED_UNKNOWN, STORED_ASKED, STORED_THERE, STORED_NONE } stored_state;
    struct buf stored;
    struct log_hub *stored_next, **stored_link; /* of those in memory, newest first */
};

struct log_feed {
    struct api *api;
    struct log_hub *buckets[LOG_FEED_BUCKETS];
    size_t hubs, live_hubs;
    struct log_hub *stored; /* with a stored log in memory */
    size_t stored_bytes;

    /* the connection that blocks */
    struct link link;
    uint64_t generation; /* of the link, whose client id is known or asked for */
    int64_t client_id;   /* 0: not known */
    bool reading;        /* a read is on its way */
    bool outdated;       /* what it waits for is not all that is wanted */
    int64_t read_mono_ms, unblock_mono_ms; /* not before */
};

/* ---- log_hub.c ---- */
struct log_hub *log_hub_find(struct log_feed *feed, const char *run_id);
/* Found or made. */
struct log_hub *log_hub_of(struct log_feed *feed, const struct run_record *run);
/* Frees it when nobody needs it. */
void log_hub_let_go(struct log_hub *hub);
/* Reads the run. */
void log_hub_look(struct log_hub *hub);

#endif
