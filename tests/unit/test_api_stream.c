/* Answers that are sent as they come, through a real server with routes of this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/handlers.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "tests/support/api_process.h"

#define ANSWER_MAX ((size_t)32 << 20)
#define LONG_BYTES ((size_t)8 << 20)
#define ROUND      ((size_t)64 << 10)
#define FORM       "text/plain; charset=utf-8"

/* ---- the routes: they run in the server's process ---- */
static void note_closed(struct request *req)
{
    log_info("closed", "path=%s", req->path);
}

static void note_drain(struct request *req)
{
    stream_write(req, "bye", 3);
    stream_end(req);
}

/* Says one word and is quiet then. */
static void handle_quiet(struct request *req)
{
    static const struct stream_calls calls = {.closed = note_closed, .drain = note_drain};

    stream_begin(req, FORM, &calls);
    stream_write(req, "hello", 5);
    log_info("began", "open=%d", stream_is_open(req));
}

/* More than fits anywhere, a round whenever the last one was taken. */
struct long_one {
    size_t made;
};

static void go_on(struct request *req)
{
    struct long_one *one = req->state;
    char round[ROUND];

    for (size_t i = 0; i < ROUND; i++)
        round[i] = (char)('a' + (one->made + i) % 23);
    stream_write(req, round, ROUND);
    one->made += ROUND;
    if (stream_pending(req) > ROUND)
        log_error("too_much", "pending=%zu", stream_pending(req));
    if (one->made >= LONG_BYTES)
        stream_end(req);
}

static void handle_long(struct request *req)
{
    static const struct stream_calls calls = {.drained = go_on, .closed = note_closed};

    request_state(req, sizeof(struct long_one), NULL);
    stream_begin(req, FORM, &calls);
}

/* A word each time the timer fires, then a good end or none. */
struct ticks {
    struct loop_timer timer;
    struct request *req;
    int left;
};

static void on_tick(struct loop_timer *timer)
{
    struct ticks *ticks = LOOP_OWNER(timer, struct ticks, timer);

    if (ticks->left-- > 0) {
        stream_write(ticks->req, "tick ", 5);
        loop_set(&ticks->req->api->loop, timer, clock_mono_ms() + 5);
    } else if (request_query(ticks->req, "cut") != NULL) {
        stream_cut(ticks->req);
    } else {
        stream_end(ticks->req);
    }
}

static void stop_ticks(struct request *req)
{
    struct ticks *ticks = req->state;

    loop_clear(&req->api->loop, &ticks->timer);
    note_closed(req);
}

static void handle_ticks(struct request *req)
{
    static const struct stream_calls calls = {.closed = stop_ticks};
    struct ticks *ticks = request_state(req, sizeof *ticks, NULL);

    stream_begin(req, FORM, &calls);
    ticks->req = req;
    ticks->left = 4;
    ticks->timer.fire = on_tick;
    on_tick(&ticks->timer);
}

/* In place of the program's own. */
const struct route routes[] = {
    {METHOD_GET, ACCESS_OPEN, "/readyz", .handle = handle_readyz},
    {METHOD_GET, ACCESS_OPEN, "/quiet", .handle = handle_quiet},
    {METHOD_GET, ACCESS_OPEN, "/long", .handle = handle_long},
    {METHOD_GET, ACCESS_OPEN, "/ticks", .handle = handle_ticks},
};
const size_t routes_count = ARRAY_LEN(routes);

/* ---- what a client sees ---- */
/* The bytes of a chunked body; false: it does not end as it should. */
static bool unchunk(const struct buf *answer, struct buf *out)
{
    const char *at = api_body(answer);
    const char *end = answer->data + answer->len;

    while (at < end) {
        char *rest;
        size_t len = strtoul(at, &rest, 16);

        if (strncmp(rest, "\r\n", 2) != 0 || (size_t)(end - rest) < len + 4)
            return false;
        if (len == 0)
            return true;
        buf_append(out, rest + 2, len);
        at = rest + 2 + len + 2;
    }
    return false;
}

static bool fetch(const struct api_process *api, const char *path, struct buf *body)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);
    int fd = api_send(api, "GET", path, NULL, NULL);

    assert_int_equal(api_receive(fd, &text), 200);
    assert_non_null(strstr(buf_text(&text), "Transfer-Encoding: chunked"));
    return unchunk(&text, body);
}

static void words_arrive_as_they_are_written_and_the_end_can_be_told(void **state)
{
    AUTO(buf_done) struct buf whole = BUF_INIT(ANSWER_MAX);
    AUTO(buf_done) struct buf cut = BUF_INIT(ANSWER_MAX);

    assert_true(fetch(*state, "/ticks", &whole));
    assert_string_equal(buf_text(&whole), "tick tick tick tick ");
    assert_false(fetch(*state, "/ticks?cut=1", &cut));
    assert_string_equal(buf_text(&cut), "tick tick tick tick ");
}

static void what_waits_is_bounded_by_who_writes(void **state)
{
    AUTO(buf_done) struct buf body = BUF_INIT(ANSWER_MAX);

    assert_true(fetch(*state, "/long", &body));
    assert_int_equal(body.len, LONG_BYTES);
    for (size_t i = 0; i < body.len; i++)
        if (body.data[i] != (char)('a' + i % 23))
            fail_msg("byte %zu is another", i);
}

/* Until that many bytes are there. */
static void read_some(int fd, size_t least)
{
    size_t seen = 0;

    while (seen < least) {
        char piece[4096];
        ssize_t got = read(fd, piece, sizeof piece);

        assert_true(got > 0);
        seen += (size_t)got;
    }
}

static void a_client_that_leaves_is_noticed_while_nothing_is_written(void **state)
{
    int fd = api_send(*state, "GET", "/quiet", NULL, NULL);

    read_some(fd, 100);
    close(fd);
    api_process_await_log(*state, "\"closed\",\"path\":\"/quiet\"");
}

static void a_client_that_leaves_in_the_middle_is_noticed(void **state)
{
    int fd = api_send(*state, "GET", "/long", NULL, NULL);

    read_some(fd, ROUND);
    close(fd);
    api_process_await_log(*state, "\"closed\",\"path\":\"/long\"");
}

static void a_head_has_no_body(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);

    assert_int_equal(api_call(*state, "HEAD", "/ticks", NULL, NULL, &text), 200);
    assert_string_equal(api_body(&text), "");
}

static void a_stop_is_told_to_who_streams(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ANSWER_MAX);
    AUTO(buf_done) struct buf body = BUF_INIT(ANSWER_MAX);
    int fd = api_send(*state, "GET", "/quiet", NULL, NULL);

    api_process_await_log(*state, "\"began\"");
    assert_int_equal(api_process_terminate(*state), 0);
    assert_int_equal(api_receive(fd, &text), 200);
    assert_true(unchunk(&text, &body));
    assert_string_equal(buf_text(&body), "hellobye");
}

static int start(void **state)
{
    *state = mem_new(1, sizeof(struct api_process));
    api_process_start(*state);
    return 0;
}

static int stop(void **state)
{
    api_process_stop(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            words_arrive_as_they_are_written_and_the_end_can_be_told, start, stop),
        cmocka_unit_test_setup_teardown(what_waits_is_bounded_by_who_writes, start, stop),
        cmocka_unit_test_setup_teardown(
            a_client_that_leaves_is_noticed_while_nothing_is_written, start, stop),
        cmocka_unit_test_setup_teardown(a_client_that_leaves_in_the_middle_is_noticed,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_head_has_no_body, start, stop),
        cmocka_unit_test_setup_teardown(a_stop_is_told_to_who_streams, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
