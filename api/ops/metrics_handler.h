/* What this process counts, and /metrics. */
#ifndef KEDGE_API_OPS_METRICS_HANDLER_H
#define KEDGE_API_OPS_METRICS_HANDLER_H

#include <stdint.h>

#include "common/net/metrics.h"

#define STATUS_CLASSES 6 /* 1xx … 5xx; [0]: the client left before an answer */

struct counters {
    int64_t requests[STATUS_CLASSES]; /* answered, by the first digit of the status */
    struct metric_histogram elapsed;  /* from head to last byte */
    int64_t connections;              /* open */
};

/* `status` 0: the client left. */
void counters_request(struct counters *counters, unsigned status, int64_t elapsed_ms);

#endif
