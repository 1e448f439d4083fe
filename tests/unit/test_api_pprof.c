/* What the api tells of itself: /debug/pprof/, /openapi.yaml, and /status while it
 * drains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/conf/conf.h"
#include "tests/support/api_process.h"

#define PROFILE_1S "/debug/pprof/profile?seconds=1"

static const char *const paths[] = {
    "/debug/pprof",         "/debug/pprof/",        "/debug/pprof/heap",
    "/debug/pprof/cmdline", "/debug/pprof/profile",
};

static void with_profiling(const struct api_process *api, struct conf *conf)
{
    (void)api;
    conf->profiling = true;
}

static int begin(void **state)
{
    struct api_process *api = mem_new(1, sizeof *api);

    api_process_start_as(api, with_profiling);
    *state = api;
    return 0;
}

static int end(void **state)
{
    api_process_stop(*state);
    free(*state);
    return 0;
}

static int call_without_token(const struct api_process *api, const char *path)
{
    AUTO(buf_done) struct buf text = {0};

    return api_call_as(api, "", "GET", path, NULL, &text);
}

/* ---- profiles ---- */
static void without_the_setting_there_is_nothing(void **state)
{
    struct api_process api;

    (void)state;
    api_process_start(&api);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        assert_int_equal(api_call(&api, "GET", paths[i], NULL, NULL, NULL), 404);
        assert_int_equal(call_without_token(&api, paths[i]), 404);
    }
    api_process_stop(&api);
}

static void with_it_a_token_is_needed(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        assert_int_equal(call_without_token(*state, paths[i]), 401);
}

static void the_index_names_the_profiles(void **state)
{
    AUTO(buf_done) struct buf text = {0};

    assert_int_equal(api_call(*state, "GET", "/debug/pprof/", NULL, NULL, &text), 200);
    assert_non_null(strstr(api_body(&text), "/debug/pprof/profile?seconds=30"));
    assert_non_null(strstr(api_body(&text), "/debug/pprof/heap"));
    assert_non_null(strstr(api_body(&text), "/debug/pprof/cmdline"));
}

static void heap_and_cmdline_are_answered_at_once(void **state)
{
    AUTO(buf_done) struct buf heap = {0};
    AUTO(buf_done) struct buf cmdline = {0};

    assert_int_equal(api_call(*state, "GET", "/debug/pprof/heap", NULL, NULL, &heap),
                     200);
    assert_non_null(strstr(api_body(&heap), "<malloc version="));
    assert_int_equal(
        api_call(*state, "GET", "/debug/pprof/cmdline", NULL, NULL, &cmdline), 200);
    assert_non_null(strstr(api_body(&cmdline), "test_api_pprof"));
}

static void seconds_are_1_to_60(void **state)
{
    static const char *const bad[] = {"0", "61", "x", "-1", ""};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(auto_free) char *path = mem_fmt("/debug/pprof/profile?seconds=%s", bad[i]);

        assert_int_equal(api_call(*state, "GET", path, NULL, NULL, NULL), 400);
    }
}

/* Until that many requests wait. */
static void await_waiting(const struct api_process *api, const char *count)
{
    int64_t deadline_ms = clock_mono_ms() + 10000;
    AUTO(auto_free) char *wanted = mem_fmt("\nkedge_http_long_polls %s\n", count);

    for (;;) {
        AUTO(buf_done) struct buf text = {0};

        assert_int_equal(api_call(api, "GET", "/metrics", NULL, NULL, &text), 200);
        if (strstr(api_body(&text), wanted) != NULL)
            return;
        assert_true(clock_mono_ms() < deadline_ms);
    }
}

/* Others are served while it is taken, but for a second profile. Its first words are the
 * header of that format: 0, 3, 0, and the period in µs. */
static void a_profile_is_taken_beside_everything_else(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(4 << 20);
    int64_t begun_ms = clock_mono_ms();
    int fd = api_send(*state, "GET", PROFILE_1S, NULL, NULL);
    uintptr_t words[4];

    await_waiting(*state, "1");
    assert_int_equal(api_call(*state, "GET", PROFILE_1S, NULL, NULL, NULL), 409);
    assert_int_equal(api_call(*state, "GET", "/healthz", NULL, NULL, NULL), 200);
    assert_int_equal(api_receive(fd, &text), 200);
    assert_true(clock_mono_ms() - begun_ms >= 900);
    memcpy(words, api_body(&text), sizeof words);
    assert_int_equal(words[0], 0);
    assert_int_equal(words[1], 3);
    assert_int_equal(words[3], 10000);
}

static void a_client_that_leaves_ends_its_profile(void **state)
{
    int fd = api_send(*state, "GET", "/debug/pprof/profile?seconds=60", NULL, NULL);

    await_waiting(*state, "1");
    close(fd);
    await_waiting(*state, "0");
    assert_int_equal(api_call(*state, "GET", PROFILE_1S, NULL, NULL, NULL), 200);
}

/* ---- the description of the API ---- */
static void the_description_is_served_to_anybody_as_it_was_built(void **state)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *type = NULL;

    assert_int_equal(call_without_token(*state, "/openapi.yaml"), 200);
    assert_int_equal(api_call(*state, "GET", "/openapi.yaml", NULL, NULL, &text), 200);
    type = api_header(&text, "Content-Type");
    assert_string_equal(type, "application/yaml");
    assert_non_null(strstr(api_body(&text), "\nopenapi: 3."));
}

/* ---- the drain ---- */
/* Reads until the text is there. */
static void read_until(int fd, struct buf *text, const char *wanted)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    while (strstr(buf_text(text), wanted) == NULL) {
        char piece[4096];
        ssize_t got;

        assert_int_equal(poll(&readable, 1, 10000), 1);
        got = read(fd, piece, sizeof piece);
        assert_true(got > 0);
        buf_append(text, piece, (size_t)got);
    }
}

static void say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* A client that is known when the program is told to stop, and one whose body has not
 * come yet, for whom it waits. */
static void status_says_that_it_is_shutting_down(void **state)
{
    static const char ask[] = "GET /status HTTP/1.1\r\nHost: test\r\n\r\n";
    AUTO(buf_done) struct buf before = BUF_INIT(1 << 20);
    AUTO(buf_done) struct buf after = BUF_INIT(1 << 20);
    struct api_process api;
    int known, slow, status;

    (void)state;
    api_process_start(&api);
    known = api_connect(&api);
    say(known, ask);
    read_until(known, &before, "\"shutting_down\":false");
    assert_non_null(strstr(buf_text(&before), "\"version\":\"\""));
    slow = api_connect(&api);
    say(slow, "POST /api/v1/drift HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n"
              "Expect: 100-continue\r\n\r\n");
    {
        AUTO(buf_done) struct buf go_on = BUF_INIT(1 << 16);

        read_until(slow, &go_on, "100 Continue");
    }
    kill(api.pid, SIGTERM);
    api_process_await_log(&api, "\"draining\"");
    say(known, ask);
    read_until(known, &after, "\"shutting_down\":true");
    close(slow);
    close(known);
    assert_int_equal(waitpid(api.pid, &status, 0), api.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    api.pid = 0;
    api_process_stop(&api);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_setting_there_is_nothing),
        cmocka_unit_test(with_it_a_token_is_needed),
        cmocka_unit_test(the_index_names_the_profiles),
        cmocka_unit_test(heap_and_cmdline_are_answered_at_once),
        cmocka_unit_test(seconds_are_1_to_60),
        cmocka_unit_test(a_profile_is_taken_beside_everything_else),
        cmocka_unit_test(a_client_that_leaves_ends_its_profile),
        cmocka_unit_test(the_description_is_served_to_anybody_as_it_was_built),
        cmocka_unit_test(status_says_that_it_is_shutting_down),
    };

    return cmocka_run_group_tests_name("api_pprof", tests, begin, end);
}
