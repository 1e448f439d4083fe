/* Firing: ticks of schedules become runs, in their time.
 *
 * Each turn asks what is due, decides what is done about it (common/schedule/schedule.h)
 * and sends one script for each schedule, all in one write. Any number of schedulers may
 * fire: the script compares and moves the tick in the same step, so one of them gets
 * through and nothing is lost with one that dies. What could not be done stays due. One
 * thread. */
#ifndef KEDGE_SCHEDULER_FIRE_H
#define KEDGE_SCHEDULER_FIRE_H

#include "common/conf/conf.h"
#include "common/net/metrics.h"
#include "common/schedule/schedule_store.h"
#include "scheduler/clock_guard.h"
#include "scheduler/quiet.h"

#define FIRE_BATCH 100 /* schedules of one look */

/* Where replies and times come from; a test puts itself between. */
struct fire_world {
    int (*call_all)(struct redis *redis, const struct redis_cmd *cmds, size_t count,
                    struct redisReply **replies, struct err *err);
    int64_t (*wall_ms)(void);
    int64_t (*boot_ms)(void);
};
extern const struct fire_world fire_world_real;

struct fire_counts {
    int64_t fired, skipped;
    int64_t passed; /* ticks that got no run */
    int64_t moved;  /* others were faster */
    int64_t stale;  /* a workspace had changed: to be read again */
    int64_t put_right;
};

/* The walk over all schedules that puts wrong ticks right. */
struct review {
    int64_t due_mono_ms;
    int64_t after_due_ms; /* where it goes on */
    char after_id[SIGN_UUID_BYTES];
    int64_t seen; /* in this walk */
};

struct shot;

struct firing {
    const char *prefix;  /* borrowed */
    struct redis *redis; /* borrowed */
    const struct fire_world *world;
    struct zones *zones;
    struct orders *orders;
    struct shot *shots; /* FIRE_BATCH */
    struct clock_guard clock;
    struct review review;
    struct quiet quiet;
    int64_t due_mono_ms, now_mono_ms;
    struct fire_counts counts;
    struct metric_histogram lateness; /* due time to run */
    int64_t timed;                    /* schedules that have a next tick */
};

/* `conf` and `redis` are borrowed. Everything else is owned: fire_done. */
void fire_init(struct firing *firing, const struct conf *conf, struct redis *redis);
void fire_done(struct firing *firing);
/* Time zones may have changed: reads them again, and reviews all schedules. */
void fire_reload(struct firing *firing);
/* As sweep_tick: does what is due; returns when (monotonic ms) something will be. */
int fire_tick(struct firing *firing, int64_t now_mono_ms, int64_t *next_mono_ms,
              struct err *err);
void fire_print_metrics(const struct firing *firing, struct buf *out);

#endif
