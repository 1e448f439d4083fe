/* A proxy that loses replies: a process with a poll loop. */
#include "tests/support/redis_proxy.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PAIRS 32
#define CHUNK 65536

struct redis_proxy_orders {
    char text[REDIS_PROXY_TEXT_BYTES];
    int left, lost; /* atomic */
};

struct pair {
    int client, server; /* -1: free */
    bool doomed;        /* the next answer is the one to lose */
};

static void die(const char *what)
{
    perror(what);
    abort();
}

void redis_proxy_open(struct redis_proxy *proxy)
{
    proxy->orders = mmap(NULL, sizeof *proxy->orders, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (proxy->orders == MAP_FAILED)
        die("redis_proxy: no memory");
}

void redis_proxy_close(struct redis_proxy *proxy)
{
    munmap(proxy->orders, sizeof *proxy->orders);
}

void redis_proxy_lose(struct redis_proxy *proxy, const char *text, int times)
{
    snprintf(proxy->orders->text, sizeof proxy->orders->text, "%s", text);
    __atomic_store_n(&proxy->orders->left, times, __ATOMIC_RELEASE);
}

int redis_proxy_lost(const struct redis_proxy *proxy)
{
    return __atomic_load_n(&proxy->orders->lost, __ATOMIC_ACQUIRE);
}

/* ---- the process ---- */
static int open_socket(const char *path, bool listens)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    if (listens
            ? bind(fd, (struct sockaddr *)&name, sizeof name) < 0 || listen(fd, PAIRS) < 0
            : connect(fd, (struct sockaddr *)&name, sizeof name) < 0)
        die("redis_proxy: no socket");
    return fd;
}

static void cut(struct pair *pair)
{
    close(pair->client);
    close(pair->server);
    *pair = (struct pair){-1, -1, false};
}

/* Passes on what one side sent; false when the connection is over. */
static bool pass(struct redis_proxy_orders *orders, struct pair *pair, bool from_client)
{
    static char bytes[CHUNK];
    ssize_t got = read(from_client ? pair->client : pair->server, bytes, sizeof bytes);

    if (got <= 0)
        return false;
    if (!from_client && pair->doomed) {
        send(pair->client, bytes, (size_t)got / 2, MSG_NOSIGNAL);
        __atomic_add_fetch(&orders->lost, 1, __ATOMIC_RELEASE);
        return false;
    }
    if (from_client && __atomic_load_n(&orders->left, __ATOMIC_ACQUIRE) > 0 &&
        memmem(bytes, (size_t)got, orders->text, strlen(orders->text)) != NULL) {
        pair->doomed = true;
        __atomic_sub_fetch(&orders->left, 1, __ATOMIC_RELEASE);
    }
    return send(from_client ? pair->server : pair->client, bytes, (size_t)got,
                MSG_NOSIGNAL) == got;
}

static void take_client(struct pair *pairs, int listener, const char *redis_path)
{
    for (size_t i = 0; i < PAIRS; i++) {
        if (pairs[i].client >= 0)
            continue;
        pairs[i].client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pairs[i].server = open_socket(redis_path, false);
        return;
    }
    die("redis_proxy: too many connections");
}

static void __attribute__((noreturn))
serve(struct redis_proxy_orders *orders, int listener, const char *redis_path)
{
    struct pair pairs[PAIRS];

    for (size_t i = 0; i < PAIRS; i++)
        pairs[i] = (struct pair){-1, -1, false};
    for (;;) {
        struct pollfd polled[1 + 2 * PAIRS] = {{.fd = listener, .events = POLLIN}};

        for (size_t i = 0; i < PAIRS; i++) {
            polled[1 + 2 * i] = (struct pollfd){pairs[i].client, POLLIN, 0};
            polled[2 + 2 * i] = (struct pollfd){pairs[i].server, POLLIN, 0};
        }
        poll(polled, 1 + 2 * PAIRS, -1);
        for (size_t i = 0; i < PAIRS; i++)
            if ((polled[1 + 2 * i].revents != 0 && !pass(orders, &pairs[i], true)) ||
                (polled[2 + 2 * i].revents != 0 && !pass(orders, &pairs[i], false)))
                cut(&pairs[i]);
        if (polled[0].revents != 0)
            take_client(pairs, listener, redis_path);
    }
}

void redis_proxy_start(const struct redis_proxy *proxy, const char *listen_path,
                       const char *redis_path)
{
    int listener = open_socket(listen_path, true);
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        die("redis_proxy: no process");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        serve(proxy->orders, listener, redis_path);
    }
    close(listener);
}
