/* A request, from its head to the last byte of its answer.
 *
 * The library calls with the head, then with the body in pieces, then once more; on that
 * last call the checks run in the contract's order (route, method, token, body size,
 * content type, JSON, fields) and then the route's handler. A handler answers with one of
 * reply.h, at once or after asking Redis (ask.h); until then the connection is suspended,
 * and answering resumes it. So a request lives exactly until its answer is sent, and no
 * callback ever meets one that is gone. */
#ifndef KEDGE_API_SERVER_REQUEST_H
#define KEDGE_API_SERVER_REQUEST_H

#include <cjson/cJSON.h>
#include <microhttpd.h>
#include <stdbool.h>

#include "api/api.h"
#include "api/server/ask.h"
#include "api/server/reply.h"
#include "api/server/route.h"
#include "api/server/stream.h"
#include "api/server/wait.h"
#include "common/base/buf.h"
#include "common/base/sign.h"

#define REQUEST_ID_BYTES 65
#define REQUEST_BODY_MAX ((size_t)1 << 20)
/* Of all bodies above that which are in memory at a time: more are asked to come later.
 */
#define REQUEST_LARGE_MAX ((size_t)100 << 20)
#define REQUEST_HEADERS   3 /* of an answer, besides those every answer has */

struct server_daemon;

/* What request_may_see has said to a token that is limited to projects. */
enum request_sight {
    SIGHT_UNASKED,
    SIGHT_GIVEN,
    SIGHT_REFUSED,  /* and nothing makes up for it */
    SIGHT_FILTERED, /* a list that leaves out what may not be seen */
};

struct request {
    struct api *api;
    struct server_daemon *daemon;
    struct MHD_Connection *connection;
    const char *path; /* borrowed from the connection */
    enum method method;
    bool head;    /* HEAD: as GET, the library leaves the body out */
    bool early;   /* answered before the body was read: the connection closes */
    bool handled; /* the checks are done and the handler was called */
    bool held; /* waits for Redis: counted by its daemon, called again until answered */
    bool suspended; /* waits for longer: not called until it is resumed */
    bool abandoned; /* its connection is gone, replies are still on their way */
    bool gone;      /* the client hung up while it waited: send nothing */
    char id[REQUEST_ID_BYTES];
    struct route_match match;
    const char *token_name;    /* who asks: goes into the runs' locked_by; NULL: nobody */
    const struct token *token; /* NULL: nobody, or a webhook */
    struct tokens *tokens;     /* held, because `token` is of them */
    enum request_sight sight;
    bool audited;         /* it is in the audit as accepted */
    int64_t audit_number; /* of the batch with that record; 0: none is waited for */
    const char *refusal;  /* not NULL: what is answered once the body has been read */
    enum reply_error refused;
    struct buf body;
    size_t body_bytes;  /* seen, kept or not */
    size_t large_bytes; /* taken of what all large bodies together may have */
    cJSON *json;        /* the body of a route with fields; an object, checked */
    struct {
        const char *name;
        char *value;
    } headers[REQUEST_HEADERS];    /* of the answer to come */
    struct MHD_Response *response; /* the answer; NULL: not there yet */
    unsigned status;
    int64_t begun_mono_ms;
    struct asks asks;
    /* Answers when Redis is away, instead of 503: who was accepted is not to come again.
     * NULL: 503. */
    void (*unserved)(struct request *req);
    struct wait wait;
    struct stream stream;
    struct loop_source hangup; /* the client's socket, of one who waits or streams */
    void *state;               /* the handler's own, freed with state_done */
    void (*state_done)(void *state);
};

/* The library's access handler; cls is the daemon the connection belongs to. */
enum MHD_Result request_access(void *cls, struct MHD_Connection *connection,
                               const char *url, const char *method, const char *version,
                               const char *upload, size_t *upload_bytes, void **req_cls);
/* The library's notice that a request is over. */
void request_completed(void *cls, struct MHD_Connection *connection, void **req_cls,
                       enum MHD_RequestTerminationCode how);

/* A header or a query parameter; NULL: not given. Lives as long as the request. */
const char *request_header(const struct request *req, const char *name);
const char *request_query(const struct request *req, const char *name);
/* The handler's own state, zeroed. `done` releases what it owns; then it is freed. A
 * second call releases the first one's. */
void *request_state(struct request *req, size_t size, void (*done)(void *state));
/* In a route's admit: it is answered so. The message is borrowed for good. */
void request_refuse(struct request *req, enum reply_error error, const char *message);
/* May who asks see what belongs to that project? NULL or "": to none, as what the
 * Atlantis family makes. A handler of a PROJECT_FOUND route calls it once it has looked;
 * on false it answers as if there were nothing (404). */
bool request_may_see(struct request *req, const char *project_id);
/* First of all in a handler of a list that leaves out what request_may_see says no to. */
void request_filters(struct request *req);
/* Is the token limited to projects? Else nobody has to look before he acts. */
bool request_is_limited(const struct request *req);
/* Is the token good for what needs that access? */
bool request_has_access(const struct request *req, enum route_access access);
/* May an answer of success go out? Not when a PROJECT_FOUND route's handler has not asked
 * whether it may. For reply.c. */
bool request_is_cleared(const struct request *req);
/* The body has been read for good: what waits for minutes should not hold it. */
void request_drop_body(struct request *req);
const char *request_prefix(const struct request *req); /* of Redis keys */
/* Calls `ready` when the client hangs up. Once a request: until the request is over, or
 * somebody unwatches req->hangup. */
void request_watch_hangup(struct request *req,
                          void (*ready)(struct loop_source *source, uint32_t events));
/* The answer is there, or the client is not: let the library go on with it. */
void request_resume(struct request *req);
/* Of an abandoned one, when the last reply has come. */
void request_free(struct request *req);

/* A pathological %00 stays as it is written, so that no name is ever cut short. */
size_t request_unescape(void *cls, struct MHD_Connection *connection, char *text);

#endif
