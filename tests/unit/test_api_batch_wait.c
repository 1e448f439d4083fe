/* Waiting for a batch: how long, what becomes of those who leave, who come again, and
 * whose answers get lost. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/queue/target.h"
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
        api_batch_accepted(&text, id);
        api_batch_expect_shown(test, id, "\"status\":\"queued\"");
        api_batch_cancel(test, id);
    }
}

static void a_wait_that_is_long_enough_gets_the_result(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    int fd = api_send(&test->api, "POST", "/api/plan", "Prefer: wait=60\r\n", BODY);

    api_batch_until_waiting(test, 1);
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
    api_batch_accepted(&text, first);
    assert_int_equal(api_call(&test->api, "POST", "/api/plan", async, BODY, &text), 202);
    api_batch_accepted(&text, second);
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

    api_batch_until_waiting(test, 1);
    close(fd);
    api_batch_until_waiting(test, 0);
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
    api_batch_until_waiting(test, 1);
    assert_int_equal(api_process_terminate(&test->api), 0);
    assert_int_equal(api_batch_answer(fd, &text), 202);
    api_batch_accepted(&text, id);
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
    api_batch_accepted(&text, id);
    assert_int_equal(batches_of(&test, "a/b"), 1);
    api_batch_expect_shown(&test, id, "\"status\":\"queued\"");
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

/* ---- Redis is away ---- */
/* Who is told to come again would have it done twice. */
static void who_waits_when_redis_goes_away_gets_202(void **state)
{
    struct api_batch test = {0};
    AUTO(buf_done) struct buf text = {0};
    char id[SIGN_UUID_BYTES], told[SIGN_UUID_BYTES];
    struct claimed claimed;
    int fd;

    (void)state;
    redis_proxy_open(&proxy);
    api_process_start_as(&test.api, go_through_the_proxy);
    fake_worker_open(&test.worker, &test.api.redis);
    fd = api_send(&test.api, "POST", "/api/apply", NULL, BODY);
    fake_worker_claim(&test.worker, &claimed);
    api_batch_id_of(&claimed, id);
    api_batch_until_waiting(&test, 1);
    redis_proxy_lose(&proxy, id, INT_MAX);
    fake_worker_expand(&test.worker, &claimed, &vpc, 1); /* news: the api looks */
    claimed_done(&claimed);
    assert_int_equal(api_batch_answer(fd, &text), 202);
    api_batch_accepted(&text, told);
    assert_string_equal(told, id);
    fake_worker_close(&test.worker);
    api_process_stop(&test.api);
    redis_proxy_close(&proxy);
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
        cmocka_unit_test(who_waits_when_redis_goes_away_gets_202),
    };

    return cmocka_run_group_tests_name("api_batch_wait", tests, api_batch_setup,
                                       api_batch_teardown);
}
