/* POST /api/v1/drift/reconcile: what is answered before a run, while it goes on and at
 * its end. A worker does what the test says; what terraform makes of it is looked at end
 * to end. */
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
#include "common/registry/registry.h"
#include "tests/support/api_batch.h"
#include "tests/support/redis_proxy.h"

#define PREFIX    "{kedge}:"
#define RECONCILE "/api/v1/drift/reconcile"
#define BODY      "{\"projectId\":\"net\",\"workspaceId\":\"prod\"}"
#define ASYNC     "Prefer: respond-async\r\n"
#define COMMIT    "0123456789abcdef0123456789abcdef01234567"
#define OTHER     "89abcdef0123456789abcdef0123456789abcdef"
#define DRIFT     "0123456789abcdef0123456789abcdef"
#define MOVED     "fedcba9876543210fedcba9876543210"

static void put(struct api_batch *test, const char *path, const char *body)
{
    AUTO(buf_done) struct buf text = {0};
    int status = api_call(&test->api, "PUT", path, NULL, body, &text);

    assert_true(status == 200 || status == 201);
}

static void put_workspace(struct api_batch *test, const char *ref)
{
    AUTO(auto_free)
    char *body = mem_fmt("{\"directory\":\".\",\"maxDestroy\":3,\"ref\":\"%s\"}", ref);

    put(test, "/api/v1/projects/net",
        "{\"repository\":\"acme/net\",\"type\":\"Github\",\"ref\":\"main\"}");
    put(test, "/api/v1/projects/net/workspaces/prod", body);
}

static int setup(void **state)
{
    int rc = api_batch_setup(state);

    put_workspace(*state, "main");
    return rc;
}

/* ---- ending runs ---- */
struct end {
    enum run_status status;
    const char *error, *message, *commit, *drift;
};

static void end_run(struct api_batch *test, const struct claimed *run,
                    const struct end *end)
{
    AUTO(auto_free)
    char *metadata = end->drift != NULL
                         ? mem_fmt("{\"driftFingerprint\":\"%s\"}", end->drift)
                         : mem_dup("{}");
    struct redis_cmd cmd;

    queue_finish(&cmd, PREFIX, &run->hold,
                 &(struct finish){.status = end->status,
                                  .exit_code = -1,
                                  .error_code = end->error,
                                  .error_message = end->message,
                                  .commit = end->commit,
                                  .metadata = metadata,
                                  .metadata_len = strlen(metadata)});
    fake_worker_must(&test->worker, &cmd);
}

/* Ends the next run so; its id, the caller frees. */
static char *end_next(struct api_batch *test, const struct end *end)
{
    struct claimed claimed;
    char *id;

    fake_worker_claim(&test->worker, &claimed);
    end_run(test, &claimed, end);
    id = mem_dup(claimed.hold.run_id);
    claimed_done(&claimed);
    return id;
}

/* A check of the workspace that ended so. */
static char *check(struct api_batch *test, const struct end *end)
{
    assert_int_equal(api_call(&test->api, "POST", "/api/v1/drift", NULL, BODY, NULL),
                     202);
    return end_next(test, end);
}

static char *check_drifted(struct api_batch *test, const char *commit, const char *drift)
{
    return check(
        test,
        &(struct end){.status = RUN_DRIFT_DETECTED, .commit = commit, .drift = drift});
}

/* ---- asking ---- */
static int ask(struct api_batch *test, const char *headers, const char *body,
               struct buf *text)
{
    buf_done(text);
    return api_call(&test->api, "POST", RECONCILE, headers, body, text);
}

static void expect_error(const struct buf *text, const char *code, const char *words)
{
    AUTO(auto_json) cJSON *doc = NULL;
    struct err err;

    doc = json_parse(api_body(text), strlen(api_body(text)), JSON_DEPTH_MAX, false, &err);
    assert_string_equal(json_string(json_get(doc, "error"), "code"), code);
    assert_non_null(strstr(json_string(json_get(doc, "error"), "message"), words));
}

/* The id of the run that was accepted; the caller frees. */
static char *accepted(const struct buf *text)
{
    AUTO(auto_json) cJSON *doc = NULL;
    AUTO(auto_free) char *where = api_header(text, "Location");
    struct err err;
    char *id;

    doc = json_parse(api_body(text), strlen(api_body(text)), JSON_DEPTH_MAX, false, &err);
    assert_non_null(json_string(doc, "runId"));
    id = mem_dup(json_string(doc, "runId"));
    assert_non_null(where);
    assert_non_null(strstr(where, id));
    return id;
}

/* Of the plan of that run; what it is answered. */
static int ask_for(struct api_batch *test, const char *plan_run, struct buf *text)
{
    AUTO(auto_free)
    char *body = mem_fmt("{\"projectId\":\"net\",\"workspaceId\":\"prod\","
                         "\"planRunId\":\"%s\"}",
                         plan_run);

    return ask(test, ASYNC, body, text);
}

static void expect_nothing_waits(struct api_batch *test)
{
    AUTO(buf_done) struct buf text = {0};

    assert_int_equal(
        api_call(&test->api, "GET", "/api/v1/runs?status=queued", NULL, NULL, &text),
        200);
    assert_string_equal(api_body(&text), "[]");
}

/* ---- what the run is made of ---- */
static void the_terms_of_the_request_are_those_of_the_run(void **state)
{
    static const struct {
        const char *more;
        int64_t max_destroy;
    } rows[] = {
        {"", 3},
        {",\"allowDestroy\":false", 3},
        {",\"maxDestroy\":null", 3},
        {",\"maxDestroy\":0", 0},
        {",\"maxDestroy\":7,\"allowDestroy\":false", 7},
        {",\"allowDestroy\":true", RUN_DESTROY_ANY},
    };
    struct api_batch *test = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free)
        char *body =
            mem_fmt("{\"projectId\":\"net\",\"workspaceId\":\"prod\"%s}", rows[i].more);
        AUTO(buf_done) struct buf text = {0};
        AUTO(run_spec_done) struct run_spec spec = {0};
        struct claimed claimed;
        struct err err;

        assert_int_equal(ask(test, ASYNC, body, &text), 202);
        fake_worker_claim(&test->worker, &claimed);
        assert_int_equal(claimed.kind, RUN_RECONCILE);
        assert_int_equal(run_spec_parse(claimed.spec, strlen(claimed.spec), &spec, &err),
                         0);
        assert_int_equal(spec.max_destroy, rows[i].max_destroy);
        assert_null(spec.expected_drift);
        assert_null(spec.expected_commit);
        end_run(test, &claimed, &(struct end){.status = RUN_CLEAN});
        claimed_done(&claimed);
    }
}

static void two_requests_are_two_runs(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *first = NULL;
    AUTO(auto_free) char *second = NULL;

    assert_int_equal(ask(test, ASYNC, BODY, &text), 202);
    assert_int_equal(ask(test, ASYNC, BODY, &text), 202);
    first = end_next(test, &(struct end){.status = RUN_CLEAN});
    second = end_next(test, &(struct end){.status = RUN_CLEAN});
    assert_string_not_equal(first, second);
}

/* ---- the answer ---- */
static void a_run_is_the_answer_however_it_ended(void **state)
{
    static const struct end ends[] = {
        {.status = RUN_CLEAN},
        {.status = RUN_ERROR, .error = "DESTROY_REFUSED", .message = "no"},
        {.status = RUN_ERROR, .error = "STILL_DRIFTED", .message = "still"},
    };
    struct api_batch *test = *state;

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        AUTO(buf_done) struct buf text = {0};
        AUTO(buf_done) struct buf shown = {0};
        AUTO(auto_free) char *etag = NULL;
        AUTO(auto_free) char *id = NULL;
        AUTO(auto_free) char *path = NULL;
        /* Whatever the client knows of other runs. */
        int fd = api_send(&test->api, "POST", RECONCILE, "If-None-Match: *\r\n", BODY);

        api_batch_until_waiting(test, 1);
        id = end_next(test, &ends[i]);
        assert_int_equal(api_batch_answer(fd, &text), 200);
        path = mem_fmt("/api/v1/runs/%s", id);
        assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &shown), 200);
        assert_string_equal(api_body(&text), api_body(&shown));
        etag = api_header(&text, "ETag");
        assert_non_null(etag);
    }
}

static void a_run_that_never_came_to_apply_is_a_conflict_to_who_waited(void **state)
{
    static const struct {
        const char *code, *told;
        struct end end;
    } rows[] = {
        {"FROZEN",
         "because",
         {.status = RUN_ERROR, .error = "FROZEN", .message = "frozen, because"}},
        {"DRIFT_MOVED",
         "elsewhere",
         {.status = RUN_ERROR, .error = "DRIFT_MOVED", .message = "it is elsewhere"}},
        {"DRIFT_MOVED", "look at what", {.status = RUN_ERROR, .error = "DRIFT_MOVED"}},
    };
    struct api_batch *test = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf text = {0};
        AUTO(auto_free) char *where = NULL;
        AUTO(auto_free) char *id = NULL;
        int fd = api_send(&test->api, "POST", RECONCILE, NULL, BODY);

        api_batch_until_waiting(test, 1);
        id = end_next(test, &rows[i].end);
        assert_int_equal(api_batch_answer(fd, &text), 409);
        expect_error(&text, rows[i].code, rows[i].told);
        where = api_header(&text, "Location");
        assert_non_null(where);
        assert_non_null(strstr(where, id));
        api_batch_expect_shown(test, id, "\"status\":\"error\"");
    }
}

static void an_orphan_is_an_answer_too(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    struct claimed claimed;
    struct redis_cmd cmd;
    int fd = api_send(&test->api, "POST", RECONCILE, NULL, BODY);

    fake_worker_claim(&test->worker, &claimed);
    api_batch_until_waiting(test, 1);
    queue_mark(&cmd, PREFIX, &claimed.hold);
    fake_worker_must(&test->worker, &cmd);
    queue_orphan(&cmd, PREFIX, &claimed.hold);
    fake_worker_must(&test->worker, &cmd);
    assert_int_equal(api_batch_answer(fd, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"INTERRUPTED\""));
    end_run(test, &claimed, &(struct end){.status = RUN_APPLIED});
    claimed_done(&claimed);
}

static void a_freeze_answers_before_anything_is_queued(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};

    assert_int_equal(ask(test, ASYNC "Idempotency-Key: before\r\n", BODY, &text), 202);
    put(test, "/api/v1/freeze", "{\"frozen\":true,\"reason\":\"audit\"}");
    assert_int_equal(ask(test, NULL, BODY, &text), 409);
    expect_error(&text, "FROZEN", "frozen: audit");
    assert_int_equal(ask(test, ASYNC "Idempotency-Key: before\r\n", BODY, &text), 202);
    assert_int_equal(ask(test, ASYNC "Idempotency-Key: new\r\n", BODY, &text), 409);
    put(test, "/api/v1/freeze", "{\"frozen\":true}");
    assert_int_equal(ask(test, NULL, BODY, &text), 409);
    expect_error(&text, "FROZEN", "applies are frozen");
    put(test, "/api/v1/freeze", "{\"frozen\":false}");
    assert_int_equal(ask(test, ASYNC "Idempotency-Key: new\r\n", BODY, &text), 202);
    free(end_next(test, &(struct end){.status = RUN_CLEAN}));
    free(end_next(test, &(struct end){.status = RUN_CLEAN}));
}

/* ---- whose plan ---- */
static void what_was_looked_at_is_pinned(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(run_spec_done) struct run_spec spec = {0};
    AUTO(auto_free) char *seen = check_drifted(test, COMMIT, DRIFT);
    struct claimed claimed;
    struct err err;

    free(check_drifted(test, COMMIT, DRIFT)); /* finds the same */
    assert_int_equal(ask_for(test, seen, &text), 202);
    fake_worker_claim(&test->worker, &claimed);
    assert_int_equal(run_spec_parse(claimed.spec, strlen(claimed.spec), &spec, &err), 0);
    assert_string_equal(spec.expected_commit, COMMIT);
    assert_string_equal(spec.expected_drift, DRIFT);
    assert_null(spec.commit); /* the tip is looked at */
    end_run(test, &claimed, &(struct end){.status = RUN_CLEAN});
    claimed_done(&claimed);
}

static void what_a_newer_run_found_otherwise_has_moved(void **state)
{
    static const struct {
        struct end newer;
        const char *told;
    } rows[] = {
        {{.status = RUN_CLEAN, .commit = COMMIT}, "found no drift"},
        {{.status = RUN_DRIFT_DETECTED, .commit = OTHER, .drift = DRIFT},
         "another commit"},
        {{.status = RUN_DRIFT_DETECTED, .commit = COMMIT, .drift = MOVED}, "other drift"},
    };
    struct api_batch *test = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf text = {0};
        AUTO(auto_free) char *seen = check_drifted(test, COMMIT, DRIFT);
        AUTO(auto_free) char *newer = check(test, &rows[i].newer);

        assert_int_equal(ask_for(test, seen, &text), 409);
        expect_error(&text, "DRIFT_MOVED", rows[i].told);
        expect_error(&text, "DRIFT_MOVED", newer);
    }
}

/* The older of two checks says nothing about the newer; nor does one that failed. */
static void what_came_before_or_failed_moves_nothing(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *older = check_drifted(test, OTHER, MOVED);
    AUTO(auto_free) char *seen = check_drifted(test, COMMIT, DRIFT);

    free(check(test, &(struct end){.status = RUN_ERROR, .error = "TIMEOUT"}));
    assert_int_equal(ask_for(test, seen, &text), 202);
    free(end_next(test, &(struct end){.status = RUN_ERROR, .error = "TIMEOUT"}));
    assert_int_equal(ask_for(test, older, &text), 409);
    expect_error(&text, "DRIFT_MOVED", seen);
}

static void what_a_reconcile_has_mended_has_moved(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *seen = check_drifted(test, COMMIT, DRIFT);
    AUTO(auto_free) char *mended = NULL;

    assert_int_equal(ask_for(test, seen, &text), 202);
    mended = end_next(test, &(struct end){.status = RUN_CLEAN, .commit = COMMIT});
    assert_int_equal(ask_for(test, seen, &text), 409);
    expect_error(&text, "DRIFT_MOVED", "has reconciled the workspace");
}

static void another_ref_is_another_plan(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *seen = check_drifted(test, COMMIT, DRIFT);

    put_workspace(test, "other");
    assert_int_equal(ask_for(test, seen, &text), 409);
    expect_error(&text, "DRIFT_MOVED", "looked at ref main");
    put_workspace(test, "main");
}

static void a_run_without_a_plan_to_go_by_is_refused(void **state)
{
    static const struct {
        struct end end;
        const char *told;
    } rows[] = {
        {{.status = RUN_CLEAN, .commit = COMMIT}, "nothing to reconcile"},
        {{.status = RUN_ERROR, .error = "TIMEOUT", .commit = COMMIT}, "ended error"},
        {{.status = RUN_DRIFT_DETECTED, .commit = COMMIT}, "check again"},
        {{.status = RUN_DRIFT_DETECTED, .drift = DRIFT}, "check again"},
        {{.status = RUN_DRIFT_DETECTED, .commit = COMMIT, .drift = "abc"}, "check again"},
    };
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *queued = NULL;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *run = check(test, &rows[i].end);

        assert_int_equal(ask_for(test, run, &text), 409);
        expect_error(&text, "CONFLICT", rows[i].told);
    }
    assert_int_equal(ask(test, ASYNC, BODY, &text), 202);
    queued = accepted(&text);
    assert_int_equal(ask_for(test, queued, &text), 409);
    expect_error(&text, "CONFLICT", "has not ended");
    free(end_next(test, &(struct end){.status = RUN_CLEAN}));
    assert_int_equal(ask_for(test, COMMIT, &text), 400);
    assert_int_equal(ask_for(test, "01a20173-0000-7000-8000-000000000000", &text), 404);
}

static void a_reconcile_that_was_refused_has_shown_its_plan(void **state)
{
    static const char *const codes[] = {"DESTROY_REFUSED", "PROTECTED",
                                        "EMPTY_STATE",     "DRIFT_MOVED",
                                        "FROZEN",          "REQUIREMENT_UNMET"};
    struct api_batch *test = *state;

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        const struct end refused = {
            .status = RUN_ERROR, .error = codes[i], .commit = COMMIT, .drift = DRIFT};
        AUTO(buf_done) struct buf text = {0};
        AUTO(auto_free) char *run = NULL;

        assert_int_equal(ask(test, ASYNC, BODY, &text), 202);
        run = end_next(test, &refused);
        assert_int_equal(ask_for(test, run, &text), 202);
        free(end_next(test, &refused));
    }
}

/* It has applied: its plan is not what there is. */
static void a_reconcile_that_has_applied_is_no_plan_to_go_by(void **state)
{
    static const char *const codes[] = {"STILL_DRIFTED", "TERRAFORM_FAILED"};
    struct api_batch *test = *state;

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        AUTO(buf_done) struct buf text = {0};
        AUTO(auto_free) char *run = NULL;

        assert_int_equal(ask(test, ASYNC, BODY, &text), 202);
        run = end_next(test, &(struct end){.status = RUN_ERROR,
                                           .error = codes[i],
                                           .commit = COMMIT,
                                           .drift = DRIFT});
        assert_int_equal(ask_for(test, run, &text), 409);
        expect_error(&text, "CONFLICT", "no plan to go by");
    }
}

/* Of another workspace, and of one that is called the same in another project. */
static void the_plan_of_another_workspace_is_not_there(void **state)
{
    static const struct {
        const char *project, *workspace;
    } rows[] = {{"net", "test"}, {"other", "prod"}};
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *seen = check_drifted(test, COMMIT, DRIFT);

    put(test, "/api/v1/projects/other",
        "{\"repository\":\"acme/net\",\"type\":\"Github\",\"ref\":\"main\"}");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free)
        char *path = mem_fmt("/api/v1/projects/%s/workspaces/%s", rows[i].project,
                             rows[i].workspace);
        AUTO(auto_free)
        char *body = mem_fmt("{\"projectId\":\"%s\",\"workspaceId\":\"%s\","
                             "\"planRunId\":\"%s\"}",
                             rows[i].project, rows[i].workspace, seen);

        put(test, path, "{\"directory\":\"x\"}");
        assert_int_equal(ask(test, ASYNC, body, &text), 404);
        expect_error(&text, "NOT_FOUND", seen);
    }
    expect_nothing_waits(test);
}

/* ---- what is let in ---- */
static void a_limit_that_is_none_is_refused(void **state)
{
    static const char *const limits[] = {
        "\"maxDestroy\":-1",
        "\"maxDestroy\":1.5",
        "\"maxDestroy\":\"1\"",
        "\"maxDestroy\":1e18",
        "\"maxDestroy\":100001",
        "\"maxDestroy\":true",
        "\"maxDestroy\":[1]",
        "\"maxDestroy\":7,\"allowDestroy\":true",
        "\"allowDestroy\":1",
        "\"allowDestroy\":\"true\"",
        "\"maxDestroy\":0,\"maxDestroy\":9",
    };
    struct api_batch *test = *state;

    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        AUTO(auto_free)
        char *body =
            mem_fmt("{\"projectId\":\"net\",\"workspaceId\":\"prod\",%s}", limits[i]);
        AUTO(buf_done) struct buf text = {0};

        if (ask(test, ASYNC, body, &text) != 400)
            fail_msg("%s is let in", limits[i]);
    }
    expect_nothing_waits(test);
}

static void what_is_not_registered_is_not_reconciled(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};

    assert_int_equal(
        ask(test, ASYNC, "{\"projectId\":\"none\",\"workspaceId\":\"prod\"}", &text),
        404);
    expect_error(&text, "NOT_FOUND", "no project none");
    assert_int_equal(
        ask(test, ASYNC, "{\"projectId\":\"net\",\"workspaceId\":\"none\"}", &text), 404);
    expect_error(&text, "NOT_FOUND", "no workspace none");
}

static void allow_only_net(const struct api_process *api, struct conf *conf)
{
    static char only_net[] = "github.com/acme/net";

    (void)api;
    conf->repo_allowlist = only_net;
}

/* It was registered when it was allowed. */
static void what_is_not_allowed_any_more_is_not_reconciled(void **state)
{
    struct api_batch test = {0};
    AUTO(redis_reply_free) struct redisReply *put_it = NULL;
    AUTO(buf_done) struct buf text = {0};
    struct redis_cmd cmd;

    (void)state;
    api_process_start_as(&test.api, allow_only_net);
    fake_worker_open(&test.worker, &test.api.redis);
    put_workspace(&test, "main");
    registry_put_project(&cmd, PREFIX, "net",
                         "{\"repository\":\"evil/net\",\"type\":\"Github\","
                         "\"ref\":\"main\"}");
    put_it = fake_worker_call(&test.worker, &cmd);
    assert_non_null(put_it);
    assert_int_equal(ask(&test, ASYNC, BODY, &text), 403);
    expect_error(&text, "FORBIDDEN", "KEDGE_REPO_ALLOWLIST");
    expect_nothing_waits(&test);
    fake_worker_close(&test.worker);
    api_process_stop(&test.api);
}

/* ---- again, away, stopped ---- */
static void who_asks_again_gets_the_first_answer_whatever_has_moved(void **state)
{
    static const char key[] = ASYNC "Idempotency-Key: once\r\n";
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *seen = check_drifted(test, COMMIT, DRIFT);
    AUTO(auto_free)
    char *body = mem_fmt("{\"projectId\":\"net\",\"workspaceId\":\"prod\","
                         "\"planRunId\":\"%s\"}",
                         seen);
    AUTO(auto_free) char *first = NULL;
    AUTO(auto_free) char *second = NULL;

    assert_int_equal(ask(test, key, body, &text), 202);
    first = accepted(&text);
    free(end_next(test, &(struct end){.status = RUN_CLEAN, .commit = COMMIT}));
    free(check_drifted(test, OTHER, MOVED));
    put_workspace(test, "other");
    assert_int_equal(ask(test, key, body, &text), 202);
    second = accepted(&text);
    assert_string_equal(first, second);
    assert_int_equal(ask(test, "Idempotency-Key: once\r\n", body, &text), 200);
    assert_non_null(strstr(api_body(&text), first));
    assert_int_equal(ask(test, key, BODY, &text), 422);
    put_workspace(test, "main");
}

static void who_waits_when_the_program_stops_gets_202(void **state)
{
    AUTO(buf_done) struct buf text = {0};
    struct api_batch *test;
    void *own = NULL;
    int fd;

    (void)state;
    setup(&own);
    test = own;
    fd = api_send(&test->api, "POST", RECONCILE, NULL, BODY);
    api_batch_until_waiting(test, 1);
    assert_int_equal(api_process_terminate(&test->api), 0);
    assert_int_equal(api_batch_answer(fd, &text), 202);
    assert_non_null(strstr(api_body(&text), "\"runId\""));
    free(end_next(test, &(struct end){.status = RUN_CLEAN}));
    api_batch_teardown(&own);
}

static struct redis_proxy proxy;

static void go_through_the_proxy(const struct api_process *api, struct conf *conf)
{
    char *path = mem_fmt("%s/proxy.sock", api->redis.dir);

    redis_proxy_start(&proxy, path, api->redis.socket_path);
    free(conf->redis_url);
    conf->redis_url = mem_fmt("unix://%s", path);
    free(path);
}

static void who_waits_when_redis_goes_away_gets_202(void **state)
{
    struct api_batch test = {0};
    AUTO(buf_done) struct buf text = {0};
    struct claimed claimed;
    int fd;

    (void)state;
    redis_proxy_open(&proxy);
    api_process_start_as(&test.api, go_through_the_proxy);
    fake_worker_open(&test.worker, &test.api.redis);
    put_workspace(&test, "main");
    fd = api_send(&test.api, "POST", RECONCILE, NULL, BODY);
    api_batch_until_waiting(&test, 1);
    fake_worker_claim(&test.worker, &claimed);
    redis_proxy_lose(&proxy, claimed.hold.run_id, INT_MAX);
    end_run(&test, &claimed, &(struct end){.status = RUN_CLEAN}); /* the api looks */
    assert_int_equal(api_batch_answer(fd, &text), 202);
    assert_non_null(strstr(api_body(&text), claimed.hold.run_id));
    claimed_done(&claimed);
    fake_worker_close(&test.worker);
    api_process_stop(&test.api);
    redis_proxy_close(&proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_terms_of_the_request_are_those_of_the_run),
        cmocka_unit_test(two_requests_are_two_runs),
        cmocka_unit_test(a_run_is_the_answer_however_it_ended),
        cmocka_unit_test(a_run_that_never_came_to_apply_is_a_conflict_to_who_waited),
        cmocka_unit_test(an_orphan_is_an_answer_too),
        cmocka_unit_test(a_freeze_answers_before_anything_is_queued),
        cmocka_unit_test(what_was_looked_at_is_pinned),
        cmocka_unit_test(what_a_newer_run_found_otherwise_has_moved),
        cmocka_unit_test(what_came_before_or_failed_moves_nothing),
        cmocka_unit_test(what_a_reconcile_has_mended_has_moved),
        cmocka_unit_test(another_ref_is_another_plan),
        cmocka_unit_test(a_run_without_a_plan_to_go_by_is_refused),
        cmocka_unit_test(a_reconcile_that_was_refused_has_shown_its_plan),
        cmocka_unit_test(a_reconcile_that_has_applied_is_no_plan_to_go_by),
        cmocka_unit_test(the_plan_of_another_workspace_is_not_there),
        cmocka_unit_test(a_limit_that_is_none_is_refused),
        cmocka_unit_test(what_is_not_registered_is_not_reconciled),
        cmocka_unit_test(what_is_not_allowed_any_more_is_not_reconciled),
        cmocka_unit_test(who_asks_again_gets_the_first_answer_whatever_has_moved),
        cmocka_unit_test(who_waits_when_the_program_stops_gets_202),
        cmocka_unit_test(who_waits_when_redis_goes_away_gets_202),
    };

    return cmocka_run_group_tests_name("api_reconcile", tests, setup, api_batch_teardown);
}
