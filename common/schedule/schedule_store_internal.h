/* What the files of the schedule store share. For common/schedule/schedule_store*.c only.
 */
#ifndef KEDGE_COMMON_SCHEDULE_SCHEDULE_STORE_INTERNAL_H
#define KEDGE_COMMON_SCHEDULE_SCHEDULE_STORE_INTERNAL_H

#include "common/queue/queue_internal.h"
#include "common/schedule/schedule_store.h"

/* The names of the fields that schedule_read_shown reads: the last arguments of a
 * script. */
void schedule_arg_fields(struct redis_cmd *cmd);
/* A schedule's id, then those fields. */
int schedule_read_shown(const struct redisReply *shown, struct schedule *out,
                        struct err *err);

#endif
