/* /api/v1/hooks/{hookId}/deliveries: what was sent to a hook; a test, and once more. */
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "api/hook/hook_json.h"
#include "api/hook/hooks.h"
#include "api/server/page.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define FULL_LIMIT_MAX 50 /* events are large */

/* ---- GET deliveries ---- */
struct listing {
    struct page page; /* after: the last one that was written */
    int64_t left;     /* how many more are wanted */
    bool full;        /* with the events */
    struct buf body;
    struct json_writer w;
};

static void listing_done(void *state)
{
    buf_done(&((struct listing *)state)->body);
}

static int write_chunk(struct listing *listing, const struct redisReply *reply,
                       size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct page_cursor *last = &listing->page.after;
        struct delivery delivery;

        if (outbox_deliveries_at(reply, i, &delivery, err) < 0)
            return -1;
        delivery_json(&listing->w, &delivery, listing->full);
        last->at = delivery.created_ms;
        snprintf(last->id, sizeof last->id, "%s", delivery.id);
    }
    listing->left -= (int64_t)count;
    return 0;
}

static void ask_chunk(struct request *req);

static void got_chunk(struct request *req, const struct redisReply *reply)
{
    struct listing *listing = req->state;
    size_t count = outbox_deliveries_count(reply);
    struct err err;

    if (write_chunk(listing, reply, count, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (count == OUTBOX_LIST_PAGE_MAX && listing->left > 0) {
        ask_chunk(req);
        return;
    }
    json_array_end(&listing->w);
    if (listing->left == 0)
        page_link(req, &listing->page.after);
    reply_json(req, MHD_HTTP_OK, &listing->body);
}

static void ask_chunk(struct request *req)
{
    const struct listing *listing = req->state;
    const struct page_cursor *after = &listing->page.after;
    struct redis_cmd cmd;

    outbox_deliveries(&cmd, request_prefix(req), req->match.params[0], after->at,
                      after->at != 0 ? after->id : NULL,
                      listing->left < OUTBOX_LIST_PAGE_MAX ? listing->left
                                                           : OUTBOX_LIST_PAGE_MAX);
    ask_one(req, &cmd, got_chunk);
}

/* What was sent to the hook of the settings is kept as of any other. */
static void got_hook(struct request *req, const struct redisReply *reply)
{
    const char *id = req->match.params[0];
    struct hook hook;
    struct err err;

    if (hook_get_reply(reply, id, &hook, &err) < 0)
        reply_failure(req, &err);
    else if ((hook.id == NULL && strcmp(id, HOOK_DEFAULT_ID) != 0) ||
             !request_may_see(req, hook.id != NULL ? hook.project_id : NULL))
        hooks_unknown(req);
    else
        ask_chunk(req);
}

static void read_query(const struct request *req, struct listing *listing,
                       struct problems *problems)
{
    const char *full = request_query(req, "full");

    if (full != NULL && parse_bool(full, &listing->full) < 0)
        problems_add(problems, "full", "full must be 1 or 0");
    page_read(req, listing->full ? FULL_LIMIT_MAX : PAGE_LIMIT_MAX, &listing->page,
              problems);
}

void handle_hook_deliveries(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct listing *listing = request_state(req, sizeof *listing, listing_done);
    struct redis_cmd cmd;

    read_query(req, listing, &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    listing->left = listing->page.limit;
    listing->body = REPLY_BODY_INIT;
    json_open(&listing->w, &listing->body);
    json_array(&listing->w);
    hook_get(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_hook);
}

/* ---- POST test, POST replay ---- */
static void reply_accepted(struct request *req, const char *delivery_id)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    json_object(&w);
    json_add_text(&w, "deliveryId", delivery_id);
    json_object_end(&w);
    reply_json(req, MHD_HTTP_ACCEPTED, &body);
}

/* A limited token's hook is looked at before it is sent to. */
static void look_first(struct request *req, ask_then *then)
{
    struct redis_cmd cmd;

    hook_get(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, then);
}

struct trial {
    char event_id[SIGN_UUID_BYTES], delivery_id[SIGN_UUID_BYTES];
};

static void sent(struct request *req, const struct redisReply *reply)
{
    const struct trial *trial = req->state;
    enum outbox_outcome outcome;
    struct err err;

    if (outbox_outcome_reply(reply, &outcome, &err) < 0)
        reply_failure(req, &err);
    else if (outcome == OUTBOX_UNKNOWN)
        hooks_unknown(req);
    else if (outcome == OUTBOX_BUSY)
        reply_error(req, REPLY_CONFLICT,
                    "hook %s is disabled, or has %d deliveries that wait",
                    req->match.params[0], OUTBOX_WAITING_MAX);
    else
        reply_accepted(req, trial->delivery_id);
}

static void send_test(struct request *req)
{
    struct trial *trial = request_state(req, sizeof *trial, NULL);
    AUTO(buf_done) struct buf event = BUF_INIT(OUTBOX_EVENT_BYTES);
    const char *id = req->match.params[0];
    int64_t now_ms = clock_wall_ms();
    struct redis_cmd cmd;
    struct json_writer w;

    sign_uuid7(now_ms, trial->event_id);
    outbox_delivery_id(trial->event_id, id, trial->delivery_id);
    json_open(&w, &event);
    hook_test_json(&w, id, req->api->conf->public_url, now_ms);
    outbox_send(&cmd, request_prefix(req), id, trial->event_id, trial->delivery_id,
                EVENT_TEST, buf_text(&event));
    ask_one(req, &cmd, sent);
}

static void got_tested(struct request *req, const struct redisReply *reply)
{
    struct hook hook;

    if (hooks_read(req, reply, &hook))
        send_test(req);
}

void handle_hook_test(struct request *req)
{
    if (request_is_limited(req))
        look_first(req, got_tested);
    else
        send_test(req);
}

static void replayed(struct request *req, const struct redisReply *reply)
{
    const char *hook = req->match.params[0], *delivery = req->match.params[1];
    enum outbox_outcome outcome;
    struct err err;

    if (outbox_outcome_reply(reply, &outcome, &err) < 0)
        reply_failure(req, &err);
    else if (outcome == OUTBOX_UNKNOWN)
        reply_error(req, REPLY_NOT_FOUND,
                    "hook %s has no delivery %s, or its event is forgotten", hook,
                    delivery);
    else if (outcome == OUTBOX_BUSY)
        reply_error(req, REPLY_CONFLICT,
                    "delivery %s still waits to be sent, or hook %s is disabled",
                    delivery, hook);
    else
        reply_accepted(req, delivery);
}

static void replay(struct request *req)
{
    struct redis_cmd cmd;

    if (strcmp(req->match.params[0], HOOK_DEFAULT_ID) == 0) {
        reply_error(req, REPLY_CONFLICT,
                    "what went to KEDGE_SLACK_WEBHOOK_URL cannot be sent again");
        return;
    }
    outbox_replay(&cmd, request_prefix(req), req->match.params[0], req->match.params[1]);
    ask_one(req, &cmd, replayed);
}

static void got_replayed(struct request *req, const struct redisReply *reply)
{
    struct hook hook;

    if (hooks_read(req, reply, &hook))
        replay(req);
}

void handle_hook_replay(struct request *req)
{
    if (request_is_limited(req))
        look_first(req, got_replayed);
    else
        replay(req);
}
