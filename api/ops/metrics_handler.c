/* /metrics: Prometheus text. */
#include "api/ops/metrics_handler.h"

#include "api/ai/ai.h"
#include "api/handlers.h"
#include "api/server/audit.h"
#include "api/server/request.h"
#include "api/server/server.h"
#include "api/server/tls.h"
#include "common/base/mem.h"
#include "common/queue/queue_metrics.h"

#define TYPE_PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"

void counters_request(struct counters *counters, unsigned status, int64_t elapsed_ms)
{
    unsigned class = status / 100;

    counters->requests[class < STATUS_CLASSES ? class : 0]++;
    metrics_observe(&counters->elapsed, elapsed_ms);
}

static void print_audit(const struct api *api, struct buf *out)
{
    struct audit_counters audit = audit_counters(api->audit);
    const struct metric table[] = {
        {"kedge_audit_records_total", "Records of the audit.", METRIC_COUNTER, NULL,
         &audit.records},
        {"kedge_audit_dropped_total", "Records that were lost: Redis was away for long.",
         METRIC_COUNTER, NULL, &audit.dropped},
        {"kedge_audit_waiting", "Batches of records that are not stored yet.",
         METRIC_GAUGE, NULL, &audit.waiting},
    };

    metrics_print(table, ARRAY_LEN(table), out);
}

static void print_streams(const struct api *api, struct buf *out)
{
    const int64_t *open = api->streams_open, *ends = ai_outcomes(api->ai);
    const char *streams = "kedge_streams_open";
    const char *streams_help = "Answers that are sent as they come.";
    const char *ai = "kedge_ai_requests_total";
    const char *ai_help = "Suggestions asked for, by how that ended.";
    const struct metric table[] = {
        {streams, streams_help, METRIC_GAUGE, "kind=\"logs\"", &open[STREAM_LOG]},
        {streams, streams_help, METRIC_GAUGE, "kind=\"ai\"", &open[STREAM_AI]},
        {ai, ai_help, METRIC_COUNTER, "outcome=\"answered\"", &ends[AI_OUTCOME_ANSWERED]},
        {ai, ai_help, METRIC_COUNTER, "outcome=\"cut\"", &ends[AI_OUTCOME_CUT]},
        {ai, ai_help, METRIC_COUNTER, "outcome=\"failed\"", &ends[AI_OUTCOME_FAILED]},
        {ai, ai_help, METRIC_COUNTER, "outcome=\"left\"", &ends[AI_OUTCOME_LEFT]},
        {ai, ai_help, METRIC_COUNTER, "outcome=\"busy\"", &ends[AI_OUTCOME_BUSY]},
    };

    metrics_print(table, ARRAY_LEN(table), out);
}

static void print_tls(const struct api *api, struct buf *out)
{
    const struct tls *tls = server_tls(api->server);
    int64_t expiry_s = tls == NULL ? 0 : tls_expiry_s(tls);
    const struct metric table[] = {
        {"kedge_tls_expiry_seconds", "Until a certificate of the chain ends.",
         METRIC_GAUGE, NULL, &expiry_s},
    };

    if (tls != NULL)
        metrics_print(table, ARRAY_LEN(table), out);
}

static void print_process(const struct api *api, struct buf *out)
{
    const struct counters *counters = &api->counters;
    int64_t waiting = waiters_count(api->waiters);
    int64_t redis_up = redis_link_ready(api->link.redis);
    const char *requests = "kedge_http_requests_total";
    const char *help = "Requests answered, by class of status.";
    const struct metric table[] = {
        {requests, help, METRIC_COUNTER, "class=\"2xx\"", &counters->requests[2]},
        {requests, help, METRIC_COUNTER, "class=\"3xx\"", &counters->requests[3]},
        {requests, help, METRIC_COUNTER, "class=\"4xx\"", &counters->requests[4]},
        {requests, help, METRIC_COUNTER, "class=\"5xx\"", &counters->requests[5]},
        {requests, help, METRIC_COUNTER, "class=\"none\"", &counters->requests[0]},
        {"kedge_http_request_seconds", "Time from a request's head to its last byte.",
         METRIC_HISTOGRAM, NULL, &counters->elapsed},
        {"kedge_http_connections", "Open connections.", METRIC_GAUGE, NULL,
         &counters->connections},
        {"kedge_http_requests_in_flight", "Requests begun and not ended.", METRIC_GAUGE,
         NULL, &api->requests},
        {"kedge_http_long_polls", "Requests that wait for a run to change.", METRIC_GAUGE,
         NULL, &waiting},
        {"kedge_redis_up", "1 while connected to Redis.", METRIC_GAUGE, NULL, &redis_up},
    };

    metrics_print(table, ARRAY_LEN(table), out);
    print_tls(api, out);
    print_streams(api, out);
    print_audit(api, out);
    metrics_print_process(out);
}

static void got_stats(struct request *req, const struct redisReply *reply)
{
    struct buf body = REPLY_BODY_INIT;
    struct queue_stats stats;
    struct err err;

    print_process(req->api, &body);
    if (queue_get_stats_reply(reply, &stats, &err) == 0)
        queue_metrics_print(&stats, &body);
    reply_text(req, MHD_HTTP_OK, TYPE_PROMETHEUS, &body);
}

/* Redis away: that alone is worth telling. */
void handle_metrics(struct request *req)
{
    struct err err;
    struct redis_cmd cmd;

    if (health_ready(&req->api->health, &err) < 0) {
        struct buf body = REPLY_BODY_INIT;

        print_process(req->api, &body);
        reply_text(req, MHD_HTTP_OK, TYPE_PROMETHEUS, &body);
        return;
    }
    queue_get_stats(&cmd, request_prefix(req));
    ask_one(req, &cmd, got_stats);
}
