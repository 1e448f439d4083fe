/* /api/v1/workers: who works; /api/v1/pause: whether anybody may. */
#include <string.h>

#include "api/document.h"
#include "api/handlers.h"
#include "api/request.h"
#include "common/queue.h"

static void got_workers(struct request *req, const struct redisReply *reply)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    json_array(&w);
    for (size_t i = 0; i + 2 < redis_reply_count(reply); i += 3) {
        const char *id = redis_reply_text(redis_reply_at(reply, i));
        const char *info = redis_reply_text(redis_reply_at(reply, i + 2));

        document_write(&w, info != NULL ? info : "", id, NULL);
        json_add_time(&w, "lastSeenAt", redis_reply_int(redis_reply_at(reply, i + 1), 0));
        json_object_end(&w);
    }
    json_array_end(&w);
    reply_json(req, MHD_HTTP_OK, &body);
}

void handle_workers(struct request *req)
{
    struct redis_cmd cmd;

    queue_list_workers(&cmd, request_prefix(req));
    ask_one(req, &cmd, got_workers);
}

/* ---- pause ---- */
const struct field pause_fields[PAUSE_FIELDS] = {
    {"paused", .type = FIELD_BOOLEAN, .required = true},
    {"reason", .type = FIELD_TEXT, .min = 0, .max = 500},
};

static void show_pause(struct request *req, bool paused, const char *reason)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    json_object(&w);
    json_add_boolean(&w, "paused", paused);
    json_add_text(&w, "reason", reason != NULL && reason[0] != '\0' ? reason : NULL);
    json_object_end(&w);
    reply_json(req, MHD_HTTP_OK, &body);
}

static void got_pause(struct request *req, const struct redisReply *reply)
{
    struct queue_pause pause;
    struct err err;

    if (queue_get_pause_reply(reply, &pause, &err) < 0)
        reply_failure(req, &err);
    else
        show_pause(req, pause.paused, pause.reason);
}

void handle_pause_get(struct request *req)
{
    struct redis_cmd cmd;

    queue_get_pause(&cmd, request_prefix(req));
    ask_one(req, &cmd, got_pause);
}

static void pause_set(struct request *req, const struct redisReply *reply)
{
    (void)reply;
    show_pause(req, json_bool(req->json, "paused", false),
               json_string(req->json, "reason"));
}

void handle_pause_put(struct request *req)
{
    struct redis_cmd cmd;

    queue_set_pause(&cmd, request_prefix(req), json_bool(req->json, "paused", false),
                    json_string(req->json, "reason"));
    ask_one(req, &cmd, pause_set);
}
