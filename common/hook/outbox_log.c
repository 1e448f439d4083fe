/* The outbox, as people see it: a test event, a replay, the log of deliveries. */
#include <assert.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/hook/outbox_internal.h"

void outbox_send(struct redis_cmd *cmd, const char *prefix, const char *hook_id,
                 const char *event_id, const char *delivery_id, enum hook_event type,
                 const char *json)
{
    assert(strlen(json) <= OUTBOX_EVENT_BYTES);
    outbox_script(cmd, "outbox_send", prefix);
    redis_cmd_arg(cmd, hook_id);
    redis_cmd_arg(cmd, event_id);
    redis_cmd_arg(cmd, delivery_id);
    redis_cmd_arg(cmd, hook_event_name(type));
    redis_cmd_arg(cmd, json);
}

void outbox_replay(struct redis_cmd *cmd, const char *prefix, const char *hook_id,
                   const char *delivery_id)
{
    char nonce[SIGN_ID_BYTES];

    sign_nonce(nonce);
    outbox_script(cmd, "outbox_replay", prefix);
    redis_cmd_arg(cmd, hook_id);
    redis_cmd_arg(cmd, delivery_id);
    redis_cmd_arg(cmd, nonce);
}

static const char *const outcome_words[OUTBOX_OUTCOMES] = {
    [OUTBOX_DONE] = "done",
    [OUTBOX_UNKNOWN] = "unknown",
    [OUTBOX_BUSY] = "busy",
};

int outbox_outcome_reply(const struct redisReply *reply, enum outbox_outcome *out,
                         struct err *err)
{
    size_t word;

    if (queue_word(reply, outcome_words, ARRAY_LEN(outcome_words), &word, err) < 0)
        return err_wrap(err, "outbox");
    *out = (enum outbox_outcome)word;
    return 0;
}

/* ---- the log ---- */
void outbox_deliveries(struct redis_cmd *cmd, const char *prefix, const char *hook_id,
                       int64_t before_ms, const char *before_id, int64_t limit)
{
    assert(limit > 0 && limit <= OUTBOX_LIST_PAGE_MAX);
    redis_cmd_script(cmd, script("outbox_deliveries"), prefix);
    redis_cmd_arg(cmd, hook_id);
    redis_cmd_int(cmd, before_ms);
    redis_cmd_arg(cmd, before_id);
    redis_cmd_int(cmd, limit);
}

#define AT(member) offsetof(struct delivery, member)

/* The order of outbox_deliveries.lua. */
static const struct queue_field delivery_fields[] = {
    {"id", AT(id), FIELD_TEXT, 0},
    {"event", AT(event_id), FIELD_TEXT, 0},
    {"type", AT(type), FIELD_TEXT, 0},
    {"state", AT(state), FIELD_TEXT, 0},
    {"attempts", AT(attempts), FIELD_NUMBER, 0},
    {"created", AT(created_ms), FIELD_NUMBER, 0},
    {"due", AT(due_ms), FIELD_NUMBER, 0},
    {"ended", AT(ended_ms), FIELD_NUMBER, 0},
    {"log", AT(log), FIELD_TEXT, 0},
    {"", AT(event), FIELD_TEXT, 0},
};

size_t outbox_deliveries_count(const struct redisReply *reply)
{
    return redis_reply_count(reply);
}

int outbox_deliveries_at(const struct redisReply *reply, size_t index,
                         struct delivery *out, struct err *err)
{
    const struct redisReply *row = redis_reply_at(reply, index);
    struct delivery delivery = {0};

    if (redis_reply_count(row) != ARRAY_LEN(delivery_fields))
        return err_set(err, ERR_PERM, "a delivery was listed without its fields");
    for (size_t i = 0; i < ARRAY_LEN(delivery_fields); i++)
        queue_field_read(redis_reply_at(row, i), &delivery_fields[i], &delivery);
    *out = delivery;
    return 0;
}
