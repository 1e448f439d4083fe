/* Batches over HTTP, for tests. */
#include "tests/support/api_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/queue/target.h"

#define ANSWER_BYTES ((size_t)40 << 20)
#define UUID_CHARS   36
#define TIME_CHARS   24 /* 2025-01-21T10:30:00.000Z */

static void give_up(const char *what, const char *text)
{
    fprintf(stderr, "api_batch: %s: %s\n", what, text);
    abort();
}

int api_batch_setup(void **state)
{
    struct api_batch *test = mem_new(1, sizeof *test);

    api_process_start(&test->api);
    fake_worker_open(&test->worker, &test->api.redis);
    *state = test;
    return 0;
}

int api_batch_teardown(void **state)
{
    struct api_batch *test = *state;

    fake_worker_close(&test->worker);
    /* Under a sanitizer a leak is in the exit status. */
    if (test->api.pid > 0 && api_process_terminate(&test->api) != 0)
        give_up("the api did not end well", test->api.redis.dir);
    api_process_stop(&test->api);
    free(test);
    return 0;
}

int api_batch_answer(int fd, struct buf *text)
{
    buf_done(text);
    buf_init(text, ANSWER_BYTES);
    return api_receive(fd, text);
}

/* `data` of an answer; the caller frees the document it is in. */
static const cJSON *data_of(const struct buf *text, cJSON **doc)
{
    struct err err;

    *doc =
        json_parse(api_body(text), strlen(api_body(text)), JSON_DEPTH_MAX, false, &err);
    if (!json_bool(*doc, "success", false))
        give_up("it did not succeed", api_body(text));
    return json_get(*doc, "data");
}

void api_batch_start(struct api_batch *test, const char *path, const char *body,
                     char id[SIGN_UUID_BYTES])
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_json) cJSON *doc = NULL;

    if (api_call(&test->api, "POST", path, "Prefer: respond-async\r\n", body, &text) !=
        202)
        give_up("it was not accepted", api_body(&text));
    snprintf(id, SIGN_UUID_BYTES, "%s", json_string(data_of(&text, &doc), "runId"));
}

void api_batch_finish(struct api_batch *test, const struct fake_end *ends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct claimed claimed;

        fake_worker_claim(&test->worker, &claimed);
        fake_worker_end(&test->worker, &claimed, &ends[i]);
        claimed_done(&claimed);
    }
}

char *api_batch_request_of(const struct claimed *claimed)
{
    AUTO(run_spec_done) struct run_spec spec = {.kind = RUN_PLAN};
    struct err err;

    if (run_spec_parse(claimed->spec, strlen(claimed->spec), &spec, &err) < 0)
        give_up("the claimed run", err.message);
    return TAKE(spec.batch);
}

void api_batch_id_of(const struct claimed *resolve, char id[SIGN_UUID_BYTES])
{
    AUTO(auto_free) char *request = api_batch_request_of(resolve);
    AUTO(auto_json) cJSON *doc = cJSON_Parse(request);

    snprintf(id, SIGN_UUID_BYTES, "%s", json_string(doc, "id"));
}

/* The queue gives runs out in an order of its own. */
static size_t index_of(const char *batch_id, const char *run_id, size_t count)
{
    char id[SIGN_UUID_BYTES];

    for (size_t i = 0; i < count; i++) {
        batch_run_id(batch_id, (int64_t)i, id);
        if (strcmp(id, run_id) == 0)
            return i;
    }
    give_up("a run of another batch", run_id);
    return 0;
}

void api_batch_serve(struct api_batch *test, const struct fake_target *targets,
                     const struct fake_end *ends, size_t count)
{
    struct claimed claimed;
    char id[SIGN_UUID_BYTES];

    fake_worker_claim(&test->worker, &claimed);
    fake_worker_expand(&test->worker, &claimed, targets, count);
    api_batch_id_of(&claimed, id);
    claimed_done(&claimed);
    for (size_t i = 0; i < count; i++) {
        fake_worker_claim(&test->worker, &claimed);
        fake_worker_end(&test->worker, &claimed,
                        &ends[index_of(id, claimed.hold.run_id, count)]);
        claimed_done(&claimed);
    }
}

/* ---- comparing ---- */
static bool is_time(const char *at)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";

    for (size_t i = 0; i < TIME_CHARS; i++)
        if (form[i] == 'd' ? !isdigit((unsigned char)at[i]) : at[i] != form[i])
            return false;
    return true;
}

static bool is_uuid(const char *at)
{
    for (size_t i = 0; i < UUID_CHARS; i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? at[i] != '-'
                                                    : !isxdigit((unsigned char)at[i]))
            return false;
    return true;
}

static void write_plain(const char *json, struct buf *out)
{
    for (const char *at = json; *at != '\0'; at++) {
        buf_char(out, *at);
        if (*at != '"')
            continue;
        if (is_uuid(at + 1)) {
            buf_str(out, "ID");
            at += UUID_CHARS;
        } else if (is_time(at + 1)) {
            buf_str(out, "TIME");
            at += TIME_CHARS;
        }
    }
}

void api_batch_expect(const struct buf *text, const char *data)
{
    AUTO(buf_done) struct buf json = BUF_INIT(ANSWER_BYTES);
    AUTO(buf_done) struct buf found = BUF_INIT(ANSWER_BYTES);
    AUTO(auto_json) cJSON *doc = NULL;

    json_print(data_of(text, &doc), &json);
    write_plain(buf_text(&json), &found);
    if (strcmp(buf_text(&found), data) != 0) {
        fprintf(stderr, "expected %s\n", data);
        give_up("found", buf_text(&found));
    }
}

/* ---- drift ---- */
void api_batch_store_drift(struct api_batch *test, const char *repository,
                           const char *ref, const char *directory, const char *workspace,
                           const char *status)
{
    AUTO(run_spec_done)
    struct run_spec spec = {.kind = RUN_PLAN,
                            .repository = mem_dup(repository),
                            .directory = mem_dup(directory),
                            .workspace = mem_dup(workspace)};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    char repo[SIGN_ID_BYTES], target[SIGN_ID_BYTES];
    struct redis_cmd cmd;

    repository_id("github.com", repository, repo);
    target_id("github.com", &spec, target);
    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, "HSET");
    redis_cmd_fmt(&cmd, "{kedge}:drift:%s", repo);
    redis_cmd_fmt(&cmd, "%s|%s", target, ref);
    redis_cmd_fmt(&cmd,
                  "{\"status\":\"%s\",\"directory\":\"%s\",\"workspace\":\"%s\","
                  "\"ref\":\"%s\"}",
                  status, directory, workspace, ref);
    reply = fake_worker_call(&test->worker, &cmd);
}

/* ---- by its id ---- */
char *api_batch_path(const char *id)
{
    return mem_fmt("/api/v1/runs/%s", id);
}

void api_batch_accepted(const struct buf *text, char id[SIGN_UUID_BYTES])
{
    AUTO(auto_json) cJSON *doc = cJSON_Parse(api_body(text));
    AUTO(auto_free) char *location = api_header(text, "Location");
    AUTO(auto_free) char *path = NULL;
    const char *run_id = json_string(json_get(doc, "data"), "runId");

    assert_non_null(run_id);
    assert_non_null(location);
    path = api_batch_path(run_id);
    assert_string_equal(location, path);
    snprintf(id, SIGN_UUID_BYTES, "%s", run_id);
}

void api_batch_expect_shown(struct api_batch *test, const char *id, const char *shown)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *path = api_batch_path(id);

    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 200);
    if (strstr(api_body(&text), shown) == NULL)
        fail_msg("no %s in %s", shown, api_body(&text));
}

void api_batch_until_waiting(const struct api_batch *test, int64_t count)
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

void api_batch_cancel(struct api_batch *test, const char *id)
{
    AUTO(auto_free) char *path = mem_fmt("/api/v1/runs/%s/cancel", id);

    assert_int_equal(api_call(&test->api, "POST", path, NULL, NULL, NULL), 200);
}
