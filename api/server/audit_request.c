/* The audit: what is recorded of a request. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "api/server/audit.h"
#include "api/server/request.h"
#include "common/base/json.h"
#include "common/base/mem.h"

#define HEADERS_MAX ((size_t)64 << 10) /* more than the library takes */

/* ---- where it comes from ---- */
static const char *print_address(const struct request *req, char text[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;

    if (address != NULL && address->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, address, sizeof v4);
        return inet_ntop(AF_INET, &v4.sin_addr, text, INET6_ADDRSTRLEN);
    }
    if (address != NULL && address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, address, sizeof v6);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
            return inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, INET6_ADDRSTRLEN);
        return inet_ntop(AF_INET6, &v6.sin6_addr, text, INET6_ADDRSTRLEN);
    }
    return NULL;
}

static enum MHD_Result add_forwarded(void *cls, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct buf *lines = cls;

    (void)kind;
    if (value == NULL || strcasecmp(name, "X-Forwarded-For") != 0)
        return MHD_YES;
    if (lines->len > 0)
        buf_str(lines, ", ");
    buf_str(lines, value);
    return MHD_YES;
}

/* Each proxy appends what it has seen, to the line or as another one: of much it is the
 * end that counts, and what stands before that a client may have made up. */
static const char *print_forwarded(const struct request *req, struct buf *lines)
{
    if (request_header(req, "X-Forwarded-For") == NULL)
        return NULL;
    MHD_get_connection_values(req->connection, MHD_HEADER_KIND, add_forwarded, lines);
    return buf_text(lines) +
           (lines->len > AUDIT_TEXT_MAX ? lines->len - AUDIT_TEXT_MAX : 0);
}

/* ---- what it is about ---- */
/* A text of the body; "" and what is no text are left out. */
static const char *member(const struct request *req, const char *name)
{
    return req->json != NULL ? json_string(req->json, name) : NULL;
}

static void add_object(const struct request *req, struct audit_record *record)
{
    const struct route *route = req->match.route;

    record->project_id = member(req, "projectId");
    record->workspace_id = member(req, "workspaceId");
    if (strchr(route->pattern, '{') != NULL && route->project == PROJECT_PATH) {
        record->project_id = req->match.params[0];
        record->workspace_id = req->match.params[1];
    } else if (strchr(route->pattern, '{') != NULL) {
        record->object_id = req->match.params[0];
    }
    if (!route->fold_keys)
        return;
    record->repository = member(req, "repository");
    record->ref = member(req, "ref");
    record->pull_request = req->json != NULL ? json_int(req->json, "pr", 0) : 0;
}

static int64_t add(struct request *req, struct audit_record *record)
{
    AUTO(buf_done) struct buf forwarded = BUF_INIT(HEADERS_MAX);
    char address[INET6_ADDRSTRLEN];

    record->token = req->token_name;
    record->address = print_address(req, address);
    record->forwarded_for = print_forwarded(req, &forwarded);
    record->action = req->match.route->action;
    record->method = route_method_name(req->method);
    record->path = req->path;
    record->request_id = req->id;
    return audit_add(req->api->audit, record);
}

/* ---- recorded ---- */
static bool is_recorded(const struct request *req)
{
    const struct route *route = req->match.route;

    return route != NULL && route->action != NULL && req->token_name != NULL;
}

void audit_accepted(struct request *req)
{
    struct audit_record record = {0};

    if (!is_recorded(req))
        return;
    add_object(req, &record);
    req->audited = true;
    req->audit_number = add(req, &record);
}

/* Nobody waits for it to be stored. */
void audit_refused(struct request *req, unsigned status)
{
    struct audit_record record = {.status = status};

    if (!is_recorded(req))
        return;
    add_object(req, &record);
    req->audited = false;
    req->audit_number = 0;
    add(req, &record);
}

void audit_push(struct request *req, const char *name, const char *repository,
                const char *ref)
{
    struct audit_record record = {.repository = repository, .ref = ref};

    if (req->audited)
        return;
    req->token_name = name;
    req->audited = true;
    req->audit_number = add(req, &record);
}
