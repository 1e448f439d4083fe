/* A schedule as it is shown. */
#ifndef KEDGE_API_SCHEDULE_SCHEDULE_JSON_H
#define KEDGE_API_SCHEDULE_SCHEDULE_JSON_H

#include "common/base/json.h"
#include "common/schedule/schedule_store.h"

void schedule_json(struct json_writer *w, const struct schedule *schedule);

/* What follows reads the reply of schedule_list and shows the newest first. -1: ERR_PERM,
 * and what was written is of no use. */

/* An array. */
int schedule_json_list(struct json_writer *w, const struct redisReply *reply,
                       struct err *err);
/* The members `schedule` and `schedules` of a workspace's summary. Their objects have
 * nextRun and lastRun besides, and are equal: `schedule` is the first of `schedules` that
 * is enabled, else the first, else null. */
int schedule_json_summary(struct json_writer *w, const struct redisReply *reply,
                          struct err *err);

#endif
