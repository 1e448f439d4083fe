/* A request, from its head to the last byte of its answer. */
#include "api/server/request.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "api/handlers.h"
#include "api/server/audit.h"
#include "api/server/auth.h"
#include "api/server/request_body.h"
#include "api/server/server.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/conf/tokens.h"

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

size_t request_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
    char *nul = strstr(text, "%00");

    (void)cls;
    (void)connection;
    return nul == NULL ? MHD_http_unescape(text) : strlen(text);
}

void request_watch_hangup(struct request *req,
                          void (*ready)(struct loop_source *source, uint32_t events))
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct err err;

    if (req->hangup.fd >= 0)
        return;
    req->hangup = (struct loop_source){.fd = -1, .ready = ready};
    if (info != NULL && loop_watch(&req->api->loop, &req->hangup, info->connect_fd,
                                   EPOLLRDHUP | EPOLLHUP | EPOLLERR, &err) < 0)
        log_warn("hangup_unwatched", "reason=%s", err.message);
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
    const struct route *route = req->match.route;
    enum auth_result result = auth_check(req->api->tokens, req->api->conf->auth_reads,
                                         route->access, &given, &req->token);

    if (req->token != NULL) {
        req->tokens = tokens_hold(req->api->tokens);
        req->token_name = req->token->name;
    }
    switch (result) {
    case AUTH_OK:
        break;
    case AUTH_DISABLED:
        request_refuse(req,
                       route->disabled_is_invalid ? REPLY_BAD_REQUEST : REPLY_DISABLED,
                       "API is disabled: KEDGE_API_SECRET is not set");
        break;
    case AUTH_MISSING:
        request_refuse(req, REPLY_UNAUTHORIZED,
                       "a token is required: Authorization: Bearer <token>");
        break;
    case AUTH_WRONG:
        request_refuse(req, REPLY_UNAUTHORIZED, "the token is not valid");
        break;
    case AUTH_SCOPE:
        request_refuse(req, REPLY_FORBIDDEN, auth_scope_message(route->access));
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
        request_refuse(req, REPLY_NOT_FOUND, "there is nothing at this path");
        break;
    case ROUTE_NOT_METHOD:
        request_refuse(req, REPLY_NOT_ALLOWED, "this path does not take that method");
        break;
    case ROUTE_BAD_ID:
        request_refuse(
            req, REPLY_BAD_REQUEST,
            "the id in the path is malformed: it is 1 to 64 of A-Z a-z 0-9 . _ - and "
            "begins with a letter or digit; of what the server names, a UUID");
        break;
    }
}

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
    req->hangup.fd = -1;
    req->api->requests++;
    req->api->reading++;
    choose_id(req);
    check_route(req, method);
    request_admit(req);
    return req;
}

/* ---- what a token is limited to ---- */
bool request_is_limited(const struct request *req)
{
    return req->token != NULL && req->token->projects != NULL;
}

bool request_has_access(const struct request *req, enum route_access access)
{
    return req->token != NULL && auth_has_access(req->token, access);
}

bool request_may_see(struct request *req, const char *project_id)
{
    bool may = !request_is_limited(req) || token_may_see(req->token, project_id);

    if (!may && req->sight != SIGHT_FILTERED)
        req->sight = SIGHT_REFUSED;
    else if (req->sight == SIGHT_UNASKED)
        req->sight = SIGHT_GIVEN;
    return may;
}

void request_filters(struct request *req)
{
    req->sight = SIGHT_FILTERED;
}

bool request_is_cleared(const struct request *req)
{
    if (!request_is_limited(req) || req->match.route->project != PROJECT_FOUND)
        return true;
    return req->sight == SIGHT_GIVEN || req->sight == SIGHT_FILTERED;
}

/* What the request itself names. */
static const char *named_project(const struct request *req)
{
    switch (req->match.route->project) {
    case PROJECT_PATH:
        return req->match.params[0];
    case PROJECT_QUERY:
        return request_query(req, "projectId");
    case PROJECT_BODY:
        return req->json != NULL ? json_string(req->json, "projectId") : NULL;
    case PROJECT_NONE:
    case PROJECT_ANY:
    case PROJECT_FOUND:
        break;
    }
    return NULL;
}

static void check_project(struct request *req)
{
    const char *refusal =
        auth_check_project(req->token, req->match.route->project, named_project(req));

    if (refusal == NULL)
        return;
    audit_refused(req, reply_error_status(REPLY_FORBIDDEN));
    reply_error(req, REPLY_FORBIDDEN, "%s", refusal);
}

/* ---- the answer ---- */
static void handle(struct request *req)
{
    req->handled = true;
    req->api->reading--;
    if (req->refusal != NULL) {
        if (req->refused == REPLY_FORBIDDEN)
            audit_refused(req, reply_error_status(req->refused));
        reply_error(req, req->refused, "%s", req->refusal);
        return;
    }
    request_check_body(req);
    if (req->response == NULL)
        check_project(req);
    if (req->response != NULL)
        return;
    audit_accepted(req);
    req->match.route->handle(req);
}

/* A success is told when it is on record. Redis hears of both in one write, so that this
 * is hardly ever waited for. */
static bool waits_for_audit(const struct request *req)
{
    return req->response != NULL && req->status < MHD_HTTP_BAD_REQUEST &&
           audit_is_on_its_way(req->api->audit, req->audit_number);
}

/* Sends the answer, or waits for it. */
static enum MHD_Result answer(struct request *req)
{
    enum MHD_Result queued;

    if (req->gone)
        return MHD_NO;
    set_held(req, waits_for_audit(req) || (req->response == NULL && ask_waits(req)));
    if (req->response == NULL || req->held) {
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
        bool go_on = request_take_body(req, upload, *upload_bytes);

        *upload_bytes = 0;
        return go_on ? MHD_YES : MHD_NO;
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
    req->api->reading -= !req->handled;
    wait_end(req);
    stream_closed(req);
    loop_unwatch(&req->api->loop, &req->hangup);
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
    request_drop_body(req);
    tokens_drop(req->tokens);
    free(req);
}
