/* Waiting for the end of a run, which is the answer of the request that started it.
 *
 * The handler's state begins with a struct run_wait. The answer is the run as GET shows
 * it, with 200 however it ended; or, for a client that would rather not wait (Prefer:
 * respond-async, wait=N), when the program drains and when Redis is away, 202 with the
 * run's id. An orphan has ended as far as others can see. */
#ifndef KEDGE_API_RUN_RUN_WAIT_H
#define KEDGE_API_RUN_RUN_WAIT_H

#include "api/run/run_get.h"

struct run_wait {
    struct run_get get; /* first; release it with run_get_done */
    char run_id[SIGN_UUID_BYTES];
    /* Has answered for a run that ended so, in place of it. NULL: never does. */
    bool (*answers)(struct request *req, const struct run_record *run);
};
/* The run `run_id` is queued: answers now or later. */
void run_wait(struct request *req);

#endif
