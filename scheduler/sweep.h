/* The sweep: what time does to the queue. Each duty is one script, sent when it is due,
 * and again at once while it has more to do. Any number of schedulers may sweep. */
#ifndef KEDGE_SCHEDULER_SWEEP_H
#define KEDGE_SCHEDULER_SWEEP_H

#include <stdint.h>

#include "common/conf/conf.h"
#include "common/net/metrics.h"
#include "common/queue/queue.h"

enum sweep_duty {
    SWEEP_PROMOTE, /* delayed runs that are due */
    SWEEP_REAP,    /* runs whose worker is gone */
    SWEEP_TRIM,    /* old runs and outputs */
    SWEEP_FSCK,    /* what no invariant allows */
    SWEEP_STATS,   /* the numbers for /metrics */
    SWEEP_DUTIES
};

struct sweep_counts {
    int64_t promoted, reaped, requeued, lost, orphaned, cancelled, trim_looked,
        fsck_findings;
};

struct sweep {
    const struct conf *conf; /* borrowed */
    struct redis *redis;     /* borrowed */
    int64_t due_mono_ms[SWEEP_DUTIES];
    struct sweep_counts counts;
    struct queue_stats stats; /* of the last SWEEP_STATS */
};

void sweep_init(struct sweep *sweep, const struct conf *conf, struct redis *redis);
/* Does what is due; returns when (monotonic ms) something will be. Blocks for a few
 * scripts. ERR_TEMP when Redis is away: what was due is due again in a moment. */
int sweep_tick(struct sweep *sweep, int64_t now_mono_ms, int64_t *next_mono_ms,
               struct err *err);
/* Duty by name ("promote"), for logs and tests. */
const char *sweep_duty_name(enum sweep_duty duty);
void sweep_print_metrics(const struct sweep *sweep, struct buf *out);

#endif
