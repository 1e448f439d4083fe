/* POST /api/plan, /api/apply, /api/drift/detect and /api/drift/remediate as clients see
 * them: each shape of the reference, while a worker does what the test says. */
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

#define COUNTS(add, changes)                                                             \
    "\"summary\":\"Plan: " add " to add, 1 to change, 0 to destroy.\",\"toAdd\":" add    \
    ",\"toChange\":1,\"toDestroy\":0,\"toImport\":0,\"changesOutside\":true,"            \
    "\"driftedCount\":3,\"hasChanges\":" changes
#define DRIFT(add, total)                                                                \
    "{\"to_add\":" add ",\"to_change\":1,\"to_destroy\":0,\"to_import\":0,"              \
    "\"total_changes\":" total ",\"summary\":\"Plan: " add                               \
    " to add, 1 to change, 0 to destroy.\",\"changes_outside\":true}"
#define NO_CHANGES                                                                       \
    "{\"summary\":\"No changes. Infrastructure is up-to-date.\",\"toAdd\":0,"            \
    "\"toChange\":0,\"toDestroy\":0,\"toImport\":0,\"changesOutside\":false,"            \
    "\"driftedCount\":0,\"hasChanges\":false}"

static const struct fake_target vpc = {"vpc", "modules/vpc", "production"};
static const struct fake_target ec2 = {"ec2", "modules/ec2", "production"};
static const struct fake_target plain = {NULL, "x", "w"};

static const struct fake_end changed = {.status = RUN_DRIFT_DETECTED,
                                        .summary = "{" COUNTS("2", "true") "}",
                                        .output = "the plan\n"};
static const struct fake_end clean = {
    .status = RUN_CLEAN, .summary = NO_CHANGES, .output = "No changes.\n"};
static const struct fake_end broken = {.status = RUN_ERROR,
                                       .error_code = "TERRAFORM_FAILED",
                                       .error_message = "terraform plan failed: why",
                                       .output = "Error: why\n"};
static const struct fake_end applied = {
    .status = RUN_APPLIED,
    .summary = "{" COUNTS("2", "true") ",\"driftAfter\":{\"summary\":\"Apply completed "
                                       "successfully\",\"toAdd\":0,\"toChange\":0,"
                                       "\"toDestroy\":0,\"toImport\":0,"
                                       "\"changesOutside\":false,\"hasChanges\":false}}",
    .output = "the plan\n",
    .applied = "Apply complete!\n"};

/* Sends, plays the worker, and compares `data` of the answer. */
static void expect_data(struct api_batch *test, const char *path, const char *body,
                        const struct fake_target *targets, const struct fake_end *ends,
                        size_t count, const char *data)
{
    AUTO(buf_done) struct buf text = {0};
    int fd = api_send(&test->api, "POST", path, NULL, body);

    api_batch_serve(test, targets, ends, count);
    assert_int_equal(api_batch_answer(fd, &text), 200);
    api_batch_expect(&text, data);
}

/* ---- plan ---- */
static void a_plan_answers_with_its_counts_and_output(void **state)
{
    expect_data(*state, "/api/plan", PATH_BODY(""), &plain, &changed, 1,
                "{\"command\":\"plan\",\"projects\":[{\"project_name\":\"\","
                "\"directory\":\"x\",\"workspace\":\"w\",\"command\":\"plan\","
                "\"status\":\"success\",\"output\":\"the plan\\n\",\"plan\":{"
                "\"has_changes\":true,\"to_add\":2,\"to_change\":1,\"to_destroy\":0,"
                "\"to_import\":0,\"summary\":\"Plan: 2 to add, 1 to change, 0 to "
                "destroy.\"}}],\"total_projects\":1,\"success_count\":1,"
                "\"failure_count\":0,\"executed_at\":\"TIME\"}");
}

static void a_project_that_breaks_has_an_error_and_no_output(void **state)
{
    const struct fake_target targets[] = {vpc, ec2};
    const struct fake_end ends[] = {clean, broken};

    expect_data(*state, "/api/plan",
                "{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"github\","
                "\"projects\":[\"vpc\",\"ec2\"]}",
                targets, ends, 2,
                "{\"command\":\"plan\",\"projects\":[{\"project_name\":\"vpc\","
                "\"directory\":\"modules/vpc\",\"workspace\":\"production\","
                "\"command\":\"plan\",\"status\":\"success\",\"output\":\"No "
                "changes.\\n\",\"plan\":{\"has_changes\":false,\"to_add\":0,"
                "\"to_change\":0,\"to_destroy\":0,\"to_import\":0,\"summary\":\"No "
                "changes. Infrastructure is up-to-date.\"}},{\"project_name\":\"ec2\","
                "\"directory\":\"modules/ec2\",\"workspace\":\"production\","
                "\"command\":\"plan\",\"status\":\"error\",\"error\":\"terraform plan "
                "failed: why\"}],\"total_projects\":2,\"success_count\":1,"
                "\"failure_count\":1,\"executed_at\":\"TIME\"}");
}

static void an_answer_carries_the_id_of_its_request(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *echoed = NULL;
    int fd = api_send(&test->api, "POST", "/api/plan", "X-Request-Id: my.id-1\r\n",
                      PATH_BODY(""));

    api_batch_serve(test, &plain, &clean, 1);
    assert_int_equal(api_batch_answer(fd, &text), 200);
    echoed = api_header(&text, "X-Request-Id");
    assert_string_equal(echoed, "my.id-1");
    assert_non_null(strstr(api_body(&text),
                           ",\"error\":null,\"request_id\":\"my.id-1\",\""
                           "timestamp\":\""));
}

/* ---- apply ---- */
static void an_apply_answers_with_what_was_applied(void **state)
{
    expect_data(*state, "/api/apply", PATH_BODY(",\"PR\":0"), &plain, &applied, 1,
                "{\"command\":\"apply\",\"projects\":[{\"project_name\":\"\","
                "\"directory\":\"x\",\"workspace\":\"w\",\"command\":\"apply\","
                "\"status\":\"success\",\"output\":\"Apply complete!\\n\"}],"
                "\"total_projects\":1,\"success_count\":1,\"failure_count\":0,"
                "\"executed_at\":\"TIME\"}");
}

static void an_apply_of_nothing_shows_the_plan(void **state)
{
    expect_data(*state, "/api/apply", PATH_BODY(""), &plain, &clean, 1,
                "{\"command\":\"apply\",\"projects\":[{\"project_name\":\"\","
                "\"directory\":\"x\",\"workspace\":\"w\",\"command\":\"apply\","
                "\"status\":\"success\",\"output\":\"No changes.\\n\"}],"
                "\"total_projects\":1,\"success_count\":1,\"failure_count\":0,"
                "\"executed_at\":\"TIME\"}");
}

static void what_is_forbidden_is_a_failure(void **state)
{
    static const char *const codes[] = {"REQUIREMENT_UNMET", "FROZEN", "DESTROY_REFUSED",
                                        "PROTECTED"};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        const struct fake_end refused = {.status = RUN_ERROR,
                                         .error_code = codes[i],
                                         .error_message = "it must not be"};

        expect_data(*state, "/api/apply", PATH_BODY(""), &plain, &refused, 1,
                    "{\"command\":\"apply\",\"projects\":[{\"project_name\":\"\","
                    "\"directory\":\"x\",\"workspace\":\"w\",\"command\":\"apply\","
                    "\"status\":\"failed\",\"failure\":\"it must not be\"}],"
                    "\"total_projects\":1,\"success_count\":0,\"failure_count\":1,"
                    "\"executed_at\":\"TIME\"}");
    }
}

static void nothing_is_applied_while_frozen(void **state)
{
    static const char *const paths[] = {"/api/apply", "/api/drift/remediate"};
    static const char *const bodies[] = {
        PATH_BODY(""), "{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"Github\","
                       "\"workspaces\":[\"w\"],\"action\":\"apply\"}"};
    struct api_batch *test = *state;

    assert_int_equal(api_call(&test->api, "PUT", "/api/v1/freeze", NULL,
                              "{\"frozen\":true,\"reason\":\"audit\"}", NULL),
                     200);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        AUTO(buf_done) struct buf text = {0};

        assert_int_equal(api_call(&test->api, "POST", paths[i], NULL, bodies[i], &text),
                         409);
        assert_non_null(strstr(api_body(&text), "\"FROZEN\""));
        assert_non_null(strstr(api_body(&text), "audit"));
    }
    assert_int_equal(
        api_call(&test->api, "PUT", "/api/v1/freeze", NULL, "{\"frozen\":false}", NULL),
        200);
}

static void an_apply_that_lost_its_worker_is_interrupted(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    struct claimed claimed;
    struct redis_cmd cmd;
    int fd = api_send(&test->api, "POST", "/api/apply", NULL, PATH_BODY(""));

    char id[SIGN_UUID_BYTES];

    fake_worker_claim(&test->worker, &claimed);
    api_batch_id_of(&claimed, id);
    fake_worker_expand(&test->worker, &claimed, &plain, 1);
    claimed_done(&claimed);
    fake_worker_claim(&test->worker, &claimed);
    queue_mark(&cmd, "{kedge}:", &claimed.hold);
    fake_worker_must(&test->worker, &cmd);
    queue_orphan(&cmd, "{kedge}:", &claimed.hold);
    fake_worker_must(&test->worker, &cmd);
    assert_int_equal(api_batch_answer(fd, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"status\":\"error\",\"error\":\""
                                            "INTERRUPTED: "));
    assert_non_null(strstr(api_body(&text), "\"failure_count\":1"));
    /* Its worker comes back to it: the batch has ended, and shows what was counted. */
    queue_reassert(&cmd, "{kedge}:", "worker", &claimed.hold);
    fake_worker_must(&test->worker, &cmd);
    api_batch_expect_shown(test, id, "\"status\":\"error\",\"error\":\"INTERRUPTED: ");
    fake_worker_end(&test->worker, &claimed, &applied); /* frees the target */
    claimed_done(&claimed);
}

/* ---- detect ---- */
static void detection_tells_drift_and_errors_apart(void **state)
{
    const struct fake_target targets[] = {vpc, ec2, plain};
    const struct fake_end ends[] = {changed, clean, broken};

    expect_data(
        *state, "/api/drift/detect", DRIFT_BODY(""), targets, ends, 3,
        "{\"repository\":\"a/b\",\"projects\":[{\"project_name\":\"vpc\",\"directory\":"
        "\"modules/vpc\",\"workspace\":\"production\",\"ref\":\"main\",\"has_drift\":"
        "true,\"drift\":" DRIFT(
            "2",
            "3") ",\"last_checked\":\"TIME\"},"
                 "{\"project_name\":\"ec2\",\"directory\":\"modules/ec2\",\"workspace\":"
                 "\"production\",\"ref\":\"main\",\"has_drift\":false,\"last_checked\":"
                 "\"TIME\"},"
                 "{\"project_name\":\"\",\"directory\":\"x\",\"workspace\":\"w\",\"ref\":"
                 "\"main\","
                 "\"has_drift\":false,\"error\":\"terraform plan failed: "
                 "why\",\"last_checked\":"
                 "\"TIME\"}],\"detected_at\":\"TIME\",\"summary\":{\"total_projects\":3,"
                 "\"projects_with_drift\":1,\"projects_without_drift\":1,"
                 "\"projects_with_errors\":1}}");
}

/* ---- remediate ---- */
#define VPC_HEAD                                                                         \
    "{\"project_name\":\"vpc\",\"directory\":\"modules/vpc\",\"workspace\":"             \
    "\"production\",\"status\":\"success\",\"plan_output\":\"the plan\\n\","

static void a_remediation_plan_shows_the_drift_before_and_after(void **state)
{
    const struct fake_target targets[] = {vpc, ec2};
    const struct fake_end ends[] = {changed, broken};

    expect_data(*state, "/api/drift/remediate",
                DRIFT_BODY(",\"projects\":[\"vpc\",\"ec2\"]"), targets, ends, 2,
                "{\"id\":\"ID\",\"repository\":\"a/b\",\"ref\":\"main\",\"action\":"
                "\"plan\",\"status\":\"partial\",\"started_at\":\"TIME\","
                "\"completed_at\":\"TIME\",\"projects\":[" VPC_HEAD
                "\"drift_before\":" DRIFT("2", "3") ",\"drift_after\":" DRIFT(
                    "2", "3") "},"
                              "{\"project_name\":\"ec2\",\"directory\":\"modules/ec2\","
                              "\"workspace\":\"production\",\"status\":\"failed\","
                              "\"error\":\"terraform plan failed: why\"}],"
                              "\"summary\":{\"total_projects\":2,\"success_count\":1,"
                              "\"failure_count\":1}}");
}

static void a_remediation_that_applies_shows_what_is_left_of_the_drift(void **state)
{
    const struct fake_target targets[] = {vpc, ec2};
    const struct fake_end ends[] = {applied, clean};

    expect_data(
        *state, "/api/drift/remediate",
        DRIFT_BODY(",\"projects\":[\"vpc\",\"ec2\"],\"action\":\"apply\""), targets, ends,
        2,
        "{\"id\":\"ID\",\"repository\":\"a/b\",\"ref\":\"main\",\"action\":\"apply\","
        "\"status\":\"success\",\"started_at\":\"TIME\",\"completed_at\":\"TIME\","
        "\"projects\":[" VPC_HEAD
        "\"apply_output\":\"Apply complete!\\n\",\"drift_before\":" DRIFT(
            "2",
            "3") ",\"drift_after\":{\"to_add\":0,\"to_change\":0,\"to_destroy\":0,\"to_"
                 "import\":0,"
                 "\"total_changes\":0,\"summary\":\"Apply completed successfully\","
                 "\"changes_outside\":false}},{\"project_name\":\"ec2\",\"directory\":"
                 "\"modules/ec2\",\"workspace\":\"production\",\"status\":\"success\","
                 "\"plan_output\":\"No changes.\\n\"}],\"summary\":{\"total_projects\":2,"
                 "\"success_count\":2,\"failure_count\":0}}");
}

static void a_remediation_is_seen_by_its_id_while_it_goes_on(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *path = NULL;
    char id[SIGN_UUID_BYTES];
    struct claimed claimed;

    api_batch_start(test, "/api/drift/remediate", DRIFT_BODY(",\"projects\":[\"vpc\"]"),
                    id);
    path = mem_fmt("/api/drift/remediate/%s", id);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"status\":\"pending\""));
    assert_non_null(strstr(api_body(&text), "\"projects\":[]"));
    fake_worker_claim(&test->worker, &claimed);
    fake_worker_expand(&test->worker, &claimed, &vpc, 1);
    claimed_done(&claimed);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 200);
    assert_non_null(
        strstr(api_body(&text), "\"action\":\"plan\",\"status\":\"running\""));
    assert_non_null(strstr(api_body(&text), "\"production\",\"status\":\"pending\"}"));
    fake_worker_claim(&test->worker, &claimed);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 200);
    assert_non_null(strstr(api_body(&text), "\"production\",\"status\":\"running\"}"));
    fake_worker_end(&test->worker, &claimed, &changed);
    claimed_done(&claimed);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 200);
    assert_non_null(
        strstr(api_body(&text), "\"action\":\"plan\",\"status\":\"success\""));
    assert_non_null(strstr(api_body(&text), "\"plan_output\":\"the plan\\n\""));
}

static void only_a_remediation_is_found_as_one(void **state)
{
    struct api_batch *test = *state;
    AUTO(buf_done) struct buf text = {0};
    AUTO(auto_free) char *path = NULL;
    char id[SIGN_UUID_BYTES];

    api_batch_start(test, "/api/plan", PATH_BODY(""), id);
    path = mem_fmt("/api/drift/remediate/%s", id);
    assert_int_equal(api_call(&test->api, "GET", path, NULL, NULL, &text), 404);
    assert_non_null(strstr(api_body(&text), "\"NOT_FOUND\""));
    api_batch_serve(test, &plain, &clean, 1);
    assert_int_equal(
        api_call(&test->api, "GET", "/api/drift/remediate/nonsense", NULL, NULL, &text),
        404);
    assert_int_equal(
        api_call(&test->api, "GET", "/api/drift/remediate/", NULL, NULL, &text), 400);
    assert_non_null(strstr(api_body(&text), "missing required parameter: id"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_answers_with_its_counts_and_output),
        cmocka_unit_test(a_project_that_breaks_has_an_error_and_no_output),
        cmocka_unit_test(an_answer_carries_the_id_of_its_request),
        cmocka_unit_test(an_apply_answers_with_what_was_applied),
        cmocka_unit_test(an_apply_of_nothing_shows_the_plan),
        cmocka_unit_test(what_is_forbidden_is_a_failure),
        cmocka_unit_test(nothing_is_applied_while_frozen),
        cmocka_unit_test(an_apply_that_lost_its_worker_is_interrupted),
        cmocka_unit_test(detection_tells_drift_and_errors_apart),
        cmocka_unit_test(a_remediation_plan_shows_the_drift_before_and_after),
        cmocka_unit_test(a_remediation_that_applies_shows_what_is_left_of_the_drift),
        cmocka_unit_test(a_remediation_is_seen_by_its_id_while_it_goes_on),
        cmocka_unit_test(only_a_remediation_is_found_as_one),
    };

    return cmocka_run_group_tests_name("api_batch", tests, api_batch_setup,
                                       api_batch_teardown);
}
