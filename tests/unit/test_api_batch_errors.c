/* What POST /api/plan, /api/apply, /api/drift/detect and /api/drift/remediate refuse:
 * each row of the error tables, and in which order the checks come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "tests/support/api_batch.h"

#define HEAD "\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"Github\""
#define GOOD "{" HEAD ",\"projects\":[\"x\"]}"

static const char *const all[] = {"/api/plan", "/api/apply", "/api/drift/detect",
                                  "/api/drift/remediate"};

struct expected {
    const char *body;
    int status;
    const char *code;
    const char *message; /* of the error */
    const char *field;   /* of the first detail; NULL: there are none */
};

static void compare(const char *path, const struct expected *row, int status,
                    const struct buf *text)
{
    AUTO(auto_json) cJSON *doc = cJSON_Parse(api_body(text));
    const cJSON *error = json_get(doc, "error");
    const cJSON *details = json_get(error, "details");
    const char *field = details != NULL ? json_string(details->child, "field") : NULL;
    const char *message = json_string(error, "message");

    if (status != row->status || strcmp(json_string(error, "code"), row->code) != 0)
        fail_msg("%s %s: %d %s", path, row->body, status, api_body(text));
    if (message == NULL || strcmp(message, row->message) != 0 ||
        (field == NULL) != (row->field == NULL) ||
        (field != NULL && strcmp(field, row->field) != 0))
        fail_msg("%s %s: %s", path, row->body, api_body(text));
    assert_true(cJSON_IsNull(json_get(doc, "data")));
    assert_true(cJSON_IsFalse(json_get(doc, "success")));
    assert_non_null(json_string(doc, "request_id"));
}

static void expect(struct api_batch *test, const char *path, const struct expected *row)
{
    AUTO(buf_done) struct buf text = {0};
    int status = api_call(&test->api, "POST", path, NULL, row->body, &text);

    compare(path, row, status, &text);
}

/* ---- fields ---- */
static void every_field_is_checked_on_every_path(void **state)
{
    static const struct expected rows[] = {
        {"{\"ref\":\"main\",\"type\":\"Github\",\"projects\":[\"x\"]}", 400,
         "VALIDATION_ERROR", "missing required parameter: repository", "repository"},
        {"{\"repository\":\"\",\"ref\":\"main\",\"type\":\"Github\",\"projects\":[\"x\"]"
         "}",
         400, "VALIDATION_ERROR", "missing required parameter: repository", "repository"},
        {"{\"repository\":\"a/b\",\"type\":\"Github\",\"projects\":[\"x\"]}", 400,
         "VALIDATION_ERROR", "missing required parameter: ref", "ref"},
        {"{\"repository\":\"a/b\",\"ref\":\"main\",\"projects\":[\"x\"]}", 400,
         "VALIDATION_ERROR", "missing required parameter: type", "type"},
        {"{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"Bitbucket\","
         "\"projects\":[\"x\"]}",
         400, "VALIDATION_ERROR", "type must be Github, Gitlab or Git", "type"},
        {"{" HEAD ",\"projects\":\"x\"}", 400, "VALIDATION_ERROR",
         "projects must be a list of strings", "projects"},
        {"{" HEAD ",\"projects\":[\"x\",\"x\"]}", 400, "VALIDATION_ERROR",
         "project \"x\" is named twice", "projects"},
        {"{" HEAD ",\"projects\":[\"\"]}", 400, "VALIDATION_ERROR",
         "projects[0] must have 1 to 255 bytes", "projects"},
        {"[]", 400, "VALIDATION_ERROR", "the body must be a JSON object", ""},
    };

    for (size_t p = 0; p < ARRAY_LEN(all); p++) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            expect(*state, all[p], &rows[i]);
    }
}

static void a_repository_has_the_form_of_its_type(void **state)
{
    static const struct {
        const char *repository, *type;
    } bad[] = {
        {"repo-name", "Github"}, {"a/../b", "Gitlab"},  {"a/b/c", "Github"},
        {"a//b", "Git"},         {"a/b.git", "Github"}, {"-a/b", "Github"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct api_batch *test = *state;
        AUTO(buf_done) struct buf text = {0};
        AUTO(auto_free)
        char *body = mem_fmt("{\"repository\":\"%s\",\"ref\":\"main\",\"type\":\"%s\","
                             "\"projects\":[\"x\"]}",
                             bad[i].repository, bad[i].type);

        assert_int_equal(api_call(&test->api, "POST", "/api/plan", NULL, body, &text),
                         400);
        assert_non_null(strstr(api_body(&text), "\"field\":\"repository\""));
    }
}

static void a_ref_is_checked(void **state)
{
    static const char *const bad[] = {"-x",  "+x",  "a:b",         "a..b",
                                      "a b", "\\t", "refs/pull/1", "refs/notes/x"};

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct api_batch *test = *state;
        AUTO(buf_done) struct buf text = {0};
        AUTO(auto_free)
        char *body = mem_fmt(
            "{\"repository\":\"a/b\",\"ref\":\"%s\",\"type\":\"Github\"}", bad[i]);

        assert_int_equal(
            api_call(&test->api, "POST", "/api/drift/detect", NULL, body, &text), 400);
        assert_non_null(strstr(api_body(&text), "\"field\":\"ref\""));
    }
}

static void plans_and_applies_want_a_project_or_a_path(void **state)
{
    static const struct expected rows[] = {
        {"{" HEAD "}", 400, "VALIDATION_ERROR",
         "at least one of 'Projects' or 'Paths' must be specified", "projects"},
        {"{" HEAD ",\"Projects\":[],\"Paths\":null}", 400, "VALIDATION_ERROR",
         "at least one of 'Projects' or 'Paths' must be specified", "projects"},
        {"{" HEAD ",\"projects\":[\"x\"],\"PR\":\"2\"}", 400, "VALIDATION_ERROR",
         "pr must be a number", "pr"},
        {"{" HEAD ",\"projects\":[\"x\"],\"PR\":-1}", 400, "VALIDATION_ERROR",
         "pr must be a whole number from 0 to 2147483647", "pr"},
        {"{" HEAD ",\"projects\":[\"x\"],\"PR\":1.5}", 400, "VALIDATION_ERROR",
         "pr must be a whole number from 0 to 2147483647", "pr"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        expect(*state, "/api/plan", &rows[i]);
        expect(*state, "/api/apply", &rows[i]);
    }
}

static void paths_are_checked_one_by_one(void **state)
{
    static const struct expected rows[] = {
        {"{" HEAD ",\"paths\":[{\"directory\":\"a\"},{}]}", 400, "VALIDATION_ERROR",
         "at least one of 'Directory' or 'Workspace' must be specified", "paths[1]"},
        {"{" HEAD ",\"paths\":[{\"directory\":\"\",\"workspace\":\"\"}]}", 400,
         "VALIDATION_ERROR",
         "at least one of 'Directory' or 'Workspace' must be specified", "paths[0]"},
        {"{" HEAD ",\"paths\":[{\"directory\":null,\"workspace\":null}]}", 400,
         "VALIDATION_ERROR",
         "at least one of 'Directory' or 'Workspace' must be specified", "paths[0]"},
        {"{" HEAD ",\"paths\":[{\"directory\":\"a\"},{\"directory\":\"./a/\"}]}", 400,
         "VALIDATION_ERROR", "directory \"a\" with workspace \"default\" is named twice",
         "paths"},
        {"{" HEAD ",\"paths\":[{\"workspace\":\"-x\"}]}", 400, "VALIDATION_ERROR",
         "paths[0].workspace must be 1 to 90 of A-Z a-z 0-9 . _ - and not begin with -",
         "paths[0].workspace"},
        {"{" HEAD ",\"paths\":[{\"directory\":1}]}", 400, "VALIDATION_ERROR",
         "paths[0].directory must be a string", "paths[0].directory"},
        {"{" HEAD ",\"paths\":[\"a\"]}", 400, "VALIDATION_ERROR",
         "paths must be a list of objects", "paths"},
    };
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(*state, "/api/drift/detect", &rows[i]);
    assert_int_equal(api_call(&test->api, "POST", "/api/plan", NULL,
                              "{" HEAD ",\"paths\":[{\"directory\":\"../x\"}]}", &text),
                     400);
    assert_non_null(strstr(api_body(&text), "\"field\":\"paths[0].directory\""));
}

static void a_remediation_has_fields_of_its_own(void **state)
{
    static const struct expected rows[] = {
        {"{" HEAD ",\"action\":\"destroy\"}", 400, "VALIDATION_ERROR",
         "action must be plan or apply", "action"},
        {"{" HEAD ",\"drift_only\":\"yes\"}", 400, "VALIDATION_ERROR",
         "drift_only must be true or false", "drift_only"},
        {"{" HEAD ",\"workspaces\":[\"a b\"]}", 400, "VALIDATION_ERROR",
         "workspaces must be 1 to 90 of A-Z a-z 0-9 . _ - and not begin with -",
         "workspaces"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(*state, "/api/drift/remediate", &rows[i]);
}

static void all_problems_are_told_at_once(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};

    assert_int_equal(api_call(&test->api, "POST", "/api/plan", NULL,
                              "{\"REPOSITORY\":\"x\",\"Ref\":\"-\",\"Type\":\"X\"}",
                              &text),
                     400);
    assert_non_null(strstr(api_body(&text), "4 parameters are missing or invalid"));
}

/* ---- who and where ---- */
static void a_token_is_needed(void **state)
{
    static const struct expected missing = {GOOD, 401, "UNAUTHORIZED",
                                            "the token is not valid", NULL};
    struct api_batch *test = *state;

    for (size_t p = 0; p < ARRAY_LEN(all); p++) {
        AUTO(buf_done) struct buf text = {0};
        int status = api_call_as(&test->api, "wrong", "POST", all[p], GOOD, &text);

        compare(all[p], &missing, status, &text);
        status = api_call_as(&test->api, "", "POST", all[p], GOOD, &text);
        assert_int_equal(status, 401);
        assert_non_null(strstr(api_body(&text), "a token is required"));
    }
}

static void refuse_b(const struct api_process *api, struct conf *conf)
{
    static char allowlist[] = "*, !github.com/a/b", secret[] = API_PROCESS_TOKEN;

    (void)api;
    conf->repo_allowlist = allowlist;
    conf->api_secret = secret;
    conf->drift_storage = false;
}

static void the_allowlist_comes_before_the_switches(void **state)
{
    static const struct expected refused = {
        GOOD, 403, "FORBIDDEN",
        "repository github.com/a/b is not allowed by KEDGE_REPO_ALLOWLIST", NULL};
    static const struct expected not_set_up = {
        "{\"repository\":\"a/c\",\"ref\":\"main\",\"type\":\"Git\",\"projects\":[\"x\"]}",
        403, "FORBIDDEN", "repositories of type Git are not set up", NULL};
    static const struct expected off = {
        "{\"repository\":\"a/c\",\"ref\":\"main\",\"type\":\"Github\"}", 503,
        "SERVICE_UNAVAILABLE",
        "drift detection is disabled: KEDGE_DRIFT_STORAGE is false", NULL};
    struct api_batch test = {0};
    AUTO(buf_done) struct buf text = {0};

    (void)state;
    api_process_start_as(&test.api, refuse_b);
    for (size_t p = 0; p < ARRAY_LEN(all); p++) {
        expect(&test, all[p], &refused);
        expect(&test, all[p], &not_set_up);
    }
    expect(&test, "/api/drift/detect", &off);
    expect(&test, "/api/drift/remediate", &off);
    assert_int_equal(api_call(&test.api, "GET",
                              "/api/drift/remediate/"
                              "550e8400-e29b-41d4-a716-446655440000",
                              NULL, NULL, &text),
                     503);
    api_process_stop(&test.api);
}

static void have_no_secret(const struct api_process *api, struct conf *conf)
{
    (void)api;
    conf->api_secret = NULL;
}

static void without_a_secret_the_api_is_disabled(void **state)
{
    static const struct expected disabled = {
        GOOD, 503, "SERVICE_UNAVAILABLE", "API is disabled: KEDGE_API_SECRET is not set",
        NULL};
    static const struct expected invalid = {
        GOOD, 400, "VALIDATION_ERROR", "API is disabled: KEDGE_API_SECRET is not set",
        NULL};
    struct api_batch test = {0};

    (void)state;
    api_process_start_as(&test.api, have_no_secret);
    for (size_t p = 0; p < ARRAY_LEN(all) - 1; p++)
        expect(&test, all[p], &disabled);
    expect(&test, "/api/drift/remediate", &invalid);
    api_process_stop(&test.api);
}

static void let_one_wait(const struct api_process *api, struct conf *conf)
{
    (void)api;
    conf->max_queued = 1;
}

static void too_many_that_wait_are_a_reason_to_come_again(void **state)
{
    static const struct expected full = {GOOD, 429, "RATE_LIMITED",
                                         "too many runs are waiting", NULL};
    struct api_batch test = {0};
    AUTO(buf_done) struct buf text = {0};

    (void)state;
    api_process_start_as(&test.api, let_one_wait);
    assert_int_equal(api_call(&test.api, "POST", "/api/plan", "Prefer: respond-async\r\n",
                              GOOD, &text),
                     202);
    for (size_t p = 0; p < ARRAY_LEN(all); p++)
        expect(&test, all[p], &full);
    api_process_stop(&test.api);
}

/* ---- the body as a whole ---- */
static void a_request_that_cannot_be_stored_is_too_large(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf body = BUF_INIT(1 << 20);
    AUTO(buf_done) struct buf text = {0};

    buf_str(&body, "{" HEAD ",\"projects\":[");
    for (int i = 0; i < 400; i++)
        buf_fmt(&body, "%s\"%0200d\"", i > 0 ? "," : "", i);
    buf_str(&body, "]}");
    assert_int_equal(
        api_call(&test->api, "POST", "/api/plan", NULL, buf_text(&body), &text), 413);
    assert_non_null(strstr(api_body(&text), "\"PAYLOAD_TOO_LARGE\""));
}

static void the_body_must_be_json_without_a_key_in_two_spellings(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};

    for (size_t p = 0; p < ARRAY_LEN(all); p++) {
        assert_int_equal(api_call(&test->api, "POST", all[p], NULL, "{", &text), 400);
        assert_int_equal(api_call(&test->api, "POST", all[p], NULL,
                                  "{" HEAD ",\"REF\":\"main\"}", &text),
                         400);
        assert_non_null(strstr(api_body(&text), "the body is not valid JSON: "));
        assert_int_equal(api_call(&test->api, "PUT", all[p], NULL, "{}", &text), 405);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_checked_on_every_path),
        cmocka_unit_test(a_repository_has_the_form_of_its_type),
        cmocka_unit_test(a_ref_is_checked),
        cmocka_unit_test(plans_and_applies_want_a_project_or_a_path),
        cmocka_unit_test(paths_are_checked_one_by_one),
        cmocka_unit_test(a_remediation_has_fields_of_its_own),
        cmocka_unit_test(all_problems_are_told_at_once),
        cmocka_unit_test(a_token_is_needed),
        cmocka_unit_test(the_allowlist_comes_before_the_switches),
        cmocka_unit_test(without_a_secret_the_api_is_disabled),
        cmocka_unit_test(too_many_that_wait_are_a_reason_to_come_again),
        cmocka_unit_test(a_request_that_cannot_be_stored_is_too_large),
        cmocka_unit_test(the_body_must_be_json_without_a_key_in_two_spellings),
    };

    return cmocka_run_group_tests_name("api_batch_errors", tests, api_batch_setup,
                                       api_batch_teardown);
}
