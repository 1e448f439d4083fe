/* Listening sockets from "address:port". */
#include "common/net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/parse.h"

#define BACKLOG 1024

static void auto_addrinfo(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

/* Splits in place; *host is NULL for every address. */
static int split(char *text, const char **host, const char **port)
{
    char *colon = strrchr(text, ':');
    int64_t number;

    /* getaddrinfo takes 99999 for 34463. */
    if (!colon || parse_int64(colon + 1, 0, UINT16_MAX, &number) < 0)
        return -1;
    *colon = '\0';
    *port = colon + 1;
    *host = colon == text ? NULL : text;
    if (*host && text[0] == '[') {
        if (colon - text < 3 || colon[-1] != ']')
            return -1;
        colon[-1] = '\0';
        *host = text + 1;
    }
    return 0;
}

static int open_one(const struct addrinfo *where)
{
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, where->ai_addr, where->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int listen_open(const char *address, struct err *err)
{
    AUTO(auto_free) char *text = mem_dup(address);
    AUTO(auto_addrinfo) struct addrinfo *list = NULL;
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    const char *host, *port;
    int code, fd = -1;

    if (split(text, &host, &port) < 0)
        return err_set(err, ERR_INPUT, "\"%s\" is not address:port", address);
    code = getaddrinfo(host, port, &hints, &list);
    if (code != 0)
        return err_set(err, ERR_INPUT, "\"%s\" is not an address: %s", address,
                       gai_strerror(code));
    for (const struct addrinfo *one = list; one && fd < 0; one = one->ai_next)
        fd = open_one(one);
    if (fd < 0)
        return err_sys(err, ERR_PERM, errno, "listen on %s", address);
    return fd;
}

const char *listen_name(int fd, char name[LISTEN_NAME_BYTES])
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof storage;
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";
    const struct sockaddr *address = (const struct sockaddr *)&storage;

    name[0] = '\0';
    if (getsockname(fd, (struct sockaddr *)&storage, &len) < 0 ||
        getnameinfo(address, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return name;
    snprintf(name, LISTEN_NAME_BYTES, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
             port);
    return name;
}
