/* Schedules in Redis, and the one step in which a tick becomes a run.
 *
 * Keys, after the prefix; <scope> and <pkey> as in queue.h:
 * - schedule:<id>      HASH  project, workspace, pkey?, type, cron, zone, label, jitter
 *                            (s), missed, enabled, spread, version, tick, due, last,
 *                            created, updated. Every value is short, so that the hash
 *                            stays compact (a listpack): 100 000 idle ones fit in 80 MB
 * - schedules:<scope>  ZSET  ids of a workspace's schedules by creation ms; at most
 *                            SCHEDULES_MAX
 * - due                ZSET  ids of enabled schedules that have a next tick, by due ms
 * - meta               HASH  schedule_spread: the last number given out; host_Github,
 *                            host_Gitlab, host_Git: what the apis were configured with
 *
 * The offset of a due time is computed in one place, part_schedule.lua, from the tick and
 * what is stored; schedule.h describes it.
 *
 * Exactly once: fire compares the schedule's version and tick, and in the same step makes
 * the run and moves the tick on. Any number of schedulers may try; one is answered with
 * the run, the others with MOVED. The run's id is that of (schedule, tick), so that even
 * a tick that is set again (a restored backup, a clock put back) makes no second run.
 *
 * Every command may be sent again. Reply readers: ERR_PERM for an answer that cannot be.
 * Ownership as in queue.h. */
#ifndef KEDGE_COMMON_SCHEDULE_SCHEDULE_STORE_H
#define KEDGE_COMMON_SCHEDULE_SCHEDULE_STORE_H

#include "common/queue/queue.h"
#include "common/registry/order.h"
#include "common/registry/registry.h"
#include "common/schedule/schedule.h"

#define SCHEDULES_MAX 100 /* of one workspace */

/* ---- the api ---- */
/* Script: what a new schedule is made from: the server's time and the pair. */
void schedule_prepare(struct redis_cmd *cmd, const char *prefix, const char *project_id,
                      const char *workspace_id);
int schedule_prepare_reply(const struct redisReply *reply, int64_t *now_ms,
                           struct registry_pair *pair, struct err *err);
/* Script: one schedule, and the server's time. out->id NULL: there is none. */
void schedule_get(struct redis_cmd *cmd, const char *prefix, const char *id);
int schedule_get_reply(const struct redisReply *reply, const char *id, int64_t *now_ms,
                       struct schedule *out, struct err *err);
/* Script: the workspace's schedules, oldest first: an array of ids and fields. */
void schedule_list(struct redis_cmd *cmd, const char *prefix, const char *scope);
size_t schedule_list_count(const struct redisReply *reply);
int schedule_list_reply(const struct redisReply *reply, size_t index,
                        struct schedule *out, struct err *err);

enum schedule_outcome {
    SCHEDULE_CREATED,
    SCHEDULE_UPDATED,
    SCHEDULE_DELETED,
    SCHEDULE_UNKNOWN, /* no such schedule; create: no such workspace (any more) */
    SCHEDULE_CHANGED, /* put: it is of another version or tick: read it again */
    SCHEDULE_FULL,    /* create: the workspace has SCHEDULES_MAX */
    SCHEDULE_OUTCOMES
};
/* Creates (version 0; spread is given out) or replaces the schedule of that version and
 * tick. schedule->id, version, tick_ms (the new next tick) and everything a user sets are
 * read; `old_tick_ms` is what the tick was when the schedule was read. Sent again with
 * the same id a creation is CREATED again, and changes nothing. */
void schedule_put(struct redis_cmd *cmd, const char *prefix,
                  const struct schedule *schedule, int64_t old_tick_ms);
/* The schedule as it now is: out points into the reply. Only for CREATED and UPDATED. */
int schedule_put_reply(const struct redisReply *reply, enum schedule_outcome *outcome,
                       struct schedule *out, struct err *err);
void schedule_delete(struct redis_cmd *cmd, const char *prefix, const char *id,
                     const char *scope);
int schedule_delete_reply(const struct redisReply *reply, enum schedule_outcome *out,
                          struct err *err);

/* What the apis tell the schedulers, whose settings have no VCS: the hosts that targets
 * are made of (order.h). At start and after each reconnect; a host NULL is forgotten. */
void schedule_put_hosts(struct redis_cmd *cmd, const char *prefix,
                        const struct order_hosts *hosts);

/* ---- the scheduler ---- */
/* Script: up to `limit` (≤ 100) due schedules, the longest due first: none while paused.
 * Also when (ms, server) the next one is due after those; 0: none is. `from`: so many are
 * passed over, because nothing comes of them. */
void schedule_due(struct redis_cmd *cmd, const char *prefix, int64_t from, int64_t limit);
struct schedules_due {
    int64_t now_ms;      /* server's clock */
    int64_t next_due_ms; /* 0: nothing is waiting */
    bool paused;
    struct order_hosts hosts; /* texts live as long as the reply */
    int64_t timed;            /* schedules that have a next tick, due or not */
    size_t count;             /* read with schedule_due_at */
};
int schedule_due_reply(const struct redisReply *reply, struct schedules_due *out,
                       struct err *err);
int schedule_due_at(const struct redisReply *reply, size_t index, struct schedule *out,
                    struct err *err);
/* Script: as schedule_due, but those that are due after `after` (a schedule's due and id;
 * 0, "": from the first), for review. */
void schedule_walk(struct redis_cmd *cmd, const char *prefix, int64_t after_due_ms,
                   const char *after_id, int64_t limit);

enum fire_action {
    FIRE_RUN, /* a run; skipped when an equal kind of run of the target is under way */
    FIRE_JOIN_QUEUE, /* a run, whatever else is under way (catching up) */
    FIRE_SKIP,       /* a skipped run, for the history, because of `note` */
    FIRE_PASS,       /* no run: only the tick moves on (by the policy, or a review) */
};
struct fire {
    const struct schedule *schedule; /* as read: its version and tick are compared */
    int64_t next_tick_ms;            /* 0: none */
    enum fire_action action;
    bool review; /* PASS of a schedule that is not due: moves its tick all the same */
    const char *run_id;
    /* For RUN, JOIN_QUEUE and SKIP: what the run is made of, and its registry revision.
     */
    enum run_kind kind;
    const struct order *order;
    const char *note; /* JSON summary of a run that is skipped: {"summary": "…"} */
};
enum fire_outcome {
    FIRED,         /* the run waits */
    FIRED_SKIPPED, /* the tick is recorded as skipped */
    FIRED_PASSED,
    FIRED_MOVED,  /* somebody else did it, or the schedule has changed or is gone */
    FIRED_STALE,  /* the registry has moved: read the pair again */
    FIRED_PAUSED, /* nothing is fired now */
    FIRE_OUTCOMES
};
void schedule_fire(struct redis_cmd *cmd, const char *prefix, const struct fire *fire);
int schedule_fire_reply(const struct redisReply *reply, enum fire_outcome *out,
                        struct err *err);

#endif
