/* Incoming webhooks: what GitHub's and GitLab's have in common.
 *
 * The order: what the head shows to be wrong (admit), the signature over the body as it
 * came, the delivery's id, the event, and only then the body. The signature is the only
 * authentication; nothing of what comes is logged or quoted before it has been checked.
 */
#ifndef KEDGE_API_WEBHOOK_WEBHOOK_H
#define KEDGE_API_WEBHOOK_WEBHOOK_H

#include "common/queue/run.h"

struct request;

#define WEBHOOK_BODY_MAX ((size_t)25 << 20)

/* 1–64 of [A-Za-z0-9._-], else 400 with the header's name. -1: the answer is given. */
int webhook_check_id(struct request *req, const char *header, const char *id);
/* 200 {"pong": true} */
void webhook_pong(struct request *req);
/* 202: nothing is queued, and why. */
void webhook_ignored(struct request *req, const char *why);
/* Queues what the push in the body asks for. `delivery` are the texts that tell this
 * delivery from all others; count 0: nothing does. */
void webhook_push(struct request *req, enum vcs_type type, const char *const *delivery,
                  size_t count);

#endif
