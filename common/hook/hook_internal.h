/* A hook as the scripts answer it. For hook_store.c and outbox_*.c only. */
#ifndef KEDGE_COMMON_HOOK_HOOK_INTERNAL_H
#define KEDGE_COMMON_HOOK_HOOK_INTERNAL_H

#include "common/hook/hook_store.h"

/* An array of the id and the fields (hook_row in part_hook.lua). out->id is NULL when the
 * hook is not stored. */
int hook_row_read(const struct redisReply *row, struct hook *out, struct err *err);

#endif
