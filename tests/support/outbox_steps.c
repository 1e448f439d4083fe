/* Hooks and the outbox as one call each, for tests. */
#include "tests/support/outbox_steps.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/mem.h"

static void must(int result, const struct err *err)
{
    if (result == 0)
        return;
    fprintf(stderr, "outbox_steps: %s\n", err->message);
    abort();
}

/* ---- hooks ---- */
struct hook step_hook(const char *id, enum hook_kind kind)
{
    return (struct hook){.id = id,
                         .kind = kind,
                         .url = "https://example.com/hook",
                         .project_id = "",
                         .workspace_id = "",
                         .secret = "",
                         .enabled = true};
}

enum hook_outcome step_hook_put(struct queue_fixture *fixture, const struct hook *hook)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum hook_outcome outcome = HOOK_OUTCOMES;
    struct redis_cmd cmd;
    struct hook stored;
    struct err err;

    hook_put(&cmd, FIXTURE_PREFIX, hook);
    reply = queue_fixture_call(fixture, &cmd);
    must(hook_put_reply(reply, &outcome, &stored, &err), &err);
    return outcome;
}

enum hook_outcome step_hook_delete(struct queue_fixture *fixture, const char *id)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum hook_outcome outcome = HOOK_OUTCOMES;
    struct redis_cmd cmd;
    struct err err;

    hook_delete(&cmd, FIXTURE_PREFIX, id);
    reply = queue_fixture_call(fixture, &cmd);
    must(hook_delete_reply(reply, &outcome, &err), &err);
    return outcome;
}

void step_hook_made(struct queue_fixture *fixture, const char *id, enum hook_kind kind)
{
    struct hook hook = step_hook(id, kind);
    struct err err = {.message = "no hook was made"};

    must(step_hook_put(fixture, &hook) == HOOK_CREATED ? 0 : -1, &err);
}

/* ---- head, spread ---- */
void step_entry(struct queue_fixture *fixture, const char *entry)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "RPUSH");
    redis_cmd_arg(&cmd, FIXTURE_PREFIX "outbox");
    redis_cmd_arg(&cmd, entry);
    reply = queue_fixture_call(fixture, &cmd);
}

struct redisReply *step_head(struct queue_fixture *fixture, struct outbox_entry *out)
{
    struct redisReply *reply;
    struct redis_cmd cmd;
    struct err err;

    outbox_head(&cmd, FIXTURE_PREFIX);
    reply = queue_fixture_call(fixture, &cmd);
    must(outbox_head_reply(reply, out, &err), &err);
    return reply;
}

enum spread_outcome step_spread(struct queue_fixture *fixture,
                                const struct spread *spread)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    enum spread_outcome outcome = SPREAD_OUTCOMES;
    struct redis_cmd cmd;
    struct err err;

    outbox_spread(&cmd, FIXTURE_PREFIX, spread);
    reply = queue_fixture_call(fixture, &cmd);
    must(outbox_spread_reply(reply, &outcome, &err), &err);
    return outcome;
}

const char *step_tell(struct queue_fixture *fixture, const char *name,
                      const char *hook_id, const char *batch)
{
    static char id[SIGN_UUID_BYTES];
    const struct hook hook = {.id = hook_id};
    const struct hook *to[] = {&hook};
    AUTO(auto_free) char *entry = mem_fmt("%s clean", name);
    struct spread spread = {
        .entry = entry,
        .subject = "",
        .hooks_revision =
            strtoll(queue_fixture_ask(fixture, "HGET meta hooks_revision"), NULL, 10),
        .event_count = 1,
        .events = {{.type = EVENT_DRIFT_DETECTED,
                    .json = "{\"n\":1}",
                    .batch = batch,
                    .to = to,
                    .to_count = 1}},
    };
    struct err err = {.message = "the entry was not spread"};

    outbox_event_id(entry, "", 0, EVENT_DRIFT_DETECTED, 0, spread.events[0].id);
    step_entry(fixture, entry);
    must(step_spread(fixture, &spread) == SPREAD_DONE ? 0 : -1, &err);
    outbox_delivery_id(spread.events[0].id, hook_id, id);
    return id;
}

/* ---- take, done ---- */
void taken_done(struct taken *taken)
{
    redis_reply_free(&taken->reply);
}

struct taken step_take(struct queue_fixture *fixture, const char *nonce)
{
    struct taken taken = {0};
    struct redis_cmd cmd;
    struct err err;

    outbox_take(&cmd, FIXTURE_PREFIX, nonce, OUTBOX_PARCELS_MAX, true);
    taken.reply = queue_fixture_call(fixture, &cmd);
    must(outbox_take_reply(taken.reply, &taken.parcels, &err), &err);
    return taken;
}

struct parcel step_parcel(const struct taken *taken, size_t index)
{
    struct parcel parcel;
    struct err err;

    must(outbox_parcel_at(taken->reply, index, &parcel, &err), &err);
    return parcel;
}

struct parcel_delivery step_delivery(const struct parcel *parcel, size_t index)
{
    struct parcel_delivery delivery;
    struct err err;

    must(outbox_delivery_at(parcel, index, &delivery, &err), &err);
    return delivery;
}

struct delivered step_delivered(const char *nonce, const char *hook_id,
                                const char *const *delivery_id, enum delivery_end end)
{
    return (struct delivered){.nonce = nonce,
                              .hook_id = hook_id,
                              .ids = delivery_id,
                              .count = 1,
                              .end = end,
                              .retry_in_ms = 5000,
                              .http_status = end == DELIVERY_SENT ? 200 : 500,
                              .took_ms = 12,
                              .note = end == DELIVERY_SENT ? "" : "it said \"no\"\n"};
}

int64_t step_done(struct queue_fixture *fixture, const struct delivered *delivered)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;
    struct err err;
    int64_t count = -1;

    outbox_done(&cmd, FIXTURE_PREFIX, delivered);
    reply = queue_fixture_call(fixture, &cmd);
    must(outbox_done_reply(reply, &count, &err), &err);
    return count;
}

int64_t step_parcel_done(struct queue_fixture *fixture, const char *nonce,
                         const struct parcel *parcel, enum delivery_end end)
{
    const char *ids[OUTBOX_DIGEST_MAX];
    struct delivered delivered = step_delivered(nonce, parcel->hook.id, ids, end);

    delivered.count = parcel->count;
    for (size_t i = 0; i < parcel->count; i++)
        ids[i] = step_delivery(parcel, i).id;
    return step_done(fixture, &delivered);
}

size_t step_take_all(struct queue_fixture *fixture, const char *nonce,
                     enum delivery_end end)
{
    AUTO(taken_done) struct taken taken = step_take(fixture, nonce);
    size_t events = 0;

    for (size_t i = 0; i < taken.parcels.count; i++) {
        struct parcel parcel = step_parcel(&taken, i);

        events += parcel.count;
        step_parcel_done(fixture, nonce, &parcel, end);
    }
    return events;
}

/* ---- the api ---- */
static enum outbox_outcome outcome_of(struct queue_fixture *fixture,
                                      struct redis_cmd *cmd)
{
    AUTO(redis_reply_free) struct redisReply *reply = queue_fixture_call(fixture, cmd);
    enum outbox_outcome outcome = OUTBOX_OUTCOMES;
    struct err err;

    must(outbox_outcome_reply(reply, &outcome, &err), &err);
    return outcome;
}

enum outbox_outcome step_send(struct queue_fixture *fixture, const char *hook_id,
                              const char *name)
{
    AUTO(auto_free) char *event_id = mem_fmt("event-%s", name);
    AUTO(auto_free) char *delivery_id = mem_fmt("delivery-%s", name);
    struct redis_cmd cmd;

    outbox_send(&cmd, FIXTURE_PREFIX, hook_id, event_id, delivery_id, EVENT_TEST,
                "{\"test\":true}");
    return outcome_of(fixture, &cmd);
}

enum outbox_outcome step_replay(struct queue_fixture *fixture, const char *hook_id,
                                const char *delivery_id)
{
    struct redis_cmd cmd;

    outbox_replay(&cmd, FIXTURE_PREFIX, hook_id, delivery_id);
    return outcome_of(fixture, &cmd);
}

struct redisReply *step_deliveries(struct queue_fixture *fixture, const char *hook_id,
                                   int64_t before_ms, const char *before_id,
                                   int64_t limit)
{
    struct redis_cmd cmd;

    outbox_deliveries(&cmd, FIXTURE_PREFIX, hook_id, before_ms, before_id, limit);
    return queue_fixture_call(fixture, &cmd);
}
