/* GET /api/v1/workers: who works. */
#include "api/handlers.h"
#include "api/registry/document.h"
#include "api/server/request.h"
#include "common/queue/queue.h"

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
