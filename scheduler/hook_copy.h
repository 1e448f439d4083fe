/* The scheduler's copy of all hooks: read again when their revision has moved. */
#ifndef KEDGE_SCHEDULER_HOOK_COPY_H
#define KEDGE_SCHEDULER_HOOK_COPY_H

#include "common/hook/hook_store.h"

struct hook_copy {
    bool known; /* was read */
    int64_t revision;
    struct hook *list; /* owned; texts in the pages */
    size_t count;
    struct redisReply **pages;
    size_t page_count;
};
/* Blocks for a few scripts. ERR_TEMP: Redis is away, or the hooks changed all the while;
 * what was there stays. */
int hook_copy_read(struct hook_copy *copy, struct redis *redis, struct err *err);
void hook_copy_done(struct hook_copy *copy);

#endif
