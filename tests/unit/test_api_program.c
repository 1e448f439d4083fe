/* The api as a program: what becomes of a request when Redis goes, comes back or hangs,
 * when many come at once, when the client leaves, and when the program is told to stop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/sign.h"
#include "common/redis/redis.h"
#include "tests/support/api_process.h"

#define CHECK "{\"projectId\":\"p\",\"workspaceId\":\"w\"}"

static int start(void **state)
{
    struct api_process *api = mem_new(1, sizeof *api);

    api_process_start(api);
    assert_int_equal(api_call(api, "PUT", "/api/v1/projects/p", NULL,
                              "{\"repository\":\"a/b\",\"type\":\"Github\","
                              "\"ref\":\"main\"}",
                              NULL),
                     201);
    assert_int_equal(api_call(api, "PUT", "/api/v1/projects/p/workspaces/w", NULL,
                              "{\"directory\":\".\"}", NULL),
                     201);
    *state = api;
    return 0;
}

static int stop(void **state)
{
    api_process_stop(*state);
    free(*state);
    return 0;
}

/* The run's id in the answer to a trigger. */
static void take_run_id(const struct buf *text, char run_id[SIGN_UUID_BYTES])
{
    AUTO(auto_json) cJSON *doc = NULL;
    struct err err;

    doc = json_parse(api_body(text), strlen(api_body(text)), JSON_DEPTH_MAX, false, &err);
    assert_non_null(json_string(doc, "runId"));
    snprintf(run_id, SIGN_UUID_BYTES, "%s", json_string(doc, "runId"));
}

/* Triggers a check; its run's id. */
static void trigger(const struct api_process *api, char run_id[SIGN_UUID_BYTES])
{
    AUTO(buf_done) struct buf text = {0};

    assert_int_equal(api_call(api, "POST", "/api/v1/drift", NULL, CHECK, &text), 202);
    take_run_id(&text, run_id);
}

/* A long poll of that run as it is now; the descriptor. */
static int poll_run(const struct api_process *api, const char *run_id, int wait_s)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *path = mem_fmt("/api/v1/runs/%s", run_id);
    AUTO(auto_free) char *waiting = mem_fmt("%s?wait=%d", path, wait_s);
    AUTO(auto_free) char *etag = NULL;
    AUTO(auto_free) char *headers = NULL;

    assert_int_equal(api_call(api, "GET", path, NULL, NULL, &text), 200);
    etag = api_header(&text, "ETag");
    assert_non_null(etag);
    headers = mem_fmt("If-None-Match: %s\r\n", etag);
    return api_send(api, "GET", waiting, headers, NULL);
}

static int answer(int fd, struct buf *text)
{
    buf_done(text);
    buf_init(text, 1 << 20);
    return api_receive(fd, text);
}

static int64_t long_polls(const struct api_process *api)
{
    AUTO(buf_done) struct buf text = {0};
    const char *at;

    assert_int_equal(api_call(api, "GET", "/metrics", NULL, NULL, &text), 200);
    at = strstr(api_body(&text), "\nkedge_http_long_polls ");
    assert_non_null(at);
    return strtoll(at + strlen("\nkedge_http_long_polls "), NULL, 10);
}

static void until_long_polls(const struct api_process *api, int64_t count)
{
    int64_t deadline_ms = clock_mono_ms() + 10000;

    while (long_polls(api) != count)
        if (clock_mono_ms() > deadline_ms)
            fail_msg("there are %lld long polls, not %lld", (long long)long_polls(api),
                     (long long)count);
}

static void cancel(const struct api_process *api, const char *run_id)
{
    AUTO(auto_free) char *path = mem_fmt("/api/v1/runs/%s/cancel", run_id);

    assert_int_equal(api_call(api, "POST", path, NULL, NULL, NULL), 200);
}

/* ---- what the schedulers know of its settings ---- */
static void await_host(struct redis *redis, const char *host)
{
    int64_t begun_ms = clock_mono_ms();

    for (bool found = false; !found;) {
        AUTO(redis_cmd_done) struct redis_cmd cmd;
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct err err;

        redis_cmd_init(&cmd);
        redis_cmd_arg(&cmd, "HGET");
        redis_cmd_arg(&cmd, "{kedge}:meta");
        redis_cmd_arg(&cmd, "host_Github");
        found = redis_call(redis, &cmd, 0, &reply, &err) == 0 &&
                redis_reply_text(reply) != NULL &&
                strcmp(redis_reply_text(reply), host) == 0;
        assert_true(clock_mono_ms() - begun_ms < 10000);
    }
}

static void forget_host(struct redis *redis)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct err err;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "HDEL");
    redis_cmd_arg(&cmd, "{kedge}:meta");
    redis_cmd_arg(&cmd, "host_Github");
    assert_int_equal(redis_call(redis, &cmd, 0, &reply, &err), 0);
    assert_int_equal(redis_reply_int(reply, -1), 1);
}

static void schedulers_are_told_where_repositories_are_at_each_connect(void **state)
{
    struct api_process *api = *state;
    struct redis *redis = redis_new(&api->redis.address, "{kedge}:", NULL, 1000);

    await_host(redis, "github.com");
    forget_host(redis);
    redis_server_restart(&api->redis);
    await_host(redis, "github.com");
    redis_free(redis);
}

/* ---- Redis ---- */
/* Some are on their way to Redis when it dies, some come while it is away. All get the
 * same queued check, and only one was made. */
static void requests_outlast_a_redis_that_restarts(void **state)
{
    struct api_process *api = *state;
    AUTO(buf_done) struct buf text = {0};
    char first[SIGN_UUID_BYTES], run_id[SIGN_UUID_BYTES];
    int fds[40];

    trigger(api, first);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (i == ARRAY_LEN(fds) / 2)
            redis_server_kill(&api->redis);
        fds[i] = api_send(api, "POST", "/api/v1/drift", NULL, CHECK);
    }
    redis_server_restart(&api->redis);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        assert_int_equal(answer(fds[i], &text), 202);
        take_run_id(&text, run_id);
        assert_string_equal(run_id, first);
    }
}

static void without_redis_the_answer_is_503_and_when_to_come_again(void **state)
{
    struct api_process *api = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *retry_after = NULL;
    int64_t begun_ms = clock_mono_ms();

    redis_server_kill(&api->redis);
    assert_int_equal(api_call(api, "POST", "/api/v1/drift", NULL, CHECK, &text), 503);
    assert_true(clock_mono_ms() - begun_ms < 6000);
    retry_after = api_header(&text, "Retry-After");
    assert_non_null(retry_after);
    assert_non_null(strstr(api_body(&text), "\"SERVICE_UNAVAILABLE\""));
    assert_int_equal(api_call(api, "GET", "/readyz", NULL, NULL, NULL), 503);
    assert_int_equal(api_call(api, "GET", "/healthz", NULL, NULL, NULL), 200);
    assert_int_equal(api_call(api, "GET", "/metrics", NULL, NULL, NULL), 200);
    /* By now it is known to be away: nobody is kept waiting. */
    begun_ms = clock_mono_ms();
    assert_int_equal(api_call(api, "GET", "/api/v1/runs", NULL, NULL, NULL), 503);
    assert_true(clock_mono_ms() - begun_ms < 1000);
    redis_server_restart(&api->redis);
    begun_ms = clock_mono_ms();
    while (api_call(api, "GET", "/readyz", NULL, NULL, NULL) != 200)
        assert_true(clock_mono_ms() - begun_ms < 10000);
    assert_int_equal(api_call(api, "POST", "/api/v1/drift", NULL, CHECK, NULL), 202);
}

static void a_redis_that_hangs_keeps_nobody_for_long(void **state)
{
    struct api_process *api = *state;
    int64_t begun_ms = clock_mono_ms();

    redis_server_freeze(&api->redis);
    assert_int_equal(api_call(api, "GET", "/api/v1/runs", NULL, NULL, NULL), 503);
    assert_true(clock_mono_ms() - begun_ms < 6000);
    assert_int_equal(api_call(api, "GET", "/healthz", NULL, NULL, NULL), 200);
    redis_server_thaw(&api->redis);
    begun_ms = clock_mono_ms();
    while (api_call(api, "GET", "/api/v1/runs", NULL, NULL, NULL) != 200)
        assert_true(clock_mono_ms() - begun_ms < 10000);
}

/* ---- long polls ---- */
static void a_long_poll_answers_when_the_run_changes(void **state)
{
    struct api_process *api = *state;
    AUTO(buf_done) struct buf text = {0};
    char run_id[SIGN_UUID_BYTES];
    int64_t begun_ms;
    int fd;

    trigger(api, run_id);
    fd = poll_run(api, run_id, 30);
    until_long_polls(api, 1);
    begun_ms = clock_mono_ms();
    cancel(api, run_id);
    assert_int_equal(answer(fd, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"status\":\"cancelled\""));
    assert_true(clock_mono_ms() - begun_ms < 3000); /* not by the re-read */
    until_long_polls(api, 0);
}

static void a_long_poll_ends_with_304(void **state)
{
    struct api_process *api = *state;
    AUTO(buf_done) struct buf text = {0};
    char run_id[SIGN_UUID_BYTES];
    int64_t begun_ms;

    trigger(api, run_id);
    begun_ms = clock_mono_ms();
    assert_int_equal(answer(poll_run(api, run_id, 1), &text), 304);
    assert_string_equal(api_body(&text), "");
    assert_true(clock_mono_ms() - begun_ms >= 1000);
}

static void a_long_poll_outlasts_a_redis_that_restarts(void **state)
{
    struct api_process *api = *state;
    AUTO(buf_done) struct buf text = {0};
    char run_id[SIGN_UUID_BYTES];
    int fd;

    trigger(api, run_id);
    fd = poll_run(api, run_id, 60);
    until_long_polls(api, 1);
    redis_server_restart(&api->redis);
    cancel(api, run_id);
    assert_int_equal(answer(fd, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"status\":\"cancelled\""));
}

static void a_client_that_leaves_is_let_go(void **state)
{
    struct api_process *api = *state;
    char run_id[SIGN_UUID_BYTES];
    int fds[20];

    trigger(api, run_id);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = poll_run(api, run_id, 60);
    until_long_polls(api, ARRAY_LEN(fds));
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    until_long_polls(api, 0);
}

/* ---- crowds ---- */
/* A library's loop has stalled when exactly so many were ready at once. */
static void any_number_of_clients_at_once_is_answered(void **state)
{
    static const size_t counts[] = {1, 127, 128, 129, 256, 512};
    struct api_process *api = *state;
    AUTO(buf_done) struct buf text = {0};
    static int fds[512];

    for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
        for (size_t i = 0; i < counts[c]; i++)
            fds[i] = api_send(api, "POST", "/api/v1/drift", NULL, CHECK);
        for (size_t i = 0; i < counts[c]; i++)
            assert_int_equal(answer(fds[i], &text), 202);
    }
}

/* ---- bodies ---- */
static void a_body_without_end_is_cut_off(void **state)
{
    static const char piece[] = "10000\r\n"; /* a chunk of 64 KiB follows */
    struct api_process *api = *state;
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
    AUTO(auto_free) char *zeros = mem_new(1, 65536 + 2);
    int fd =
        api_send(api, "POST", "/api/v1/drift", "Transfer-Encoding: chunked\r\n", NULL);
    int sent = 0;

    memcpy(zeros + 65536, "\r\n", 2);
    while (sent < 10000 &&
           send(fd, piece, sizeof piece - 1, MSG_NOSIGNAL) == sizeof piece - 1 &&
           send(fd, zeros, 65538, MSG_NOSIGNAL) == 65538)
        sent++;
    assert_true(sent < 1000);
    api_receive(fd, &text);
    assert_int_equal(api_call(api, "GET", "/healthz", NULL, NULL, NULL), 200);
}

/* ---- the summary ---- */
static void expect_status(const struct api_process *api, const char *status)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *wanted = mem_fmt("{\"status\":\"%s\"", status);

    assert_int_equal(api_call(api, "GET", "/api/v1/drift?projectId=p&workspaceId=w", NULL,
                              NULL, &text),
                     200);
    if (strncmp(api_body(&text), wanted, strlen(wanted)) != 0)
        fail_msg("not %s: %s", status, api_body(&text));
}

static void a_workspace_is_running_while_any_check_of_it_goes_on(void **state)
{
    struct api_process *api = *state;
    char older[SIGN_UUID_BYTES], newer[SIGN_UUID_BYTES];

    expect_status(api, "never_run");
    trigger(api, older);
    expect_status(api, "running");
    assert_int_equal(api_call(api, "PUT", "/api/v1/projects/p/workspaces/w", NULL,
                              "{\"directory\":\".\",\"ref\":\"dev\"}", NULL),
                     200);
    trigger(api, newer);
    assert_string_not_equal(older, newer);
    cancel(api, newer);
    expect_status(api, "running");
    cancel(api, older);
    expect_status(api, "never_run");
}

/* ---- the switch ---- */
static void is_shown(const struct api_process *api, const char *beginning)
{
    AUTO(buf_done) struct buf text = {0};

    assert_int_equal(api_call(api, "GET", "/api/v1/pause", NULL, NULL, &text), 200);
    if (strncmp(api_body(&text), beginning, strlen(beginning)) != 0)
        fail_msg("%s, not %s", api_body(&text), beginning);
}

static void is_put(const struct api_process *api, const char *pause)
{
    assert_int_equal(api_call(api, "PUT", "/api/v1/pause", NULL, pause, NULL), 200);
}

static void a_pause_is_shown_with_its_reason_until_it_is_over(void **state)
{
    struct api_process *api = *state;

    is_shown(api, "{\"paused\":false,\"reason\":null,\"by\":null,\"since\":null}");
    is_put(api, "{\"paused\":true,\"reason\":\"upgrade\"}");
    is_shown(api,
             "{\"paused\":true,\"reason\":\"upgrade\",\"by\":\"api\",\"since\":\"20");
    is_put(api, "{\"paused\":false}");
    is_shown(api, "{\"paused\":false,\"reason\":null,\"by\":\"api\",\"since\":\"20");
}

/* ---- stopping ---- */
static void told_to_stop_it_answers_who_waits_and_exits_with_0(void **state)
{
    struct api_process *api = *state;
    AUTO(buf_done) struct buf text = {0};
    char run_id[SIGN_UUID_BYTES];
    int fd;

    trigger(api, run_id);
    fd = poll_run(api, run_id, 60);
    until_long_polls(api, 1);
    assert_int_equal(api_process_terminate(api), 0);
    assert_int_equal(answer(fd, &text), 304);
}

static void told_to_stop_without_redis_it_stops_too(void **state)
{
    struct api_process *api = *state;
    AUTO(buf_done) struct buf text = {0};
    char run_id[SIGN_UUID_BYTES];
    int fd;

    trigger(api, run_id);
    fd = poll_run(api, run_id, 60);
    until_long_polls(api, 1);
    redis_server_kill(&api->redis);
    assert_int_equal(api_process_terminate(api), 0);
    assert_int_equal(answer(fd, &text), 503);
}

#define API_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        API_TEST(requests_outlast_a_redis_that_restarts),
        API_TEST(schedulers_are_told_where_repositories_are_at_each_connect),
        API_TEST(without_redis_the_answer_is_503_and_when_to_come_again),
        API_TEST(a_redis_that_hangs_keeps_nobody_for_long),
        API_TEST(a_long_poll_answers_when_the_run_changes),
        API_TEST(a_long_poll_ends_with_304),
        API_TEST(a_long_poll_outlasts_a_redis_that_restarts),
        API_TEST(a_client_that_leaves_is_let_go),
        API_TEST(any_number_of_clients_at_once_is_answered),
        API_TEST(a_body_without_end_is_cut_off),
        API_TEST(a_workspace_is_running_while_any_check_of_it_goes_on),
        API_TEST(a_pause_is_shown_with_its_reason_until_it_is_over),
        API_TEST(told_to_stop_it_answers_who_waits_and_exits_with_0),
        API_TEST(told_to_stop_without_redis_it_stops_too),
    };

    return cmocka_run_group_tests_name("api_program", tests, NULL, NULL);
}
