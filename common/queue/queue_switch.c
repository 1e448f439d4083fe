/* The queue's switches that people set, and where its stream of events stands. */
#include <string.h>

#include "common/queue/queue_internal.h"

/* Fields of `meta`; what belongs to one has its name in front. */
static const char *const names[SWITCHES] = {
    [SWITCH_PAUSE] = "paused",
    [SWITCH_FREEZE] = "frozen",
};

/* The order of both replies. */
enum { ON_AT, REASON_AT, BY_AT, SINCE_AT, SWITCH_FIELDS };

void queue_set_switch(struct redis_cmd *cmd, const char *prefix, enum queue_switch which,
                      bool on, const char *reason, const char *by)
{
    redis_cmd_script(cmd, script("switch"), prefix);
    redis_cmd_arg(cmd, names[which]);
    redis_cmd_int(cmd, on);
    queue_arg_cut(cmd, reason != NULL ? reason : "", QUEUE_SUMMARY_BYTES);
    redis_cmd_arg(cmd, by);
}

void queue_get_switch(struct redis_cmd *cmd, const char *prefix, enum queue_switch which)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HMGET");
    queue_key(cmd, prefix, "meta", "");
    redis_cmd_arg(cmd, names[which]);
    redis_cmd_fmt(cmd, "%s_reason", names[which]);
    redis_cmd_fmt(cmd, "%s_by", names[which]);
    redis_cmd_fmt(cmd, "%s_at", names[which]);
}

static const char *text_at(const struct redisReply *reply, size_t index)
{
    const char *text = redis_reply_text(redis_reply_at(reply, index));

    return text != NULL ? text : "";
}

int queue_switch_reply(const struct redisReply *reply, struct queue_switched *out,
                       struct err *err)
{
    if (redis_reply_count(reply) != SWITCH_FIELDS)
        return err_set(err, ERR_PERM, "a switch was read without its fields");
    *out = (struct queue_switched){
        .on = redis_reply_int(redis_reply_at(reply, ON_AT), 0) != 0,
        .reason = text_at(reply, REASON_AT),
        .by = text_at(reply, BY_AT),
        .since_ms = redis_reply_int(redis_reply_at(reply, SINCE_AT), 0),
    };
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
