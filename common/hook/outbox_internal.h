/* What the files of the outbox share. For common/hook/outbox*.c only. */
#ifndef KEDGE_COMMON_HOOK_OUTBOX_INTERNAL_H
#define KEDGE_COMMON_HOOK_OUTBOX_INTERNAL_H

#include "common/hook/outbox.h"
#include "common/queue/queue_internal.h"

/* A script that moves deliveries: its first arguments are the limits, in the order of
 * part_outbox.lua. */
void outbox_script(struct redis_cmd *cmd, const char *name, const char *prefix);

#endif
