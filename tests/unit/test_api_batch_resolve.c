/* What a request of the Atlantis family comes to before it has runs: what the store knows
 * of drift, and what cannot be resolved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "tests/support/api_batch.h"

#define PATH_BODY(extra)                                                                 \
    "{\"Repository\":\"a/b\",\"Ref\":\"main\",\"Type\":\"Github\","                      \
    "\"Paths\":[{\"Directory\":\"./x/\",\"Workspace\":\"w\"}]" extra "}"
#define DRIFT_BODY(extra)                                                                \
    "{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"Github\"" extra "}"

static const struct fake_end changed = {.status = RUN_DRIFT_DETECTED,
                                        .summary = "{\"hasChanges\":true}",
                                        .output = "the plan\n"};

/* ---- what the store knows of drift ---- */
static void a_remediation_of_nothing_named_takes_what_is_stored(void **state)
{
    struct api_batch *test = *state;
    const struct fake_target found[] = {{NULL, "one", "default"}, {NULL, "two", "qa"}};
    const struct fake_end ends[] = {changed, changed};
    AUTO(auto_free) char *request = NULL;
    AUTO(buf_done) struct buf text = {0};
    struct claimed claimed;
    int fd;

    api_batch_store_drift(test, "r/d", "main", "two", "qa", "drift_detected");
    api_batch_store_drift(test, "r/d", "main", "one", "default", "drift_detected");
    api_batch_store_drift(test, "r/d", "main", "fine", "default", "clean");
    api_batch_store_drift(test, "r/d", "other", "three", "default", "drift_detected");
    fd = api_send(&test->api, "POST", "/api/drift/remediate", NULL,
                  "{\"repository\":\"R/d\",\"ref\":\"main\",\"type\":\"Github\"}");
    fake_worker_claim(&test->worker, &claimed);
    request = api_batch_request_of(&claimed);
    assert_non_null(strstr(request,
                           "\"paths\":[{\"directory\":\"one\",\"workspace\":\"default\"},"
                           "{\"directory\":\"two\",\"workspace\":\"qa\"}]"));
    fake_worker_expand(&test->worker, &claimed, found, 2);
    claimed_done(&claimed);
    api_batch_finish(test, ends, 2);
    assert_int_equal(api_batch_answer(fd, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"success_count\":2"));
}

static void workspaces_narrow_down_what_is_stored(void **state)
{
    struct api_batch *test = *state;
    AUTO(auto_free) char *request = NULL;
    struct claimed claimed;
    char id[SIGN_UUID_BYTES];

    api_batch_store_drift(test, "r/w", "main", "two", "qa", "drift_detected");
    api_batch_store_drift(test, "r/w", "main", "one", "default", "drift_detected");
    api_batch_start(test, "/api/drift/remediate",
                    "{\"repository\":\"r/w\",\"ref\":\"main\",\"type\":\"Github\","
                    "\"workspaces\":[\"qa\"],\"drift_only\":true}",
                    id);
    fake_worker_claim(&test->worker, &claimed);
    request = api_batch_request_of(&claimed);
    assert_non_null(
        strstr(request, "\"paths\":[{\"directory\":\"two\",\"workspace\":\"qa\"}]"));
    assert_null(strstr(request, "drifted"));
    fake_worker_expand(&test->worker, &claimed, NULL, 0);
    claimed_done(&claimed);
}

static void named_projects_are_narrowed_down_to_those_with_drift(void **state)
{
    struct api_batch *test = *state;
    AUTO(auto_free) char *request = NULL;
    struct claimed claimed;
    char id[SIGN_UUID_BYTES];

    api_batch_store_drift(test, "r/n", "main", "one", "default", "drift_detected");
    api_batch_start(test, "/api/drift/remediate",
                    "{\"repository\":\"r/n\",\"ref\":\"main\",\"type\":\"Github\","
                    "\"projects\":[\"p\"],\"drift_only\":true}",
                    id);
    fake_worker_claim(&test->worker, &claimed);
    request = api_batch_request_of(&claimed);
    assert_non_null(strstr(request, "\"drifted\":[{\"directory\":\"one\","));
    assert_non_null(strstr(request, "\"driftedOnly\":true"));
    assert_null(strstr(request, "\"paths\""));
    fake_worker_expand(&test->worker, &claimed, NULL, 0);
    claimed_done(&claimed);
}

static void without_any_drift_there_is_nothing_to_do(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};

    assert_int_equal(api_call(&test->api, "POST", "/api/drift/remediate", NULL,
                              "{\"repository\":\"no/drift\",\"ref\":\"main\","
                              "\"type\":\"Github\",\"drift_only\":true}",
                              &text),
                     200);
    api_batch_expect(&text,
                     "{\"id\":\"ID\",\"repository\":\"no/drift\",\"ref\":\"main\","
                     "\"action\":\"plan\",\"status\":\"success\",\"started_at\":\"TIME\","
                     "\"completed_at\":\"TIME\",\"projects\":[],\"summary\":{"
                     "\"total_projects\":0,\"success_count\":0,\"failure_count\":0}}");
}

/* ---- a request that comes to nothing ---- */
static int refused(struct api_batch *test, const char *path, const char *body,
                   const char *code, struct buf *text)
{
    int fd = api_send(&test->api, "POST", path, NULL, body);
    const struct fake_end end = {.status = RUN_ERROR,
                                 .error_code = code,
                                 .error_message = "a/b is not what it was"};

    api_batch_finish(test, &end, 1);
    return api_batch_answer(fd, text);
}

static void what_cannot_be_resolved_is_an_error_of_its_own(void **state)
{
    static const struct {
        const char *code;
        int status;
        const char *shown;
    } rows[] = {
        {"REQUEST_INVALID", 400, "\"VALIDATION_ERROR\""},
        {"CONFIG_INVALID", 400, "\"VALIDATION_ERROR\""},
        {"REPOSITORY_NOT_FOUND", 404, "\"NOT_FOUND\""},
        {"REF_NOT_FOUND", 404, "\"NOT_FOUND\""},
        {"REPOSITORY_NOT_ALLOWED", 403, "\"FORBIDDEN\""},
        {"WORKER_LOST", 502, "\"UPSTREAM_ERROR\""},
        {"TIMEOUT", 502, "\"UPSTREAM_ERROR\""},
    };
    static const char *const paths[] = {"/api/plan", "/api/apply", "/api/drift/detect",
                                        "/api/drift/remediate"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *path = paths[i % ARRAY_LEN(paths)];
        AUTO(buf_done) struct buf text = {0};

        assert_int_equal(refused(*state, path, DRIFT_BODY(",\"projects\":[\"vpc\"]"),
                                 rows[i].code, &text),
                         rows[i].status);
        assert_non_null(strstr(api_body(&text), rows[i].shown));
        assert_non_null(
            strstr(api_body(&text), "\"message\":\"a/b is not what it was\""));
    }
}

static void what_named_only_paths_gets_an_error_for_each(void **state)
{
    AUTO(buf_done) struct buf text = {0};

    assert_int_equal(
        refused(*state, "/api/plan", PATH_BODY(""), "REPOSITORY_NOT_FOUND", &text), 200);
    api_batch_expect(&text, "{\"command\":\"plan\",\"projects\":[{\"project_name\":\"\","
                            "\"directory\":\"x\",\"workspace\":\"w\",\"command\":"
                            "\"plan\",\"status\":\"error\",\"error\":\"a/b is not what "
                            "it was\"}],\"total_projects\":1,\"success_count\":0,"
                            "\"failure_count\":1,\"executed_at\":\"TIME\"}");
    assert_int_equal(refused(*state, "/api/drift/detect",
                             DRIFT_BODY(",\"paths\":[{\"directory\":\"x\"}]"),
                             "REF_NOT_FOUND", &text),
                     200);
    assert_non_null(strstr(api_body(&text), "\"has_drift\":false,\"error\":\"a/b is not "
                                            "what it was\",\"last_checked\":"));
    assert_non_null(strstr(api_body(&text), "\"projects_with_errors\":1"));
}

static void a_remediation_that_came_to_nothing_says_why_by_its_id(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *path = NULL;
    const struct fake_end gone = {.status = RUN_ERROR,
                                  .error_code = "REF_NOT_FOUND",
                                  .error_message = "no such ref"};
    char id[SIGN_UUID_BYTES];

    api_batch_start(test, "/api/drift/remediate", DRIFT_BODY(",\"projects\":[\"vpc\"]"),
                    id);
    api_batch_finish(test, &gone, 1);
    path = mem_fmt("/api/drift/remediate/%s", id);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"status\":\"failed\""));
    assert_non_null(strstr(api_body(&text), "\"error\":\"no such ref\",\"summary\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_remediation_of_nothing_named_takes_what_is_stored),
        cmocka_unit_test(workspaces_narrow_down_what_is_stored),
        cmocka_unit_test(named_projects_are_narrowed_down_to_those_with_drift),
        cmocka_unit_test(without_any_drift_there_is_nothing_to_do),
        cmocka_unit_test(what_cannot_be_resolved_is_an_error_of_its_own),
        cmocka_unit_test(what_named_only_paths_gets_an_error_for_each),
        cmocka_unit_test(a_remediation_that_came_to_nothing_says_why_by_its_id),
    };

    return cmocka_run_group_tests_name("api_batch_resolve", tests, api_batch_setup,
                                       api_batch_teardown);
}
