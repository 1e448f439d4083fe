/* Answers: the one place where a status, headers and a body are put together.
 *
 * An error of either API family is the envelope with `error`; a success of the v1 family
 * is the bare JSON. Each request gets exactly one of these calls. */
#ifndef KEDGE_API_SERVER_REPLY_H
#define KEDGE_API_SERVER_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

struct request;
struct problems;

enum reply_error {
    REPLY_BAD_REQUEST,
    REPLY_UNAUTHORIZED,
    REPLY_FORBIDDEN,
    REPLY_NOT_FOUND,
    REPLY_NOT_ALLOWED, /* 405; Allow is the route's */
    REPLY_CONFLICT,
    REPLY_FROZEN,
    REPLY_DRIFT_MOVED,
    REPLY_TOO_LARGE,
    REPLY_MEDIA_TYPE,
    REPLY_IDEMPOTENCY,
    REPLY_RATE_LIMITED, /* with Retry-After */
    REPLY_INTERNAL,
    REPLY_UPSTREAM,
    REPLY_DISABLED, /* 503: it is switched off */
    REPLY_AWAY,     /* 503 with Retry-After: Redis is away or full */
    REPLY_ERRORS
};
unsigned reply_error_status(enum reply_error error);
const char *reply_error_code(enum reply_error error); /* "NOT_FOUND" */

/* Bodies up to that size; a run with its output and metadata fits. */
#define REPLY_BODY_MAX ((size_t)32 << 20)
/* A body to write JSON into; give it to reply_json. */
#define REPLY_BODY_INIT BUF_INIT(REPLY_BODY_MAX)

/* Each takes the body over and leaves it empty. */
void reply_json(struct request *req, unsigned status, struct buf *body);
void reply_text(struct request *req, unsigned status, const char *content_type,
                struct buf *body);
void reply_not_modified(struct request *req, const char *etag);

/* The Atlantis family's success: `data`, a JSON value, in the envelope. */
void reply_data(struct request *req, unsigned status, struct buf *data);

/* {"success": true} */
void reply_done(struct request *req);
void reply_error(struct request *req, enum reply_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 400 with details; with one problem its sentence is the message. */
void reply_problems(struct request *req, const struct problems *problems);
/* 500, or 503 when err says that it will pass; the detail goes to the log only. */
void reply_failure(struct request *req, const struct err *err);

struct MHD_Response;
/* A response of another kind; it is taken over. */
void reply_response(struct request *req, unsigned status, struct MHD_Response *response);

/* Further headers, before the answer. The text is copied. */
void reply_header(struct request *req, const char *name, const char *value);
/* In place of the usual Retry-After of a 429 or 503: whole seconds, rounded up. */
void reply_retry_after(struct request *req, int64_t retry_after_ms);
/* Location: where what has that id is; `path` ends with a slash. */
void reply_location(struct request *req, const char *path, const char *id);

#endif
