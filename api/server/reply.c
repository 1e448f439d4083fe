/* Answers: status, headers and body of every response. */
#include "api/server/reply.h"

#include <inttypes.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/server/audit.h"
#include "api/server/body.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#define TYPE_JSON     "application/json"
#define RETRY_AFTER_S "2"
#define MESSAGE_BYTES 512
#define SMALL_BODY    512 /* most answers fit */

static const struct {
    unsigned status;
    const char *code;
} errors[REPLY_ERRORS] = {
    [REPLY_BAD_REQUEST] = {400, "VALIDATION_ERROR"},
    [REPLY_UNAUTHORIZED] = {401, "UNAUTHORIZED"},
    [REPLY_FORBIDDEN] = {403, "FORBIDDEN"},
    [REPLY_NOT_FOUND] = {404, "NOT_FOUND"},
    [REPLY_NOT_ALLOWED] = {405, "METHOD_NOT_ALLOWED"},
    [REPLY_CONFLICT] = {409, "CONFLICT"},
    [REPLY_FROZEN] = {409, "FROZEN"},
    [REPLY_DRIFT_MOVED] = {409, "DRIFT_MOVED"},
    [REPLY_TOO_LARGE] = {413, "PAYLOAD_TOO_LARGE"},
    [REPLY_MEDIA_TYPE] = {415, "UNSUPPORTED_MEDIA_TYPE"},
    [REPLY_IDEMPOTENCY] = {422, "IDEMPOTENCY_MISMATCH"},
    [REPLY_RATE_LIMITED] = {429, "RATE_LIMITED"},
    [REPLY_INTERNAL] = {500, "INTERNAL_ERROR"},
    [REPLY_UPSTREAM] = {502, "UPSTREAM_ERROR"},
    [REPLY_DISABLED] = {503, "SERVICE_UNAVAILABLE"},
    [REPLY_AWAY] = {503, "SERVICE_UNAVAILABLE"},
};

unsigned reply_error_status(enum reply_error error)
{
    return errors[error].status;
}

const char *reply_error_code(enum reply_error error)
{
    return errors[error].code;
}

/* ---- the response ---- */
void reply_header(struct request *req, const char *name, const char *value)
{
    for (size_t i = 0; i < REQUEST_HEADERS; i++) {
        if (req->headers[i].name != NULL)
            continue;
        req->headers[i].name = name;
        req->headers[i].value = mem_dup(value);
        return;
    }
}

static bool has_header(const struct request *req, const char *name)
{
    for (size_t i = 0; i < REQUEST_HEADERS && req->headers[i].name != NULL; i++)
        if (strcmp(req->headers[i].name, name) == 0)
            return true;
    return false;
}

void reply_retry_after(struct request *req, int64_t retry_after_ms)
{
    AUTO(auto_free) char *seconds = mem_fmt("%" PRId64, (retry_after_ms + 999) / 1000);

    reply_header(req, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
}

void reply_location(struct request *req, const char *path, const char *id)
{
    const char *base = req->api->conf->public_url;
    AUTO(auto_free)
    char *location = mem_fmt("%s%s%s", base != NULL ? base : "", path, id);

    reply_header(req, MHD_HTTP_HEADER_LOCATION, location);
}

static void add_headers(struct request *req, struct MHD_Response *response)
{
    MHD_add_response_header(response, "X-Request-Id", req->id);
    for (size_t i = 0; i < REQUEST_HEADERS && req->headers[i].name != NULL; i++)
        MHD_add_response_header(response, req->headers[i].name, req->headers[i].value);
    if (req->api->leaving)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* A handler that forgot to ask whether a token may see what it answers with. */
static void refuse_uncleared(struct request *req, struct MHD_Response *response)
{
    log_error("project_not_checked", "request_id=%s path=%s", req->id, req->path);
    MHD_destroy_response(response);
    reply_error(req, REPLY_INTERNAL, "internal error");
}

/* Hands the response to the library, now or when the request is resumed. */
void reply_response(struct request *req, unsigned status, struct MHD_Response *response)
{
    if (status < MHD_HTTP_BAD_REQUEST && !request_is_cleared(req)) {
        refuse_uncleared(req, response);
        return;
    }
    if (status >= MHD_HTTP_BAD_REQUEST && req->audited)
        audit_refused(req, status);
    add_headers(req, response);
    req->response = response;
    req->status = status;
    wait_end(req);
    if (!ask_waits(req))
        request_resume(req);
}

void reply_text(struct request *req, unsigned status, const char *content_type,
                struct buf *body)
{
    struct MHD_Response *response;
    size_t len = body->len;

    if (body->over) {
        struct err err;

        buf_done(body);
        err_set(&err, ERR_PERM, "the answer exceeds %zu bytes", REPLY_BODY_MAX);
        reply_failure(req, &err);
        return;
    }
    response =
        MHD_create_response_from_buffer(len, buf_take(body), MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    reply_response(req, status, response);
}

void reply_json(struct request *req, unsigned status, struct buf *body)
{
    reply_text(req, status, TYPE_JSON, body);
}

void reply_data(struct request *req, unsigned status, struct buf *data)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    body.over = data->over;
    json_open(&w, &body);
    json_object(&w);
    json_add_boolean(&w, "success", true);
    json_add_raw(&w, "data", buf_text(data), data->len);
    json_add_null(&w, "error");
    json_add_text(&w, "request_id", req->id);
    json_add_time(&w, "timestamp", clock_wall_ms());
    json_object_end(&w);
    buf_done(data);
    reply_json(req, status, &body);
}

void reply_not_modified(struct request *req, const char *etag)
{
    static char nothing[1];

    reply_header(req, MHD_HTTP_HEADER_ETAG, etag);
    reply_response(req, MHD_HTTP_NOT_MODIFIED,
                   MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT));
}

void reply_done(struct request *req)
{
    struct buf body = REPLY_BODY_INIT;

    buf_str(&body, "{\"success\":true}");
    reply_json(req, MHD_HTTP_OK, &body);
}

/* ---- errors ---- */
static void write_details(struct json_writer *w, const struct problems *problems)
{
    json_key(w, "details");
    json_array(w);
    for (size_t i = 0; i < problems->count; i++) {
        json_object(w);
        json_add_text(w, "field", problems->list[i].field);
        json_add_text(w, "message", problems->list[i].message);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_envelope(const struct request *req, enum reply_error error,
                           const char *message, const struct problems *problems,
                           struct buf *body)
{
    struct json_writer w;
    size_t room;

    buf_reserve(body, SMALL_BODY, &room);
    json_open(&w, body);
    json_object(&w);
    json_add_boolean(&w, "success", false);
    json_add_null(&w, "data");
    json_key(&w, "error");
    json_object(&w);
    json_add_text(&w, "code", errors[error].code);
    json_add_text(&w, "message", message);
    if (problems != NULL)
        write_details(&w, problems);
    json_object_end(&w);
    json_add_text(&w, "request_id", req->id);
    json_add_time(&w, "timestamp", clock_wall_ms());
    json_object_end(&w);
}

static void send_error(struct request *req, enum reply_error error, const char *message,
                       const struct problems *problems)
{
    struct buf body = REPLY_BODY_INIT;

    write_envelope(req, error, message, problems, &body);
    if ((error == REPLY_AWAY || error == REPLY_RATE_LIMITED) &&
        !has_header(req, MHD_HTTP_HEADER_RETRY_AFTER))
        reply_header(req, MHD_HTTP_HEADER_RETRY_AFTER, RETRY_AFTER_S);
    if (error == REPLY_UNAUTHORIZED)
        reply_header(req, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (error == REPLY_NOT_ALLOWED)
        reply_header(req, MHD_HTTP_HEADER_ALLOW, req->match.allow);
    reply_json(req, errors[error].status, &body);
}

void reply_error(struct request *req, enum reply_error error, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    send_error(req, error, message, NULL);
}

void reply_problems(struct request *req, const struct problems *problems)
{
    char message[MESSAGE_BYTES];

    if (problems->count == 1)
        snprintf(message, sizeof message, "%s", problems->list[0].message);
    else
        snprintf(message, sizeof message, "%zu parameters are missing or invalid",
                 problems->count);
    send_error(req, REPLY_BAD_REQUEST, message, problems);
}

void reply_failure(struct request *req, const struct err *err)
{
    bool is_temp = err->kind == ERR_TEMP;

    if (is_temp)
        log_warn("request_unserved", "request_id=%s reason=%s", req->id, err->message);
    else
        log_error("request_failed", "request_id=%s reason=%s", req->id, err->message);
    if (is_temp && req->unserved != NULL)
        req->unserved(req);
    else if (is_temp)
        reply_error(req, REPLY_AWAY, "the store is not available at the moment");
    else
        reply_error(req, REPLY_INTERNAL, "internal error");
}
