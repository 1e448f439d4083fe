/* The request that a parcel makes. Pure. */
#ifndef KEDGE_SCHEDULER_DELIVER_REQUEST_H
#define KEDGE_SCHEDULER_DELIVER_REQUEST_H

#include "common/hook/outbox.h"
#include "common/net/http_out.h"

#define DELIVER_HEADERS_MAX 6

struct deliver_request {
    struct buf body;
    char *headers[DELIVER_HEADERS_MAX]; /* NULL-terminated; owned */
};
/* `events`: the parcel's deliveries. False when nothing is left to tell: their events are
 * forgotten. The caller releases with deliver_request_done either way. */
bool deliver_request_make(const struct hook *hook, const struct parcel_delivery *events,
                          size_t count, int64_t now_ms, struct deliver_request *out);
void deliver_request_done(struct deliver_request *request);

#endif
