/* A server that is a Python script. */
#include "tests/support/script_server.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define ARGUMENTS_MAX 8
#define ANSWER_BYTES  ((size_t)64 * 1024 * 1024)

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

/* Of the child: becomes the script. */
static void run_script(char *const *argv, int in, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    execv("/usr/bin/python3", argv);
    _exit(127);
}

void script_server_start(struct script_server *server, const char *const *argv)
{
    char *arguments[ARGUMENTS_MAX + 2] = {mem_dup("python3")};
    size_t count = 1;
    int in[2], out[2];

    for (; *argv; argv++) {
        assert_true(count <= ARGUMENTS_MAX);
        arguments[count++] = mem_dup(*argv);
    }
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    server->pid = fork();
    if (server->pid == 0)
        run_script(arguments, in[0], out[1]);
    for (size_t i = 0; i < count; i++)
        auto_free(&arguments[i]);
    close(in[0]);
    close(out[1]);
    server->in = in[1];
    server->port = read_port(out[0]);
    close(out[0]);
}

void script_server_stop(struct script_server *server)
{
    if (server->pid <= 0)
        return;
    close(server->in);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

char *script_server_url(const struct script_server *server, const char *path)
{
    return mem_fmt("http://127.0.0.1:%lld%s", (long long)server->port, path);
}

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    buf_append(arg, bytes, size * count);
    return size * count;
}

char *script_server_ask(const struct script_server *server, const char *path,
                        const char *body)
{
    AUTO(auto_free) char *url = script_server_url(server, path);
    struct buf answer = BUF_INIT(ANSWER_BYTES);
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
