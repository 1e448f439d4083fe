/* A schedule: when a workspace is checked, or reconciled, without anybody asking.
 *
 * A tick is a moment that the cron expression names; its due time is the tick and the
 * schedule's own offset, the share of jitterSeconds that `spread` gives it. All offsets
 * of one schedule are equal, so its rhythm is kept; offsets of many are as even as can
 * be.
 *
 * What happens at a due time is decided here (schedule_step), and carried out by one
 * script (schedule_store.h, fire). Times are Unix ms of the Redis server's clock. Pure.
 */
#ifndef KEDGE_COMMON_SCHEDULE_SCHEDULE_H
#define KEDGE_COMMON_SCHEDULE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/sign.h"
#include "common/queue/run.h"
#include "common/schedule/cron.h"

#define SCHEDULE_LATE_MS      60000            /* later than that a tick was missed */
#define SCHEDULE_CATCH_UP_MS  (60 * 60 * 1000) /* older missed ticks get no run (one) */
#define SCHEDULE_ALL_MAX      24               /* missed ticks that get a run (all) */
#define SCHEDULE_JITTER_MAX_S (24 * 60 * 60)
#define SCHEDULE_LABEL_MAX    200 /* bytes */

/* The names of the first three say the same. */
enum schedule_type {
    SCHEDULE_DRIFT,           /* "drift" */
    SCHEDULE_DRIFT_CHECK,     /* "drift_check" */
    SCHEDULE_DRIFT_DETECTION, /* "drift_detection" */
    SCHEDULE_RECONCILE,       /* "reconcile": wants the workspace's autoReconcile */
    SCHEDULE_TYPES
};
const char *schedule_type_name(enum schedule_type type);
int schedule_type_parse(const char *text, enum schedule_type *out);
enum run_kind schedule_kind(enum schedule_type type);

/* What becomes of ticks that nobody was there for. */
enum schedule_missed {
    SCHEDULE_MISSED_ONE,  /* "one": the newest, when it is not older than an hour */
    SCHEDULE_MISSED_SKIP, /* "skip": none */
    SCHEDULE_MISSED_ALL,  /* "all": the newest 24, in their order */
    SCHEDULE_MISSED_POLICIES
};
const char *schedule_missed_name(enum schedule_missed missed);
int schedule_missed_parse(const char *text, enum schedule_missed *out);

/* As stored. Texts are borrowed from whoever read it. */
struct schedule {
    const char *id; /* UUID; NULL: no such schedule */
    const char *project_id, *workspace_id;
    enum schedule_type type;
    enum schedule_missed missed;
    const char *cron;     /* as it was given */
    const char *timezone; /* IANA name */
    const char *label;    /* "" */
    int64_t jitter_s;
    bool enabled;
    int64_t spread;  /* its number among all schedules ever made, from 1 */
    int64_t version; /* moves with every put; firing leaves it */
    int64_t tick_ms; /* the next tick; 0: none (disabled, or it never comes) */
    int64_t due_ms;  /* of that tick; 0: none */
    int64_t last_ms; /* when a tick last got a run; 0: never */
    int64_t created_ms, updated_ms;
};

/* The schedule's share of its jitter, ms in [0, jitter): the fraction of spread times the
 * golden ratio, which falls evenly for any run of numbers. The scripts do the same. */
int64_t schedule_offset_ms(int64_t spread, int64_t jitter_s);
/* The first tick later than `now_ms`; 0: it never comes. */
int64_t schedule_first(const struct cron *cron, const struct zone *zone, int64_t now_ms);

struct schedule_step {
    int64_t run_tick_ms;  /* the tick that gets a run; 0: none does */
    int64_t next_tick_ms; /* the schedule's next; 0: none. It may be due as well */
    bool catching_up;     /* the run is of a missed tick, and others may wait (all) */
    int64_t passed;       /* ticks that get no run by the policy; counts to 1 000 */
};
/* What to do about a schedule that is due at `now_ms`. On time (within SCHEDULE_LATE_MS)
 * its newest due tick gets a run under any policy. */
void schedule_step(const struct schedule *schedule, const struct cron *cron,
                   const struct zone *zone, int64_t now_ms, struct schedule_step *out);
/* Is the stored tick one that these clocks and rules would give: a tick of the
 * expression, and none between now and it? It is not after a clock that was ahead was
 * put right, or when the zone's rules have changed. */
bool schedule_is_sound(const struct schedule *schedule, const struct cron *cron,
                       const struct zone *zone, int64_t now_ms);
/* The run of a schedule's tick: always the same id. Version 7, its time is the tick. */
void schedule_run_id(const char *schedule_id, int64_t tick_ms,
                     char run_id[SIGN_UUID_BYTES]);

#endif
