/* Requests that we make: against a receiver that does everything that receivers do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/net/http_out.h"
#include "tests/support/hook_server.h"

#define TIMEOUT_MS   5000
#define ANSWER_BYTES 4096
#define MANY         1000

static struct hook_server server;

static int set_up(void **state)
{
    (void)state;
    hook_server_start(&server);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hook_server_stop(&server);
    return 0;
}

/* ---- one request ---- */

struct came {
    int calls;
    long status;
    int64_t retry_after_ms, took_ms;
    char body[ANSWER_BYTES + 1];
    size_t body_len;
    char redirect_host[64];
    struct err err; /* kind ERR_NONE: an answer came */
};

static void note(void *arg, const struct http_answer *answer, const struct err *err)
{
    struct came *came = arg;

    came->calls++;
    came->status = answer->status;
    came->retry_after_ms = answer->retry_after_ms;
    came->took_ms = answer->took_ms;
    came->body_len = answer->body_len;
    memcpy(came->body, answer->body, answer->body_len);
    snprintf(came->redirect_host, sizeof(came->redirect_host), "%s",
             answer->redirect_host);
    came->err = err ? *err : (struct err){.kind = ERR_NONE};
}

static void wait_for_all(struct http_out *out)
{
    int64_t deadline_ms = clock_mono_ms() + 4 * TIMEOUT_MS;

    while (http_out_running(out) > 0) {
        assert_true(clock_mono_ms() < deadline_ms);
        http_out_wait(out, NULL, 0, 100);
    }
}

static struct came go(const struct http_out_options *options,
                      const struct http_request *request)
{
    struct http_out *out = http_out_new(options);
    struct came came = {0};

    http_out_start(out, request, note, &came);
    assert_int_equal(http_out_running(out), 1);
    wait_for_all(out);
    assert_int_equal(came.calls, 1);
    http_out_free(out);
    assert_int_equal(came.calls, 1);
    return came;
}

static const struct http_out_options anywhere = {.allow_private = true,
                                                 .connect_timeout_ms = TIMEOUT_MS};
static const struct http_out_options public_only = {.connect_timeout_ms = TIMEOUT_MS};

static struct came post_within(const char *path, int64_t timeout_ms)
{
    AUTO(auto_free) char *url = hook_server_url(&server, path);
    const struct http_request request = {.url = url,
                                         .body = "{}",
                                         .body_len = 2,
                                         .timeout_ms = timeout_ms,
                                         .answer_bytes = ANSWER_BYTES};

    return go(&anywhere, &request);
}

static struct came post(const char *path)
{
    return post_within(path, TIMEOUT_MS);
}

/* ---- what is sent ---- */

static void a_request_is_what_was_asked_for(void **state)
{
    AUTO(auto_free) char *url = hook_server_url(&server, "/ok/sent?a=b");
    const char *const headers[] = {"content-type: application/json", "x-own: 1", NULL};
    const struct http_request request = {.url = url,
                                         .headers = headers,
                                         .body = "{\"a\":1}",
                                         .body_len = 7,
                                         .timeout_ms = TIMEOUT_MS,
                                         .answer_bytes = ANSWER_BYTES};
    struct came came = go(&anywhere, &request);
    AUTO(auto_json) cJSON *log = hook_server_log(&server);
    const cJSON *last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);

    (void)state;
    assert_int_equal(came.status, 200);
    assert_string_equal(json_string(last, "method"), "POST");
    assert_string_equal(json_string(last, "path"), "/ok/sent?a=b");
    assert_string_equal(json_string(last, "body"), "{\"a\":1}");
    assert_string_equal(json_string(json_get(last, "headers"), "x-own"), "1");
    assert_string_equal(json_string(json_get(last, "headers"), "content-type"),
                        "application/json");
    assert_null(json_get(json_get(last, "headers"), "expect"));
}

static void without_a_body_it_is_a_get(void **state)
{
    AUTO(auto_free) char *url = hook_server_url(&server, "/ok/get");
    const struct http_request request = {
        .url = url, .timeout_ms = TIMEOUT_MS, .answer_bytes = ANSWER_BYTES};
    AUTO(auto_json) cJSON *log = NULL;

    (void)state;
    assert_int_equal(go(&anywhere, &request).status, 200);
    log = hook_server_log(&server);
    assert_string_equal(
        json_string(cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1), "method"),
        "GET");
}

/* ---- what comes back ---- */

static void every_status_is_an_answer(void **state)
{
    static const long statuses[] = {200, 204, 400, 404, 410, 429, 500, 503};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        AUTO(auto_free) char *path = mem_fmt("/status/%ld", statuses[i]);
        struct came came = post(path);

        assert_int_equal(came.err.kind, ERR_NONE);
        assert_int_equal(came.status, statuses[i]);
        assert_int_equal(came.retry_after_ms, -1);
    }
}

static void retry_after_may_be_seconds_or_a_date(void **state)
{
    struct came date;

    (void)state;
    assert_int_equal(post("/status/429?after=7").retry_after_ms, 7000);
    assert_int_equal(post("/status/503?after=0").retry_after_ms, 0);
    assert_int_equal(post("/status/503?after=soon").retry_after_ms, -1);
    assert_int_equal(
        post("/status/503?after=Wed,%2021%20Oct%202015%2007:28:00%20GMT").retry_after_ms,
        0);
    date = post("/status/429?after=Wed,%2021%20Oct%202099%2007:28:00%20GMT");
    assert_int_equal(date.retry_after_ms, INT64_C(30) * 24 * 60 * 60 * 1000);
    assert_int_equal(post("/status/429?after=99999999999999999999").retry_after_ms, -1);
}

static void a_redirect_is_not_followed(void **state)
{
    struct came came = post("/redirect/x?to=http://169.254.169.254/latest");

    (void)state;
    assert_int_equal(came.status, 302);
    assert_string_equal(came.redirect_host, "169.254.169.254");
    assert_int_equal(came.err.kind, ERR_NONE);
}

static void a_chunked_answer_is_read(void **state)
{
    struct came came = post("/chunked");

    (void)state;
    assert_int_equal(came.status, 200);
    assert_string_equal(came.body, "first second");
}

static void a_huge_or_endless_answer_is_cut(void **state)
{
    static const char *const paths[] = {"/huge", "/endless"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct came came = post(paths[i]);

        assert_int_equal(came.err.kind, ERR_NONE);
        assert_int_equal(came.status, 200);
        assert_int_equal(came.body_len, ANSWER_BYTES);
    }
}

static void who_does_not_answer_in_time_is_given_up(void **state)
{
    static const char *const paths[] = {"/hang", "/slow"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct came came = post_within(paths[i], 300);

        assert_int_equal(came.err.kind, ERR_TEMP);
        assert_string_equal(came.err.message, "127.0.0.1 did not answer in time");
        assert_true(came.took_ms >= 250 && came.took_ms < 2000);
    }
}

static void a_dropped_or_cut_answer_is_an_error_for_now(void **state)
{
    (void)state;
    assert_int_equal(post("/drop").err.kind, ERR_TEMP);
    assert_int_equal(post("/cut").err.kind, ERR_TEMP);
}

static void what_is_no_answer_is_an_error_for_now(void **state)
{
    static const struct {
        const char *path, *message;
    } rows[] = {
        {"/garbage", "127.0.0.1: its answer is not HTTP"},
        {"/heads", "127.0.0.1: the head of its answer is too long"},
        {"/continue", "127.0.0.1: the head of its answer is too long"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct came came = post(rows[i].path);

        assert_int_equal(came.err.kind, ERR_TEMP);
        assert_string_equal(came.err.message, rows[i].message);
    }
}

static void errors_tell_the_host_and_no_more_of_a_url(void **state)
{
    const struct http_request request = {.url = "http://127.0.0.1:1/secret/path?key=1",
                                         .timeout_ms = TIMEOUT_MS};
    struct came came = go(&anywhere, &request);

    (void)state;
    assert_int_equal(came.err.kind, ERR_TEMP);
    assert_non_null(strstr(came.err.message, "127.0.0.1: "));
    assert_null(strstr(came.err.message, "secret"));
    assert_null(strstr(came.err.message, "key"));
}

/* ---- where nobody goes ---- */

static void only_http_and_https(void **state)
{
    static const char *const urls[] = {
        "file:///etc/passwd",       "ftp://example.com/x", "gopher://example.com/",
        "http://me:you@127.0.0.1/", "not a url",           ""};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        const struct http_request request = {.url = urls[i], .timeout_ms = TIMEOUT_MS};
        struct came came = go(&anywhere, &request);

        assert_int_equal(came.err.kind, ERR_INPUT);
        assert_null(strstr(came.err.message, "you"));
    }
}

static size_t request_count(void)
{
    AUTO(auto_json) cJSON *log = hook_server_log(&server);

    return (size_t)cJSON_GetArraySize(log);
}

static void refuse(const struct http_out_options *options, const char *url,
                   const char *words)
{
    const struct http_request request = {
        .url = url, .body = "{}", .body_len = 2, .timeout_ms = TIMEOUT_MS};
    struct came came = go(options, &request);

    assert_int_equal(came.err.kind, ERR_INPUT);
    if (!strstr(came.err.message, words))
        fail_msg("%s: %s", url, came.err.message);
    assert_null(strstr(came.err.message, "secret"));
}

static void an_address_that_is_not_public_is_refused(void **state)
{
    static const struct {
        const char *host, *words;
    } rows[] = {
        {"127.0.0.1", "(loopback)"},
        {"0x7f.1", "(loopback)"},
        {"2130706433", "(loopback)"},
        {"017700000001", "(loopback)"},
        {"[::1]", "(loopback)"},
        {"[::ffff:127.0.0.1]", "(loopback)"},
        {"localhost", "(loopback)"},
        {"0.0.0.0", "(unspecified)"},
        {"169.254.169.254", "(link-local)"},
    };
    size_t before = request_count();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free)
        char *url = mem_fmt("http://%s:%lld/ok/secret", rows[i].host,
                            (long long)server.script.port);

        refuse(&public_only, url, rows[i].words);
    }
    assert_int_equal(request_count(), before);
}

static void a_name_is_judged_by_what_it_resolves_to(void **state)
{
    AUTO(auto_free)
    char *loopback =
        mem_fmt("rebound.example:%lld:127.0.0.1", (long long)server.script.port);
    const char *const resolved[] = {"metadata.example:80:169.254.169.254", loopback,
                                    NULL};
    const struct http_out_options options = {.connect_timeout_ms = TIMEOUT_MS,
                                             .resolved = resolved};
    AUTO(auto_free)
    char *url =
        mem_fmt("http://rebound.example:%lld/ok/secret", (long long)server.script.port);
    size_t before = request_count();

    (void)state;
    refuse(&options, "http://metadata.example/latest/secret",
           "metadata.example: its address is not public (link-local)");
    refuse(&options, url, "rebound.example: its address is not public (loopback)");
    assert_int_equal(request_count(), before);
}

static void the_environment_sets_no_proxy(void **state)
{
    AUTO(auto_free) char *url = hook_server_url(&server, "/ok/direct");
    const struct http_request request = {.url = url, .timeout_ms = TIMEOUT_MS};

    (void)state;
    /* main has set http_proxy to a closed port. */
    assert_int_equal(go(&anywhere, &request).status, 200);
}

static void a_proxy_gets_the_request_but_no_literal_private_address(void **state)
{
    AUTO(auto_free) char *proxy = hook_server_url(&server, "");
    const struct http_out_options options = {.connect_timeout_ms = TIMEOUT_MS,
                                             .proxy = proxy};
    const struct http_request request = {.url = "http://hooks.example/x/y",
                                         .timeout_ms = TIMEOUT_MS};
    size_t before = request_count();

    (void)state;
    refuse(&options, "http://169.254.169.254/secret", "(link-local)");
    refuse(&options, "http://[::ffff:10.0.0.1]/secret", "(private)");
    refuse(&options, "http://2130706433/secret", "(loopback)");
    assert_int_equal(request_count(), before);
    assert_int_equal(go(&options, &request).status, 200);
    assert_int_equal(request_count(), before + 1);
}

/* ---- many at once ---- */

static void a_thousand_requests_are_under_way_at_once(void **state)
{
    AUTO(auto_free) char *url = hook_server_url(&server, "/hang/many");
    const struct http_request request = {
        .url = url, .body = "{}", .body_len = 2, .timeout_ms = 2 * TIMEOUT_MS};
    AUTO(auto_free) char *quick = hook_server_url(&server, "/ok/many");
    const struct http_request other = {.url = quick, .timeout_ms = TIMEOUT_MS};
    struct http_out *out = http_out_new(&anywhere);
    struct came *came = mem_new(MANY + 1, sizeof(*came));
    int64_t deadline_ms = clock_mono_ms() + 2 * TIMEOUT_MS;

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        http_out_start(out, &request, note, &came[i]);
    http_out_start(out, &other, note, &came[MANY]);
    while (came[MANY].calls == 0) {
        assert_true(clock_mono_ms() < deadline_ms);
        http_out_wait(out, NULL, 0, 100);
    }
    assert_int_equal(came[MANY].status, 200);
    assert_int_equal(http_out_running(out), MANY);
    http_out_free(out);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(came[i].calls, 1);
        assert_int_equal(came[i].err.kind, ERR_TEMP);
    }
    free(came);
}

static void connections_are_used_again(void **state)
{
    AUTO(auto_free) char *url = hook_server_url(&server, "/ok/again");
    const struct http_request request = {.url = url, .timeout_ms = TIMEOUT_MS};
    struct http_out *out = http_out_new(&anywhere);
    struct came came[3] = {0};
    AUTO(auto_json) cJSON *log = NULL;
    const cJSON *last;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(came); i++) {
        http_out_start(out, &request, note, &came[i]);
        wait_for_all(out);
        assert_int_equal(came[i].status, 200);
    }
    http_out_free(out);
    log = hook_server_log(&server);
    last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
    for (size_t i = 0; i + 1 < ARRAY_LEN(came); i++, last = last->prev)
        assert_int_equal(json_int(last, "connection", -1),
                         json_int(last->prev, "connection", -2));
}

static void a_wait_is_over_when_a_descriptor_is_ready(void **state)
{
    AUTO(auto_free) char *url = hook_server_url(&server, "/hang/wait");
    const struct http_request request = {.url = url, .timeout_ms = TIMEOUT_MS};
    struct http_out *out = http_out_new(&anywhere);
    struct came came = {0};
    int ends[2];
    struct pollfd fds[] = {{.fd = -1, .events = POLLIN}, {.events = POLLIN}};
    int64_t start_ms = clock_mono_ms();

    (void)state;
    assert_int_equal(pipe(ends), 0);
    fds[1].fd = ends[0];
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(http_out_wait(out, fds, 2, TIMEOUT_MS), 1);
    http_out_start(out, &request, note, &came);
    while (http_out_wait(out, fds, 2, TIMEOUT_MS) == 0)
        ;
    assert_int_equal(fds[1].revents, POLLIN);
    assert_true(clock_mono_ms() - start_ms < TIMEOUT_MS);
    assert_int_equal(came.calls, 0);
    http_out_free(out);
    assert_int_equal(came.err.kind, ERR_TEMP);
    close(ends[0]);
    close(ends[1]);
}

/* ---- as it comes ---- */

struct pieces {
    struct came came;
    struct http_exchange *exchange;
    size_t bytes, count;
    size_t pause_after, drop_after; /* bytes; 0: never */
};

static bool take_piece(void *arg, const char *bytes, size_t len)
{
    struct pieces *pieces = arg;

    assert_true(bytes != NULL && len > 0);
    pieces->bytes += len;
    pieces->count++;
    if (pieces->pause_after > 0 && pieces->bytes >= pieces->pause_after)
        http_out_pause(pieces->exchange);
    return pieces->drop_after == 0 || pieces->bytes < pieces->drop_after;
}

static void note_pieces(void *arg, const struct http_answer *answer,
                        const struct err *err)
{
    note(&((struct pieces *)arg)->came, answer, err);
}

static void start_pieces(struct http_out *out, const char *path, int64_t idle_timeout_ms,
                         struct pieces *pieces)
{
    AUTO(auto_free) char *url = hook_server_url(&server, path);
    const struct http_request request = {.url = url,
                                         .timeout_ms = 4 * TIMEOUT_MS,
                                         .idle_timeout_ms = idle_timeout_ms,
                                         .answer_bytes = ANSWER_BYTES,
                                         .chunk = take_piece};

    pieces->exchange = http_out_start(out, &request, note_pieces, pieces);
}

static void a_good_answer_comes_piece_by_piece(void **state)
{
    struct http_out *out = http_out_new(&anywhere);
    struct pieces slow = {0}, bad = {0}, dropped = {.drop_after = 1};

    (void)state;
    start_pieces(out, "/slow", 0, &slow);
    start_pieces(out, "/status/500?body=trouble", 0, &bad);
    start_pieces(out, "/endless", 0, &dropped);
    wait_for_all(out);
    assert_int_equal(slow.bytes, 20);
    assert_true(slow.count > 1);
    assert_int_equal(slow.came.status, 200);
    assert_int_equal(slow.came.body_len, 0);
    assert_int_equal(bad.count, 0);
    assert_string_equal(bad.came.body, "trouble");
    assert_int_equal(dropped.came.calls, 1);
    assert_int_equal(dropped.came.err.kind, ERR_TEMP);
    http_out_free(out);
}

static void silence_is_given_up_and_slowness_is_not(void **state)
{
    struct http_out *out = http_out_new(&anywhere);
    struct pieces silent = {0}, slow = {0};

    (void)state;
    start_pieces(out, "/hang/idle", 400, &silent);
    start_pieces(out, "/slow", 400, &slow);
    wait_for_all(out);
    assert_int_equal(silent.came.err.kind, ERR_TEMP);
    assert_string_equal(silent.came.err.message, "127.0.0.1 did not answer in time");
    assert_true(silent.came.took_ms >= 350 && silent.came.took_ms < 3000);
    assert_int_equal(slow.came.err.kind, ERR_NONE);
    assert_int_equal(slow.bytes, 20);
    http_out_free(out);
}

static void what_is_cancelled_is_gone_and_tells_nothing(void **state)
{
    struct http_out *out = http_out_new(&anywhere);
    struct pieces pieces = {0};
    int64_t deadline_ms = clock_mono_ms() + TIMEOUT_MS;

    (void)state;
    start_pieces(out, "/endless", 0, &pieces);
    while (pieces.count == 0) {
        assert_true(clock_mono_ms() < deadline_ms);
        http_out_wait(out, NULL, 0, 100);
    }
    http_out_cancel(pieces.exchange);
    assert_int_equal(http_out_running(out), 0);
    assert_int_equal(pieces.came.calls, 0);
    http_out_free(out);
    assert_int_equal(pieces.came.calls, 0);
}

/* Turned by hand, as a loop that watches http_out_fd would. */
static void turn_for(struct http_out *out, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms, left_ms;

    while ((left_ms = end_ms - clock_mono_ms()) > 0) {
        struct pollfd fd = {.fd = http_out_fd(out), .events = POLLIN};
        int64_t sleep_ms = http_out_turn(out);

        poll(&fd, 1, (int)(sleep_ms < 0 || sleep_ms > left_ms ? left_ms : sleep_ms));
    }
}

static void what_is_paused_takes_no_more_and_may_be_silent(void **state)
{
    struct http_out *out = http_out_new(&anywhere);
    struct pieces pieces = {.pause_after = 1};
    int64_t deadline_ms = clock_mono_ms() + 4 * TIMEOUT_MS;
    size_t before;

    (void)state;
    start_pieces(out, "/huge", 150, &pieces);
    while (pieces.count == 0) {
        assert_true(clock_mono_ms() < deadline_ms);
        turn_for(out, 10);
    }
    turn_for(out, 50);
    before = pieces.bytes;
    turn_for(out, 400);
    assert_int_equal(pieces.bytes, before);
    assert_int_equal(pieces.came.calls, 0);
    pieces.pause_after = 0;
    http_out_resume(pieces.exchange);
    while (pieces.came.calls == 0) {
        assert_true(clock_mono_ms() < deadline_ms);
        turn_for(out, 10);
    }
    assert_int_equal(pieces.bytes, 64 << 20);
    http_out_free(out);
}

static void a_large_body_is_sent_whole(void **state)
{
    AUTO(auto_free) char *url = hook_server_url(&server, "/ok/large");
    AUTO(auto_free) char *body = mem_new(1, 200001);
    const struct http_request request = {.url = url,
                                         .body = body,
                                         .body_len = 200000,
                                         .timeout_ms = TIMEOUT_MS,
                                         .answer_bytes = ANSWER_BYTES};

    (void)state;
    memset(body, 'b', 200000);
    for (int i = 0; i < 2; i++) {
        AUTO(auto_json) cJSON *log = NULL;
        const cJSON *last;

        assert_int_equal(go(&anywhere, &request).status, 200);
        log = hook_server_log(&server);
        last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
        assert_string_equal(json_string(last, "body"), body);
    }
}

/* ---- addresses ---- */

static bool is_public(const char *text)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1)
        return http_address_is_public((struct sockaddr *)&in4);
    if (inet_pton(AF_INET6, text, &in6.sin6_addr) != 1)
        fail_msg("%s is no address", text);
    return http_address_is_public((struct sockaddr *)&in6);
}

static void addresses_that_the_internet_reaches(void **state)
{
    static const char *const reached[] = {
        "1.1.1.1",          "9.255.255.255",
        "11.0.0.0",         "100.63.255.255",
        "100.128.0.0",      "126.255.255.255",
        "128.0.0.0",        "169.253.255.255",
        "169.255.0.0",      "172.15.255.255",
        "172.32.0.0",       "192.0.1.0",
        "192.0.3.0",        "192.167.255.255",
        "192.169.0.0",      "198.17.255.255",
        "198.20.0.0",       "223.255.255.255",
        "2606:4700::1111",  "2a00:1450:4001::8a",
        "2003::1",          "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8", "2002:808:808::1",
        "2001:200::1",      "2001:0:4136:e378:8000:63bf:f7f7:f7f7",
        "::8.8.8.8",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(reached); i++)
        if (!is_public(reached[i]))
            fail_msg("%s is public", reached[i]);
}

static void addresses_that_it_does_not(void **state)
{
    static const char *const not_reached[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.0",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::10.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1.1.1.1",
        "100::1",
        "2001:db8::1",
        "2001:2::1",
        "2001:20::1",
        "2002:a00:1::1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    };
    const struct sockaddr local = {.sa_family = AF_UNIX};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(not_reached); i++)
        if (is_public(not_reached[i]))
            fail_msg("%s is not public", not_reached[i]);
    assert_false(http_address_is_public(&local));
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_what_was_asked_for),
        cmocka_unit_test(without_a_body_it_is_a_get),
        cmocka_unit_test(every_status_is_an_answer),
        cmocka_unit_test(retry_after_may_be_seconds_or_a_date),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(a_chunked_answer_is_read),
        cmocka_unit_test(a_huge_or_endless_answer_is_cut),
        cmocka_unit_test(who_does_not_answer_in_time_is_given_up),
        cmocka_unit_test(a_dropped_or_cut_answer_is_an_error_for_now),
        cmocka_unit_test(what_is_no_answer_is_an_error_for_now),
        cmocka_unit_test(errors_tell_the_host_and_no_more_of_a_url),
        cmocka_unit_test(only_http_and_https),
        cmocka_unit_test(an_address_that_is_not_public_is_refused),
        cmocka_unit_test(a_name_is_judged_by_what_it_resolves_to),
        cmocka_unit_test(the_environment_sets_no_proxy),
        cmocka_unit_test(a_proxy_gets_the_request_but_no_literal_private_address),
        cmocka_unit_test(a_thousand_requests_are_under_way_at_once),
        cmocka_unit_test(connections_are_used_again),
        cmocka_unit_test(a_wait_is_over_when_a_descriptor_is_ready),
        cmocka_unit_test(a_good_answer_comes_piece_by_piece),
        cmocka_unit_test(silence_is_given_up_and_slowness_is_not),
        cmocka_unit_test(what_is_cancelled_is_gone_and_tells_nothing),
        cmocka_unit_test(what_is_paused_takes_no_more_and_may_be_silent),
        cmocka_unit_test(a_large_body_is_sent_whole),
        cmocka_unit_test(addresses_that_the_internet_reaches),
        cmocka_unit_test(addresses_that_it_does_not),
    };

    raise_descriptor_limit();
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
