/* The outbox, sent: parcels that are due, and how it went. */
#include <assert.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/quote.h"
#include "common/hook/hook_internal.h"
#include "common/hook/outbox_internal.h"

void outbox_take(struct redis_cmd *cmd, const char *prefix, const char *nonce,
                 int64_t limit, bool with_default)
{
    assert(limit > 0 && limit <= OUTBOX_PARCELS_MAX);
    outbox_script(cmd, "outbox_take", prefix);
    redis_cmd_int(cmd, OUTBOX_LEASE_MS);
    redis_cmd_int(cmd, OUTBOX_BATCH_MAX_MS);
    redis_cmd_int(cmd, OUTBOX_DIGEST_MAX);
    redis_cmd_int(cmd, OUTBOX_GAP_MS);
    redis_cmd_arg(cmd, nonce);
    redis_cmd_int(cmd, limit);
    redis_cmd_int(cmd, with_default);
}

/* Before the parcels: the time, and when to look again. */
#define TAKE_HEAD 2

int outbox_take_reply(const struct redisReply *reply, struct parcels *out,
                      struct err *err)
{
    size_t count = redis_reply_count(reply);

    if (count < TAKE_HEAD)
        return err_set(err, ERR_PERM, "parcels were taken without the time");
    *out = (struct parcels){
        .now_ms = redis_reply_int(redis_reply_at(reply, 0), 0),
        .next_due_ms = redis_reply_int(redis_reply_at(reply, 1), 0),
        .count = count - TAKE_HEAD,
    };
    return 0;
}

/* Of a delivery in a parcel: id, event's id, type, event, attempts. */
#define DELIVERY_FIELDS 5

int outbox_parcel_at(const struct redisReply *reply, size_t index, struct parcel *out,
                     struct err *err)
{
    const struct redisReply *row = redis_reply_at(reply, TAKE_HEAD + index);
    const struct redisReply *hook = redis_reply_at(row, 0);
    const char *hook_id = redis_reply_text(redis_reply_at(hook, 0));
    struct parcel parcel = {
        .attempts = redis_reply_int(redis_reply_at(row, 1), 0),
        .deliveries = redis_reply_at(row, 2),
    };
    size_t values = redis_reply_count(parcel.deliveries);

    if (hook_row_read(hook, &parcel.hook, err) < 0)
        return err_wrap(err, "parcel");
    if (values == 0 || values % DELIVERY_FIELDS != 0)
        return err_set(err, ERR_PERM, "a parcel was read without its deliveries");
    if (parcel.hook.id == NULL) /* the default hook is not stored */
        parcel.hook = (struct hook){.id = hook_id, .kind = HOOK_SLACK, .enabled = true};
    parcel.count = values / DELIVERY_FIELDS;
    *out = parcel;
    return 0;
}

int outbox_delivery_at(const struct parcel *parcel, size_t index,
                       struct parcel_delivery *out, struct err *err)
{
    const struct redisReply *values[DELIVERY_FIELDS];
    struct parcel_delivery delivery;

    for (size_t i = 0; i < DELIVERY_FIELDS; i++)
        values[i] = redis_reply_at(parcel->deliveries, index * DELIVERY_FIELDS + i);
    delivery = (struct parcel_delivery){.id = redis_reply_text(values[0]),
                                        .event_id = redis_reply_text(values[1]),
                                        .type = redis_reply_text(values[2]),
                                        .event = redis_reply_text(values[3]),
                                        .attempts = redis_reply_int(values[4], 0)};
    if (delivery.id == NULL || delivery.event_id == NULL || delivery.type == NULL ||
        delivery.event == NULL)
        return err_set(err, ERR_PERM, "a delivery was read without its fields");
    *out = delivery;
    return 0;
}

/* ---- done ---- */
static const char *const end_words[DELIVERY_ENDS] = {
    [DELIVERY_SENT] = "sent",
    [DELIVERY_RETRY] = "retry",
    [DELIVERY_DEAD] = "dead",
    [DELIVERY_GONE] = "gone",
};

#define NOTE_BYTES  200
#define GONE_REASON "The receiver answered 410 Gone"

void outbox_done(struct redis_cmd *cmd, const char *prefix,
                 const struct delivered *delivered)
{
    AUTO(buf_done) struct buf note = BUF_INIT(8 * NOTE_BYTES);
    const char *text = delivered->note != NULL ? delivered->note : "";

    assert(delivered->count > 0 && delivered->count <= OUTBOX_DIGEST_MAX);
    quote_json(text, strnlen(text, NOTE_BYTES), &note);
    outbox_script(cmd, "outbox_done", prefix);
    redis_cmd_arg(cmd, delivered->nonce);
    redis_cmd_arg(cmd, delivered->hook_id);
    redis_cmd_arg(cmd, end_words[delivered->end]);
    redis_cmd_int(cmd, delivered->retry_in_ms);
    redis_cmd_int(cmd, delivered->hold_ms);
    redis_cmd_int(cmd, delivered->http_status);
    redis_cmd_int(cmd, delivered->took_ms);
    redis_cmd_bytes(cmd, buf_text(&note), note.len);
    redis_cmd_arg(cmd, GONE_REASON);
    for (size_t i = 0; i < delivered->count; i++)
        redis_cmd_arg(cmd, delivered->ids[i]);
}

int outbox_done_reply(const struct redisReply *reply, int64_t *count, struct err *err)
{
    return queue_count_reply(reply, count, err);
}
