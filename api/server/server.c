/* The HTTP server: libmicrohttpd, driven by our loop. */
#include "api/server/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/server/handshake.h"
#include "api/server/request.h"
#include "api/server/tls.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/listen.h"

#define DAEMONS              4
#define DESCRIPTORS_RESERVED 64 /* for everything that is not a client */
#define ACCEPTS_PER_TURN     64
#define ACCEPTS_LAST         8192 /* more than the kernel's queue holds */
#define ACCEPT_PAUSE_MS      100
#define CONNECTION_BYTES     ((size_t)5120) /* request line, headers, answer's headers */
#define IDLE_TIMEOUT_S       60U
#define RUNS_PER_TURN        4
#define HANDSHAKE_PAUSE_MS   20

struct server_daemon {
    struct server *server;
    struct MHD_Daemon *mhd;
    struct loop_source source;
    bool due;
    int64_t held; /* connections that wait for Redis */
    int64_t connections;
    struct handshakes handshakes;
    int64_t ran_mono_ms;
};

struct server {
    struct api *api;
    int listen_fd;
    struct loop_source listener;
    struct loop_timer listen_again;
    int64_t connections, connections_max;
    struct tls tls;
    struct server_daemon daemons[DAEMONS];
};

struct api *server_api(const struct server_daemon *daemon)
{
    return daemon->server->api;
}

void server_wake(struct server_daemon *daemon)
{
    daemon->due = true;
}

void server_hold(struct server_daemon *daemon, int step)
{
    daemon->held += step;
}

void server_wake_held(struct server *server)
{
    for (size_t i = 0; server != NULL && i < DAEMONS; i++)
        if (server->daemons[i].held > 0)
            server->daemons[i].due = true;
}

/* ---- accepting ---- */
static void listen_on(struct server *server)
{
    struct err err;

    if (server->listen_fd < 0)
        return;
    if (loop_watch(&server->api->loop, &server->listener, server->listen_fd, EPOLLIN,
                   &err) < 0)
        log_error("listen_failed", "reason=%s", err.message);
}

static void listen_again(struct loop_timer *timer)
{
    listen_on(LOOP_OWNER(timer, struct server, listen_again));
}

/* Clients wait in the kernel's queue meanwhile. */
static void pause_listening(struct server *server)
{
    loop_unwatch(&server->api->loop, &server->listener);
}

static struct server_daemon *least_busy(struct server *server)
{
    struct server_daemon *best = &server->daemons[0];

    for (size_t i = 1; i < DAEMONS; i++)
        if (server->daemons[i].connections < best->connections)
            best = &server->daemons[i];
    return best;
}

static void add_connection(struct server *server, int fd,
                           const struct sockaddr_storage *peer, socklen_t peer_len)
{
    struct server_daemon *daemon = least_busy(server);

    /* On failure the library has closed the descriptor. */
    if (MHD_add_connection(daemon->mhd, fd, (const struct sockaddr *)peer, peer_len) ==
        MHD_NO)
        log_warn("connection_refused", "reason=%s", strerrordesc_np(errno));
    daemon->due = true;
}

/* One of those who wait to be let in; 0: there is none, or no room. */
static int accept_one(struct server *server)
{
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    int fd;

    if (server->connections >= server->connections_max) {
        pause_listening(server);
        return 0;
    }
    fd = accept4(server->listen_fd, (struct sockaddr *)&peer, &peer_len,
                 SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        add_connection(server, fd, &peer, peer_len);
        return 1;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_warn("accept_failed", "reason=%s", strerrordesc_np(errno));
        pause_listening(server);
        loop_set(&server->api->loop, &server->listen_again,
                 clock_mono_ms() + ACCEPT_PAUSE_MS);
    }
    return 0;
}

static void on_client(struct loop_source *source, uint32_t events)
{
    struct server *server = LOOP_OWNER(source, struct server, listener);

    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(server); i++)
        continue;
}

static void on_connection(void *cls, struct MHD_Connection *connection,
                          void **socket_context, enum MHD_ConnectionNotificationCode what)
{
    struct server_daemon *daemon = cls;
    struct server *server = daemon->server;
    int step = what == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1;

    if (step > 0)
        handshake_note(&daemon->handshakes, connection, socket_context);
    else
        handshake_forget(socket_context);
    if (step < 0 && server->connections == server->connections_max)
        listen_on(server);
    daemon->connections += step;
    server->connections += step;
    server->api->counters.connections += step;
}

/* ---- daemons ---- */
static void on_daemon(struct loop_source *source, uint32_t events)
{
    (void)events;
    LOOP_OWNER(source, struct server_daemon, source)->due = true;
}

static void __attribute__((format(printf, 2, 0)))
on_library_message(void *cls, const char *format, va_list args)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1024);

    (void)cls;
    buf_vfmt(&text, format, args);
    while (text.len > 0 && text.data[text.len - 1] == '\n')
        text.data[--text.len] = '\0';
    log_debug("http_library", "message=%s", buf_text(&text));
}

static int start_daemon(struct server *server, struct server_daemon *daemon,
                        struct err *err)
{
    bool is_tls = tls_is_on(&server->tls);
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_ERROR_LOG | (is_tls ? MHD_USE_TLS : 0U);
    const union MHD_DaemonInfo *info;

    daemon->server = server;
    daemon->source = (struct loop_source){.fd = -1, .ready = on_daemon};
    daemon->mhd = MHD_start_daemon(
        flags, 0, NULL, NULL, request_access, daemon, MHD_OPTION_EXTERNAL_LOGGER,
        on_library_message, NULL, MHD_OPTION_NOTIFY_COMPLETED, request_completed, daemon,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, daemon, MHD_OPTION_UNESCAPE_CALLBACK,
        request_unescape, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S,
        is_tls ? MHD_OPTION_HTTPS_CERT_CALLBACK2 : MHD_OPTION_END, tls_present,
        MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES, MHD_OPTION_END);
    if (daemon->mhd == NULL)
        return err_set(err, ERR_PERM, "the HTTP server cannot start");
    info = MHD_get_daemon_info(daemon->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL)
        return err_set(err, ERR_PERM, "the HTTP library has no epoll");
    return loop_watch(&server->api->loop, &daemon->source, info->epoll_fd, EPOLLIN, err);
}

/* As many clients as there may be descriptors. */
static int64_t raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return DESCRIPTORS_RESERVED;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur > INT32_MAX)
        return INT32_MAX;
    return (int64_t)limit.rlim_cur - DESCRIPTORS_RESERVED;
}

static int start(struct server *server, struct err *err)
{
    const struct conf *conf = server->api->conf;
    char name[LISTEN_NAME_BYTES];

    server->connections_max = raise_descriptor_limit();
    if (tls_open(&server->tls, &server->api->loop, conf, err) < 0)
        return -1;
    for (size_t i = 0; i < DAEMONS; i++)
        if (start_daemon(server, &server->daemons[i], err) < 0)
            return -1;
    server->listen_fd = listen_open(conf->listen, err);
    if (server->listen_fd < 0)
        return err_wrap(err, "KEDGE_LISTEN");
    listen_on(server);
    log_info("listening", "address=%s", listen_name(server->listen_fd, name));
    return 0;
}

struct server *server_open(struct api *api, struct err *err)
{
    struct server *server = mem_new(1, sizeof *server);

    *server = (struct server){
        .api = api,
        .listen_fd = -1,
        .listener = {.fd = -1, .ready = on_client},
        .listen_again.fire = listen_again,
    };
    if (start(server, err) < 0) {
        server_close(server);
        return NULL;
    }
    return server;
}

struct tls *server_tls(struct server *server)
{
    return tls_is_on(&server->tls) ? &server->tls : NULL;
}

/* The kernel resets whoever it still has in its queue then: they are let in before. */
void server_stop_listening(struct server *server)
{
    for (int i = 0; server->listen_fd >= 0 && i < ACCEPTS_LAST && accept_one(server); i++)
        continue;
    loop_unwatch(&server->api->loop, &server->listener);
    loop_clear(&server->api->loop, &server->listen_again);
    auto_close(&server->listen_fd);
    server->listen_fd = -1;
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    server_stop_listening(server);
    for (size_t i = 0; i < DAEMONS; i++) {
        if (server->daemons[i].mhd == NULL)
            continue;
        loop_unwatch(&server->api->loop, &server->daemons[i].source);
        MHD_stop_daemon(server->daemons[i].mhd);
    }
    tls_close(&server->tls);
    free(server);
}

/* ---- a turn ---- */
/* In how many ms the daemon wants to run, -1: when its descriptor is ready. While it has
 * held connections it always wants to; what else it may want then is a matter of the
 * next reply from Redis, which wakes it. */
static int64_t wants_run_in_ms(struct server_daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG ms;

    if (daemon->held > 0)
        return -1;
    if (MHD_get_timeout(daemon->mhd, &ms) == MHD_NO)
        return -1;
    return ms > INT32_MAX ? INT32_MAX : (int64_t)ms;
}

/* In how many ms it is to run. While a handshake waits it always wants to as well; then
 * what else it may want has to wait some ms. */
static int64_t run_in_ms(struct server_daemon *daemon)
{
    int64_t in_ms, rested_ms;

    if (daemon->due)
        return 0;
    in_ms = wants_run_in_ms(daemon);
    if (in_ms != 0 || !handshakes_wait(&daemon->handshakes))
        return in_ms;
    rested_ms = clock_mono_ms() - daemon->ran_mono_ms;
    return rested_ms < HANDSHAKE_PAUSE_MS ? HANDSHAKE_PAUSE_MS - rested_ms : 0;
}

/* Some passes in a row, because what is resumed, answered and read again takes more than
 * one; not without end, because others wait too. */
static int64_t run_daemon(struct server_daemon *daemon)
{
    int64_t in_ms = run_in_ms(daemon);

    for (int i = 0; i < RUNS_PER_TURN && in_ms == 0; i++) {
        daemon->due = false;
        MHD_run(daemon->mhd);
        daemon->ran_mono_ms = clock_mono_ms();
        in_ms = daemon->due ? 0 : wants_run_in_ms(daemon);
    }
    return in_ms;
}

int64_t server_turn(struct server *server)
{
    int64_t sleep_ms = -1;

    for (size_t i = 0; i < DAEMONS; i++) {
        int64_t in_ms = run_daemon(&server->daemons[i]);

        if (in_ms >= 0 && (sleep_ms < 0 || in_ms < sleep_ms))
            sleep_ms = in_ms;
    }
    return sleep_ms;
}

bool server_is_due(const struct server *server)
{
    for (size_t i = 0; i < DAEMONS; i++)
        if (server->daemons[i].due)
            return true;
    return false;
}
