/* A kedge-api in a process of its own, and a small HTTP client for it. */
#include "tests/support/api_process.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/path.h"

#define PATIENCE_MS   30000
#define POLL_EVERY_MS 5
#define ANSWER_BYTES  ((size_t)4 << 20)

typedef void adjust_conf(const struct api_process *api, struct conf *conf);

static void give_up(const char *what)
{
    fprintf(stderr, "api_process: %s\n", what);
    abort();
}

static void __attribute__((noreturn))
be_the_api(const struct api_process *api, adjust_conf *adjust)
{
    static char listen[] = "127.0.0.1:0", secret[] = API_PROCESS_TOKEN,
                prefix[] = "{kedge}:", allowlist[] = "*", github[] = "https://github.com";
    struct conf conf = {.redis_url = mem_fmt("unix://%s", api->redis.socket_path),
                        .redis_prefix = prefix,
                        .listen = listen,
                        .api_secret = secret,
                        .repo_allowlist = allowlist,
                        .github_url = github,
                        .drift_storage = true,
                        .max_queued = 1000};
    struct api program;
    struct err err;
    int status = 1;

    if (adjust != NULL)
        adjust(api, &conf);
    log_open("kedge-api", LOG_INFO);
    if (api_open(&program, &conf, &err) == 0) {
        api_run(&program);
        status = 0;
    }
    api_close(&program);
    free(conf.redis_url);
    exit(status);
}

static void start(struct api_process *api, const char *log, adjust_conf *adjust)
{
    pid_t parent = getpid();

    api->pid = fork();
    if (api->pid < 0)
        give_up("no process");
    if (api->pid > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || freopen(log, "w", stderr) == NULL)
        _exit(1);
    be_the_api(api, adjust);
}

/* The port is told in the event `listening`; 0: not yet. */
static int read_port(const char *log)
{
    static const char before[] = "\"address\":\"127.0.0.1:";
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_BYTES);
    const char *at;
    struct err err;

    if (path_read(log, &text, &err) < 0)
        return 0;
    at = strstr(buf_text(&text), before);
    return at == NULL ? 0 : (int)strtol(at + sizeof before - 1, NULL, 10);
}

void api_process_start(struct api_process *api)
{
    api_process_start_as(api, NULL);
}

void api_process_start_as(struct api_process *api, adjust_conf *adjust)
{
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    AUTO(auto_free) char *log = NULL;

    *api = (struct api_process){0};
    redis_server_start(&api->redis, REDIS_SERVER_APPEND_ONLY, NULL);
    log = path_join(api->redis.dir, "api.log");
    start(api, log, adjust);
    while (api->port == 0 || api_call(api, "GET", "/readyz", NULL, NULL, NULL) != 200) {
        if (api->port == 0)
            api->port = read_port(log);
        if (clock_mono_ms() > deadline_ms)
            give_up("it was not ready in time");
        poll(NULL, 0, POLL_EVERY_MS);
    }
}

int api_process_terminate(struct api_process *api)
{
    int status = 0;

    kill(api->pid, SIGTERM);
    if (waitpid(api->pid, &status, 0) != api->pid)
        give_up("it is not there to wait for");
    api->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void api_process_stop(struct api_process *api)
{
    if (api->pid > 0)
        api_process_terminate(api);
    redis_server_stop(&api->redis);
}

void api_process_await_log(const struct api_process *api, const char *wanted)
{
    int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
    AUTO(auto_free) char *log = path_join(api->redis.dir, "api.log");

    for (;;) {
        AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_BYTES);
        struct err err;

        if (path_read(log, &text, &err) == 0 && strstr(buf_text(&text), wanted) != NULL)
            return;
        if (clock_mono_ms() > deadline_ms)
            give_up("it did not log what was waited for");
        poll(NULL, 0, POLL_EVERY_MS);
    }
}

/* ---- the client ---- */
int api_connect(const struct api_process *api)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)api->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        give_up("no connection");
    return fd;
}

static int send_as(const struct api_process *api, const char *token, const char *method,
                   const char *path, const char *headers, const char *body)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_BYTES);
    int fd = api_connect(api);

    buf_fmt(&text, "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%s%s%s%s",
            method, path, token[0] != '\0' ? "X-Atlantis-Token: " : "", token,
            token[0] != '\0' ? "\r\n" : "", headers != NULL ? headers : "");
    if (body != NULL)
        buf_fmt(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                strlen(body));
    buf_fmt(&text, "\r\n%s", body != NULL ? body : "");
    if (write(fd, text.data, text.len) != (ssize_t)text.len)
        give_up("a request was not taken");
    return fd;
}

int api_send(const struct api_process *api, const char *method, const char *path,
             const char *headers, const char *body)
{
    return send_as(api, API_PROCESS_TOKEN, method, path, headers, body);
}

int api_receive(int fd, struct buf *text)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    int status = -1;

    for (;;) {
        char piece[16384];
        ssize_t got;

        if (poll(&readable, 1, PATIENCE_MS) <= 0)
            give_up("no answer in time");
        got = read(fd, piece, sizeof piece);
        if (got <= 0)
            break;
        buf_append(text, piece, (size_t)got);
    }
    close(fd);
    if (strncmp(buf_text(text), "HTTP/1.1 ", 9) == 0)
        status = (int)strtol(buf_text(text) + 9, NULL, 10);
    return status;
}

int api_call(const struct api_process *api, const char *method, const char *path,
             const char *headers, const char *body, struct buf *text)
{
    AUTO(buf_done) struct buf unused = BUF_INIT(ANSWER_BYTES);
    int fd = api_send(api, method, path, headers, body);

    if (text == NULL)
        return api_receive(fd, &unused);
    buf_done(text);
    buf_init(text, ANSWER_BYTES);
    return api_receive(fd, text);
}

int api_call_as(const struct api_process *api, const char *token, const char *method,
                const char *path, const char *body, struct buf *text)
{
    int fd = send_as(api, token, method, path, NULL, body);

    buf_done(text);
    buf_init(text, ANSWER_BYTES);
    return api_receive(fd, text);
}

char *api_header(const struct buf *text, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = strstr(buf_text(text), "\r\n");
         line != NULL && strncmp(line, "\r\n\r\n", 4) != 0;
         line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return mem_dup_n(line + 4 + len, strcspn(line + 4 + len, "\r"));
    return NULL;
}

const char *api_body(const struct buf *text)
{
    const char *end = strstr(buf_text(text), "\r\n\r\n");

    return end == NULL ? "" : end + 4;
}
