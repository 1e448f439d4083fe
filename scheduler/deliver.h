/* Delivering: takes parcels that are due, sends each with one request, and says how it
 * went (outbox.h says how). Requests are under way beside the loop's other work; what
 * they came to is written in the next tick, and kept while Redis is away. */
#ifndef KEDGE_SCHEDULER_DELIVER_H
#define KEDGE_SCHEDULER_DELIVER_H

#include "common/conf/conf.h"
#include "common/hook/outbox.h"
#include "common/net/http_out.h"
#include "common/net/metrics.h"

#define DELIVER_FLYING_MAX 128 /* requests at a time */

struct flight; /* one parcel on its way */
struct deliver {
    const struct conf *conf; /* borrowed */
    struct redis *redis;     /* borrowed */
    struct http_out *out;
    struct flight *landed;     /* those whose end is not written yet */
    char nonce[SIGN_ID_BYTES]; /* of a take that was not answered; "": none */
    int64_t due_mono_ms;
    int64_t ends[DELIVERY_ENDS];
    struct metric_histogram took;
    bool stopping;
};

/* `resolved`: as in http_out.h; NULL but for tests. */
void deliver_init(struct deliver *deliver, const struct conf *conf, struct redis *redis,
                  const char *const *resolved);
/* What is under way is given back, to be sent again soon, by whomever. Blocks for a few
 * scripts. */
void deliver_done(struct deliver *deliver);
/* Does what is due, a measured amount; *next_mono_ms is when it wants to go on. ERR_TEMP:
 * Redis is away. */
int deliver_tick(struct deliver *deliver, int64_t now_mono_ms, int64_t *next_mono_ms,
                 struct err *err);
/* There are new deliveries. */
void deliver_wake(struct deliver *deliver);
void deliver_print_metrics(const struct deliver *deliver, struct buf *out);

#endif
