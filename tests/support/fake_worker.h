/* The worker's side of the queue for tests of the api: claims what waits, and ends it as
 * the test says.
 *
 *     fake_worker_open(&worker, &api.redis);
 *     fake_worker_claim(&worker, &claimed);          the resolve run
 *     fake_worker_expand(&worker, &claimed, targets, 2);
 *     fake_worker_claim(&worker, &claimed); fake_worker_end(&worker, &claimed, &end);
 *     fake_worker_close(&worker);
 *
 * Whatever does not work prints a sentence and aborts the test. */
#ifndef KEDGE_TESTS_SUPPORT_FAKE_WORKER_H
#define KEDGE_TESTS_SUPPORT_FAKE_WORKER_H

#include "common/queue/queue_batch.h"
#include "tests/support/redis_server.h"

struct fake_worker {
    struct redis *redis;
};
void fake_worker_open(struct fake_worker *worker, const struct redis_server *server);
void fake_worker_close(struct fake_worker *worker);

/* Waits for a run for at most 10 s; release it with claimed_done. */
void fake_worker_claim(struct fake_worker *worker, struct claimed *out);

struct fake_target {
    const char *name; /* NULL: none */
    const char *directory, *workspace;
};
/* The resolve run ends with these runs, as its request wants them. */
void fake_worker_expand(struct fake_worker *worker, const struct claimed *resolve,
                        const struct fake_target *targets, size_t count);

/* Text is NULL where there is none. */
struct fake_end {
    enum run_status status;
    const char *error_code, *error_message;
    const char *summary;          /* JSON */
    const char *output, *applied; /* as they were printed */
    const char *head;             /* of the output */
};
void fake_worker_end(struct fake_worker *worker, const struct claimed *run,
                     const struct fake_end *end);
/* Sends any other command about a hold, which must be done. */
void fake_worker_must(struct fake_worker *worker, struct redis_cmd *cmd);
/* Sends any other command; the reply is the caller's. */
struct redisReply *fake_worker_call(struct fake_worker *worker, struct redis_cmd *cmd);

#endif
