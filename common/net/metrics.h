/* Metrics: counters, gauges and histograms in the Prometheus text format (version 0.0.4).
 *
 * A program describes its metrics in one static table and passes it to metrics_print.
 * Not thread-safe: each program counts in its loop thread. Values are plain fields, so
 * counting costs one addition. */
#ifndef KEDGE_COMMON_NET_METRICS_H
#define KEDGE_COMMON_NET_METRICS_H

#include <stdint.h>

#include "common/base/buf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_BUCKETS 14
extern const double metric_bounds_s[METRIC_BUCKETS]; /* 1 ms … 600 s; +Inf is the count */

struct metric_histogram {
    uint64_t buckets[METRIC_BUCKETS]; /* not cumulative */
    uint64_t count;
    double sum_s;
};

struct metric {
    const char *name; /* "kedge_runs_ended_total" */
    const char *help;
    enum metric_type type;
    const char *labels; /* `status="clean"` or NULL; rows of one name stand together */
    const void *value;  /* int64_t for counter and gauge, struct metric_histogram else */
};

void metrics_observe(struct metric_histogram *histogram, int64_t elapsed_ms);
void metrics_print(const struct metric *table, size_t count, struct buf *out);
/* process_resident_memory_bytes, process_cpu_seconds_total, process_open_fds,
 * process_start_time_seconds and kedge_build_info{version} of this process. */
void metrics_print_process(struct buf *out);

#endif
