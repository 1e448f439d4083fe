/* A cron expression as an English sentence: "At 02:30 AM, Monday through Friday". Pure.
 */
#ifndef KEDGE_COMMON_SCHEDULE_HUMANIZE_H
#define KEDGE_COMMON_SCHEDULE_HUMANIZE_H

#include "common/schedule/cron.h"

/* Appends one sentence without a full stop. `zone`: named at the end unless NULL or
 * "UTC" (", Europe/Berlin"). An expression that has no day says so: ", which never
 * comes". */
void humanize_cron(const struct cron *cron, const char *zone, struct buf *out);

#endif
