/* /healthz, /readyz and /status. */
#include "api/handlers.h"

#include "api/auth.h"
#include "api/request.h"
#include "common/queue.h"

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

    if (req->api->draining)
        reply_error(req, REPLY_DISABLED, "shutting down");
    else if (health_ready(&req->api->health, &err) < 0)
        reply_error(req, REPLY_AWAY, "%s", err.message);
    else
        reply_ok(req);
}

/* The version is for those who have a token. */
static void got_stats(struct request *req, const struct redisReply *reply)
{
    struct auth_given given = {.atlantis_token = request_header(req, "X-Atlantis-Token"),
                               .authorization = request_header(req, "Authorization")};
    struct buf body = REPLY_BODY_INIT;
    struct queue_stats stats;
    struct json_writer w;
    struct err err;

    if (queue_get_stats_reply(reply, &stats, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    json_open(&w, &body);
    json_object(&w);
    json_add_boolean(&w, "shutting_down", req->api->draining);
    json_add_number(&w, "in_progress_operations", stats.active);
    json_add_text(&w, "version", auth_known(req->api->conf, &given) ? kedge_version : "");
    json_object_end(&w);
    reply_json(req, MHD_HTTP_OK, &body);
}

void handle_status(struct request *req)
{
    struct redis_cmd cmd;

    queue_get_stats(&cmd, request_prefix(req));
    ask_one(req, &cmd, got_stats);
}
