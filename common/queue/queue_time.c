/* The queue, as time moves it: promote, reap, trim, fsck. */
#include "common/hook/outbox.h"
#include "common/queue/queue_internal.h"

void queue_promote(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_script(cmd, script("promote"), prefix);
}

void queue_reap(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_script(cmd, script("reap"), prefix);
    redis_cmd_int(cmd, QUEUE_LEASE_MS);
    redis_cmd_int(cmd, QUEUE_GRACE_MS);
    redis_cmd_int(cmd, QUEUE_CRASHES_MAX);
    redis_cmd_int(cmd, QUEUE_REAP_GAP_MS);
}

int queue_reap_reply(const struct redisReply *reply, struct queue_reaped *out,
                     struct err *err)
{
    int64_t *const numbers[] = {&out->moved, &out->suspected, &out->requeued,
                                &out->lost,  &out->orphaned,  &out->cancelled};

    if (redis_reply_count(reply) != sizeof numbers / sizeof numbers[0])
        return err_set(err, ERR_PERM, "reap answered %zu numbers",
                       redis_reply_count(reply));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        *numbers[i] = redis_reply_int(redis_reply_at(reply, i), 0);
    return 0;
}

void queue_trim(struct redis_cmd *cmd, const char *prefix, int64_t keep_runs,
                int64_t keep_days, int64_t store_max_bytes)
{
    redis_cmd_script(cmd, script("trim"), prefix);
    redis_cmd_int(cmd, keep_runs);
    redis_cmd_int(cmd, keep_days);
    redis_cmd_int(cmd, store_max_bytes);
}

void queue_fsck(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_script(cmd, script("fsck"), prefix);
    redis_cmd_int(cmd, QUEUE_GRACE_MS);
    redis_cmd_int(cmd, OUTBOX_LEASE_MS);
}

int queue_count_reply(const struct redisReply *reply, int64_t *moved, struct err *err)
{
    const struct redisReply *number =
        redis_reply_count(reply) > 0 ? redis_reply_at(reply, 0) : reply;
    int64_t count = redis_reply_int(number, -1);

    if (count < 0)
        return err_set(err, ERR_PERM, "a script answered without a count");
    *moved = count;
    return 0;
}
