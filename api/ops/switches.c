/* /api/v1/pause: nothing is claimed or fired; /api/v1/freeze: nothing is applied. */
#include "api/handlers.h"
#include "api/server/request.h"
#include "common/queue/queue.h"

const struct field pause_fields[SWITCH_FIELDS] = {
    {"paused", .type = FIELD_BOOLEAN, .required = true},
    {"reason", .type = FIELD_TEXT, .min = 0, .max = 500},
};

const struct field freeze_fields[SWITCH_FIELDS] = {
    {"frozen", .type = FIELD_BOOLEAN, .required = true},
    {"reason", .type = FIELD_TEXT, .min = 0, .max = 500},
};

static const char *const names[SWITCHES] = {
    [SWITCH_PAUSE] = "paused",
    [SWITCH_FREEZE] = "frozen",
};

/* ---- the answer: how it stands ---- */
static void show(struct request *req, enum queue_switch which,
                 const struct redisReply *reply)
{
    struct buf body = REPLY_BODY_INIT;
    struct queue_switched switched;
    struct json_writer w;
    struct err err;

    if (queue_switch_reply(reply, &switched, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    json_open(&w, &body);
    json_object(&w);
    json_add_boolean(&w, names[which], switched.on);
    json_add_stored(&w, "reason", switched.reason);
    json_add_stored(&w, "by", switched.by);
    json_add_time(&w, "since", switched.since_ms);
    json_object_end(&w);
    reply_json(req, MHD_HTTP_OK, &body);
}

static void got_pause(struct request *req, const struct redisReply *reply)
{
    show(req, SWITCH_PAUSE, reply);
}

static void got_freeze(struct request *req, const struct redisReply *reply)
{
    show(req, SWITCH_FREEZE, reply);
}

static ask_then *const got[SWITCHES] = {
    [SWITCH_PAUSE] = got_pause,
    [SWITCH_FREEZE] = got_freeze,
};

/* ---- the requests ---- */
static void get(struct request *req, enum queue_switch which)
{
    struct redis_cmd cmd;

    queue_get_switch(&cmd, request_prefix(req), which);
    ask_one(req, &cmd, got[which]);
}

static void put(struct request *req, enum queue_switch which)
{
    struct redis_cmd cmd;

    queue_set_switch(&cmd, request_prefix(req), which,
                     json_bool(req->json, names[which], false),
                     json_string(req->json, "reason"), req->token_name);
    ask_one(req, &cmd, got[which]);
}

void handle_pause_get(struct request *req)
{
    get(req, SWITCH_PAUSE);
}

void handle_pause_put(struct request *req)
{
    put(req, SWITCH_PAUSE);
}

void handle_freeze_get(struct request *req)
{
    get(req, SWITCH_FREEZE);
}

void handle_freeze_put(struct request *req)
{
    put(req, SWITCH_FREEZE);
}
