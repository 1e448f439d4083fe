/* The runner and resolve runs: from what the checkout found to the runs of a batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/queue/batch.h"
#include "common/queue/target.h"
#include "tests/support/runner_fixture.h"
#include "worker/resolve/resolve.h"

RF_STANDS_IN

#define BATCH_ID "01890000-0000-7000-8000-00000000000b"

static char *answer; /* of the checkout */

static void set_request(enum batch_kind kind)
{
    struct batch_request request = {
        .id = BATCH_ID,
        .kind = kind,
        .repository = mem_dup("Owner/Repo"),
        .ref = mem_dup("main"),
    };
    struct buf text = BUF_INIT(4096);

    batch_names_add(&request.names, "network");
    batch_request_print(&request, &text);
    batch_request_done(&request);
    free(rf_run->order.spec.batch);
    rf_run->order.spec.batch = buf_take(&text);
}

/* Two targets, the second with all that atlantis.yaml can say. */
static void set_answer(void)
{
    char empty[] = "", one[] = "0", dot[] = ".", def[] = "default";
    char name[] = "network", dir[] = "envs/prod", workspace[] = "prod";
    char version[] = "1.5.7", approved[] = "approved", mergeable[] = "mergeable";
    struct resolved_target targets[] = {
        {.directory = dot, .workspace = def, .deps = empty},
        {.project_name = name,
         .directory = dir,
         .workspace = workspace,
         .terraform_version = version,
         .plan_requirements = approved,
         .apply_requirements = mergeable,
         .lock_mode = "on_apply",
         .stage = 1,
         .deps = one},
    };
    const struct resolved resolved = {
        .list = targets, .count = ARRAY_LEN(targets), .abort_on_failure = true};
    struct buf text = BUF_INIT(4096);

    resolved_print(&resolved, &text);
    free(answer);
    rf_checkout.resolved = answer = buf_take(&text);
}

static int set_up(void **state)
{
    int rc = rf_set_up(state);

    rf_run->order.spec.kind = RUN_RESOLVE;
    free(TAKE(rf_run->order.spec.project_id));
    free(TAKE(rf_run->order.spec.workspace_id));
    set_request(BATCH_PLAN);
    set_answer();
    return rc;
}

static int tear_down(void **state)
{
    free(TAKE(answer));
    return rf_tear_down(state);
}

static cJSON *expanded(void)
{
    AUTO(auto_free) char *text = NULL;

    test_run_go(rf_run);
    rf_expect_status(RUN_CLEAN);
    assert_true(rf_run->outcome.expand);
    text = test_run_part(rf_run, "expand.json");
    return rf_parse(text);
}

/* The index-th run, and its spec, which is to be released. */
static const cJSON *run_at(const cJSON *doc, int index, struct run_spec *spec)
{
    const cJSON *run = cJSON_GetArrayItem(json_get(doc, "runs"), index);
    AUTO(buf_done) struct buf text = BUF_INIT(65536);
    struct err err;

    assert_non_null(run);
    json_print(json_get(run, "spec"), &text);
    if (run_spec_parse(buf_text(&text), text.len, spec, &err) < 0)
        fail_msg("%s", err.message);
    return run;
}

static void each_target_becomes_a_run(void **state)
{
    AUTO(auto_json) cJSON *doc = expanded();
    AUTO(run_spec_done) struct run_spec spec = {0};
    char id[SIGN_UUID_BYTES], target[SIGN_ID_BYTES];
    const cJSON *run = run_at(doc, 1, &spec);

    (void)state;
    assert_string_equal(json_string(doc, "commit"), RF_COMMIT);
    assert_true(json_bool(doc, "abort", false));
    assert_int_equal(cJSON_GetArraySize(json_get(doc, "runs")), 2);
    batch_run_id(BATCH_ID, 1, id);
    assert_string_equal(json_string(run, "id"), id);
    assert_string_equal(json_string(run, "kind"), "plan");
    assert_string_equal(json_string(run, "ref"), "main");
    assert_int_equal(json_int(run, "stage", -1), 1);
    assert_string_equal(json_string(run, "deps"), "0");
    target_id("github.com", &spec, target);
    assert_string_equal(json_string(run, "target"), target);
    assert_string_equal(json_string(run, "scope"), target);
    assert_int_equal(spec.kind, RUN_PLAN);
    assert_int_equal(spec.type, VCS_GITHUB);
    assert_string_equal(spec.repository, "owner/repo");
    assert_string_equal(spec.commit, RF_COMMIT);
    assert_string_equal(spec.directory, "envs/prod");
    assert_string_equal(spec.workspace, "prod");
    assert_string_equal(spec.terraform_version, "1.5.7");
    assert_string_equal(spec.project_name, "network");
    assert_string_equal(spec.plan_requirements, "approved");
    assert_string_equal(spec.apply_requirements, "mergeable");
    assert_string_equal(spec.lock_mode, "on_apply");
    assert_null(spec.batch);
    assert_null(spec.project_id);
}

static void what_is_not_said_is_not_set(void **state)
{
    AUTO(auto_json) cJSON *doc = expanded();
    AUTO(run_spec_done) struct run_spec spec = {0};
    const cJSON *run = run_at(doc, 0, &spec);

    (void)state;
    assert_int_equal(json_int(run, "stage", -1), 0);
    assert_string_equal(json_string(run, "deps"), "");
    assert_null(spec.project_name);
    assert_null(spec.terraform_version);
    assert_null(spec.plan_requirements);
    assert_null(spec.lock_mode);
    assert_int_equal(spec.pull_request, 0);
}

static void only_drift_checks_make_no_workspace(void **state)
{
    static const struct {
        enum batch_kind batch;
        enum run_kind kind;
        bool creates;
    } rows[] = {{BATCH_PLAN, RUN_PLAN, true},
                {BATCH_APPLY, RUN_APPLY, true},
                {BATCH_DETECT, RUN_DRIFT_CHECK, false},
                {BATCH_REMEDIATE, RUN_PLAN, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(run_spec_done) struct run_spec spec = {0};
        AUTO(auto_json) cJSON *doc = NULL;

        set_request(rows[i].batch);
        doc = expanded();
        run_at(doc, 0, &spec);
        assert_int_equal(spec.kind, rows[i].kind);
        assert_int_equal(spec.create_workspace, rows[i].creates);
    }
}

static void a_pull_request_is_passed_on(void **state)
{
    AUTO(run_spec_done) struct run_spec spec = {0};
    AUTO(auto_json) cJSON *doc = NULL;

    (void)state;
    rf_run->order.spec.pull_request = 7;
    doc = expanded();
    run_at(doc, 1, &spec);
    assert_int_equal(spec.pull_request, 7);
    rf_expect_part("log.z", "pull request 7 at " RF_COMMIT);
}

static void neither_a_work_tree_nor_terraform_is_needed(void **state)
{
    AUTO(auto_free) char *calls = path_join(rf_run->shared, "calls");
    AUTO(auto_json) cJSON *doc = NULL;

    (void)state;
    rf_run->conf.terraform = mem_dup("/does/not/exist");
    assert_int_equal(rmdir(rf_run->work), 0);
    doc = expanded();
    assert_false(path_exists(rf_run->work));
    assert_false(path_exists(calls));
    assert_null(rf_run->outcome.drift_record);
    assert_null(rf_run->outcome.summary);
    assert_string_equal(rf_run->outcome.commit, RF_COMMIT);
}

static void expect_not_expanded(void)
{
    AUTO(auto_free) char *path = path_join(rf_run->dir, "expand.json");

    assert_false(rf_run->outcome.expand);
    assert_false(rf_run->outcome.retry);
    assert_null(rf_run->outcome.drift_record);
    assert_false(path_exists(path));
}

static void errors_of_the_checkout_end_it_and_are_never_retried(void **state)
{
    (void)state;
    rf_checkout.kind = ERR_PERM;
    rf_checkout.error = RUN_ERR_REQUEST_INVALID;
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_REQUEST_INVALID, "the checkout's sentence");
    expect_not_expanded();
    rf_checkout.kind = ERR_TEMP;
    rf_checkout.error = RUN_ERR_NONE;
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_REPOSITORY_NOT_FOUND, "the checkout's sentence");
    expect_not_expanded();
}

static void an_answer_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    rf_checkout.resolved = "{\"targets\":7}";
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_CONFIG_INVALID, "");
    expect_not_expanded();
    rf_checkout.resolved = NULL;
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_CONFIG_INVALID, "did not say");
    expect_not_expanded();
}

static void a_repository_that_is_not_allowed_is_never_asked_for(void **state)
{
    (void)state;
    free(TAKE(rf_run->conf.repo_allowlist));
    test_run_go(rf_run);
    rf_expect_error(RUN_ERR_REPOSITORY_NOT_ALLOWED, "KEDGE_REPO_ALLOWLIST");
    expect_not_expanded();
}

static void a_cancel_takes_the_expansion_back(void **state)
{
    (void)state;
    rf_checkout.tell = "cancel 1";
    test_run_go(rf_run);
    rf_expect_status(RUN_CANCELLED);
    assert_false(rf_run->outcome.expand);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_target_becomes_a_run),
        TEST(what_is_not_said_is_not_set),
        TEST(only_drift_checks_make_no_workspace),
        TEST(a_pull_request_is_passed_on),
        TEST(neither_a_work_tree_nor_terraform_is_needed),
        TEST(errors_of_the_checkout_end_it_and_are_never_retried),
        TEST(an_answer_that_cannot_be_read_is_an_error),
        TEST(a_repository_that_is_not_allowed_is_never_asked_for),
        TEST(a_cancel_takes_the_expansion_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
