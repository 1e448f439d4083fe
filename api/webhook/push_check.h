/* From a push to drift checks: of each workspace that tracks the pushed ref and reads
 * what the push touched, one, at the pushed commit.
 *
 * What a workspace reads: its directory and var files, and what its last good run found
 * besides them (struct finish in queue.h); while that is not known everything touches it.
 * A commit is checked once per workspace, however often and by whomever it is told. */
#ifndef KEDGE_API_WEBHOOK_PUSH_CHECK_H
#define KEDGE_API_WEBHOOK_PUSH_CHECK_H

#include "api/webhook/push.h"
#include "common/base/sign.h"

struct request;

/* Takes the push over and answers. `delivery` is remembered when everything went well; a
 * known one is answered with 409. "": it has no id. */
void push_check(struct request *req, struct push *push,
                const char delivery[SIGN_ID_BYTES]);

#endif
