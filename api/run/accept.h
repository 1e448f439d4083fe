/* What POSTs that start something in the queue share: the Idempotency-Key of the request,
 * and the answer to what the queue said. */
#ifndef KEDGE_API_RUN_ACCEPT_H
#define KEDGE_API_RUN_ACCEPT_H

#include "common/queue/queue.h"

struct order;
struct request;

struct idempotency {
    char key[SIGN_ID_BYTES], body[SIGN_ID_BYTES]; /* "" without the header */
};
/* Per token and path: what one caller has used up is free for another. -1 when the header
 * is malformed; then the answer is given. */
int idempotency_read(struct request *req, struct idempotency *out);

/* Location: where a run or batch is to be found. */
void accept_location(struct request *req, const char *run_id);
/* 202 {"runId", "coalesced"?} with Location. */
void accept_reply(struct request *req, const struct enqueued *enqueued);
enum accepted {
    ACCEPTED,       /* new, joined or replayed: *out says which run or batch */
    ACCEPT_MOVED,   /* the registry has changed meanwhile: read it again */
    ACCEPT_REFUSED, /* the answer is given */
};
/* What the queue said to an enqueue or the opening of a batch. `project_id` is named
 * where it is its limit. */
enum accepted accept_take(struct request *req, const struct enqueued *enqueued,
                          const char *project_id);
/* The same, read from the queue's reply. */
enum accepted accept_read(struct request *req, const struct redisReply *reply,
                          const char *project_id, struct enqueued *out);
/* How many runs of one project may wait. */
int64_t accept_max_project(int64_t max_queued);
/* A run of that order, which is borrowed, within the limits of the settings. Who asks,
 * the run's id and Idempotency-Key are the caller's to add. */
struct enqueue accept_enqueue(const struct request *req, const struct order *order);
/* May its repository be worked on? Else the answer is given: 403. */
bool accept_allows(struct request *req, const struct order *order);
/* An order could not be made: why, as order_make says. */
void accept_refuse_order(struct request *req, const struct err *err);

#endif
