/* The body of a request: how much of it is read, and what is checked before the handler.
 */
#include "api/server/request_body.h"

#include "api/server/body.h"
#include "api/server/header.h"
#include "api/server/request.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

/* A body that is too large is read and thrown away for so long, so that the client gets
 * to see the answer; a larger one is cut off. */
#define DISCARD_MAX ((size_t)8 << 20)

void request_drop_body(struct request *req)
{
    cJSON_Delete(TAKE(req->json));
    buf_done(&req->body);
    req->api->large_bytes -= req->large_bytes;
    req->large_bytes = 0;
}

void request_refuse(struct request *req, enum reply_error error, const char *message)
{
    req->refused = error;
    req->refusal = message;
}

/* ---- the head ---- */
static size_t raw_max(const struct request *req)
{
    const struct route *route = req->match.route;

    return route != NULL ? route->raw_body_max : 0;
}

static size_t body_max(const struct request *req)
{
    return raw_max(req) > 0 ? raw_max(req) : REQUEST_BODY_MAX;
}

/* What the client says it will send; -1: it does not say. */
static int64_t declared_bytes(const struct request *req)
{
    const char *text = request_header(req, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t bytes;

    if (text == NULL || parse_int64(text, 0, INT64_MAX, &bytes) < 0)
        return -1;
    return bytes;
}

/* A body nobody wants to read: answered before it is sent, when the client waits for our
 * word on it or it is huge. Of a stranger's that might be large no more is read than of
 * any other's. */
static bool is_hopeless(const struct request *req, int64_t bytes)
{
    if (raw_max(req) > 0 && req->refusal != NULL)
        return bytes < 0 || bytes > (int64_t)REQUEST_BODY_MAX;
    return bytes > (int64_t)(raw_max(req) > DISCARD_MAX ? raw_max(req) : DISCARD_MAX) ||
           (bytes > (int64_t)body_max(req) &&
            request_header(req, MHD_HTTP_HEADER_EXPECT) != NULL);
}

static const char *too_large(const struct request *req)
{
    return raw_max(req) > 0 ? "the body is larger than 25 MiB"
                            : "the body is larger than 1 MiB";
}

/* A large body takes its part of what all may have, for as long as it is in memory. */
static void take_large(struct request *req, size_t bytes)
{
    if (req->api->large_bytes + bytes > REQUEST_LARGE_MAX) {
        request_refuse(req, REPLY_AWAY, "too many large bodies are on their way");
        return;
    }
    req->large_bytes = bytes;
    req->api->large_bytes += bytes;
}

void request_admit(struct request *req)
{
    int64_t bytes = declared_bytes(req);

    buf_init(&req->body, body_max(req));
    if (req->refusal == NULL && req->match.route->admit != NULL)
        req->match.route->admit(req);
    req->early = is_hopeless(req, bytes);
    if (req->refusal == NULL && req->early)
        request_refuse(req, REPLY_TOO_LARGE, too_large(req));
    if (req->refusal == NULL && raw_max(req) > 0 && bytes > (int64_t)REQUEST_BODY_MAX) {
        take_large(req, (size_t)bytes);
        req->early = req->refusal != NULL;
    }
}

/* ---- the body ---- */
static bool is_wanted(const struct request *req)
{
    return req->refusal == NULL && (req->match.route->fields != NULL || raw_max(req) > 0);
}

bool request_take_body(struct request *req, const char *bytes, size_t len)
{
    req->body_bytes += len;
    /* It did not say how long it would be. */
    if (is_wanted(req) && raw_max(req) > 0 && req->large_bytes == 0 &&
        req->body_bytes > REQUEST_BODY_MAX)
        take_large(req, raw_max(req));
    if (is_wanted(req))
        buf_append(&req->body, bytes, len);
    if (req->body.over && req->refusal == NULL)
        request_refuse(req, REPLY_TOO_LARGE, too_large(req));
    if (req->refusal != NULL)
        request_drop_body(req);
    return req->body_bytes <= raw_max(req) + DISCARD_MAX;
}

static void check_fields(struct request *req)
{
    const struct route *route = req->match.route;
    AUTO(problems_done) struct problems problems = {0};
    struct err err;

    req->json = json_parse(buf_text(&req->body), req->body.len, JSON_DEPTH_MAX,
                           route->fold_keys, &err);
    if (req->json == NULL) {
        reply_error(req, REPLY_BAD_REQUEST, "the body is not valid JSON: %s",
                    err.message);
        return;
    }
    if (route->fold_keys)
        body_fold(req->json, route->fields, route->field_count);
    body_check(req->json, route->fields, route->field_count, "", &problems);
    if (route->check != NULL && cJSON_IsObject(req->json))
        route->check(req->json, &problems);
    if (problems.count > 0)
        reply_problems(req, &problems);
}

void request_check_body(struct request *req)
{
    const struct route *route = req->match.route;
    const char *type = request_header(req, MHD_HTTP_HEADER_CONTENT_TYPE);

    if (route->fields == NULL || (route->body_optional && req->body.len == 0))
        return;
    if (type != NULL && !header_is_json(type))
        reply_error(req, REPLY_MEDIA_TYPE,
                    "the body must be JSON: Content-Type: application/json");
    else
        check_fields(req);
}
