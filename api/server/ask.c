/* Asking Redis on behalf of a request: rounds of commands, sent again when a reply is
 * lost. */
#include "api/server/ask.h"

#include <stdlib.h>

#include "api/server/request.h"
#include "api/server/server.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

#define AGAIN_MS 50

void ask(struct request *req, struct redis_cmd *cmd, ask_then *then)
{
    struct asks *asks = &req->asks;

    /* Room for 1, 2, 4, …: the count is the capacity whenever it is a power of two. */
    if ((asks->count & (asks->count - 1)) == 0)
        asks->items = mem_grow(asks->items, asks->count > 0 ? 2 * asks->count : 1,
                               sizeof *asks->items);
    asks->items[asks->count++] = (struct ask_item){.req = req, .cmd = *cmd, .then = then};
    *cmd = (struct redis_cmd){0};
}

bool ask_waits(const struct request *req)
{
    return req->asks.items != NULL;
}

size_t ask_index(const struct request *req)
{
    return req->asks.index;
}

bool ask_abandon(struct request *req)
{
    if (req->asks.again.place != 0) {
        loop_clear(&req->api->loop, &req->asks.again);
        asks_done(&req->asks);
    }
    return ask_waits(req);
}

void asks_done(struct asks *asks)
{
    for (size_t i = 0; i < asks->count; i++)
        redis_cmd_done(&asks->items[i].cmd);
    free(asks->items);
    free(asks->failure);
    asks->items = NULL;
    asks->failure = NULL;
    asks->count = asks->answered = 0;
}

/* ---- a round ---- */
static void on_reply(void *arg, const struct redisReply *reply, const struct err *err);

static void send_all(struct request *req)
{
    struct asks *asks = &req->asks;

    asks->answered = 0;
    free(asks->failure);
    asks->failure = NULL;
    for (size_t i = 0; i < asks->count; i++)
        redis_link_send(req->api->link.redis, &asks->items[i].cmd, ASK_BUDGET_MS,
                        on_reply, &asks->items[i]);
}

static void send_again(struct loop_timer *timer)
{
    send_all(LOOP_OWNER(timer, struct request, asks.again));
}

/* Worth another try: the budget is not used up, and Redis was there a moment ago. */
static bool may_try_again(const struct request *req)
{
    const struct asks *asks = &req->asks;

    return asks->failure->kind == ERR_TEMP && !req->api->draining &&
           clock_mono_ms() + AGAIN_MS < asks->began_mono_ms + ASK_BUDGET_MS &&
           link_away_ms(&req->api->link) < ASK_BUDGET_MS;
}

static void round_failed(struct request *req)
{
    struct err err = *req->asks.failure;

    if (!req->abandoned && may_try_again(req)) {
        req->asks.again.fire = send_again;
        loop_set(&req->api->loop, &req->asks.again, clock_mono_ms() + AGAIN_MS);
        return;
    }
    asks_done(&req->asks);
    if (req->abandoned)
        request_free(req);
    else
        reply_failure(req, &err);
}

/* The last reply: its callback may begin the next round, so this one is over first. */
static void round_ends(struct request *req, const struct redisReply *reply)
{
    struct asks over = req->asks;

    req->asks.items = NULL;
    req->asks.failure = NULL;
    req->asks.count = req->asks.answered = 0;
    if (req->response == NULL)
        over.items[over.count - 1].then(req, reply);
    else
        request_resume(req);
    if (req->held)
        server_wake(req->daemon);
    asks_done(&over);
}

static void on_reply(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct ask_item *item = arg;
    struct request *req = item->req;
    struct asks *asks = &req->asks;
    bool last = ++asks->answered == asks->count;

    asks->index = (size_t)(item - asks->items);
    if (reply == NULL && asks->failure == NULL) {
        asks->failure = mem_new(1, sizeof *asks->failure);
        *asks->failure = *err;
    }
    if (last && asks->failure != NULL && req->response == NULL)
        round_failed(req);
    else if (last && req->abandoned)
        request_free(req);
    else if (last)
        round_ends(req, reply);
    else if (asks->failure == NULL && req->response == NULL && !req->abandoned)
        item->then(req, reply);
}

void ask_go(struct request *req)
{
    struct err unfit;

    if (health_check(&req->api->health, &unfit) < 0) {
        asks_done(&req->asks);
        reply_failure(req, &unfit);
        return;
    }
    req->asks.began_mono_ms = clock_mono_ms();
    send_all(req);
}

void ask_one(struct request *req, struct redis_cmd *cmd, ask_then *then)
{
    ask(req, cmd, then);
    ask_go(req);
}
