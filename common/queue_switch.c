/* The queue's switches that people set, and where its stream of events stands. */
#include <string.h>

#include "common/queue_internal.h"

void queue_set_pause(struct redis_cmd *cmd, const char *prefix, bool paused,
                     const char *reason)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HSET");
    queue_key(cmd, prefix, "meta", "");
    redis_cmd_arg(cmd, "paused");
    redis_cmd_int(cmd, paused);
    redis_cmd_arg(cmd, "paused_reason");
    queue_arg_cut(cmd, reason != NULL ? reason : "", QUEUE_SUMMARY_BYTES);
}

void queue_get_pause(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HMGET");
    queue_key(cmd, prefix, "meta", "");
    redis_cmd_arg(cmd, "paused");
    redis_cmd_arg(cmd, "paused_reason");
}

int queue_get_pause_reply(const struct redisReply *reply, struct queue_pause *out,
                          struct err *err)
{
    const char *reason = redis_reply_text(redis_reply_at(reply, 1));

    if (redis_reply_count(reply) != 2)
        return err_set(err, ERR_PERM, "pause was read without its reason");
    out->paused = redis_reply_int(redis_reply_at(reply, 0), 0) != 0;
    out->reason = reason != NULL ? reason : "";
    return 0;
}

void queue_last_event(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "XREVRANGE");
    queue_key(cmd, prefix, "events", "");
    redis_cmd_arg(cmd, "+");
    redis_cmd_arg(cmd, "-");
    redis_cmd_arg(cmd, "COUNT");
    redis_cmd_int(cmd, 1);
}

const char *queue_last_event_id(const struct redisReply *reply)
{
    return redis_reply_text(redis_reply_at(redis_reply_at(reply, 0), 0));
}
