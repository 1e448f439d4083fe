/* Asking Redis on behalf of a request.
 *
 *     queue_get_run(&cmd, request_prefix(req), id);
 *     ask(req, &cmd, got_run);            one, or several in one write:
 *     ask_go(req);
 *
 * The request is suspended until the replies are there; then their callbacks are called
 * in the order of the asks, and the last one answers or asks again. A callback before the
 * last may answer too (404); the rest are then left out.
 *
 * A lost reply says nothing about whether a command ran. All our commands may be sent
 * again, so the whole round is, for as long as ASK_BUDGET_MS: callbacks may be called
 * again from the first, which starts over what it collects. With a Redis that has been
 * away for longer than that the answer is 503 at once. */
#ifndef KEDGE_API_SERVER_ASK_H
#define KEDGE_API_SERVER_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/server/loop.h"
#include "common/redis/redis.h"

#define ASK_BUDGET_MS 3000

struct request;
struct redisReply;

/* `reply` is never NULL and never an error; borrowed until the callback returns. */
typedef void ask_then(struct request *req, const struct redisReply *reply);

struct ask_item {
    struct request *req;
    struct redis_cmd cmd; /* owned, for another try */
    ask_then *then;
};

struct asks {
    struct ask_item *items; /* owned; NULL: nothing is being asked */
    size_t count;
    size_t answered;     /* callbacks of the link that have come */
    size_t index;        /* of the reply whose callback runs */
    struct err *failure; /* owned; NULL: nothing has failed */
    int64_t began_mono_ms;
    struct loop_timer again;
};

/* Adds a command to the round; it is taken over and left empty. */
void ask(struct request *req, struct redis_cmd *cmd, ask_then *then);
/* Sends the round. */
void ask_go(struct request *req);
/* A round of one. */
void ask_one(struct request *req, struct redis_cmd *cmd, ask_then *then);
/* In a callback: the reply's place in the round, from 0. At 0 what this round collects is
 * begun again. */
size_t ask_index(const struct request *req);
/* Is anything still on its way? */
bool ask_waits(const struct request *req);
/* The connection is gone: nothing is sent again. True when a reply is still on its way;
 * the last one frees the request then. */
bool ask_abandon(struct request *req);
void asks_done(struct asks *asks);

#endif
