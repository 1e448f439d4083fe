/* A batch under its id, as v1 shows it: its life, its cancelling, its sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/api_batch.h"

#define BODY                                                                             \
    "{\"Repository\":\"a/b\",\"Ref\":\"main\",\"Type\":\"Github\","                      \
    "\"Projects\":[\"vpc\"]}"

static const struct fake_target vpc = {"vpc", "modules/vpc", "production"};
static const struct fake_end clean = {
    .status = RUN_CLEAN, .summary = "{}", .output = "No changes.\n"};

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
    api_batch_expect_shown(test, id, wanted);
    api_batch_expect_shown(test, id,
                           "\"startedAt\":null,\"endedAt\":null,\"result\":null}");
    api_batch_serve(test, &vpc, &clean, 1);
    batch_run_id(id, 0, run_id);
    free(wanted);
    wanted = mem_fmt("\"status\":\"success\",\"trigger\":\"api\",\"commit\":"
                     "\"0123456789abcdef0123456789abcdef01234567\",\"error\":null,"
                     "\"runs\":[\"%s\"]",
                     run_id);
    api_batch_expect_shown(test, id, wanted);
    api_batch_expect_shown(test, id, "\"result\":{\"command\":\"plan\",\"projects\":[");
    path = mem_fmt("/api/v1/drift/%s", id);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, NULL), 200);
    free(wanted);
    wanted = mem_fmt("\"batchId\":\"%s\"", id);
    api_batch_expect_shown(test, run_id, wanted);
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
    api_batch_expect_shown(test, id, "\"status\":\"error\"");
    api_batch_expect_shown(
        test, id, "\"error\":{\"code\":\"REF_NOT_FOUND\",\"message\":\"no such ref\"}");
    api_batch_expect_shown(test, id, "\"result\":null}");
}

static void a_batch_has_an_etag_and_can_be_waited_for(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *path = NULL, *waiting = NULL, *etag = NULL, *known = NULL;
    char id[SIGN_UUID_BYTES];
    int fd;

    api_batch_start(test, "/api/plan", BODY, id);
    path = api_batch_path(id);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 200);
    etag = api_header(&text, "ETag");
    assert_non_null(etag);
    known = mem_fmt("If-None-Match: %s\r\n", etag);
    assert_int_equal(api_call(&test->api, "GET", path, known, NULL, &text), 304);
    waiting = mem_fmt("%s?wait=30", path);
    fd = api_send(&test->api, "GET", waiting, NULL, NULL); /* until its end */
    api_batch_until_waiting(test, 1);
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
    api_batch_expect_shown(test, run_id, "\"output\":\"the plan\\nApply complete!\\n\"");
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
    api_batch_cancel(test, id);
    api_batch_expect_shown(test, id, "\"status\":\"cancelled\"");
    api_batch_expect_shown(test, id, "\"result\":null}");
    remediation = mem_fmt("/api/drift/remediate/%s", id);
    assert_int_equal(api_call(&test->api, "GET", remediation, NULL, NULL, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"status\":\"failed\""));
    assert_non_null(strstr(api_body(&text), "\"error\":\"the request was cancelled\""));
    api_batch_start(test, "/api/plan", BODY, id);
    fake_worker_claim(&test->worker, &claimed);
    fake_worker_expand(&test->worker, &claimed, &vpc, 1);
    claimed_done(&claimed);
    api_batch_cancel(test, id);
    api_batch_expect_shown(test, id,
                           "\"status\":\"error\",\"error\":\"the run was cancelled\"");
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
    api_batch_cancel(test, id);
    fd = api_send(&test->api, "POST", "/api/plan", "Idempotency-Key: c\r\n", BODY);
    api_batch_until_waiting(test, 1);
    assert_int_equal(api_call(&test->api, "POST", "/api/plan",
                              "Idempotency-Key: c\r\nPrefer: respond-async\r\n", BODY,
                              &text),
                     202);
    api_batch_accepted(&text, id);
    api_batch_cancel(test, id);
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
    api_batch_cancel(test, id);
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
    path = api_batch_path(id);
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

    return cmocka_run_group_tests_name("api_batch_show", tests, api_batch_setup,
                                       api_batch_teardown);
}
