/* Delivering: parcels, flights, landings. */
#include "scheduler/deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "scheduler/away.h"
#include "scheduler/deliver_request.h"
#include "scheduler/verdict.h"

#define PARCELS_A_TURN     16
#define LOOK_MS            1000
#define LOOK_SOONEST_MS    20
#define TROUBLE_PAUSE_MS   5000
#define CONNECT_TIMEOUT_MS 5000
#define ANSWER_BYTES       4096

struct flight {
    struct flight *next; /* of those that landed */
    struct deliver *deliver;
    char *hook_id, *url;
    char nonce[SIGN_ID_BYTES];
    char *ids[OUTBOX_DIGEST_MAX]; /* of deliveries */
    size_t count;
    int64_t attempts; /* before this one */
    int64_t http_status, took_ms;
    struct verdict verdict;
};

static void flight_free(struct flight *flight)
{
    for (size_t i = 0; i < flight->count; i++)
        free(flight->ids[i]);
    free(flight->hook_id);
    free(flight->url);
    free(flight);
}

void deliver_init(struct deliver *deliver, const struct conf *conf, struct redis *redis,
                  const char *const *resolved)
{
    const struct http_out_options options = {
        .allow_private = conf->hook_allow_private,
        .proxy = conf->hook_proxy,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .resolved = resolved,
    };

    *deliver =
        (struct deliver){.conf = conf, .redis = redis, .out = http_out_new(&options)};
}

void deliver_wake(struct deliver *deliver)
{
    deliver->due_mono_ms = 0;
}

/* ---- landing ---- */

static void log_landing(const struct flight *flight)
{
    static const char *const words[DELIVERY_ENDS] = {"sent", "retry", "dead", "gone"};
    AUTO(auto_free) char *host = hook_url_masked(flight->url);

    if (flight->verdict.end == DELIVERY_SENT) {
        log_debug("hook_sent", "hook_id=%s host=%s events=%zu took_ms=%" PRId64,
                  flight->hook_id, host, flight->count, flight->took_ms);
        return;
    }
    log_warn("hook_failed",
             "hook_id=%s host=%s status=%" PRId64 " attempt=%" PRId64
             " outcome=%s took_ms=%" PRId64 " error=%s",
             flight->hook_id, host, flight->http_status, flight->attempts + 1,
             words[flight->verdict.end], flight->took_ms,
             flight->http_status == 0 ? flight->verdict.note : "");
}

static void land(struct flight *flight)
{
    struct deliver *deliver = flight->deliver;

    log_landing(flight);
    deliver->ends[flight->verdict.end]++;
    flight->next = deliver->landed;
    deliver->landed = flight;
}

static unsigned luck(void)
{
    uint16_t bytes;

    sign_random(&bytes, sizeof(bytes));
    return bytes % 1000;
}

/* An http_done. */
static void came_back(void *arg, const struct http_answer *answer, const struct err *err)
{
    struct flight *flight = arg;
    struct deliver *deliver = flight->deliver;
    const struct attempt attempt = {
        .url = flight->url,
        .answer = answer,
        .err = err,
        .attempts = flight->attempts,
        .retry_ms = deliver->conf->hook_retry_ms,
        .luck = luck(),
    };

    verdict_give(&attempt, &flight->verdict);
    flight->http_status = answer->status;
    flight->took_ms = answer->took_ms;
    if (deliver->stopping) {
        flight->verdict.end = DELIVERY_RETRY;
        flight->verdict.retry_in_ms = deliver->conf->hook_retry_ms;
        flight->verdict.hold_ms = 0;
    }
    metrics_observe(&deliver->took, answer->took_ms);
    land(flight);
}

static int write_down(struct deliver *deliver, const struct flight *flight,
                      struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    const struct delivered delivered = {
        .nonce = flight->nonce,
        .hook_id = flight->hook_id,
        .ids = (const char *const *)flight->ids,
        .count = flight->count,
        .end = flight->verdict.end,
        .retry_in_ms = flight->verdict.retry_in_ms,
        .hold_ms = flight->verdict.hold_ms,
        .http_status = flight->http_status,
        .took_ms = flight->took_ms,
        .note = flight->verdict.note,
    };
    int64_t still_ours;

    outbox_done(&cmd, redis_prefix(deliver->redis), &delivered);
    if (redis_call(deliver->redis, &cmd, 0, &reply, err) < 0)
        return -1;
    return outbox_done_reply(reply, &still_ours, err);
}

static int write_landed(struct deliver *deliver, struct err *err)
{
    while (deliver->landed) {
        struct flight *flight = deliver->landed;

        if (write_down(deliver, flight, err) < 0) {
            if (err->kind == ERR_TEMP)
                return -1;
            /* Its lease will end, and somebody sends it again. */
            log_error("hook_not_noted", "hook_id=%s error=%s", flight->hook_id,
                      err->message);
        }
        deliver->landed = flight->next;
        flight_free(flight);
        deliver->due_mono_ms = 0;
    }
    return 0;
}

/* ---- taking off ---- */

static void launch(struct flight *flight, const struct deliver_request *made)
{
    const struct http_request request = {
        .url = flight->url,
        .headers = (const char *const *)made->headers,
        .body = buf_text(&made->body),
        .body_len = made->body.len,
        .timeout_ms = flight->deliver->conf->hook_timeout_ms,
        .answer_bytes = ANSWER_BYTES,
    };

    http_out_start(flight->deliver->out, &request, came_back, flight);
}

static void land_empty(struct flight *flight)
{
    flight->verdict.end = DELIVERY_DEAD;
    snprintf(flight->verdict.note, sizeof(flight->verdict.note),
             "the event is forgotten");
    land(flight);
}

static int read_events(const struct parcel *parcel, struct parcel_delivery *events,
                       struct flight *flight, struct err *err)
{
    for (; flight->count < parcel->count; flight->count++) {
        struct parcel_delivery *event = &events[flight->count];

        if (outbox_delivery_at(parcel, flight->count, event, err) < 0)
            return -1;
        flight->ids[flight->count] = mem_dup(event->id);
    }
    return 0;
}

static int take_off(struct deliver *deliver, const struct parcel *parcel, int64_t now_ms,
                    struct err *err)
{
    AUTO(deliver_request_done) struct deliver_request request = {0};
    struct parcel_delivery events[OUTBOX_DIGEST_MAX];
    bool is_default = strcmp(parcel->hook.id, HOOK_DEFAULT_ID) == 0;
    struct flight *flight = mem_new(1, sizeof(*flight));

    flight->deliver = deliver;
    flight->attempts = parcel->attempts;
    flight->hook_id = mem_dup(parcel->hook.id);
    flight->url =
        mem_dup(is_default ? deliver->conf->slack_webhook_url : parcel->hook.url);
    memcpy(flight->nonce, deliver->nonce, sizeof(flight->nonce));
    if (read_events(parcel, events, flight, err) < 0) {
        flight_free(flight);
        return -1;
    }
    if (deliver_request_make(&parcel->hook, events, flight->count, now_ms, &request))
        launch(flight, &request);
    else
        land_empty(flight);
    return 0;
}

static size_t room(const struct deliver *deliver)
{
    size_t running = http_out_running(deliver->out);
    size_t room = running < DELIVER_FLYING_MAX ? DELIVER_FLYING_MAX - running : 0;

    return room < PARCELS_A_TURN ? room : PARCELS_A_TURN;
}

static void plan_next(struct deliver *deliver, const struct parcels *parcels,
                      int64_t now_mono_ms)
{
    int64_t in_ms = LOOK_MS;

    if (parcels->next_due_ms > 0 && parcels->next_due_ms - parcels->now_ms < LOOK_MS)
        in_ms = parcels->next_due_ms - parcels->now_ms;
    if (in_ms < LOOK_SOONEST_MS)
        in_ms = LOOK_SOONEST_MS;
    deliver->due_mono_ms = parcels->count > 0 ? now_mono_ms : now_mono_ms + in_ms;
}

static int take(struct deliver *deliver, size_t limit, int64_t now_mono_ms,
                struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct parcels parcels;
    struct parcel parcel;

    if (deliver->nonce[0] == '\0')
        sign_nonce(deliver->nonce);
    outbox_take(&cmd, redis_prefix(deliver->redis), deliver->nonce, (int64_t)limit,
                deliver->conf->slack_webhook_url != NULL);
    if (redis_call(deliver->redis, &cmd, 0, &reply, err) < 0 ||
        outbox_take_reply(reply, &parcels, err) < 0)
        return -1;
    for (size_t i = 0; i < parcels.count; i++)
        if (outbox_parcel_at(reply, i, &parcel, err) < 0 ||
            take_off(deliver, &parcel, parcels.now_ms, err) < 0)
            log_error("parcel_failed", "error=%s", err->message);
    deliver->nonce[0] = '\0';
    plan_next(deliver, &parcels, now_mono_ms);
    return 0;
}

/* ---- a turn ---- */

static int do_due(struct deliver *deliver, int64_t now_mono_ms, struct err *err)
{
    size_t limit;

    if (write_landed(deliver, err) < 0)
        return -1;
    limit = room(deliver);
    if (limit == 0)
        deliver->due_mono_ms = now_mono_ms + LOOK_MS;
    if (now_mono_ms < deliver->due_mono_ms)
        return 0;
    return take(deliver, limit, now_mono_ms, err);
}

int deliver_tick(struct deliver *deliver, int64_t now_mono_ms, int64_t *next_mono_ms,
                 struct err *err)
{
    int rc = do_due(deliver, now_mono_ms, err);

    if (rc < 0 && err->kind != ERR_TEMP) {
        log_error("deliver_failed", "error=%s", err->message);
        deliver->nonce[0] = '\0';
        deliver->due_mono_ms = now_mono_ms + TROUBLE_PAUSE_MS;
        rc = 0;
    } else if (rc < 0) {
        deliver->due_mono_ms = now_mono_ms + AWAY_PAUSE_MS;
    }
    /* What landed while parcels took off. */
    *next_mono_ms = deliver->landed && rc == 0 ? now_mono_ms : deliver->due_mono_ms;
    return rc;
}

void deliver_done(struct deliver *deliver)
{
    struct err err;

    deliver->stopping = true;
    http_out_free(deliver->out);
    deliver->out = NULL;
    if (deliver->redis && write_landed(deliver, &err) < 0)
        log_warn("hooks_not_noted", "error=%s", err.message);
    while (deliver->landed) {
        struct flight *flight = deliver->landed;

        deliver->landed = flight->next;
        flight_free(flight);
    }
}

/* ---- numbers ---- */

#define ENDED(word, end)                                                                 \
    {                                                                                    \
        "kedge_hook_deliveries_total", "Requests to hooks, by what became of them.",     \
            METRIC_COUNTER, "outcome=\"" word "\"", &deliver->ends[end]                  \
    }

void deliver_print_metrics(const struct deliver *deliver, struct buf *out)
{
    const int64_t flying = deliver->out ? (int64_t)http_out_running(deliver->out) : 0;
    const struct metric table[] = {
        ENDED("sent", DELIVERY_SENT),
        ENDED("retry", DELIVERY_RETRY),
        ENDED("dead", DELIVERY_DEAD),
        ENDED("gone", DELIVERY_GONE),
        {"kedge_hook_flying", "Requests to hooks under way.", METRIC_GAUGE, NULL,
         &flying},
        {"kedge_hook_request_seconds", "How long a hook's receiver took.",
         METRIC_HISTOGRAM, NULL, &deliver->took},
    };

    metrics_print(table, ARRAY_LEN(table), out);
}
