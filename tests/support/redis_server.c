/* A private redis-server for a test: fork, exec, wait until it answers. */
#include "tests/support/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

#define START_TIMEOUT_MS 10000
#define POLL_EVERY_MS    5
#define ARGS_MAX         48

static void die(const struct redis_server *server, const char *what)
{
    fprintf(stderr, "redis_server in %s: %s: %s\n", server->dir, what,
            strerrordesc_np(errno));
    abort();
}

static void exec_server(const struct redis_server *server, pid_t parent)
{
    const char *append_only = server->disk == REDIS_SERVER_APPEND_ONLY ? "yes" : "no";
    const char *const fixed[] = {
        "redis-server",
        "--port",
        "0",
        "--unixsocket",
        server->socket_path,
        "--dir",
        server->dir,
        "--save",
        "",
        "--daemonize",
        "no",
        "--appendonly",
        append_only,
        "--appendfsync",
        "always",
        "--logfile",
        "redis.log",
    };
    const char *args[ARGS_MAX + 1] = {NULL};
    size_t count = ARRAY_LEN(fixed);
    sigset_t none;

    memcpy(args, fixed, sizeof fixed);
    for (size_t i = 0; server->options != NULL && server->options[i] != NULL; i++) {
        if (count == ARGS_MAX)
            _exit(126);
        args[count++] = server->options[i];
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(125);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(args[0], (char *const *)(const void *)args);
    _exit(127);
}

/* Any byte will do: a server that is loading or wants a password is there. */
static bool answers(const struct redis_server *server)
{
    static const char ping[] = "PING\r\n";
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    AUTO(auto_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char byte;

    memcpy(name.sun_path, server->socket_path, sizeof server->socket_path);
    return connect(fd, (const struct sockaddr *)&name, sizeof name) == 0 &&
           send(fd, ping, sizeof ping - 1, MSG_NOSIGNAL) > 0 &&
           poll(&wait, 1, START_TIMEOUT_MS) == 1 && recv(fd, &byte, 1, 0) == 1;
}

static void launch(struct redis_server *server)
{
    int64_t deadline_ms = clock_mono_ms() + START_TIMEOUT_MS;
    pid_t parent = getpid();

    unlink(server->socket_path);
    server->pid = fork();
    if (server->pid < 0)
        die(server, "cannot fork");
    if (server->pid == 0)
        exec_server(server, parent);
    while (!answers(server)) {
        if (waitpid(server->pid, NULL, WNOHANG) != 0)
            die(server, "it ended at once, see redis.log there; is it installed?");
        if (clock_mono_ms() > deadline_ms)
            die(server, "it does not answer");
        poll(NULL, 0, POLL_EVERY_MS);
    }
}

static void ignore_sigpipe(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGPIPE, &ignore, NULL);
}

void redis_server_start(struct redis_server *server, enum redis_server_disk disk,
                        const char *const *options)
{
    *server = (struct redis_server){.dir = "/tmp/kedge-redis-XXXXXX",
                                    .disk = disk,
                                    .options = options,
                                    .address.socket_path = server->socket_path};
    ignore_sigpipe();
    if (mkdtemp(server->dir) == NULL)
        die(server, "cannot make the directory");
    snprintf(server->socket_path, sizeof server->socket_path, "%s/redis.sock",
             server->dir);
    launch(server);
}

void redis_server_kill(struct redis_server *server)
{
    if (server->pid == 0)
        return;
    if (kill(server->pid, SIGKILL) < 0)
        die(server, "cannot kill it");
    if (waitpid(server->pid, NULL, 0) != server->pid)
        die(server, "cannot wait for it");
    server->pid = 0;
}

void redis_server_restart(struct redis_server *server)
{
    redis_server_kill(server);
    launch(server);
}

static int remove_entry(const char *path, const struct stat *status, int flag,
                        struct FTW *walk)
{
    (void)status;
    (void)flag;
    (void)walk;
    return remove(path);
}

void redis_server_stop(struct redis_server *server)
{
    redis_server_kill(server);
    if (nftw(server->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0)
        die(server, "cannot remove the directory");
}

void redis_server_freeze(struct redis_server *server)
{
    int status = 0;

    if (kill(server->pid, SIGSTOP) < 0)
        die(server, "cannot stop it");
    if (waitpid(server->pid, &status, WUNTRACED) != server->pid || !WIFSTOPPED(status))
        die(server, "it did not stop");
}

void redis_server_thaw(struct redis_server *server)
{
    if (kill(server->pid, SIGCONT) < 0)
        die(server, "cannot continue it");
}
