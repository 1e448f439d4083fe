/* How the queue stands, as metrics: the same names wherever they are asked for. */
#ifndef KEDGE_COMMON_QUEUE_QUEUE_METRICS_H
#define KEDGE_COMMON_QUEUE_QUEUE_METRICS_H

#include "common/queue/queue.h"

/* Appends Prometheus text (common/net/metrics.h). */
void queue_metrics_print(const struct queue_stats *stats, struct buf *out);

#endif
