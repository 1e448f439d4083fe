/* The outbox: from the end of a run to the message that was sent.
 *
 *     run_end ──entry──> outbox ──head, spread──> deliveries ──take──> HTTP ──done
 *
 * 1. The script that ends a run appends one entry (run, status) to `outbox`, in the same
 *    step: none is lost, none tells what did not happen.
 * 2. A scheduler reads the head (outbox_head), decides in C what is news, compared with
 *    what was last told about that subject, and writes that back (outbox_spread): the
 *    entry goes, what was told moves on, each event gets one delivery per hook that wants
 *    it, the ignore rules that matched are counted, all in one step. Only the head may
 *    be spread, so that entries are dealt with in their order however many schedulers
 *    there are; another's work is answered MOVED.
 * 3. A scheduler takes deliveries that are due (outbox_take), which leases them, sends
 *    them, and says how it went (outbox_done). Nobody else takes them before the lease
 *    is over: each is sent once or, after a crash, more often, with the same id.
 *
 * Programs (generic) get one event a request, OUTBOX_FLYING_MAX requests at a time and
 * hook, but one while the last was not answered. People (slack, teams) get messages: what
 * comes within OUTBOX_QUIET_MS of the last event, and within OUTBOX_GATHER_MAX_MS of the
 * first, travels as one digest; events of a batch that still runs wait for its end,
 * OUTBOX_BATCH_MAX_MS at most; one message a second at most.
 *
 * A subject is what is told about: a workspace (its scope), or, of the Atlantis family, a
 * (target, ref).
 *
 * Keys, after the prefix:
 * - outbox             LIST   entries "<run> <status>", oldest first
 * - told:<subject>     HASH   version; drift (fingerprint of the drifted set as last
 *                             told, "" none), since (ms), at (ms it was last told),
 *                             failing (0, 1), event (JSON of the last drift event);
 *                             forgotten with the workspace, or OUTBOX_TOLD_MS after
 *                             the last check that told, or that found the same drift
 * - reminders          ZSET   subjects with drift by when people are reminded, ms
 * - event:<id>         STRING the event's JSON; OUTBOX_KEEP_MS
 * - delivery:<id>      HASH   hook, event, type, batch, state (waiting, sent, dead),
 *                             attempts, due, created, ended, nonce (of who took it last),
 *                             alone (1: in no digest), replay (nonce of the last one),
 *                             log (the last OUTBOX_LOG_MAX attempts, JSON, one a line);
 *                             OUTBOX_KEEP_MS
 * - deliveries:<hook>  ZSET   all its deliveries by creation ms, at most
 *                             OUTBOX_DELIVERIES_MAX and OUTBOX_KEEP_MS
 * - waiting:<hook>     ZSET   those that wait or are being sent, by when that began, ms;
 *                             at most OUTBOX_WAITING_MAX, then the oldest is given up
 * - pending:<hook>     ZSET   those of them that wait, by due ms (1: now, and alone)
 * - flying:<hook>      ZSET   those that are being sent, by the end of their lease
 * - gather:<hook>      HASH   first, last: when the digest to come got its first and last
 *                             event; next: no message before that ms; silent: the
 *                             last request was not answered
 * - hooks_due          ZSET   hooks with deliveries, by when to look at them next
 * - taken:<nonce>      STRING what a take gave out, "<hook> <delivery>…", one parcel a
 *                             line; OUTBOX_LEASE_MS
 *
 * Every command may be sent again. Reply readers: ERR_PERM for an answer that cannot be.
 */
#ifndef KEDGE_COMMON_HOOK_OUTBOX_H
#define KEDGE_COMMON_HOOK_OUTBOX_H

#include "common/base/sign.h"
#include "common/hook/hook_store.h"
#include "common/queue/queue.h"
#include "common/registry/ignore_rules.h"
#include "common/registry/registry.h"

#define OUTBOX_QUIET_MS       5000
#define OUTBOX_GATHER_MAX_MS  60000
#define OUTBOX_BATCH_MAX_MS   (10 * 60 * 1000)
#define OUTBOX_DIGEST_MAX     50 /* events of one message */
#define OUTBOX_FLYING_MAX     8
#define OUTBOX_LEASE_MS       60000
#define OUTBOX_GAP_MS         1000 /* between two messages to people */
#define OUTBOX_REMIND_MS      (24 * 60 * 60 * 1000)
#define OUTBOX_KEEP_MS        (INT64_C(7) * 24 * 60 * 60 * 1000)
#define OUTBOX_TOLD_MS        (INT64_C(90) * 24 * 60 * 60 * 1000)
#define OUTBOX_WAITING_MAX    1000
#define OUTBOX_DELIVERIES_MAX 2000 /* more than may wait: what was given up is seen */
#define OUTBOX_LOG_MAX        10
#define OUTBOX_EVENT_BYTES    32768 /* of an event's JSON, at most */
#define OUTBOX_EVENTS_MAX     2     /* that one entry may make */
#define OUTBOX_REMINDERS_MAX  20    /* of one call */
#define OUTBOX_PARCELS_MAX    16    /* of one call */
#define OUTBOX_LIST_PAGE_MAX  100

/* ---- what was told about a subject ---- */
struct told {
    int64_t version;   /* 0: nothing was ever told */
    const char *drift; /* "": no drift */
    int64_t since_ms;  /* when that drift was first seen */
    int64_t at_ms;     /* when people were last told of it */
    bool failing;
    const char *event; /* JSON of the last drift event; "" */
};

/* ---- head, spread (scheduler) ---- */
/* Script: the oldest entry, with all that a decision takes, as of one moment. */
void outbox_head(struct redis_cmd *cmd, const char *prefix);
/* Texts live as long as the reply. */
struct outbox_entry {
    const char *entry; /* NULL: the outbox is empty */
    int64_t now_ms;    /* server's clock */
    int64_t hooks_revision;
    enum run_status status; /* as the entry says: the run may have moved on */
    struct run_record run;  /* run.id NULL: it is gone */
    const char *spec;       /* JSON; "" */
    const char *metadata;   /* JSON; NULL: none is stored */
    size_t metadata_len;
    const struct redisReply *ignores; /* HGETALL of the subject's ignore rules */
    struct registry_pair pair;        /* project.id NULL: of no project, or it is gone */
    const char *subject;              /* "": nothing is ever told of such a run */
    struct told told;
};
int outbox_head_reply(const struct redisReply *reply, struct outbox_entry *out,
                      struct err *err);
/* Script: at most `limit` (≤ 20) subjects whose reminder is due. Each is then spread with
 * an entry NULL. */
void outbox_due_reminders(struct redis_cmd *cmd, const char *prefix, int64_t limit);
struct outbox_reminder {
    const char *subject;
    struct told told;
};
int outbox_reminders_reply(const struct redisReply *reply, int64_t *now_ms,
                           int64_t *hooks_revision, size_t *count, struct err *err);
int outbox_reminder_at(const struct redisReply *reply, size_t index,
                       struct outbox_reminder *out, struct err *err);

/* The id of what `entry` tells as such an event: the same for everybody who spreads it. A
 * UUID, the webhook-id of its deliveries' requests. entry NULL: a reminder of that
 * subject and version of what was told. */
void outbox_event_id(const char *entry, const char *subject, int64_t told_version,
                     enum hook_event type, int64_t at_ms, char id[SIGN_UUID_BYTES]);

struct outbox_event {
    char id[SIGN_UUID_BYTES];
    enum hook_event type;
    const char *json;       /* ≤ OUTBOX_EVENT_BYTES; borrowed */
    const char *batch;      /* the batch its run is part of; "" */
    const struct hook **to; /* who wants it, ≤ HOOKS_MAX; borrowed */
    size_t to_count;
};
struct spread {
    const char *entry;                    /* as read; NULL: a reminder */
    const char *subject;                  /* "": what was told does not change */
    int64_t told_version, hooks_revision; /* as read; compared */
    struct told told;                     /* as it is to be; version is not read */
    bool remind;                          /* there is drift to remind of */
    size_t event_count;                   /* 0: no news */
    struct outbox_event events[OUTBOX_EVENTS_MAX];
    /* Ignore rules that matched, to be counted in `scope`; borrowed. */
    const char *scope; /* not read when there are none */
    const struct rule_match *matches;
    size_t match_count; /* ≤ REGISTRY_MATCHED_MAX */
};
enum spread_outcome {
    SPREAD_DONE,
    SPREAD_MOVED,       /* somebody else did it: go on with the next head */
    SPREAD_HOOKS_MOVED, /* read the hooks again */
    SPREAD_OUTCOMES
};
void outbox_spread(struct redis_cmd *cmd, const char *prefix,
                   const struct spread *spread);
int outbox_spread_reply(const struct redisReply *reply, enum spread_outcome *out,
                        struct err *err);

/* ---- take, done (scheduler) ---- */
/* Script: at most `limit` (≤ 16) parcels that are due, each of one hook: one event for a
 * program, a digest for people. `nonce`: sent again with it, the same parcels come again
 * while they are leased. with_default: also those of HOOK_DEFAULT_ID, whose URL only the
 * settings know. */
void outbox_take(struct redis_cmd *cmd, const char *prefix, const char *nonce,
                 int64_t limit, bool with_default);
struct parcels {
    int64_t now_ms;
    int64_t next_due_ms; /* when to look again; 0: nothing waits */
    size_t count;        /* read with outbox_parcel_at */
};
struct parcel {
    struct hook hook; /* of the default hook: id and kind only */
    size_t count;     /* ≥ 1; read with outbox_delivery_at */
    /* Before this one, the fewest of its deliveries: what is new in a digest is not given
     * up with what is old. */
    int64_t attempts;
    const struct redisReply *deliveries;
};
struct parcel_delivery {
    const char *id, *event_id, *type, *event; /* event: JSON, "" when it is gone */
    int64_t attempts;
};
int outbox_take_reply(const struct redisReply *reply, struct parcels *out,
                      struct err *err);
int outbox_parcel_at(const struct redisReply *reply, size_t index, struct parcel *out,
                     struct err *err);
int outbox_delivery_at(const struct parcel *parcel, size_t index,
                       struct parcel_delivery *out, struct err *err);

enum delivery_end {
    DELIVERY_SENT,
    DELIVERY_RETRY, /* after retry_in_ms */
    DELIVERY_DEAD,  /* given up: no more tries, or none is worth while */
    DELIVERY_GONE,  /* 410: given up, and the hook is disabled */
    DELIVERY_ENDS
};
struct delivered {
    const char *nonce; /* of the take */
    const char *hook_id;
    const char *const *ids; /* deliveries of the parcel, ≤ OUTBOX_DIGEST_MAX */
    size_t count;
    enum delivery_end end;
    int64_t retry_in_ms; /* RETRY */
    int64_t hold_ms;     /* the hook is sent nothing for so long; 0: none */
    int64_t http_status; /* 0: no answer */
    int64_t took_ms;
    const char *note; /* one line for the log: what went wrong, ≤ 200 bytes; "" */
};
void outbox_done(struct redis_cmd *cmd, const char *prefix,
                 const struct delivered *delivered);
/* How many of them were still the caller's. */
int outbox_done_reply(const struct redisReply *reply, int64_t *count, struct err *err);

/* ---- the api ---- */
enum outbox_outcome { OUTBOX_DONE, OUTBOX_UNKNOWN, OUTBOX_BUSY, OUTBOX_OUTCOMES };
/* One event for that hook alone, at once and in no digest. UNKNOWN: no such hook; BUSY:
 * OUTBOX_WAITING_MAX wait, or it is disabled. */
void outbox_send(struct redis_cmd *cmd, const char *prefix, const char *hook_id,
                 const char *event_id, const char *delivery_id, enum hook_event type,
                 const char *json);
/* A delivery that was sent or given up is sent again, from its first attempt. UNKNOWN: no
 * such delivery of that hook, or its event is forgotten; BUSY: it still waits, or the
 * hook is disabled. */
void outbox_replay(struct redis_cmd *cmd, const char *prefix, const char *hook_id,
                   const char *delivery_id);
int outbox_outcome_reply(const struct redisReply *reply, enum outbox_outcome *out,
                         struct err *err);
/* The delivery of an event to a hook: always the same id. */
void outbox_delivery_id(const char *event_id, const char *hook_id,
                        char id[SIGN_UUID_BYTES]);

/* Script: newest first, before (before_ms, before_id); 0, NULL: from the newest. limit ≤
 * OUTBOX_LIST_PAGE_MAX. */
void outbox_deliveries(struct redis_cmd *cmd, const char *prefix, const char *hook_id,
                       int64_t before_ms, const char *before_id, int64_t limit);
struct delivery {
    const char *id, *event_id, *type;
    const char *state; /* "waiting", "sent", "dead" */
    int64_t attempts;
    int64_t created_ms, due_ms, ended_ms; /* 0: not (any more) */
    const char
        *log; /* JSON array of {"at" (ms), "status", "tookMs", "note"}, newest last */
    const char *event; /* JSON; "": forgotten */
};
size_t outbox_deliveries_count(const struct redisReply *reply);
int outbox_deliveries_at(const struct redisReply *reply, size_t index,
                         struct delivery *out, struct err *err);

/* Script: lengths, for metrics. */
struct outbox_stats {
    int64_t entries, hooks_waiting, reminders;
};
void outbox_get_stats(struct redis_cmd *cmd, const char *prefix);
int outbox_get_stats_reply(const struct redisReply *reply, struct outbox_stats *out,
                           struct err *err);

#endif
