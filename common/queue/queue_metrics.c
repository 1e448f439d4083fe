/* How the queue stands, as metrics. */
#include "common/queue/queue_metrics.h"

#include "common/base/mem.h"
#include "common/net/metrics.h"

#define GAUGE(name, help, value)                                                         \
    {                                                                                    \
        name, help, METRIC_GAUGE, NULL, value                                            \
    }

void queue_metrics_print(const struct queue_stats *stats, struct buf *out)
{
    const int64_t paused = stats->paused, frozen = stats->frozen;
    const struct metric table[] = {
        GAUGE("kedge_queue_waiting", "Runs that wait.", &stats->waiting),
        GAUGE("kedge_queue_ready", "Idle targets with runs that wait.", &stats->ready),
        GAUGE("kedge_queue_active", "Runs that hold their target.", &stats->active),
        GAUGE("kedge_queue_delayed", "Runs that wait for their time.", &stats->delayed),
        GAUGE("kedge_queue_orphans", "Applies whose worker is gone.", &stats->orphans),
        GAUGE("kedge_queue_dead", "Runs given up after three crashes.", &stats->dead),
        GAUGE("kedge_queue_oldest_waiting_ms", "For how long what comes next has waited.",
              &stats->oldest_waiting_ms),
        GAUGE("kedge_queue_paused", "1 while nothing is claimed.", &paused),
        GAUGE("kedge_queue_frozen", "1 while applies are refused.", &frozen),
        GAUGE("kedge_workers", "Workers heard of in the last minute.", &stats->workers),
        GAUGE("kedge_stored_result_bytes", "Bytes of stored outputs and logs.",
              &stats->result_bytes),
    };

    metrics_print(table, ARRAY_LEN(table), out);
}
