/* An answer that is sent as it comes: live logs, the words of a model.
 *
 *     stream_begin(req, type, &calls);
 *     stream_write(req, bytes, len);     any number, any time
 *     stream_end(req);
 *
 * What is written waits in memory until the client has taken it. There is no limit to
 * that here: who writes looks at stream_pending, stops above what it can afford and goes
 * on in `drained`. A client that leaves is noticed on its socket, also while nothing is
 * written. The request lives until `closed` was called; its state is freed after that.
 * Never called from within stream_write and stream_end: any of the calls. */
#ifndef KEDGE_API_SERVER_STREAM_H
#define KEDGE_API_SERVER_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"

struct request;

enum stream_kind { STREAM_LOG, STREAM_AI, STREAM_KINDS };

struct stream_calls {
    enum stream_kind kind; /* what it is counted as */
    /* All that was written was taken by the client's connection; NULL: not interested. */
    void (*drained)(struct request *req);
    /* It has ended, whoever ended it: let go of what feeds it. NULL: nothing does. */
    void (*closed)(struct request *req);
    /* The program stops in some seconds: end it soon. NULL: it ends by itself. */
    void (*drain)(struct request *req);
};

struct stream {
    const struct stream_calls *calls; /* NULL: not begun, or closed */
    struct buf pending;
    size_t taken;                /* of pending, from its start */
    bool ended;                  /* nothing more is written */
    bool cut;                    /* the connection is to break off where it stands */
    struct stream *next, **link; /* of the api's open streams */
};

/* 200 with that content type, chunked. In place of one of reply.h; headers that were set
 * before it (reply_header) go along. `calls` is borrowed for good. */
void stream_begin(struct request *req, const char *content_type,
                  const struct stream_calls *calls);
/* Begun, and the client is still there? */
bool stream_is_open(const struct request *req);
/* Both do nothing on one that is not open. */
void stream_write(struct request *req, const void *bytes, size_t len);
void stream_end(struct request *req);
/* As stream_end, but in a way that the client can tell from a good end: without the last
 * chunk. */
void stream_cut(struct request *req);
size_t stream_pending(const struct request *req);

/* ---- for request.c and api.c ---- */
/* The request is over. */
void stream_closed(struct request *req);
struct api;
/* Tells all of them that the program stops. */
void stream_drain_all(struct api *api);

#endif
