/* An answer that is sent as it comes. */
#include "api/server/stream.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "api/server/request.h"
#include "api/server/server.h"
#include "common/base/log.h"

/* The kernel would keep megabytes for a client that takes nothing. */
#define SOCKET_BYTES (128 * 1024)
/* Of a piece: the library's buffer of a connection holds less anyway. */
#define PIECE_BYTES 4096

bool stream_is_open(const struct request *req)
{
    return req->stream.calls != NULL && !req->stream.ended && !req->gone;
}

size_t stream_pending(const struct request *req)
{
    return req->stream.pending.len - req->stream.taken;
}

/* ---- what the library takes ---- */
static size_t take(struct stream *stream, char *out, size_t room)
{
    size_t len = stream->pending.len - stream->taken;

    if (len > room)
        len = room;
    memcpy(out, stream->pending.data + stream->taken, len);
    stream->taken += len;
    if (stream->taken == stream->pending.len) {
        buf_done(&stream->pending);
        stream->taken = 0;
    }
    return len;
}

/* There is nothing: the library is not to ask again before somebody has written. */
static ssize_t wait_for_more(struct request *req)
{
    req->suspended = true;
    MHD_suspend_connection(req->connection);
    return 0;
}

static ssize_t read_stream(void *cls, uint64_t pos, char *out, size_t room)
{
    struct request *req = cls;
    struct stream *stream = &req->stream;

    (void)pos;
    if (req->gone)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (stream_pending(req) == 0 && !stream->ended && stream->calls->drained != NULL)
        stream->calls->drained(req);
    if (stream_pending(req) > 0)
        return (ssize_t)take(stream, out, room);
    if (stream->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    return stream->ended ? MHD_CONTENT_READER_END_OF_STREAM : wait_for_more(req);
}

/* ---- what is written ---- */
void stream_write(struct request *req, const void *bytes, size_t len)
{
    struct stream *stream = &req->stream;

    if (!stream_is_open(req) || len == 0)
        return;
    if (stream->taken > 0) {
        buf_drop(&stream->pending, stream->taken);
        stream->taken = 0;
    }
    if (stream->pending.data == NULL)
        buf_init(&stream->pending, SIZE_MAX);
    buf_append(&stream->pending, bytes, len);
    request_resume(req);
}

void stream_end(struct request *req)
{
    if (!stream_is_open(req))
        return;
    req->stream.ended = true;
    request_resume(req);
}

void stream_cut(struct request *req)
{
    if (!stream_is_open(req))
        return;
    req->stream.cut = true;
    stream_end(req);
}

/* ---- begin and end ---- */
/* The library notices a client that left only when it sends or reads. */
static void on_hangup(struct loop_source *source, uint32_t events)
{
    struct request *req = LOOP_OWNER(source, struct request, hangup);

    (void)events;
    req->gone = true;
    loop_unwatch(&req->api->loop, source);
    request_resume(req);
}

static void enlist(struct request *req)
{
    struct stream *stream = &req->stream;
    struct stream **head = &req->api->streams;

    stream->next = *head;
    stream->link = head;
    if (*head != NULL)
        (*head)->link = &stream->next;
    *head = stream;
    req->api->streams_open[stream->calls->kind]++;
}

static void bound_socket(const struct request *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int bytes = SOCKET_BYTES;

    if (info != NULL)
        setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

void stream_begin(struct request *req, const char *content_type,
                  const struct stream_calls *calls)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, PIECE_BYTES, read_stream, req, NULL);

    /* The library would send the last chunk of what has no body. */
    if (req->head)
        MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    /* Proxies that collect answers would keep it from the client. */
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    reply_response(req, MHD_HTTP_OK, response);
    req->stream = (struct stream){.calls = calls, .ended = req->head};
    enlist(req);
    bound_socket(req);
    request_watch_hangup(req, on_hangup);
}

void stream_closed(struct request *req)
{
    struct stream *stream = &req->stream;
    const struct stream_calls *calls = stream->calls;

    if (calls == NULL)
        return;
    stream->calls = NULL;
    req->api->streams_open[calls->kind]--;
    *stream->link = stream->next;
    if (stream->next != NULL)
        stream->next->link = stream->link;
    buf_done(&stream->pending);
    if (calls->closed != NULL)
        calls->closed(req);
}

void stream_drain_all(struct api *api)
{
    struct stream *next;

    for (struct stream *stream = api->streams; stream != NULL; stream = next) {
        struct request *req = LOOP_OWNER(stream, struct request, stream);

        next = stream->next;
        if (stream->calls->drain != NULL && stream_is_open(req))
            stream->calls->drain(req);
    }
}
