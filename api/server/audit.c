/* The audit: batches of records on their way to Redis. */
#include "api/server/audit.h"

#include <assert.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/server/ask.h"
#include "api/server/server.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/sign.h"

/* A batch of so many leaves at once: of a turn with many requests the first are then
 * stored while the last are still read. */
#define SENT_AT_RECORDS 64
#define AGAIN_MS        100

struct batch {
    struct audit *audit;
    int64_t number;
    int64_t count; /* records */
    bool sealed;   /* it was sent, and may be stored as it is */
    struct buf lines;
};

struct audit {
    struct api *api;
    char nonce[SIGN_ID_BYTES];
    int64_t stored; /* the last batch that is */
    int64_t newest; /* stored: there is none */
    int64_t sent;   /* on their way */
    bool failed;    /* one was not stored: when none is on its way all are sent again */
    bool hopeless;  /* and never will be */
    struct loop_timer again;
    bool dropping;
    int64_t records, dropped;
    struct batch ring[AUDIT_BATCHES]; /* by number */
};

static struct batch *batch_at(struct audit *audit, int64_t number)
{
    return &audit->ring[number % AUDIT_BATCHES];
}

/* ---- the queue ---- */
static bool may_send(const struct audit *audit)
{
    return !audit->failed && redis_link_ready(audit->api->link.redis);
}

static bool is_full(const struct batch *batch)
{
    return batch->sealed || batch->lines.len + AUDIT_BATCH_MAX / 2 > AUDIT_BATCH_MAX;
}

/* Where the next record goes; NULL: too many wait. */
static struct batch *open_batch(struct audit *audit)
{
    struct batch *batch = batch_at(audit, audit->newest);

    if (audit->newest > audit->stored && !is_full(batch))
        return batch;
    if (audit->newest - audit->stored == AUDIT_BATCHES)
        return NULL;
    batch = batch_at(audit, ++audit->newest);
    *batch = (struct batch){.audit = audit, .number = audit->newest};
    buf_init(&batch->lines, AUDIT_BATCH_MAX);
    return batch;
}

static void close_batch(struct audit *audit, struct batch *batch)
{
    buf_done(&batch->lines);
    audit->stored = batch->number;
}

static void note_dropped(struct audit *audit)
{
    audit->dropped++;
    if (!audit->dropping)
        log_error("audit_dropped", "reason=%s", "too many records wait for Redis");
    audit->dropping = true;
}

/* ---- the answers ---- */
static void on_again(struct loop_timer *timer)
{
    LOOP_OWNER(timer, struct audit, again)->failed = false;
}

/* It will never be taken: better to go on with what comes. */
static void give_up(struct audit *audit)
{
    audit->hopeless = false;
    while (audit->stored < audit->newest) {
        struct batch *batch = batch_at(audit, audit->stored + 1);

        audit->dropped += batch->count;
        close_batch(audit, batch);
    }
    sign_nonce(audit->nonce);
}

static void note_failed(struct audit *audit, const struct err *err)
{
    audit->failed = true;
    if (err->kind != ERR_PERM)
        return;
    audit->hopeless = true;
    log_error("audit_failed", "reason=%s", err->message);
}

static void take_reply(struct audit *audit, struct batch *batch,
                       const struct redisReply *reply, const struct err *failure)
{
    enum audit_outcome outcome = AUDIT_GAP;
    struct err err = {.kind = ERR_TEMP};

    if (failure != NULL) {
        note_failed(audit, failure);
    } else if (audit_append_reply(reply, &outcome, &err) < 0 || outcome == AUDIT_GAP) {
        note_failed(audit, &err);
    } else {
        assert(batch->number == audit->stored + 1);
        close_batch(audit, batch);
        audit->dropping = false;
    }
}

static void on_reply(void *arg, const struct redisReply *reply, const struct err *failure)
{
    struct batch *batch = arg;
    struct audit *audit = batch->audit;

    audit->sent--;
    take_reply(audit, batch, reply, failure);
    if (audit->failed && audit->sent == 0) {
        if (audit->hopeless)
            give_up(audit);
        loop_set(&audit->api->loop, &audit->again, clock_mono_ms() + AGAIN_MS);
    }
    server_wake_held(audit->api->server);
}

/* ---- sending ---- */
static void send_batch(struct audit *audit, struct batch *batch)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    audit_append(&cmd, audit->api->conf->redis_prefix,
                 &(struct audit_batch){.nonce = audit->nonce,
                                       .number = batch->number,
                                       .oldest = audit->stored + 1,
                                       .days = audit->api->conf->audit_days,
                                       .count = batch->count,
                                       .lines = &batch->lines});
    batch->sealed = true;
    audit->sent++;
    redis_link_send(audit->api->link.redis, &cmd, ASK_BUDGET_MS, on_reply, batch);
}

void audit_turn(struct audit *audit)
{
    if (audit->stored == audit->newest || !may_send(audit))
        return;
    /* The next one gathers. */
    if (audit->sent > 0 && batch_at(audit, audit->newest)->count < SENT_AT_RECORDS)
        return;
    /* In order: those that are on their way come first. */
    for (int64_t number = audit->stored + 1 + audit->sent; number <= audit->newest;
         number++)
        send_batch(audit, batch_at(audit, number));
}

int64_t audit_add(struct audit *audit, const struct audit_record *record)
{
    struct batch *batch;

    if (audit->api->conf->audit_days == 0)
        return 0;
    batch = open_batch(audit);
    if (batch == NULL) {
        note_dropped(audit);
        return 0;
    }
    audit_write(record, &batch->lines);
    batch->count++;
    audit->records++;
    if (batch->count >= SENT_AT_RECORDS)
        audit_turn(audit);
    return batch->number;
}

bool audit_is_on_its_way(const struct audit *audit, int64_t number)
{
    return number > audit->stored && may_send(audit);
}

bool audit_is_empty(const struct audit *audit)
{
    return audit->stored == audit->newest;
}

struct audit_counters audit_counters(const struct audit *audit)
{
    return (struct audit_counters){.records = audit->records,
                                   .dropped = audit->dropped,
                                   .waiting = audit->newest - audit->stored};
}

/* ---- begin and end ---- */
struct audit *audit_new(struct api *api)
{
    struct audit *audit = mem_new(1, sizeof *audit);

    audit->api = api;
    audit->again.fire = on_again;
    sign_nonce(audit->nonce);
    return audit;
}

void audit_free(struct audit *audit)
{
    if (audit == NULL)
        return;
    loop_clear(&audit->api->loop, &audit->again);
    while (audit->stored < audit->newest)
        close_batch(audit, batch_at(audit, audit->stored + 1));
    free(audit);
}
