/* Spreading: takes what the ends of runs left in the outbox, decides what of it is news,
 * and turns news into deliveries (outbox.h says how). Any number of schedulers may. */
#ifndef KEDGE_SCHEDULER_SPREAD_H
#define KEDGE_SCHEDULER_SPREAD_H

#include "common/conf/conf.h"
#include "common/hook/outbox.h"
#include "common/net/metrics.h"
#include "scheduler/hook_copy.h"

struct spreader {
    const struct conf *conf; /* borrowed */
    struct redis *redis;     /* borrowed */
    struct hook_copy hooks;
    int64_t due_mono_ms, remind_due_mono_ms, stats_due_mono_ms;
    int64_t told[HOOK_EVENTS]; /* events, by type */
    struct outbox_stats stats; /* as of the last look */
};

void spreader_init(struct spreader *spreader, const struct conf *conf,
                   struct redis *redis);
void spreader_done(struct spreader *spreader);
/* Does what is due, a measured amount; *next_mono_ms is when it wants to go on. Returns
 * how many events were told, or -1: ERR_TEMP, Redis is away. */
int spreader_tick(struct spreader *spreader, int64_t now_mono_ms, int64_t *next_mono_ms,
                  struct err *err);
void spreader_print_metrics(const struct spreader *spreader, struct buf *out);

#endif
