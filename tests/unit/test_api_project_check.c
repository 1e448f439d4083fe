/* The checks of a whole project: POST /api/v1/projects/{id}/check and what GET
 * …/drift and GET /api/v1/drift make of them, and of runs of the Atlantis family. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/queue/target.h"
#include "common/registry/registry.h"
#include "tests/support/api_process.h"
#include "tests/support/fake_worker.h"

#define PREFIX "{kedge}:"
#define HOST   "github.com"

struct stage {
    struct api_process api;
    struct fake_worker worker;
};

/* Repositories of owner "gone" were allowed when they were registered by the test. */
static void without_gone(const struct api_process *api, struct conf *conf)
{
    static char allowlist[] = "github.com/acme/*";

    (void)api;
    conf->repo_allowlist = allowlist;
}

static int begin(void **state)
{
    struct stage *stage = mem_new(1, sizeof *stage);

    api_process_start_as(&stage->api, without_gone);
    fake_worker_open(&stage->worker, &stage->api.redis);
    *state = stage;
    return 0;
}

static int end(void **state)
{
    struct stage *stage = *state;

    fake_worker_close(&stage->worker);
    api_process_stop(&stage->api);
    free(stage);
    return 0;
}

/* ---- asking ---- */
static cJSON *call(struct stage *stage, const char *method, const char *path,
                   const char *headers, const char *body, int status)
{
    AUTO(buf_done) struct buf text = {0};
    cJSON *doc;
    struct err err;

    assert_int_equal(api_call(&stage->api, method, path, headers, body, &text), status);
    doc =
        json_parse(api_body(&text), strlen(api_body(&text)), JSON_DEPTH_MAX, false, &err);
    assert_non_null(doc);
    return doc;
}

static void refused(struct stage *stage, const char *path, const char *headers,
                    int status, const char *code)
{
    AUTO(auto_json) cJSON *doc = call(stage, "POST", path, headers, NULL, status);

    assert_string_equal(json_string(json_get(doc, "error"), "code"), code);
}

static void assert_text(const cJSON *object, const char *key, const char *wanted)
{
    const char *text = json_string(object, key);

    assert_non_null(text);
    assert_string_equal(text, wanted);
}

static void assert_json(const cJSON *node, const char *wanted)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);

    json_print(node, &text);
    assert_string_equal(buf_text(&text), wanted);
}

static void put_workspace(struct stage *stage, const char *project, const char *workspace,
                          const char *body)
{
    AUTO(auto_free)
    char *path = mem_fmt("/api/v1/projects/%s/workspaces/%s", project, workspace);
    AUTO(buf_done) struct buf text = {0};
    int status = api_call(&stage->api, "PUT", path, NULL, body, &text);

    assert_true(status == 200 || status == 201);
}

/* A project of repository acme/<id> with that many workspaces a, b, … in directories of
 * the same names. */
static void put_project(struct stage *stage, const char *id, int workspaces)
{
    AUTO(auto_free) char *path = mem_fmt("/api/v1/projects/%s", id);
    AUTO(auto_free)
    char *body =
        mem_fmt("{\"repository\":\"acme/%s\",\"type\":\"Github\",\"ref\":\"main\"}", id);
    AUTO(auto_json) cJSON *doc = call(stage, "PUT", path, NULL, body, 201);

    for (int i = 0; i < workspaces; i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        AUTO(auto_free) char *directory = mem_fmt("{\"directory\":\"%s\"}", name);

        put_workspace(stage, id, name, directory);
    }
}

/* The id of the batch that a check of the project became. */
static char *check(struct stage *stage, const char *project, const char *headers)
{
    AUTO(auto_free) char *path = mem_fmt("/api/v1/projects/%s/check", project);
    AUTO(auto_json) cJSON *doc = call(stage, "POST", path, headers, NULL, 202);

    assert_non_null(json_string(doc, "runId"));
    return mem_dup(json_string(doc, "runId"));
}

static cJSON *batch(struct stage *stage, const char *id)
{
    AUTO(auto_free) char *path = mem_fmt("/api/v1/runs/%s", id);

    return call(stage, "GET", path, NULL, NULL, 200);
}

/* ---- ending runs ---- */
struct outcome {
    enum run_status status;
    const char *summary, *metadata, *error;
    bool record; /* as of the Atlantis family, or of a check: it writes a drift record */
};

static void finish(struct stage *stage, const struct claimed *run,
                   const struct outcome *outcome)
{
    AUTO(run_spec_done) struct run_spec spec = {.kind = RUN_PLAN};
    AUTO(auto_free) char *field = NULL;
    AUTO(auto_free) char *record = NULL;
    char repo[SIGN_ID_BYTES];
    struct redis_cmd cmd;
    struct err err;

    assert_int_equal(run_spec_parse(run->spec, strlen(run->spec), &spec, &err), 0);
    repository_id(HOST, spec.repository, repo);
    field = mem_fmt("%s|%s", run->target, spec.ref);
    record = mem_fmt("{\"status\":\"%s\",\"directory\":\"%s\",\"ref\":\"%s\","
                     "\"checkedAt\":%lld,\"runId\":\"%s\"}",
                     run_status_name(outcome->status), spec.directory, spec.ref,
                     (long long)clock_wall_ms(), run->hold.run_id);
    queue_finish(
        &cmd, PREFIX, &run->hold,
        &(struct finish){
            .status = outcome->status,
            .exit_code = -1,
            .error_code = outcome->status == RUN_ERROR ? "TERRAFORM_FAILED" : NULL,
            .error_message = outcome->error,
            .summary = outcome->summary,
            .metadata = outcome->metadata,
            .metadata_len = outcome->metadata != NULL ? strlen(outcome->metadata) : 0,
            .drift_repo = outcome->record ? repo : NULL,
            .drift_field = outcome->record ? field : NULL,
            .drift_record = outcome->record ? record : NULL,
        });
    {
        AUTO(redis_reply_free)
        struct redisReply *reply = fake_worker_call(&stage->worker, &cmd);
        enum hold_outcome held;

        assert_int_equal(queue_hold_reply(reply, &held, &err), 0);
        assert_int_equal(held, HOLD_DONE);
    }
}

/* Ends the next `count` runs, each as its directory says: a drifted, b clean, c failed,
 * anything else clean. */
static void finish_next(struct stage *stage, int count)
{
    static const struct outcome drifted = {
        .status = RUN_DRIFT_DETECTED,
        .summary = "{\"summary\":\"Plan: 1 to add\",\"toAdd\":1,\"toChange\":0,"
                   "\"toDestroy\":0,\"toImport\":0,\"driftedCount\":1}",
        .metadata = "{\"totalResources\":5,\"driftedCount\":1,\"driftedResources\":[{"
                    "\"address\":\"x.y\",\"action\":\"update\",\"changes\":[{"
                    "\"attribute\":\"tags\",\"before\":1,\"after\":2}]}]}",
        .record = true};
    static const struct outcome clean = {
        .status = RUN_CLEAN,
        .summary = "{\"summary\":\"No changes.\",\"toAdd\":0,\"driftedCount\":0}",
        .metadata = "{\"totalResources\":5,\"driftedCount\":0,\"driftedResources\":[]}",
        .record = true};
    static const struct outcome failed = {
        .status = RUN_ERROR, .error = "no credentials", .record = true};

    while (count-- > 0) {
        AUTO(run_spec_done) struct run_spec spec = {.kind = RUN_PLAN};
        struct claimed run;
        struct err err;

        fake_worker_claim(&stage->worker, &run);
        assert_int_equal(run_spec_parse(run.spec, strlen(run.spec), &spec, &err), 0);
        finish(stage, &run,
               spec.directory[0] == 'a'   ? &drifted
               : spec.directory[0] == 'c' ? &failed
                                          : &clean);
        claimed_done(&run);
    }
}

/* A run of the Atlantis family on a directory of the project's repository. */
static void atlantis_run(struct stage *stage, const char *project, const char *directory,
                         enum run_kind kind, const struct outcome *outcome)
{
    AUTO(run_spec_done)
    struct run_spec spec = {.kind = kind,
                            .type = VCS_GITHUB,
                            .repository = mem_fmt("acme/%s", project),
                            .ref = mem_dup("main"),
                            .directory = mem_dup(directory),
                            .workspace = mem_dup("default")};
    AUTO(buf_done) struct buf text = BUF_INIT(QUEUE_SPEC_BYTES);
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    char run_id[SIGN_UUID_BYTES], target[SIGN_ID_BYTES];
    struct redis_cmd cmd;
    struct claimed run;

    sign_uuid7(clock_wall_ms(), run_id);
    target_id(HOST, &spec, target);
    run_spec_print(&spec, &text);
    queue_enqueue(&cmd, PREFIX,
                  &(struct enqueue){.run_id = run_id,
                                    .kind = kind,
                                    .target = target,
                                    .scope = target,
                                    .spec = buf_text(&text),
                                    .ref = "main",
                                    .registry_revision = -1,
                                    .max_queued = 100});
    reply = fake_worker_call(&stage->worker, &cmd);
    fake_worker_claim(&stage->worker, &run);
    assert_string_equal(run.hold.run_id, run_id);
    finish(stage, &run, outcome);
    claimed_done(&run);
}

/* ---- POST …/check ---- */
static void a_check_is_a_batch_of_one_run_per_workspace(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free) char *id = NULL;
    AUTO(auto_json) cJSON *before = NULL;
    AUTO(auto_json) cJSON *after = NULL;

    put_project(stage, "three", 3);
    id = check(stage, "three", NULL);
    before = batch(stage, id);
    assert_text(before, "kind", "check");
    assert_int_equal(cJSON_GetArraySize(json_get(before, "runs")), 3);
    finish_next(stage, 3);
    after = batch(stage, id);
    assert_text(after, "status", "partial");
}

static void the_answer_says_where_the_batch_is(void **state)
{
    struct stage *stage = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *location = NULL;

    put_project(stage, "where", 0);
    assert_int_equal(
        api_call(&stage->api, "POST", "/api/v1/projects/where/check", NULL, NULL, &text),
        202);
    location = api_header(&text, "Location");
    assert_non_null(location);
    assert_int_equal(api_call(&stage->api, "GET", location, NULL, NULL, NULL), 200);
}

static void a_project_without_workspaces_is_checked_at_once(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free) char *id = NULL;
    AUTO(auto_json) cJSON *doc = NULL;

    put_project(stage, "empty", 0);
    id = check(stage, "empty", NULL);
    doc = batch(stage, id);
    assert_text(doc, "status", "success");
    assert_int_equal(cJSON_GetArraySize(json_get(doc, "runs")), 0);
}

static void a_key_makes_one_check_however_often_it_is_sent(void **state)
{
    static const char key[] = "Idempotency-Key: once\r\n";
    struct stage *stage = *state;
    AUTO(auto_free) char *first = NULL;
    AUTO(auto_free) char *again = NULL;
    AUTO(auto_free) char *other = NULL;

    put_project(stage, "once", 1);
    first = check(stage, "once", key);
    again = check(stage, "once", key);
    other = check(stage, "once", NULL);
    assert_string_equal(again, first);
    assert_string_not_equal(other, first);
    refused(stage, "/api/v1/projects/once/check", "Idempotency-Key: a b\r\n", 400,
            "VALIDATION_ERROR");
    finish_next(stage, 2);
}

static void a_check_is_refused_where_it_must_be(void **state)
{
    struct stage *stage = *state;
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    struct redis_cmd cmd;

    refused(stage, "/api/v1/projects/nobody/check", NULL, 404, "NOT_FOUND");
    cJSON_Delete(call(stage, "POST", "/api/v1/projects/nobody/check", NULL, "{}", 404));
    cJSON_Delete(call(stage, "POST", "/api/v1/projects/nobody/check", NULL,
                      "{\"ref\":\"x\"}", 400));
    registry_put_project(
        &cmd, PREFIX, "left",
        "{\"repository\":\"gone/left\",\"type\":\"Github\",\"ref\":\"main\"}");
    reply = fake_worker_call(&stage->worker, &cmd);
    put_workspace(stage, "left", "w", "{\"directory\":\".\"}");
    refused(stage, "/api/v1/projects/left/check", NULL, 403, "FORBIDDEN");
}

static void more_workspaces_than_a_batch_has_runs_are_refused(void **state)
{
    struct stage *stage = *state;

    put_project(stage, "many", 0);
    for (int i = 0; i <= BATCH_RUNS_MAX; i++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        AUTO(auto_free) char *id = mem_fmt("w%d", i);
        struct redis_cmd cmd;

        registry_put_workspace(&cmd, PREFIX, "many", id, "{\"directory\":\".\"}");
        reply = fake_worker_call(&stage->worker, &cmd);
    }
    refused(stage, "/api/v1/projects/many/check", NULL, 409, "CONFLICT");
}

/* ---- GET …/drift ---- */
static cJSON *drift(struct stage *stage, const char *project, const char *totals)
{
    AUTO(auto_free) char *path = mem_fmt("/api/v1/projects/%s/drift", project);
    cJSON *doc = call(stage, "GET", path, NULL, NULL, 200);

    assert_text(doc, "projectId", project);
    assert_json(json_get(doc, "summary"), totals);
    return doc;
}

static const cJSON *row(const cJSON *doc, int index, const char *id, const char *status)
{
    const cJSON *found = cJSON_GetArrayItem(json_get(doc, "workspaces"), index);

    assert_text(found, "workspaceId", id);
    assert_text(found, "status", status);
    return found;
}

static void drift_shows_each_workspace_and_the_sum(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free) char *id = NULL;
    AUTO(auto_json) cJSON *before = NULL;
    AUTO(auto_json) cJSON *during = NULL;
    AUTO(auto_json) cJSON *after = NULL;
    const cJSON *drifted, *failed, *clean;

    put_project(stage, "sum", 4);
    before = drift(stage, "sum",
                   "{\"total\":4,\"drifted\":0,\"clean\":0,\"errors\":0,"
                   "\"neverRun\":4,\"running\":0}");
    assert_json(cJSON_GetArrayItem(json_get(before, "workspaces"), 0),
                "{\"workspaceId\":\"a\",\"status\":\"never_run\",\"driftedCount\":0,"
                "\"toAdd\":0,\"toChange\":0,\"toDestroy\":0,\"toImport\":0,"
                "\"summary\":null,\"lastCheckedAt\":null,\"lastRunId\":null,"
                "\"error\":null}");
    id = check(stage, "sum", NULL);
    during = drift(stage, "sum",
                   "{\"total\":4,\"drifted\":0,\"clean\":0,\"errors\":0,"
                   "\"neverRun\":0,\"running\":4}");
    finish_next(stage, 4);
    after = drift(stage, "sum",
                  "{\"total\":4,\"drifted\":1,\"clean\":2,\"errors\":1,"
                  "\"neverRun\":0,\"running\":0}");
    drifted = row(after, 0, "a", "drift_detected");
    assert_int_equal(json_int(drifted, "driftedCount", -1), 1);
    assert_int_equal(json_int(drifted, "toAdd", -1), 1);
    assert_text(drifted, "summary", "Plan: 1 to add");
    assert_non_null(json_string(drifted, "lastCheckedAt"));
    assert_non_null(json_string(drifted, "lastRunId"));
    clean = row(after, 1, "b", "clean");
    assert_int_equal(json_int(clean, "driftedCount", -1), 0);
    failed = row(after, 2, "c", "error");
    assert_json(json_get(failed, "error"),
                "{\"code\":\"TERRAFORM_FAILED\",\"message\":\"no credentials\"}");
}

static void drift_that_is_ignored_does_not_count(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free) char *id = NULL;
    AUTO(auto_json) cJSON *doc = NULL;

    put_project(stage, "quiet", 0);
    put_workspace(stage, "quiet", "a",
                  "{\"directory\":\"a\",\"ignore\":[{\"address\":\"x.*\"}]}");
    id = check(stage, "quiet", NULL);
    finish_next(stage, 1);
    doc = drift(stage, "quiet",
                "{\"total\":1,\"drifted\":0,\"clean\":1,\"errors\":0,"
                "\"neverRun\":0,\"running\":0}");
    assert_int_equal(json_int(row(doc, 0, "a", "clean"), "driftedCount", -1), 0);
}

/* The newest check was cancelled while the one before it goes on. */
static void a_workspace_is_running_while_an_older_check_goes_on(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *second = NULL;
    AUTO(auto_json) cJSON *cancelled = NULL;
    AUTO(auto_json) cJSON *doc = NULL;
    AUTO(auto_free) char *first = NULL;
    AUTO(auto_free) char *path = NULL;
    struct claimed run;

    put_project(stage, "older", 1);
    first = check(stage, "older", NULL);
    fake_worker_claim(&stage->worker, &run);
    second = call(stage, "POST", "/api/v1/drift", NULL,
                  "{\"projectId\":\"older\",\"workspaceId\":\"a\"}", 202);
    path = mem_fmt("/api/v1/runs/%s/cancel", json_string(second, "runId"));
    cancelled = call(stage, "POST", path, NULL, NULL, 200);
    doc = drift(stage, "older",
                "{\"total\":1,\"drifted\":0,\"clean\":0,\"errors\":0,"
                "\"neverRun\":0,\"running\":1}");
    finish(stage, &run, &(struct outcome){.status = RUN_CLEAN});
    claimed_done(&run);
}

static void more_than_a_chunk_of_workspaces_is_shown_in_order(void **state)
{
    static const char *const edges[] = {"w099", "w100", "w200", "w249"};
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *doc = NULL;

    put_project(stage, "chunks", 0);
    for (int i = 0; i < 250; i++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        AUTO(auto_free) char *id = mem_fmt("w%03d", i);
        struct redis_cmd cmd;

        registry_put_workspace(&cmd, PREFIX, "chunks", id, "{\"directory\":\".\"}");
        reply = fake_worker_call(&stage->worker, &cmd);
    }
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        AUTO(auto_free)
        char *body =
            mem_fmt("{\"projectId\":\"chunks\",\"workspaceId\":\"%s\"}", edges[i]);
        AUTO(auto_json)
        cJSON *queued = call(stage, "POST", "/api/v1/drift", NULL, body, 202);
    }
    doc = drift(stage, "chunks",
                "{\"total\":250,\"drifted\":0,\"clean\":0,\"errors\":0,"
                "\"neverRun\":246,\"running\":4}");
    row(doc, 0, "w000", "never_run");
    row(doc, 99, "w099", "running");
    row(doc, 100, "w100", "running");
    row(doc, 200, "w200", "running");
    row(doc, 249, "w249", "running");
    finish_next(stage, ARRAY_LEN(edges));
}

/* ---- runs of the Atlantis family ---- */
static const struct outcome clean_plan = {
    .status = RUN_CLEAN,
    .summary = "{\"driftedCount\":0}",
    .metadata = "{\"totalResources\":9,\"driftedCount\":0,\"driftedResources\":[]}",
    .record = true};
static const struct outcome failed_plan = {
    .status = RUN_ERROR, .error = "no provider", .record = true};

static cJSON *summary(struct stage *stage, const char *project, const char *status)
{
    AUTO(auto_free)
    char *path = mem_fmt("/api/v1/drift?projectId=%s&workspaceId=a", project);
    AUTO(auto_free) char *all = mem_fmt("/api/v1/projects/%s/drift", project);
    cJSON *doc = call(stage, "GET", path, NULL, NULL, 200);
    AUTO(auto_json) cJSON *rows = call(stage, "GET", all, NULL, NULL, 200);

    assert_text(doc, "status", status);
    row(rows, 0, "a", status);
    return doc;
}

static void a_newer_plan_of_a_plain_workspace_counts(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free) char *id = NULL;
    AUTO(auto_json) cJSON *own = NULL;
    AUTO(auto_json) cJSON *planned = NULL;
    AUTO(auto_json) cJSON *failed = NULL;
    AUTO(auto_json) cJSON *again = NULL;

    put_project(stage, "plain", 1);
    id = check(stage, "plain", NULL);
    finish_next(stage, 1);
    own = summary(stage, "plain", "drift_detected");
    assert_int_equal(json_int(own, "driftedCount", -1), 1);
    atlantis_run(stage, "plain", "a", RUN_PLAN, &clean_plan);
    planned = summary(stage, "plain", "clean");
    assert_int_equal(json_int(planned, "totalResources", -1), 9);
    assert_int_equal(json_int(planned, "driftedCount", -1), 0);
    /* lastRun stays the workspace's own. */
    assert_text(json_get(planned, "lastRun"), "status", "drift_detected");
    atlantis_run(stage, "plain", "a", RUN_DRIFT_CHECK, &failed_plan);
    failed = summary(stage, "plain", "error");
    assert_int_equal(json_int(failed, "totalResources", -1), 9);
    free(id);
    id = check(stage, "plain", NULL);
    finish_next(stage, 1);
    again = summary(stage, "plain", "drift_detected");
}

static void a_plan_stands_for_a_workspace_that_was_never_checked(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *doc = NULL;

    put_project(stage, "fresh", 1);
    atlantis_run(stage, "fresh", "a", RUN_PLAN, &clean_plan);
    doc = summary(stage, "fresh", "clean");
    assert_int_equal(json_int(doc, "totalResources", -1), 9);
    assert_true(cJSON_IsNull(json_get(doc, "lastRun")));
}

static void it_does_not_for_one_with_variables_of_its_own_or_an_apply(void **state)
{
    static const char *const bodies[] = {
        "{\"directory\":\"a\",\"varFiles\":[\"x.tfvars\"]}",
        "{\"directory\":\"a\",\"variables\":{\"x\":\"1\"}}",
        "{\"directory\":\"a\",\"terraformVersion\":\"1.9.0\"}",
    };
    struct stage *stage = *state;
    AUTO(auto_json) cJSON *applied = NULL;

    put_project(stage, "vars", 1);
    atlantis_run(stage, "vars", "a", RUN_APPLY, &clean_plan);
    applied = summary(stage, "vars", "never_run");
    atlantis_run(stage, "vars", "a", RUN_PLAN, &clean_plan);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        AUTO(auto_json) cJSON *doc = NULL;

        put_workspace(stage, "vars", "a", bodies[i]);
        doc = summary(stage, "vars", "never_run");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_is_a_batch_of_one_run_per_workspace),
        cmocka_unit_test(the_answer_says_where_the_batch_is),
        cmocka_unit_test(a_project_without_workspaces_is_checked_at_once),
        cmocka_unit_test(a_key_makes_one_check_however_often_it_is_sent),
        cmocka_unit_test(a_check_is_refused_where_it_must_be),
        cmocka_unit_test(more_workspaces_than_a_batch_has_runs_are_refused),
        cmocka_unit_test(drift_shows_each_workspace_and_the_sum),
        cmocka_unit_test(drift_that_is_ignored_does_not_count),
        cmocka_unit_test(a_workspace_is_running_while_an_older_check_goes_on),
        cmocka_unit_test(more_than_a_chunk_of_workspaces_is_shown_in_order),
        cmocka_unit_test(a_newer_plan_of_a_plain_workspace_counts),
        cmocka_unit_test(a_plan_stands_for_a_workspace_that_was_never_checked),
        cmocka_unit_test(it_does_not_for_one_with_variables_of_its_own_or_an_apply),
    };

    return cmocka_run_group_tests_name("api_project_check", tests, begin, end);
}
