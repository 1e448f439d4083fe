/* Hooks in Redis, and the log of what was sent to them.
 *
 * Keys, after the prefix:
 * - hook:<id>         HASH  kind, digests (0, 1), url, events, project, workspace, owner,
 *                           secret, old_secret, old_until, enabled, reason, version,
 *                           created, updated
 * - hooks             ZSET  ids by creation ms; at most HOOKS_MAX
 * - hooks:<owner>     SET   ids of the hooks that go with their workspace (its scope) or
 *                           project (its key)
 * - meta              HASH  hooks_revision: moves with every change of a hook; whoever
 *                           keeps a copy of all hooks compares it
 * Deliveries and events: outbox.h.
 *
 * Every command may be sent again. Reply readers: ERR_PERM for an answer that cannot be.
 * Ownership as in queue.h. */
#ifndef KEDGE_COMMON_HOOK_HOOK_STORE_H
#define KEDGE_COMMON_HOOK_HOOK_STORE_H

#include "common/hook/hook.h"
#include "common/redis/redis.h"

#define HOOKS_MAX          500
#define HOOK_ROTATION_MS   (24 * 60 * 60 * 1000) /* an old secret signs for so long */
#define HOOK_LIST_PAGE_MAX 100

enum hook_outcome {
    HOOK_CREATED,
    HOOK_UPDATED,
    HOOK_DELETED,
    HOOK_UNKNOWN,
    HOOK_CHANGED, /* put: it is of another version: read it again */
    HOOK_FULL,
    HOOK_OUTCOMES
};
/* Creates (version 0) or replaces the hook of that version. A replaced hook whose secret
 * is another keeps the one before as old_secret for HOOK_ROTATION_MS; a reason why it was
 * disabled goes when it is enabled. A creation sent again is CREATED again. */
void hook_put(struct redis_cmd *cmd, const char *prefix, const struct hook *hook);
/* The hook as it now is, pointing into the reply: for CREATED and UPDATED. */
int hook_put_reply(const struct redisReply *reply, enum hook_outcome *outcome,
                   struct hook *out, struct err *err);
/* With what waits to be sent to it. */
void hook_delete(struct redis_cmd *cmd, const char *prefix, const char *id);
int hook_delete_reply(const struct redisReply *reply, enum hook_outcome *out,
                      struct err *err);
void hook_get(struct redis_cmd *cmd, const char *prefix, const char *id);
int hook_get_reply(const struct redisReply *reply, const char *id, struct hook *out,
                   struct err *err);
/* Script: newest first, from `offset`, at most `limit` (≤ HOOK_LIST_PAGE_MAX), with the
 * revision of all hooks and how many there are. */
void hook_list(struct redis_cmd *cmd, const char *prefix, int64_t offset, int64_t limit);
struct hook_page {
    int64_t revision, total;
    size_t count; /* read with hook_list_at */
};
int hook_list_reply(const struct redisReply *reply, struct hook_page *out,
                    struct err *err);
int hook_list_at(const struct redisReply *reply, size_t index, struct hook *out,
                 struct err *err);

#endif
