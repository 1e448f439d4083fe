/* /metrics and /healthz by libmicrohttpd in external mode. */
#include "common/net/metrics_listen.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/net/listen.h"

#define PAGE_MAX_BYTES      ((size_t)1024 * 1024)
#define CLIENTS_MAX         16u
#define CLIENT_TIMEOUT_S    10u
#define CLIENT_MEMORY_BYTES ((size_t)8 * 1024)

struct metrics_listen {
    struct MHD_Daemon *daemon;
    int epoll_fd; /* the daemon's */
    void (*print)(void *arg, struct buf *out);
    void *arg;
    char name[LISTEN_NAME_BYTES];
};

struct page {
    const char *path, *type;
    void (*print)(const struct metrics_listen *listen, struct buf *out);
};

static void print_metrics(const struct metrics_listen *listen, struct buf *out)
{
    listen->print(listen->arg, out);
}

static void print_health(const struct metrics_listen *listen, struct buf *out)
{
    (void)listen;
    buf_str(out, "{\"status\":\"ok\"}\n");
}

static const struct page pages[] = {
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", print_metrics},
    {"/healthz", "application/json", print_health},
};

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++)
        if (strcmp(path, pages[i].path) == 0)
            return &pages[i];
    return NULL;
}

static enum MHD_Result reply(struct MHD_Connection *client, unsigned int status,
                             const char *type, struct buf *body)
{
    size_t len = body->len;
    char *text = buf_take(body);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result;

    if (!response) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    result = MHD_queue_response(client, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *client, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **state)
{
    const struct metrics_listen *listen = arg;
    const struct page *page = find_page(path);
    AUTO(buf_done) struct buf body = BUF_INIT(PAGE_MAX_BYTES);
    static char seen;

    (void)version;
    (void)upload;
    /* First call: headers only. A body, if there is one, is taken and forgotten. */
    if (!*state) {
        *state = &seen;
        return MHD_YES;
    }
    if (*upload_len > 0) {
        *upload_len = 0;
        return MHD_YES;
    }
    if (!page) {
        buf_str(&body, "not found\n");
        return reply(client, MHD_HTTP_NOT_FOUND, "text/plain", &body);
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        buf_str(&body, "method not allowed\n");
        return reply(client, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", &body);
    }
    page->print(listen, &body);
    return reply(client, MHD_HTTP_OK, page->type, &body);
}

static struct MHD_Daemon *start(struct metrics_listen *listen, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, handle, listen,
                            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                            CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, CLIENT_TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, CLIENT_MEMORY_BYTES,
                            MHD_OPTION_END);
}

struct metrics_listen *metrics_listen_open(const char *address,
                                           void (*print)(void *arg, struct buf *out),
                                           void *arg, struct err *err)
{
    int fd = listen_open(address, err);
    struct metrics_listen *listen;

    if (fd < 0)
        return NULL;
    listen = mem_new(1, sizeof *listen);
    listen->print = print;
    listen->arg = arg;
    listen_name(fd, listen->name);
    listen->daemon = start(listen, fd); /* owns fd from here on, if it lives */
    if (!listen->daemon) {
        close(fd);
        free(listen);
        err_set(err, ERR_PERM, "cannot serve metrics on %s", address);
        return NULL;
    }
    listen->epoll_fd =
        MHD_get_daemon_info(listen->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return listen;
}

void metrics_listen_free(struct metrics_listen *listen)
{
    if (!listen)
        return;
    MHD_stop_daemon(listen->daemon);
    free(listen);
}

int metrics_listen_fd(const struct metrics_listen *listen)
{
    return listen->epoll_fd;
}

int64_t metrics_listen_tick(struct metrics_listen *listen)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;

    MHD_run(listen->daemon);
    if (MHD_get_timeout(listen->daemon, &timeout_ms) != MHD_YES)
        return -1;
    return (int64_t)timeout_ms;
}

const char *metrics_listen_name(const struct metrics_listen *listen)
{
    return listen->name;
}
