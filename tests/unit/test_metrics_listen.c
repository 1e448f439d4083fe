/* The small HTTP server, driven by a poll loop as the programs do it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/net/listen.h"
#include "common/net/metrics_listen.h"

#define LONG_MS 10000

static struct metrics_listen *served;
static int prints;
static size_t page_bytes;

static void print(void *arg, struct buf *out)
{
    assert_ptr_equal(arg, &prints);
    prints++;
    buf_str(out, "kedge_test 1\n");
    for (size_t i = 0; i < page_bytes; i++)
        buf_char(out, 'x');
}

static int set_up(void **state)
{
    struct err err;

    (void)state;
    prints = 0;
    page_bytes = 0;
    served = metrics_listen_open("127.0.0.1:0", print, &prints, &err);
    return served ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    metrics_listen_free(served);
    return 0;
}

static int dial(void)
{
    const char *name = metrics_listen_name(served);
    struct sockaddr_in where = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons((uint16_t)strtol(strchr(name, ':') + 1, NULL, 10));
    assert_int_equal(connect(fd, (struct sockaddr *)&where, sizeof where), 0);
    return fd;
}

/* One turn of a program's loop. False: the client's answer is whole. */
static bool turn(int client, struct buf *answer)
{
    struct pollfd polled[] = {{.fd = metrics_listen_fd(served), .events = POLLIN},
                              {.fd = client, .events = POLLIN}};
    int64_t sleep_ms = metrics_listen_tick(served);
    char bytes[4096];
    ssize_t got;

    poll(polled, 2, sleep_ms < 0 || sleep_ms > LONG_MS ? LONG_MS : (int)sleep_ms);
    if (!polled[1].revents)
        return true;
    got = read(client, bytes, sizeof bytes);
    if (got > 0)
        buf_append(answer, bytes, (size_t)got);
    return got > 0;
}

/* The whole answer, which the caller frees. */
static char *get(const char *request)
{
    AUTO(auto_close) int client = dial();
    struct buf answer = BUF_INIT(4 * 1024 * 1024);
    int64_t deadline_ms = clock_mono_ms() + LONG_MS;

    assert_int_equal(write(client, request, strlen(request)), strlen(request));
    while (turn(client, &answer))
        if (clock_mono_ms() > deadline_ms)
            fail_msg("no answer to %s", request);
    return buf_take(&answer);
}

#define REQUEST(line) line " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void assert_begins(const char *text, const char *wanted)
{
    if (strncmp(text, wanted, strlen(wanted)) != 0)
        fail_msg("\"%.40s\" does not begin with \"%s\"", text, wanted);
}

static void metrics_are_printed_when_they_are_read(void **state)
{
    AUTO(auto_free) char *answer = get(REQUEST("GET /metrics"));

    (void)state;
    assert_begins(answer, "HTTP/1.1 200 ");
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(answer, "\r\n\r\nkedge_test 1\n"));
    assert_int_equal(prints, 1);
}

static void a_page_larger_than_any_buffer_arrives_whole(void **state)
{
    AUTO(auto_free) char *answer = NULL;

    (void)state;
    page_bytes = 300000;
    answer = get(REQUEST("GET /metrics"));
    assert_true(strlen(answer) > page_bytes);
    assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4),
                     strlen("kedge_test 1\n") + page_bytes);
}

static void health_is_told_without_metrics(void **state)
{
    AUTO(auto_free) char *answer = get(REQUEST("GET /healthz"));

    (void)state;
    assert_begins(answer, "HTTP/1.1 200 ");
    assert_non_null(strstr(answer, "{\"status\":\"ok\"}"));
    assert_int_equal(prints, 0);
}

static void another_path_is_not_found(void **state)
{
    AUTO(auto_free) char *answer = get(REQUEST("GET /metrics/x"));

    (void)state;
    assert_begins(answer, "HTTP/1.1 404 ");
}

static void another_method_is_refused_with_what_is_allowed(void **state)
{
    AUTO(auto_free)
    char *answer = get("POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       "Content-Length: 3\r\n\r\nabc");

    (void)state;
    assert_begins(answer, "HTTP/1.1 405 ");
    assert_non_null(strstr(answer, "Allow: GET, HEAD"));
    assert_int_equal(prints, 0);
}

static void an_idle_client_holds_up_nobody(void **state)
{
    AUTO(auto_close) int idle = dial();
    AUTO(auto_free) char *answer = get(REQUEST("GET /healthz"));

    (void)state;
    assert_true(idle >= 0);
    assert_begins(answer, "HTTP/1.1 200 ");
}

static void a_port_that_is_taken_is_an_error(void **state)
{
    struct err err;

    (void)state;
    assert_null(metrics_listen_open(metrics_listen_name(served), print, &prints, &err));
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, "in use"));
}

static void what_is_no_address_is_an_error(void **state)
{
    static const char *const broken[] = {"127.0.0.1",      "127.0.0.1:", "",
                                         "[::1:80",        "[]:1",       "127.0.0.1:http",
                                         "127.0.0.1:99999"};
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        int fd = listen_open(broken[i], &err);

        if (fd >= 0)
            fail_msg("\"%s\" is taken for an address", broken[i]);
        assert_int_equal(err.kind, ERR_INPUT);
    }
}

static void every_address_is_meant_by_none(void **state)
{
    char name[LISTEN_NAME_BYTES];
    struct err err;
    AUTO(auto_close) int fd = listen_open(":0", &err);

    (void)state;
    assert_true(fd >= 0);
    listen_name(fd, name);
    assert_true(strncmp(name, "0.0.0.0:", 8) == 0 || strncmp(name, "[::]:", 5) == 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(metrics_are_printed_when_they_are_read),
        TEST(a_page_larger_than_any_buffer_arrives_whole),
        TEST(health_is_told_without_metrics),
        TEST(another_path_is_not_found),
        TEST(another_method_is_refused_with_what_is_allowed),
        TEST(an_idle_client_holds_up_nobody),
        TEST(a_port_that_is_taken_is_an_error),
        TEST(what_is_no_address_is_an_error),
        TEST(every_address_is_meant_by_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
