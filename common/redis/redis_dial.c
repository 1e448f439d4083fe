/* A socket to Redis: its settings, and TLS. */
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/base/mem.h"
#include "common/redis/redis_internal.h"
#include "common/redis/redis_tls.h"

const char *redis_address_name(const struct redis_address *address,
                               const struct redis_host *to, char name[REDIS_NAME_BYTES])
{
    if (to == NULL)
        to = &address->at;
    if (to->host == NULL)
        snprintf(name, REDIS_NAME_BYTES, "%s", address->socket_path);
    else if (strchr(to->host, ':') != NULL)
        snprintf(name, REDIS_NAME_BYTES, "[%s]:%d", to->host, to->port);
    else
        snprintf(name, REDIS_NAME_BYTES, "%s:%d", to->host, to->port);
    return name;
}

static int set_timeouts(int fd, int64_t timeout_ms)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000,
                            .tv_usec = timeout_ms % 1000 * 1000};

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
        return -1;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static int set_tcp(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, REDIS_KEEP_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, REDIS_KEEP_EVERY_S},
        {IPPROTO_TCP, TCP_KEEPCNT, REDIS_KEEP_PROBES},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, REDIS_TCP_UNACKED_S * 1000},
    };

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                       sizeof options[i].value) < 0)
            return -1;
    }
    return 0;
}

static int tune(int fd, int64_t timeout_ms, struct err *err)
{
    int domain = AF_UNIX;
    socklen_t len = sizeof domain;

    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
        (timeout_ms > 0 && set_timeouts(fd, timeout_ms) < 0) ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
        (domain != AF_UNIX && set_tcp(fd) < 0))
        return err_sys(err, ERR_TEMP, errno, "cannot set the socket's options");
    return 0;
}

static struct redisContext *connect_to(const struct redis_address *address,
                                       const struct redis_host *to, int64_t timeout_ms)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000,
                            .tv_usec = timeout_ms % 1000 * 1000};

    if (to->host == NULL)
        return timeout_ms > 0 ? redisConnectUnixWithTimeout(address->socket_path, limit)
                              : redisConnectUnixNonBlock(address->socket_path);
    return timeout_ms > 0 ? redisConnectWithTimeout(to->host, to->port, limit)
                          : redisConnectNonBlock(to->host, to->port);
}

int redis_secure(const struct redis_address *address, const struct redis_host *to,
                 struct redisContext *context, struct err *err)
{
    if (!address->secure)
        return 0;
    return redis_tls_begin(address->tls, context,
                           to != NULL ? to->host : address->at.host, err);
}

struct redisContext *redis_dial(const struct redis_address *address,
                                const struct redis_host *to, int64_t timeout_ms,
                                struct err *err)
{
    struct redisContext *context =
        connect_to(address, to != NULL ? to : &address->at, timeout_ms);
    int result;

    if (context == NULL)
        abort(); /* out of memory */
    if (context->err != 0)
        result = err_set(err, ERR_TEMP, "cannot connect: %s", context->errstr);
    else
        result = tune(context->fd, timeout_ms, err);
    if (result == 0 && timeout_ms > 0)
        result = redis_secure(address, to, context, err);
    if (result < 0) {
        redisFree(context);
        return NULL;
    }
    return context;
}
