/* What a worker counts, as Prometheus text. */
#include "common/base/mem.h"
#include "worker/supervisor/supervisor_internal.h"

#define ENDED(word, status)                                                              \
    {                                                                                    \
        "kedge_runs_ended_total", "Runs whose end this worker recorded.",                \
            METRIC_COUNTER, "status=\"" word "\"", &counts->ended[status]                \
    }
#define COUNTER(name, help, field)                                                       \
    {                                                                                    \
        name, help, METRIC_COUNTER, NULL, &counts->field                                 \
    }
#define GAUGE(name, help, field)                                                         \
    {                                                                                    \
        name, help, METRIC_GAUGE, NULL, &counts->field                                   \
    }

static void update_gauges(struct supervisor *s)
{
    struct supervisor_counts *counts = &s->counts;

    counts->slots = s->conf->worker_slots;
    counts->runs = (int64_t)supervisor_busy(s);
    counts->unsent = 0;
    for (const struct held *run = s->runs; run; run = run->next)
        counts->unsent += run->state == HELD_ENDED || run->state == HELD_SENDING;
    counts->connected = s->watch.ready;
}

void supervisor_print_metrics(void *arg, struct buf *out)
{
    struct supervisor *s = arg;
    const struct supervisor_counts *counts = &s->counts;
    const struct metric table[] = {
        GAUGE("kedge_worker_slots", "Runs this worker does at a time.", slots),
        GAUGE("kedge_worker_runs", "Runs in its slots now.", runs),
        GAUGE("kedge_worker_results_unsent", "Results that wait for Redis.", unsent),
        GAUGE("kedge_redis_connected", "1 while Redis answers.", connected),
        ENDED("clean", RUN_CLEAN),
        ENDED("drift_detected", RUN_DRIFT_DETECTED),
        ENDED("applied", RUN_APPLIED),
        ENDED("error", RUN_ERROR),
        ENDED("cancelled", RUN_CANCELLED),
        COUNTER("kedge_worker_claims_total", "Runs claimed.", claims),
        COUNTER("kedge_worker_retries_total", "Runs handed back to be retried.", retried),
        COUNTER("kedge_worker_releases_total", "Runs given back undone.", released),
        COUNTER("kedge_worker_lost_total", "Runs that Redis gave to others.", lost),
        COUNTER("kedge_worker_adopted_total", "Runs of an earlier worker.", adopted),
        COUNTER("kedge_worker_applies_marked_total", "Applies that were let begin.",
                marked),
        COUNTER("kedge_worker_orphans_total", "Applies that ended without a result.",
                orphaned),
        COUNTER("kedge_worker_reaped_total", "Runs of others that were reaped.", reaped),
        COUNTER("kedge_redis_reconnects_total", "Connections after the first.",
                reconnects),
        COUNTER("kedge_worker_log_bytes_dropped_total", "Live log that was left out.",
                log_dropped),
        {"kedge_run_duration_seconds", "From claim to recorded end.", METRIC_HISTOGRAM,
         NULL, &counts->duration},
    };

    update_gauges(s);
    metrics_print(table, ARRAY_LEN(table), out);
    metrics_print_process(out);
}
