/* A request, from its head to the last byte of its answer. */
#include "api/request.h"

#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/body.h"
#include "api/handlers.h"
#include "api/header.h"
#include "api/server.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/parse.h"

/* A body that is too large is read and thrown away up to here, so that the client gets to
 * see the answer; a larger one is cut off. */
#define DISCARD_MAX ((size_t)8 << 20)

const char *request_header(const struct request *req, const char *name)
{
    return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

const char *request_query(const struct request *req, const char *name)
{
    return MHD_lookup_connection_value(req->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_prefix(const struct request *req)
{
    return req->api->conf->redis_prefix;
}

static void release_state(struct request *req)
{
    if (req->state_done != NULL)
        req->state_done(req->state);
    free(req->state);
    req->state = NULL;
    req->state_done = NULL;
}

void *request_state(struct request *req, size_t size, void (*done)(void *state))
{
    void *state = mem_new(1, size);

    release_state(req);
    req->state = state;
    req->state_done = done;
    return state;
}

void request_drop_body(struct request *req)
{
    cJSON_Delete(TAKE(req->json));
    buf_done(&req->body);
}

size_t request_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
    char *nul = strstr(text, "%00");

    (void)cls;
    (void)connection;
    return nul == NULL ? MHD_http_unescape(text) : strlen(text);
}

void request_resume(struct request *req)
{
    if (req->suspended)
        MHD_resume_connection(req->connection);
    req->suspended = false;
    server_wake(req->daemon);
}

/* Redis answers in less time than it takes to suspend a connection and to resume it, so
 * the library just calls again; server.c sees to it that it does so when there is news.
 */
static void set_held(struct request *req, bool held)
{
    if (req->held != held)
        server_hold(req->daemon, held ? 1 : -1);
    req->held = held;
}

/* ---- the head ---- */
static void refuse(struct request *req, enum reply_error error, const char *message)
{
    req->refused = error;
    req->refusal = message;
}

static void choose_id(struct request *req)
{
    const char *given = request_header(req, "X-Request-Id");

    if (given != NULL && parse_is_request_id(given))
        memcpy(req->id, given, strlen(given) + 1);
    else
        sign_uuid4(req->id);
}

static void check_token(struct request *req)
{
    struct auth_given given = {.atlantis_token = request_header(req, "X-Atlantis-Token"),
                               .authorization = request_header(req, "Authorization")};

    switch (auth_check(req->api->conf, req->match.route->access, req->method, &given,
                       &req->token_name)) {
    case AUTH_OK:
        break;
    case AUTH_DISABLED:
        refuse(req,
               req->match.route->disabled_is_invalid ? REPLY_BAD_REQUEST : REPLY_DISABLED,
               "API is disabled: KEDGE_API_SECRET is not set");
        break;
    case AUTH_MISSING:
        refuse(req, REPLY_UNAUTHORIZED, "a token is required");
        break;
    case AUTH_WRONG:
        refuse(req, REPLY_UNAUTHORIZED, "the token is not valid");
        break;
    case AUTH_READ_ONLY:
        refuse(req, REPLY_FORBIDDEN, "this token is good for reading only");
        break;
    }
}

static void check_route(struct request *req, const char *method)
{
    req->method = route_method_parse(method, &req->head);
    switch (route_find(routes, routes_count, req->method, req->path, &req->match)) {
    case ROUTE_FOUND:
        check_token(req);
        break;
    case ROUTE_UNKNOWN:
        refuse(req, REPLY_NOT_FOUND, "there is nothing at this path");
        break;
    case ROUTE_NOT_METHOD:
        refuse(req, REPLY_NOT_ALLOWED, "this path does not take that method");
        break;
    case ROUTE_BAD_ID:
        refuse(req, REPLY_BAD_REQUEST,
               "an id is 1 to 64 of A-Z a-z 0-9 . _ - and begins with a letter or digit");
        break;
    }
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
 * word on it or it is huge. */
static bool is_hopeless(const struct request *req)
{
    int64_t bytes = declared_bytes(req);

    return bytes > (int64_t)DISCARD_MAX ||
           (bytes > (int64_t)REQUEST_BODY_MAX &&
            request_header(req, MHD_HTTP_HEADER_EXPECT) != NULL);
}

static const char *too_large = "the body is larger than 1 MiB";

static struct request *begin(struct server_daemon *daemon,
                             struct MHD_Connection *connection, const char *path,
                             const char *method)
{
    struct request *req = mem_new(1, sizeof *req);

    req->api = server_api(daemon);
    req->daemon = daemon;
    req->connection = connection;
    req->path = path;
    req->begun_mono_ms = clock_mono_ms();
    req->wait.hangup.fd = -1;
    req->api->requests++;
    buf_init(&req->body, REQUEST_BODY_MAX);
    choose_id(req);
    check_route(req, method);
    if (is_hopeless(req)) {
        req->early = true;
        if (req->refusal == NULL)
            refuse(req, REPLY_TOO_LARGE, too_large);
    }
    return req;
}

/* ---- the body ---- */
static void take_body(struct request *req, const char *bytes, size_t len)
{
    req->body_bytes += len;
    if (req->refusal == NULL && req->match.route->fields != NULL)
        buf_append(&req->body, bytes, len);
    if (req->body.over && req->refusal == NULL) {
        refuse(req, REPLY_TOO_LARGE, too_large);
        buf_done(&req->body);
    }
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

static void check_body(struct request *req)
{
    const struct route *route = req->match.route;
    const char *type = request_header(req, MHD_HTTP_HEADER_CONTENT_TYPE);

    if (route->fields == NULL || (route->body_optional && req->body.len == 0))
        return;
    if (type != NULL && !header_is_json(type))
        reply_error(req, REPLY_MEDIA_TYPE, "the body must be application/json");
    else
        check_fields(req);
}

/* ---- the answer ---- */
static void handle(struct request *req)
{
    req->handled = true;
    if (req->refusal != NULL) {
        reply_error(req, req->refused, "%s", req->refusal);
        return;
    }
    check_body(req);
    if (req->response == NULL)
        req->match.route->handle(req);
}

/* Sends the answer, or waits for it. */
static enum MHD_Result answer(struct request *req)
{
    enum MHD_Result queued;

    if (req->gone)
        return MHD_NO;
    set_held(req, req->response == NULL && ask_waits(req));
    if (req->response == NULL) {
        req->suspended = !req->held;
        if (req->suspended)
            MHD_suspend_connection(req->connection);
        return MHD_YES;
    }
    queued = MHD_queue_response(req->connection, req->status, req->response);
    MHD_destroy_response(TAKE(req->response));
    return queued;
}

enum MHD_Result request_access(void *cls, struct MHD_Connection *connection,
                               const char *url, const char *method, const char *version,
                               const char *upload, size_t *upload_bytes, void **req_cls)
{
    struct request *req = *req_cls;

    (void)version;
    if (req == NULL) {
        req = *req_cls = begin(cls, connection, url, method);
        if (!req->early)
            return MHD_YES;
    } else if (*upload_bytes > 0) {
        take_body(req, upload, *upload_bytes);
        *upload_bytes = 0;
        return req->body_bytes > DISCARD_MAX ? MHD_NO : MHD_YES;
    }
    if (!req->handled)
        handle(req);
    return answer(req);
}

/* ---- the end ---- */
static void log_request(const struct request *req, int64_t elapsed_ms)
{
    const char *method =
        req->head ? "HEAD"
                  : (req->method < METHODS ? route_method_name(req->method) : "other");

    if (req->status >= 500)
        log_warn("request", "request_id=%s method=%s path=%s status=%u ms=%lld", req->id,
                 method, req->path, req->status, (long long)elapsed_ms);
    else
        log_debug("request", "request_id=%s method=%s path=%s status=%u ms=%lld", req->id,
                  method, req->path, req->status, (long long)elapsed_ms);
}

void request_completed(void *cls, struct MHD_Connection *connection, void **req_cls,
                       enum MHD_RequestTerminationCode how)
{
    struct request *req = *req_cls;
    int64_t elapsed_ms;

    (void)cls;
    (void)connection;
    (void)how;
    if (req == NULL)
        return;
    *req_cls = NULL;
    set_held(req, false);
    elapsed_ms = clock_mono_ms() - req->begun_mono_ms;
    counters_request(&req->api->counters, req->status, elapsed_ms);
    log_request(req, elapsed_ms);
    req->api->requests--;
    wait_end(req);
    req->abandoned = ask_abandon(req);
    if (!req->abandoned)
        request_free(req);
}

void request_free(struct request *req)
{
    asks_done(&req->asks);
    release_state(req);
    for (size_t i = 0; i < REQUEST_HEADERS; i++)
        free(req->headers[i].value);
    if (req->response != NULL)
        MHD_destroy_response(req->response);
    cJSON_Delete(req->json);
    buf_done(&req->body);
    free(req);
}
