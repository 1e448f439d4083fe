/* /healthz, /readyz and /status. */
#include "api/handlers.h"

#include "api/server/auth.h"
#include "api/server/request.h"
#include "common/queue/queue_batch.h"

#define LOCKS_MAX 1000 /* of queue_list_locks */

static void reply_ok(struct request *req)
{
    struct buf body = REPLY_BODY_INIT;

    buf_str(&body, "{\"status\":\"ok\"}");
    reply_json(req, MHD_HTTP_OK, &body);
}

void handle_healthz(struct request *req)
{
    reply_ok(req);
}

void handle_readyz(struct request *req)
{
    struct err err;

    if (req->api->leaving)
        reply_error(req, REPLY_DISABLED, "shutting down");
    else if (health_ready(&req->api->health, &err) < 0)
        reply_error(req, REPLY_AWAY, "%s", err.message);
    else
        reply_ok(req);
}

/* ---- /status ---- */
/* The version is for those who have a token. */
static void show_status(struct request *req, int64_t running)
{
    struct auth_given given = {.atlantis_token = request_header(req, "X-Atlantis-Token"),
                               .authorization = request_header(req, "Authorization")};
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    json_object(&w);
    json_add_boolean(&w, "shutting_down", req->api->leaving);
    json_add_number(&w, "in_progress_operations", running);
    json_add_text(&w, "version",
                  auth_known(req->api->tokens, &given) ? kedge_version : "");
    json_object_end(&w);
    reply_json(req, MHD_HTTP_OK, &body);
}

static void got_stats(struct request *req, const struct redisReply *reply)
{
    struct queue_stats *stats = req->state;
    struct err err;

    if (queue_get_stats_reply(reply, stats, &err) < 0)
        reply_failure(req, &err);
}

/* What holds a workspace runs, but for the orphans; the numbers alone would count those
 * that only look for a request's projects too. */
static void got_locks(struct request *req, const struct redisReply *reply)
{
    const struct queue_stats *stats = req->state;
    int64_t held = (int64_t)redis_reply_count(reply);

    if (held == LOCKS_MAX)
        held = stats->active;
    show_status(req, held > stats->orphans ? held - stats->orphans : 0);
}

void handle_status(struct request *req)
{
    struct redis_cmd cmd;

    request_state(req, sizeof(struct queue_stats), NULL);
    queue_get_stats(&cmd, request_prefix(req));
    ask(req, &cmd, got_stats);
    queue_list_locks(&cmd, request_prefix(req));
    ask(req, &cmd, got_locks);
    ask_go(req);
}
