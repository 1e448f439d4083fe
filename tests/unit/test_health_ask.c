/* --health: whom a program asks about itself, and what it makes of the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/net/health_ask.h"
#include "common/net/listen.h"
#include "common/net/metrics_listen.h"
#include "tests/support/scratch.h"

#define TEXT_MAX    4096
#define PATIENCE_MS 30000

static void
the_api_is_asked_whether_it_is_ready_and_others_whether_they_live(void **state)
{
    static char certificate[] = "cert.pem";
    static const struct {
        enum program program;
        const char *listen;
        char *tls_cert;
        const char *url; /* NULL: refused */
    } rows[] = {
        {PROGRAM_API, "127.0.0.1:4141", NULL, "http://127.0.0.1:4141/readyz"},
        {PROGRAM_API, "127.0.0.1:4141", certificate, "https://127.0.0.1:4141/readyz"},
        {PROGRAM_API, ":4141", NULL, "http://127.0.0.1:4141/readyz"},
        {PROGRAM_API, "0.0.0.0:4141", NULL, "http://127.0.0.1:4141/readyz"},
        {PROGRAM_API, "10.1.2.3:80", NULL, "http://10.1.2.3:80/readyz"},
        {PROGRAM_API, "[::]:4141", NULL, "http://[::1]:4141/readyz"},
        {PROGRAM_API, "[::1]:4141", NULL, "http://[::1]:4141/readyz"},
        {PROGRAM_API, "[2001:db8::7]:4141", NULL, "http://[2001:db8::7]:4141/readyz"},
        {PROGRAM_API, "localhost:4141", NULL, "http://localhost:4141/readyz"},
        {PROGRAM_WORKER, ":9141", certificate, "http://127.0.0.1:9141/healthz"},
        {PROGRAM_SCHEDULER, "0.0.0.0:9141", NULL, "http://127.0.0.1:9141/healthz"},
        {PROGRAM_API, "127.0.0.1:0", NULL, NULL},
        {PROGRAM_WORKER, NULL, NULL, NULL},
        {PROGRAM_SCHEDULER, NULL, NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *listen = mem_dup(rows[i].listen);
        AUTO(auto_free) char *url = NULL;
        struct conf conf = {.tls_cert = rows[i].tls_cert};
        struct err err = {0};

        *(rows[i].program == PROGRAM_API ? &conf.listen : &conf.metrics_listen) = listen;
        if (rows[i].url == NULL) {
            assert_int_equal(health_url(&conf, rows[i].program, &url, &err), -1);
            assert_int_equal(err.kind, ERR_INPUT);
            assert_non_null(strstr(err.message, "LISTEN"));
            continue;
        }
        assert_int_equal(health_url(&conf, rows[i].program, &url, &err), 0);
        assert_string_equal(url, rows[i].url);
    }
}

/* health_ask of a scheduler in a child whose standard output is the file `out`. */
static pid_t ask(const char *out, char *listen)
{
    struct conf conf = {.metrics_listen = listen};
    pid_t pid = fork();

    if (pid == 0) {
        if (dup2(open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO) < 0)
            _exit(99);
        int status = health_ask(&conf, PROGRAM_SCHEDULER);

        fflush(stdout);
        _exit(status);
    }
    assert_true(pid > 0);
    return pid;
}

/* Its exit status; serves meanwhile, unless `server` is NULL. */
static int answer(pid_t pid, struct metrics_listen *server)
{
    int64_t deadline_mono_ms = clock_mono_ms() + PATIENCE_MS;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct pollfd event = {.fd = server ? metrics_listen_fd(server) : -1,
                               .events = POLLIN};

        assert_true(clock_mono_ms() < deadline_mono_ms);
        poll(&event, 1, 10);
        if (server)
            metrics_listen_tick(server);
    }
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_one_line(const char *path, const char *part)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
    struct err err;
    const char *end;

    assert_int_equal(path_read(path, &text, &err), 0);
    end = strchr(buf_text(&text), '\n');
    assert_non_null(end);
    assert_int_equal(end[1], '\0');
    assert_non_null(strstr(buf_text(&text), part));
}

static void print_nothing(void *arg, struct buf *out)
{
    (void)arg;
    (void)out;
}

static void one_that_answers_is_well(void **state)
{
    AUTO(auto_free) char *out = scratch_path(state, "out");
    AUTO(auto_free) char *name = NULL;
    struct err err;
    struct metrics_listen *server =
        metrics_listen_open("127.0.0.1:0", print_nothing, NULL, &err);

    assert_non_null(server);
    name = mem_dup(metrics_listen_name(server));
    assert_int_equal(answer(ask(out, name), server), 0);
    assert_one_line(out, "/healthz: 200");
    metrics_listen_free(server);
}

static void one_that_hangs_or_is_gone_is_not(void **state)
{
    AUTO(auto_free) char *out = scratch_path(state, "out");
    char name[LISTEN_NAME_BYTES];
    struct err err;
    int64_t began_mono_ms = clock_mono_ms();
    int fd = listen_open("127.0.0.1:0", &err);

    assert_true(fd >= 0);
    listen_name(fd, name);
    assert_int_equal(answer(ask(out, name), NULL), 1);
    assert_one_line(out, "/healthz: ");
    assert_true(clock_mono_ms() - began_mono_ms < PATIENCE_MS / 2);
    close(fd);
    assert_int_equal(answer(ask(out, name), NULL), 1);
    assert_one_line(out, "/healthz: ");
}

static void nobody_to_ask_is_a_wrong_setting(void **state)
{
    AUTO(auto_free) char *out = scratch_path(state, "out");

    assert_int_equal(answer(ask(out, NULL), NULL), EX_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_api_is_asked_whether_it_is_ready_and_others_whether_they_live),
        cmocka_unit_test_setup_teardown(one_that_answers_is_well, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(one_that_hangs_or_is_gone_is_not, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(nobody_to_ask_is_a_wrong_setting, scratch_make,
                                        scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
