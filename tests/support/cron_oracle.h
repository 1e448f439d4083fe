/* When an expression fires, by brute force: the definition in common/schedule/cron.h,
 * minute by minute of real time with a look at the local clock. Slow, and too simple to
 * be wrong.
 *
 *     cron_oracle_start(&oracle, zone, from_ms);
 *     for (; oracle.unix_s * 1000 < to_ms; cron_oracle_step(&oracle))
 *         if (cron_oracle_fires(&oracle, &cron)) …
 *
 * One walk serves any number of expressions. Offsets must be whole minutes, as they are
 * everywhere since 1972. */
#ifndef KEDGE_TESTS_SUPPORT_CRON_ORACLE_H
#define KEDGE_TESTS_SUPPORT_CRON_ORACLE_H

#include <time.h>

#include "common/schedule/cron.h"

struct cron_oracle {
    const struct zone *zone; /* borrowed */
    int64_t unix_s;          /* the minute looked at */
    int64_t local_s;         /* what the clock shows, as seconds since 1970 there */
    int64_t shown_s;         /* the latest that it showed, or skipped, before */
    struct tm local;
};

/* Looks at the first whole minute at or after that time (Unix ms). */
void cron_oracle_start(struct cron_oracle *oracle, const struct zone *zone,
                       int64_t at_ms);
void cron_oracle_step(struct cron_oracle *oracle);
bool cron_oracle_fires(const struct cron_oracle *oracle, const struct cron *cron);

#endif
