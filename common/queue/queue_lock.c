/* The queue, read: what is held, and the drift records of a repository. */
#include "common/base/mem.h"
#include "common/queue/queue_batch.h"
#include "common/queue/queue_internal.h"
#include "common/queue/target.h"

enum { LOCK_RUN, LOCK_KIND, LOCK_STARTED, LOCK_BY, LOCK_SPEC, LOCK_FIELDS };

void queue_list_locks(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_script(cmd, script("list_locks"), prefix);
}

int queue_held_lock(const struct redisReply *element, struct held_lock *out,
                    struct err *err)
{
    const char *kind = redis_reply_text(redis_reply_at(element, LOCK_KIND));
    struct held_lock lock = {
        .run_id = redis_reply_text(redis_reply_at(element, LOCK_RUN)),
        .spec = redis_reply_text(redis_reply_at(element, LOCK_SPEC)),
        .locked_by = redis_reply_text(redis_reply_at(element, LOCK_BY)),
        .locked_at_ms = redis_reply_int(redis_reply_at(element, LOCK_STARTED), 0)};

    if (redis_reply_count(element) != LOCK_FIELDS || lock.run_id == NULL ||
        lock.spec == NULL || lock.locked_by == NULL || kind == NULL ||
        run_kind_parse(kind, &lock.kind) < 0)
        return err_set(err, ERR_PERM, "a lock was listed without its run");
    *out = lock;
    return 0;
}

static void drift_command(struct redis_cmd *cmd, const char *name, const char *prefix,
                          const char *repo)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, name);
    queue_key(cmd, prefix, "drift:", repo);
}

void queue_get_drift(struct redis_cmd *cmd, const char *prefix, const char *repo)
{
    drift_command(cmd, "HGETALL", prefix, repo);
}

void queue_get_drift_of(struct redis_cmd *cmd, const char *prefix, const char *repo,
                        const char *target, const char *ref)
{
    AUTO(auto_free) char *canonical = ref_canonical(ref);

    drift_command(cmd, "HMGET", prefix, repo);
    redis_cmd_fmt(cmd, "%s|%s", target, canonical);
    redis_cmd_fmt(cmd, "%s|%s|error", target, canonical);
}
