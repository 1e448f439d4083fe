/* Waiting for the end of a batch, which is the answer of the request that opened it.
 *
 * The handler's state begins with a struct batch_wait. The answer is `data` of the batch,
 * the error that it came to, or, for a client that would rather not wait (Prefer:
 * respond-async, wait=N), when the program drains and when Redis is away, 202 with the
 * batch's id. */
#ifndef KEDGE_API_ATLANTIS_BATCH_WAIT_H
#define KEDGE_API_ATLANTIS_BATCH_WAIT_H

#include "api/atlantis/batch_view.h"

struct batch_wait {
    struct batch_view view; /* first; release it with batch_view_done */
    char batch_id[SIGN_UUID_BYTES];
};
/* The batch `batch_id` is open: answers now or later. */
void batch_wait(struct request *req);

#endif
