/* A receiver of hooks, as a process. */
#include "tests/support/hook_server.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/parse.h"

#define LOG_BYTES ((size_t)64 * 1024 * 1024)

static int64_t read_port(int fd)
{
    char line[16] = "";
    int64_t port = 0;

    for (size_t len = 0; len < sizeof(line) - 1; len++)
        if (read(fd, &line[len], 1) != 1 || line[len] == '\n') {
            line[len] = '\0';
            break;
        }
    assert_int_equal(parse_int64(line, 1, 65535, &port), 0);
    return port;
}

void hook_server_start(struct hook_server *server)
{
    int in[2], out[2];

    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl("/usr/bin/python3", "python3", "tests/support/hook_receiver.py",
              (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    server->in = in[1];
    server->port = read_port(out[0]);
    close(out[0]);
}

void hook_server_stop(struct hook_server *server)
{
    if (server->pid <= 0)
        return;
    close(server->in);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

char *hook_server_url(const struct hook_server *server, const char *path)
{
    return mem_fmt("http://127.0.0.1:%lld%s", (long long)server->port, path);
}

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    buf_append(arg, bytes, size * count);
    return size * count;
}

static char *ask(const struct hook_server *server, const char *path)
{
    AUTO(auto_free) char *url = hook_server_url(server, path);
    struct buf answer = BUF_INIT(LOG_BYTES);
    CURL *easy = curl_easy_init();

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
    assert_int_equal(curl_easy_perform(easy), CURLE_OK);
    curl_easy_cleanup(easy);
    return buf_take(&answer);
}

cJSON *hook_server_log(const struct hook_server *server)
{
    AUTO(auto_free) char *text = ask(server, "/_log");
    cJSON *log = cJSON_Parse(text);

    assert_true(cJSON_IsArray(log));
    return log;
}

int64_t hook_server_peak(const struct hook_server *server)
{
    AUTO(auto_free) char *text = ask(server, "/_peak");
    int64_t peak = -1;

    assert_int_equal(parse_int64(text, 0, INT64_MAX, &peak), 0);
    return peak;
}
