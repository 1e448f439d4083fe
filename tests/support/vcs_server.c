/* The stand-in for the APIs, as a process. */
#include "tests/support/vcs_server.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/parse.h"

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

void vcs_server_start(struct vcs_server *server)
{
    int in[2], out[2];

    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl("/usr/bin/python3", "python3", "tests/support/vcs_api.py", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    server->in = in[1];
    server->port = read_port(out[0]);
    close(out[0]);
}

void vcs_server_stop(struct vcs_server *server)
{
    if (server->pid <= 0)
        return;
    close(server->in);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    buf_append(arg, bytes, size * count);
    return size * count;
}

static char *talk(const struct vcs_server *server, const char *path, const char *body)
{
    AUTO(auto_free)
    char *url = mem_fmt("http://127.0.0.1:%lld%s", (long long)server->port, path);
    struct buf answer = BUF_INIT(1024 * 1024);
    CURL *easy = curl_easy_init();
    long status = 0;

    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
    if (body) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    }
    assert_int_equal(curl_easy_perform(easy), CURLE_OK);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(easy);
    assert_int_equal(status, 200);
    return buf_take(&answer);
}

void vcs_server_be(const struct vcs_server *server, const char *json)
{
    AUTO(auto_free) char *body = mem_dup(json);
    AUTO(auto_free) char *answer = NULL;

    for (char *at = body; *at; at++)
        if (*at == '\'')
            *at = '"';
    answer = talk(server, "/_control", body);
}

char *vcs_server_log(const struct vcs_server *server)
{
    return talk(server, "/_log", NULL);
}

void vcs_server_use(const struct vcs_server *server, struct conf *conf)
{
    free(conf->github_api_url);
    free(conf->gitlab_api_url);
    conf->github_api_url = mem_fmt("http://127.0.0.1:%lld", (long long)server->port);
    conf->gitlab_api_url =
        mem_fmt("http://127.0.0.1:%lld/api/v4", (long long)server->port);
}
