/* Waiting for a batch: how long, what becomes of those who leave, who come again, and
 * whose answers get lost; and the batch under its id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/target.h"
#include "tests/support/api_batch.h"
#include "tests/support/redis_proxy.h"

#define BODY                                                                             \
    "{\"Repository\":\"a/b\",\"Ref\":\"main\",\"Type\":\"Github\","                      \
    "\"Projects\":[\"vpc\"]}"
#define OTHER_BODY                                                                       \
    "{\"Repository\":\"a/b\",\"Ref\":\"main\",\"Type\":\"Github\","                      \
    "\"Projects\":[\"ec2\"]}"

static const struct fake_target vpc = {"vpc", "modules/vpc", "production"};
static const struct fake_end clean = {
    .status = RUN_CLEAN, .summary = "{}", .output = "No changes.\n"};

static char *run_path(const char *id)
{
    return mem_fmt("/api/v1/runs/%s", id);
}

/* The id in the answer 202, which must say where it is. */
static void take_accepted(const struct buf *text, char id[SIGN_UUID_BYTES])
{
    AUTO(auto_json) cJSON *doc = cJSON_Parse(api_body(text));
    AUTO(auto_free) char *location = api_header(text, "Location");
    AUTO(auto_free) char *path = NULL;
    const char *run_id = json_string(json_get(doc, "data"), "runId");

    assert_non_null(run_id);
    assert_non_null(location);
    path = run_path(run_id);
    assert_string_equal(location, path);
    snprintf(id, SIGN_UUID_BYTES, "%s", run_id);
}

static void expect_shown(struct api_batch *test, const char *id, const char *shown)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *path = run_path(id);

    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 200);
    if (strstr(api_body(&text), shown) == NULL)
        fail_msg("no %s in %s", shown, api_body(&text));
}

static void until_waiting(const struct api_batch *test, int64_t count)
{
    int64_t deadline_ms = clock_mono_ms() + 10000;

    for (;;) {
        AUTO(buf_done) struct buf text = {0};
        const char *at;

        assert_int_equal(api_call(&test->api, "GET", "/metrics", NULL, NULL, &text), 200);
        at = strstr(api_body(&text), "\nkedge_http_long_polls ");
        assert_non_null(at);
        if (strtoll(at + strlen("\nkedge_http_long_polls "), NULL, 10) == count)
            return;
        assert_true(clock_mono_ms() < deadline_ms);
    }
}

static void cancel(struct api_batch *test, const char *id)
{
    AUTO(auto_free) char *path = mem_fmt("/api/v1/runs/%s/cancel", id);

    assert_int_equal(api_call(&test->api, "POST", path, NULL, NULL, NULL), 200);
}

/* ---- Prefer ---- */
static void whoever_prefers_not_to_wait_gets_202(void **state)
{
    static const struct {
        const char *prefer;
        int64_t least_ms;
    } rows[] = {
        {"respond-async", 0}, {"Respond-Async, handling=lenient", 0}, {"wait=0", 0},
        {"wait=1", 1000},     {"respond-async, wait=2", 2000},
    };
    struct api_batch *test = *state;
    int64_t begun_ms = clock_mono_ms();
    int fds[ARRAY_LEN(rows)];

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *header = mem_fmt("Prefer: %s\r\n", rows[i].prefer);

        fds[i] = api_send(&test->api, "POST", "/api/plan", header, BODY);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf text = {0};
        char id[SIGN_UUID_BYTES];

        assert_int_equal(api_batch_answer(fds[i], &text), 202);
        assert_true(clock_mono_ms() - begun_ms >= rows[i].least_ms);
        take_accepted(&text, id);
        expect_shown(test, id, "\"status\":\"queued\"");
        cancel(test, id);
    }
}

static void a_wait_that_is_long_enough_gets_the_result(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    int fd = api_send(&test->api, "POST", "/api/plan", "Prefer: wait=60\r\n", BODY);

    until_waiting(test, 1);
    api_batch_serve(test, &vpc, &clean, 1);
    assert_int_equal(api_batch_answer(fd, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"success_count\":1"));
}

/* ---- again and away ---- */
static void an_idempotency_key_finds_its_batch_again(void **state)
{
    static const char async[] = "Idempotency-Key: k1\r\nPrefer: respond-async\r\n";
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    char first[SIGN_UUID_BYTES], second[SIGN_UUID_BYTES];

    assert_int_equal(api_call(&test->api, "POST", "/api/plan", async, BODY, &text), 202);
    take_accepted(&text, first);
    assert_int_equal(api_call(&test->api, "POST", "/api/plan", async, BODY, &text), 202);
    take_accepted(&text, second);
    assert_string_equal(first, second);
    assert_int_equal(api_call(&test->api, "POST", "/api/plan", async, OTHER_BODY, &text),
                     422);
    assert_non_null(strstr(api_body(&text), "\"IDEMPOTENCY_MISMATCH\""));
    assert_int_equal(api_call(&test->api, "POST", "/api/plan", "Idempotency-Key: a b\r\n",
                              BODY, &text),
                     400);
    api_batch_serve(test, &vpc, &clean, 1);
    assert_int_equal(
        api_call(&test->api, "POST", "/api/plan", "Idempotency-Key: k1\r\n", BODY, &text),
        200);
    assert_non_null(strstr(api_body(&text), "\"output\":\"No changes.\\n\""));
}

static void a_client_that_leaves_does_not_stop_its_batch(void **state)
{
    struct api_batch *test = *state;
    struct claimed claimed;
    int fd = api_send(&test->api, "POST", "/api/plan", NULL, BODY);

    until_waiting(test, 1);
    close(fd);
    until_waiting(test, 0);
    fake_worker_claim(&test->worker, &claimed);
    fake_worker_expand(&test->worker, &claimed, &vpc, 1);
    claimed_done(&claimed);
    fake_worker_claim(&test->worker, &claimed);
    fake_worker_end(&test->worker, &claimed, &clean);
    claimed_done(&claimed);
}

static void who_waits_when_the_program_stops_gets_202(void **state)
{
    struct api_batch *test;
    AUTO(buf_done) struct buf text = {0};
    char id[SIGN_UUID_BYTES];
    void *own = NULL;
    int fd;

    (void)state;
    api_batch_setup(&own);
    test = own;
    fd = api_send(&test->api, "POST", "/api/plan", NULL, BODY);
    until_waiting(test, 1);
    assert_int_equal(api_process_terminate(&test->api), 0);
    assert_int_equal(api_batch_answer(fd, &text), 202);
    take_accepted(&text, id);
    api_batch_serve(test, &vpc, &clean, 1);
    api_batch_teardown(&own);
}

/* ---- lost replies ---- */
static struct redis_proxy proxy;

static void go_through_the_proxy(const struct api_process *api, struct conf *conf)
{
    char *path = mem_fmt("%s/proxy.sock", api->redis.dir);

    redis_proxy_start(&proxy, path, api->redis.socket_path);
    free(conf->redis_url);
    conf->redis_url = mem_fmt("unix://%s", path);
    free(path);
}

static int64_t batches_of(struct api_batch *test, const char *repository)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    char repo[SIGN_ID_BYTES];
    struct redis_cmd cmd;

    repository_id("github.com", repository, repo);
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "ZCARD");
    redis_cmd_fmt(&cmd, "{kedge}:batches:%s", repo);
    reply = fake_worker_call(&test->worker, &cmd);
    return redis_reply_int(reply, -1);
}

static void a_reply_that_gets_lost_makes_no_second_batch(void **state)
{
    struct api_batch test = {0};
    AUTO(buf_done) struct buf text = {0};
    char id[SIGN_UUID_BYTES];

    (void)state;
    redis_proxy_open(&proxy);
    api_process_start_as(&test.api, go_through_the_proxy);
    fake_worker_open(&test.worker, &test.api.redis);
    redis_proxy_lose(&proxy, "refs/heads/lost", 2);
    assert_int_equal(api_call(&test.api, "POST", "/api/plan", "Prefer: respond-async\r\n",
                              "{\"repository\":\"a/b\",\"ref\":\"refs/heads/lost\","
                              "\"type\":\"Github\",\"projects\":[\"vpc\"]}",
                              &text),
                     202);
    assert_int_equal(redis_proxy_lost(&proxy), 2);
    take_accepted(&text, id);
    assert_int_equal(batches_of(&test, "a/b"), 1);
    expect_shown(&test, id, "\"status\":\"queued\"");
    fake_worker_close(&test.worker);
    api_process_stop(&test.api);
    redis_proxy_close(&proxy);
}

/* Each round of the answer is lost once, and nothing is shown twice. */
static void an_answer_is_whole_although_replies_get_lost(void **state)
{
    enum { COUNT = 25 };
    struct api_batch test = {0};
    struct fake_target targets[COUNT];
    struct fake_end ends[COUNT];
    char directories[COUNT][16], run_id[SIGN_UUID_BYTES], id[SIGN_UUID_BYTES];
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *path = NULL;

    (void)state;
    redis_proxy_open(&proxy);
    api_process_start_as(&test.api, go_through_the_proxy);
    fake_worker_open(&test.worker, &test.api.redis);
    for (int i = 0; i < COUNT; i++) {
        snprintf(directories[i], sizeof directories[i], "dir%02d", i);
        targets[i] = (struct fake_target){NULL, directories[i], "default"};
        ends[i] = clean;
    }
    api_batch_start(&test, "/api/drift/remediate",
                    "{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"Github\","
                    "\"projects\":[\"vpc\"]}",
                    id);
    api_batch_serve(&test, targets, ends, COUNT);
    batch_run_id(id, COUNT - 1, run_id);
    redis_proxy_lose(&proxy, run_id, 1);
    path = mem_fmt("/api/drift/remediate/%s", id);
    assert_int_equal(api_call(&test.api, "GET", path, NULL, NULL, &text), 200);
    assert_int_equal(redis_proxy_lost(&proxy), 1);
    assert_non_null(strstr(api_body(&text), "\"summary\":{\"total_projects\":25,"
                                            "\"success_count\":25,"));
    for (int i = 0; i < COUNT; i++) {
        const char *first = strstr(api_body(&text), directories[i]);

        assert_non_null(first);
        assert_null(strstr(first + 1, directories[i]));
    }
    fake_worker_close(&test.worker);
    api_process_stop(&test.api);
    redis_proxy_close(&proxy);
}

/* ---- by its id ---- */
static void a_batch_is_shown_as_a_run_is(void **state)
{
    struct api_batch *test = *state;
    AUTO(auto_free) char *path = NULL, *wanted = NULL;
    char id[SIGN_UUID_BYTES], run_id[SIGN_UUID_BYTES];

    api_batch_start(test, "/api/plan", BODY, id);
    wanted = mem_fmt("{\"id\":\"%s\",\"kind\":\"plan\",\"status\":\"queued\","
                     "\"trigger\":\"api\",\"commit\":null,\"error\":null,\"runs\":[],"
                     "\"queuedAt\":\"",
                     id);
    expect_shown(test, id, wanted);
    expect_shown(test, id, "\"startedAt\":null,\"endedAt\":null,\"result\":null}");
    api_batch_serve(test, &vpc, &clean, 1);
    batch_run_id(id, 0, run_id);
    free(wanted);
    wanted = mem_fmt("\"status\":\"success\",\"trigger\":\"api\",\"commit\":"
                     "\"0123456789abcdef0123456789abcdef01234567\",\"error\":null,"
                     "\"runs\":[\"%s\"]",
                     run_id);
    expect_shown(test, id, wanted);
    expect_shown(test, id, "\"result\":{\"command\":\"plan\",\"projects\":[");
    path = mem_fmt("/api/v1/drift/%s", id);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, NULL), 200);
    free(wanted);
    wanted = mem_fmt("\"batchId\":\"%s\"", id);
    expect_shown(test, run_id, wanted);
}

static void a_batch_that_was_refused_has_an_error_and_no_result(void **state)
{
    static const struct fake_end gone = {.status = RUN_ERROR,
                                         .error_code = "REF_NOT_FOUND",
                                         .error_message = "no such ref"};
    struct api_batch *test = *state;
    char id[SIGN_UUID_BYTES];

    api_batch_start(test, "/api/plan", BODY, id);
    api_batch_finish(test, &gone, 1);
    expect_shown(test, id, "\"status\":\"error\"");
    expect_shown(test, id,
                 "\"error\":{\"code\":\"REF_NOT_FOUND\",\"message\":\"no such ref\"}");
    expect_shown(test, id, "\"result\":null}");
}

static void a_batch_has_an_etag_and_can_be_waited_for(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *path = NULL, *waiting = NULL, *etag = NULL, *known = NULL;
    char id[SIGN_UUID_BYTES];
    int fd;

    api_batch_start(test, "/api/plan", BODY, id);
    path = run_path(id);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 200);
    etag = api_header(&text, "ETag");
    assert_non_null(etag);
    known = mem_fmt("If-None-Match: %s\r\n", etag);
    assert_int_equal(api_call(&test->api, "GET", path, known, NULL, &text), 304);
    waiting = mem_fmt("%s?wait=30", path);
    fd = api_send(&test->api, "GET", waiting, NULL, NULL); /* until its end */
    until_waiting(test, 1);
    api_batch_serve(test, &vpc, &clean, 1);
    assert_int_equal(api_batch_answer(fd, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"status\":\"success\""));
    assert_int_equal(api_call(&test->api, "GET", path, known, NULL, &text), 200);
}

static void the_output_of_an_apply_is_the_plan_and_what_was_applied(void **state)
{
    static const struct fake_end applied = {.status = RUN_APPLIED,
                                            .summary = "{\"hasChanges\":true}",
                                            .output = "the plan\n",
                                            .applied = "Apply complete!\n"};
    struct api_batch *test = *state;
    char id[SIGN_UUID_BYTES], run_id[SIGN_UUID_BYTES];

    api_batch_start(test, "/api/apply", BODY, id);
    api_batch_serve(test, &vpc, &applied, 1);
    batch_run_id(id, 0, run_id);
    expect_shown(test, run_id, "\"output\":\"the plan\\nApply complete!\\n\"");
}

/* ---- cancelled ---- */
static void a_batch_that_is_cancelled_says_so(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *remediation = NULL;
    char id[SIGN_UUID_BYTES];
    struct claimed claimed;

    api_batch_start(test, "/api/drift/remediate", BODY, id);
    cancel(test, id);
    expect_shown(test, id, "\"status\":\"cancelled\"");
    expect_shown(test, id, "\"result\":null}");
    remediation = mem_fmt("/api/drift/remediate/%s", id);
    assert_int_equal(api_call(&test->api, "GET", remediation, NULL, NULL, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"status\":\"failed\""));
    assert_non_null(strstr(api_body(&text), "\"error\":\"the request was cancelled\""));
    api_batch_start(test, "/api/plan", BODY, id);
    fake_worker_claim(&test->worker, &claimed);
    fake_worker_expand(&test->worker, &claimed, &vpc, 1);
    claimed_done(&claimed);
    cancel(test, id);
    expect_shown(test, id, "\"status\":\"error\",\"error\":\"the run was cancelled\"");
}

static void who_waits_for_what_is_cancelled_gets_409(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    char id[SIGN_UUID_BYTES];
    int fd;

    api_batch_start(test, "/api/plan",
                    "{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"Git"
                    "hub\",\"projects\":[\"409\"]}",
                    id);
    cancel(test, id);
    fd = api_send(&test->api, "POST", "/api/plan", "Idempotency-Key: c\r\n", BODY);
    until_waiting(test, 1);
    assert_int_equal(api_call(&test->api, "POST", "/api/plan",
                              "Idempotency-Key: c\r\nPrefer: respond-async\r\n", BODY,
                              &text),
                     202);
    take_accepted(&text, id);
    cancel(test, id);
    assert_int_equal(api_batch_answer(fd, &text), 409);
    assert_non_null(strstr(api_body(&text), "\"the request was cancelled\""));
}

/* ---- sizes ---- */
static void a_batch_of_500_answers_in_its_order(void **state)
{
    enum { COUNT = 500 };
    struct api_batch *test = *state;
    AUTO(auto_free) struct fake_target *targets = mem_new(COUNT, sizeof *targets);
    AUTO(buf_done) struct buf text = {0};
    static char directories[COUNT][16];
    struct claimed claimed;
    char id[SIGN_UUID_BYTES];
    const char *at;
    int fd;

    for (int i = 0; i < COUNT; i++) {
        snprintf(directories[i], sizeof directories[i], "dir%03d", i);
        targets[i] = (struct fake_target){NULL, directories[i], "default"};
    }
    fd = api_send(&test->api, "POST", "/api/drift/detect", NULL,
                  "{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"Github\"}");
    fake_worker_claim(&test->worker, &claimed);
    fake_worker_expand(&test->worker, &claimed, targets, COUNT);
    api_batch_id_of(&claimed, id);
    claimed_done(&claimed);
    cancel(test, id);
    assert_int_equal(api_batch_answer(fd, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"total_projects\":500,"));
    assert_non_null(strstr(api_body(&text), "\"projects_with_errors\":500}"));
    at = api_body(&text);
    for (int i = 0; i < COUNT; i++) {
        at = strstr(at, directories[i]);
        assert_non_null(at);
    }
}

/* Its output was dropped for age: the head is what is left of it. */
static void what_is_left_of_an_output_is_shown_and_marked(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    char head[QUEUE_HEAD_BYTES + 1];
    struct fake_end dropped = {.status = RUN_CLEAN, .summary = "{}", .head = head};
    int fd = api_send(&test->api, "POST", "/api/plan", NULL, BODY);

    memset(head, 'h', sizeof head - 1);
    head[sizeof head - 1] = '\0';
    api_batch_serve(test, &vpc, &dropped, 1);
    assert_int_equal(api_batch_answer(fd, &text), 200);
    assert_non_null(
        strstr(api_body(&text), "hhh\\n[cut: the rest is no longer kept]\\n\",\"plan\""));
}

static void the_texts_of_a_remediation_share_the_room(void **state)
{
    enum { COUNT = 10, BYTES = 1024 * 1024 };
    struct api_batch *test = *state;
    AUTO(auto_free) char *output = mem_new(1, BYTES + 1);
    AUTO(auto_free) char *path = NULL;
    AUTO(buf_done) struct buf text = {0};
    struct fake_target targets[COUNT];
    struct fake_end ends[COUNT];
    char directories[COUNT][16], id[SIGN_UUID_BYTES];

    memset(output, '\n', BYTES); /* two bytes each in JSON */
    for (int i = 0; i < COUNT; i++) {
        snprintf(directories[i], sizeof directories[i], "dir%03d", i);
        targets[i] = (struct fake_target){NULL, directories[i], "default"};
        ends[i] = (struct fake_end){
            .status = RUN_APPLIED, .summary = "{}", .output = output, .applied = output};
    }
    api_batch_start(test, "/api/drift/remediate",
                    "{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"Github\","
                    "\"projects\":[\"vpc\"],\"action\":\"apply\"}",
                    id);
    api_batch_serve(test, targets, ends, COUNT);
    path = mem_fmt("/api/drift/remediate/%s", id);
    assert_int_equal(
        api_batch_answer(api_send(&test->api, "GET", path, NULL, NULL), &text), 200);
    assert_true(text.len > 15 << 20);
    assert_true(text.len < 17 << 20);
}

static void outputs_share_the_room_of_one_answer(void **state)
{
    enum { COUNT = 40, BYTES = 1024 * 1024 };
    struct api_batch *test = *state;
    AUTO(auto_free) char *output = mem_new(1, BYTES + 1);
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *marker = NULL;
    struct fake_target targets[COUNT];
    struct fake_end ends[COUNT];
    char directories[COUNT][16], id[SIGN_UUID_BYTES], run_id[SIGN_UUID_BYTES];
    AUTO(auto_free) char *path = NULL;

    memset(output, '\n', BYTES); /* two bytes each in JSON */
    memcpy(output, "begin", 5);
    for (int i = 0; i < COUNT; i++) {
        snprintf(directories[i], sizeof directories[i], "dir%03d", i);
        targets[i] = (struct fake_target){NULL, directories[i], "default"};
        ends[i] = clean;
        ends[i].output = output;
    }
    api_batch_start(test, "/api/plan", BODY, id);
    api_batch_serve(test, targets, ends, COUNT);
    path = run_path(id);
    assert_int_equal(
        api_batch_answer(api_send(&test->api, "GET", path, NULL, NULL), &text), 200);
    assert_true(text.len > 15 << 20);
    assert_true(text.len < 17 << 20);
    batch_run_id(id, COUNT - 1, run_id);
    marker = mem_fmt("\\n[cut: the whole output is at /api/v1/runs/%s]\\n\"", run_id);
    assert_non_null(strstr(api_body(&text), marker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_prefers_not_to_wait_gets_202),
        cmocka_unit_test(a_wait_that_is_long_enough_gets_the_result),
        cmocka_unit_test(an_idempotency_key_finds_its_batch_again),
        cmocka_unit_test(a_client_that_leaves_does_not_stop_its_batch),
        cmocka_unit_test(who_waits_when_the_program_stops_gets_202),
        cmocka_unit_test(a_reply_that_gets_lost_makes_no_second_batch),
        cmocka_unit_test(an_answer_is_whole_although_replies_get_lost),
        cmocka_unit_test(a_batch_is_shown_as_a_run_is),
        cmocka_unit_test(a_batch_that_was_refused_has_an_error_and_no_result),
        cmocka_unit_test(a_batch_has_an_etag_and_can_be_waited_for),
        cmocka_unit_test(the_output_of_an_apply_is_the_plan_and_what_was_applied),
        cmocka_unit_test(a_batch_that_is_cancelled_says_so),
        cmocka_unit_test(who_waits_for_what_is_cancelled_gets_409),
        cmocka_unit_test(a_batch_of_500_answers_in_its_order),
        cmocka_unit_test(what_is_left_of_an_output_is_shown_and_marked),
        cmocka_unit_test(the_texts_of_a_remediation_share_the_room),
        cmocka_unit_test(outputs_share_the_room_of_one_answer),
    };

    return cmocka_run_group_tests_name("api_batch_wait", tests, api_batch_setup,
                                       api_batch_teardown);
}
