/* Runs: names, moves, errors, and the specification's canonical JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/canonical.h"
#include "common/base/mem.h"
#include "common/queue/run.h"

static void every_kind_has_a_name_that_parses_back(void **state)
{
    static const char *const names[RUN_KINDS] = {"drift_check", "plan", "apply",
                                                 "reconcile", "resolve"};
    enum run_kind kind;

    (void)state;
    for (unsigned i = 0; i < RUN_KINDS; i++) {
        assert_string_equal(run_kind_name((enum run_kind)i), names[i]);
        assert_int_equal(run_kind_parse(names[i], &kind), 0);
        assert_int_equal(kind, i);
    }
}

static void an_unknown_name_leaves_the_output_alone(void **state)
{
    static const char *const strangers[] = {"", "Plan", "plan ", "destroy"};
    enum run_kind kind = RUN_APPLY;
    enum run_status status = RUN_SKIPPED;
    enum run_error error = RUN_ERR_TIMEOUT;
    enum vcs_type type = VCS_GIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        assert_int_equal(run_kind_parse(strangers[i], &kind), -1);
        assert_int_equal(run_status_parse(strangers[i], &status), -1);
        assert_int_equal(vcs_type_parse(strangers[i], &type), -1);
    }
    assert_int_equal(run_error_parse("timeout", &error), -1);
    assert_int_equal(kind, RUN_APPLY);
    assert_int_equal(status, RUN_SKIPPED);
    assert_int_equal(error, RUN_ERR_TIMEOUT);
    assert_int_equal(type, VCS_GIT);
}

static void a_status_is_stored_and_shown_by_the_contracts_words(void **state)
{
    static const struct {
        const char *name, *shown;
        bool ended;
    } rows[RUN_STATUSES] = {
        [RUN_QUEUED] = {"queued", "queued", false},
        [RUN_DELAYED] = {"delayed", "queued", false},
        [RUN_RUNNING] = {"running", "running", false},
        [RUN_ORPHANED] = {"orphaned", "error", false},
        [RUN_CLEAN] = {"clean", "clean", true},
        [RUN_DRIFT_DETECTED] = {"drift_detected", "drift_detected", true},
        [RUN_APPLIED] = {"applied", "applied", true},
        [RUN_ERROR] = {"error", "error", true},
        [RUN_CANCELLED] = {"cancelled", "cancelled", true},
        [RUN_SKIPPED] = {"skipped", "skipped", true},
    };
    enum run_status status;

    (void)state;
    for (unsigned i = 0; i < RUN_STATUSES; i++) {
        assert_string_equal(run_status_name((enum run_status)i), rows[i].name);
        assert_string_equal(run_status_shown((enum run_status)i), rows[i].shown);
        assert_int_equal(run_status_ended((enum run_status)i), rows[i].ended);
        assert_int_equal(run_status_parse(rows[i].name, &status), 0);
        assert_int_equal(status, i);
    }
}

static void people_go_before_webhooks_before_schedules(void **state)
{
    (void)state;
    assert_int_equal(run_trigger_credit_ms(TRIGGER_API), 20 * 60 * 1000);
    assert_int_equal(run_trigger_credit_ms(TRIGGER_WEBHOOK), 10 * 60 * 1000);
    assert_int_equal(run_trigger_credit_ms(TRIGGER_SCHEDULE), 0);
    assert_string_equal(run_trigger_name(TRIGGER_API), "api");
    assert_string_equal(run_trigger_name(TRIGGER_WEBHOOK), "webhook");
    assert_string_equal(run_trigger_name(TRIGGER_SCHEDULE), "schedule");
}

static void only_the_moves_of_the_table_are_allowed(void **state)
{
    static const struct {
        enum run_status from;
        const char *by;
        enum run_status to;
        bool allowed;
    } rows[] = {
        {RUN_QUEUED, "claim", RUN_RUNNING, true},
        {RUN_QUEUED, "cancel", RUN_CANCELLED, true},
        {RUN_RUNNING, "finish", RUN_CLEAN, true},
        {RUN_RUNNING, "reap", RUN_ORPHANED, true},
        {RUN_RUNNING, "retry", RUN_DELAYED, true},
        {RUN_DELAYED, "promote", RUN_QUEUED, true},
        {RUN_ORPHANED, "resolve", RUN_APPLIED, true},
        {RUN_RUNNING, "orphan", RUN_ORPHANED, true},
        {RUN_QUEUED, "claim", RUN_CLEAN, false},
        {RUN_QUEUED, "finish", RUN_CLEAN, false},
        {RUN_DELAYED, "claim", RUN_RUNNING, false},
        {RUN_RUNNING, "cancel", RUN_CANCELLED, false},
        {RUN_RUNNING, "claim", RUN_RUNNING, false},
        {RUN_ORPHANED, "reap", RUN_QUEUED, false},
        {RUN_ORPHANED, "claim", RUN_RUNNING, false},
        {RUN_QUEUED, "", RUN_RUNNING, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(run_may_move(rows[i].from, rows[i].by, rows[i].to),
                         rows[i].allowed);
}

static void nothing_moves_away_from_an_end(void **state)
{
    static const char *const movers[] = {
        "claim",    "cancel",  "promote", "finish",   "retry",  "release", "reap",
        "reassert", "resolve", "enqueue", "schedule", "expand", "orphan"};

    (void)state;
    for (unsigned from = RUN_CLEAN; from < RUN_STATUSES; from++)
        for (unsigned to = 0; to < RUN_STATUSES; to++)
            for (size_t i = 0; i < ARRAY_LEN(movers); i++)
                assert_false(
                    run_may_move((enum run_status)from, movers[i], (enum run_status)to));
}

static void every_error_has_its_own_code_and_a_sentence(void **state)
{
    enum run_error error;

    (void)state;
    assert_string_equal(run_error_name(RUN_ERR_NONE), "");
    assert_string_equal(run_error_name(RUN_ERR_STILL_DRIFTED), "STILL_DRIFTED");
    assert_string_equal(run_error_name(RUN_ERR_OUTPUT_TOO_LARGE), "OUTPUT_TOO_LARGE");
    for (unsigned i = RUN_ERR_NONE + 1; i < RUN_ERRORS; i++) {
        const char *name = run_error_name((enum run_error)i);
        const char *hint = run_error_hint((enum run_error)i);

        assert_int_equal(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(name));
        assert_true(strlen(name) > 0 && strlen(hint) > 20);
        assert_int_equal(hint[strlen(hint) - 1], '.');
        assert_int_equal(run_error_parse(name, &error), 0);
        assert_int_equal(error, i);
    }
}

/* ---- the specification ---- */

#define FULL_SPEC                                                                        \
    "{\"kind\":\"reconcile\",\"type\":\"Gitlab\",\"repository\":\"a/b/c\","              \
    "\"ref\":\"main\",\"commit\":\"0123\",\"directory\":\"env/prod\","                   \
    "\"workspace\":\"blue\",\"terraformVersion\":\"1.9.0\","                             \
    "\"varFiles\":[\"z.tfvars\",\"a.tfvars\"],"                                          \
    "\"variables\":{\"a\":[1,{\"x\":null,\"y\":true}],\"b\":\"\\u00e9\"},"               \
    "\"backendConfig\":{\"bucket\":\"s\",\"key\":\"k\"},\"projectId\":\"p\","            \
    "\"workspaceId\":\"w\",\"confirm\":true,\"createWorkspace\":true,"                   \
    "\"pullRequest\":12,\"projectName\":\"net\",\"planRequirements\":\"approved\","      \
    "\"applyRequirements\":\"approved,mergeable\",\"lockMode\":\"on_apply\","            \
    "\"batch\":{\"id\":\"b\"},\"maxDestroy\":3,\"protected\":[\"db.*\",\"*.key\"],"      \
    "\"expectedDrift\":\"f00d\",\"expectedCommit\":\"beef\"}"
#define LEAST_SPEC                                                                       \
    "{\"kind\":\"drift_check\",\"type\":\"Github\",\"repository\":\"o/r\","              \
    "\"ref\":\"main\",\"directory\":\".\",\"workspace\":\"default\"}"

static void parse_spec(const char *json, struct run_spec *spec)
{
    struct err err = {0};

    if (run_spec_parse(json, strlen(json), spec, &err) < 0)
        fail_msg("%s: %s", json, err.message);
}

static char *reprint(const char *json)
{
    AUTO(run_spec_done) struct run_spec spec = {0};
    struct buf out = BUF_INIT(100000);

    parse_spec(json, &spec);
    run_spec_print(&spec, &out);
    return buf_take(&out);
}

static void a_spec_is_printed_in_one_fixed_order(void **state)
{
    AUTO(auto_free) char *least = reprint(LEAST_SPEC);
    AUTO(auto_free)
    char *shuffled =
        reprint("{\"workspace\":\"default\",\"confirm\":false,\"ref\":\"main\","
                "\"directory\":\".\",\"repository\":\"o/r\",\"type\":\"github\","
                "\"varFiles\":[],\"variables\":{},\"kind\":\"drift_check\","
                "\"maxDestroy\":0,\"protected\":[]}");

    (void)state;
    assert_string_equal(least, LEAST_SPEC);
    assert_string_equal(shuffled, LEAST_SPEC);
}

static void a_full_spec_survives_the_round_trip(void **state)
{
    AUTO(run_spec_done) struct run_spec spec = {0};
    AUTO(auto_free) char *once = reprint(FULL_SPEC);
    AUTO(auto_free) char *twice = reprint(once);

    (void)state;
    parse_spec(FULL_SPEC, &spec);
    assert_int_equal(spec.kind, RUN_RECONCILE);
    assert_int_equal(spec.type, VCS_GITLAB);
    assert_string_equal(spec.repository, "a/b/c");
    assert_string_equal(spec.commit, "0123");
    assert_string_equal(spec.directory, "env/prod");
    assert_string_equal(spec.terraform_version, "1.9.0");
    assert_int_equal(spec.var_file_count, 2);
    assert_string_equal(spec.var_files[0], "z.tfvars");
    assert_string_equal(spec.var_files[1], "a.tfvars");
    assert_string_equal(spec.backend_config, "{\"bucket\":\"s\",\"key\":\"k\"}");
    assert_true(spec.confirm && spec.create_workspace);
    assert_int_equal(spec.pull_request, 12);
    assert_string_equal(spec.project_name, "net");
    assert_string_equal(spec.plan_requirements, "approved");
    assert_string_equal(spec.apply_requirements, "approved,mergeable");
    assert_string_equal(spec.lock_mode, "on_apply");
    assert_string_equal(spec.batch, "{\"id\":\"b\"}");
    assert_int_equal(spec.max_destroy, 3);
    assert_int_equal(spec.protected_count, 2);
    assert_string_equal(spec.protected[0], "db.*");
    assert_string_equal(spec.protected[1], "*.key");
    assert_string_equal(spec.expected_drift, "f00d");
    assert_string_equal(spec.expected_commit, "beef");
    assert_string_equal(once, twice);
    assert_true(strncmp(once, FULL_SPEC, strcspn(FULL_SPEC, "\\")) == 0);
}

static void any_number_to_destroy_survives_the_round_trip(void **state)
{
    AUTO(run_spec_done) struct run_spec spec = {0};
    AUTO(run_spec_done) struct run_spec again = {0};
    AUTO(buf_done) struct buf text = BUF_INIT(10000);

    (void)state;
    parse_spec(LEAST_SPEC, &spec);
    spec.max_destroy = RUN_DESTROY_ANY;
    run_spec_print(&spec, &text);
    parse_spec(buf_text(&text), &again);
    assert_int_equal(again.max_destroy, RUN_DESTROY_ANY);
}

static void objects_in_another_order_are_equal(void **state)
{
    AUTO(run_spec_done) struct run_spec one = {0};
    AUTO(run_spec_done) struct run_spec other = {0};
    char id[33], other_id[33];

    (void)state;
    parse_spec(LEAST_SPEC, &one);
    parse_spec(LEAST_SPEC, &other);
    one.variables = mem_dup("{\"b\": {\"d\":1,\"c\":[2,1]}, \"a\": \"x\"}");
    other.variables = mem_dup("{\"a\":\"x\",\"b\":{\"c\":[2,1],\"d\":1.0}}");
    one.backend_config = mem_dup("{}");
    run_spec_fingerprint(&one, id);
    run_spec_fingerprint(&other, other_id);
    assert_string_equal(id, other_id);
    assert_int_equal(strlen(id), 32);
}

/* Each row changes one thing of FULL_SPEC: nothing that matters to a run may be missing
 * from the fingerprint. */
static void every_field_changes_the_fingerprint(void **state)
{
    static const struct {
        const char *was, *is;
    } rows[] = {
        {"reconcile", "apply"},
        {"Gitlab", "Github"},
        {"a/b/c", "a/b/d"},
        {"\"ref\":\"main\"", "\"ref\":\"dev\""},
        {"0123", "0124"},
        {"env/prod", "env/test"},
        {"blue", "green"},
        {"1.9.0", "1.9.1"},
        {"z.tfvars", "y.tfvars"},
        {"[1,{", "[2,{"},
        {"\"bucket\"", "\"bckt\""},
        {"\"projectId\":\"p\"", "\"projectId\":\"q\""},
        {"\"workspaceId\":\"w\"", "\"workspaceId\":\"v\""},
        {"\"confirm\":true", "\"confirm\":false"},
        {"\"createWorkspace\":true", "\"createWorkspace\":false"},
        {"\"z.tfvars\",\"a.tfvars\"", "\"a.tfvars\",\"z.tfvars\""},
        {"12", "13"},
        {"\"net\"", "\"web\""},
        {"\"approved\"", "\"mergeable\""},
        {"\"approved,mergeable\"", "\"approved\""},
        {"on_apply", "disabled"},
        {"{\"id\":\"b\"}", "{\"id\":\"c\"}"},
        {"\"maxDestroy\":3", "\"maxDestroy\":4"},
        {"\"maxDestroy\":3", "\"maxDestroy\":-1"},
        {"f00d", "food"},
        {"beef", "beer"},
        {"db.*", "db.a"},
    };
    AUTO(run_spec_done) struct run_spec full = {0};
    char id[33], other_id[33];

    (void)state;
    parse_spec(FULL_SPEC, &full);
    run_spec_fingerprint(&full, id);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(run_spec_done) struct run_spec other = {0};
        const char *at = strstr(FULL_SPEC, rows[i].was);
        AUTO(auto_free) char *json = NULL;

        assert_non_null(at);
        json = mem_fmt("%.*s%s%s", (int)(at - FULL_SPEC), FULL_SPEC, rows[i].is,
                       at + strlen(rows[i].was));
        parse_spec(json, &other);
        run_spec_fingerprint(&other, other_id);
        assert_string_not_equal(id, other_id);
    }
}

static void a_spec_that_does_not_fit_is_refused_by_name(void **state)
{
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"", "run spec"},
        {"{", "run spec"},
        {"[]", "not an object"},
        {"{}", "has no kind"},
        {"{\"kind\":\"plan\"}", "has no type"},
        {"{\"kind\":\"plan\",\"type\":\"Github\"}", "has no repository"},
        {"{\"kind\":\"plan\",\"type\":\"Github\",\"repository\":\"o/r\"}", "has no ref"},
        {"{\"kind\":\"destroy\"}", "value of kind"},
        {"{\"kind\":1}", "value of kind"},
        {"{\"kind\":\"plan\",\"type\":\"Svn\"}", "value of type"},
        {"{\"kind\":\"plan\",\"type\":\"Git\",\"repository\":7}", "value of repository"},
        {"{\"kind\":\"plan\",\"kind\":\"apply\"}", "run spec"},
    };
    static const struct {
        const char *extra, *message;
    } extras[] = {
        {"\"commit\":null", "value of commit"},
        {"\"varFiles\":\"a\"", "value of varFiles"},
        {"\"varFiles\":[\"a\",1]", "value of varFiles"},
        {"\"variables\":[]", "value of variables"},
        {"\"variables\":\"{}\"", "value of variables"},
        {"\"backendConfig\":true", "value of backendConfig"},
        {"\"confirm\":\"yes\"", "value of confirm"},
        {"\"createWorkspace\":1", "value of createWorkspace"},
        {"\"pullRequest\":\"12\"", "value of pullRequest"},
        {"\"pullRequest\":-1", "value of pullRequest"},
        {"\"pullRequest\":1.5", "value of pullRequest"},
        {"\"projectName\":1", "value of projectName"},
        {"\"batch\":\"b\"", "value of batch"},
        {"\"maxDestroy\":-2", "value of maxDestroy"},
        {"\"expectedDrift\":1", "value of expectedDrift"},
        {"\"expectedCommit\":1", "value of expectedCommit"},
        {"\"pullRequest\":-1", "value of pullRequest"},
        {"\"maxDestroy\":\"all\"", "value of maxDestroy"},
        {"\"protected\":\"*\"", "value of protected"},
        {"\"protected\":[\"*\",1]", "value of protected"},
    };
    struct run_spec spec = {0};
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(run_spec_parse(rows[i].json, strlen(rows[i].json), &spec, &err),
                         -1);
        assert_int_equal(err.kind, ERR_PERM);
        assert_non_null(strstr(err.message, rows[i].message));
    }
    for (size_t i = 0; i < ARRAY_LEN(extras); i++) {
        AUTO(auto_free)
        char *json =
            mem_fmt("%.*s,%s}", (int)strlen(LEAST_SPEC) - 1, LEAST_SPEC, extras[i].extra);

        assert_int_equal(run_spec_parse(json, strlen(json), &spec, &err), -1);
        assert_int_equal(err.kind, ERR_PERM);
        assert_non_null(strstr(err.message, extras[i].message));
    }
    assert_null(spec.repository);
}

static void fields_of_a_newer_version_are_passed_over(void **state)
{
    AUTO(auto_free)
    char *json =
        mem_fmt("%.*s,\"later\":{\"x\":1}}", (int)strlen(LEAST_SPEC) - 1, LEAST_SPEC);
    AUTO(auto_free) char *again = reprint(json);

    (void)state;
    assert_string_equal(again, LEAST_SPEC);
}

static void a_vcs_type_is_read_in_any_case(void **state)
{
    static const struct {
        const char *text;
        enum vcs_type type;
    } rows[] = {{"Github", VCS_GITHUB},
                {"GITHUB", VCS_GITHUB},
                {"gitlab", VCS_GITLAB},
                {"GitLab", VCS_GITLAB},
                {"git", VCS_GIT}};
    enum vcs_type type;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(vcs_type_parse(rows[i].text, &type), 0);
        assert_int_equal(type, rows[i].type);
    }
    assert_string_equal(vcs_type_name(VCS_GITHUB), "Github");
    assert_string_equal(vcs_type_name(VCS_GITLAB), "Gitlab");
    assert_string_equal(vcs_type_name(VCS_GIT), "Git");
}

static void canonical_json_has_one_text_for_equal_values(void **state)
{
    static const struct {
        const char *json, *canonical;
    } rows[] = {
        {"{}", "{}"},
        {"[ ]", "[]"},
        {"null", "null"},
        {" -1.50 ", "-1.5"},
        {"{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}"},
        {"{\"b\":1,\"B\":2,\"\":3}", "{\"\":3,\"B\":2,\"b\":1}"},
        {"[{\"y\":1,\"x\":[true,false]},\"s\"]", "[{\"x\":[true,false],\"y\":1},\"s\"]"},
        {"{\"a\\\"\\n\":0}", "{\"a\\\"\\n\":0}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf out = BUF_INIT(1000);
        AUTO(auto_json) cJSON *node = NULL;
        struct err err;

        node =
            json_parse(rows[i].json, strlen(rows[i].json), JSON_DEPTH_MAX, false, &err);
        assert_non_null(node);
        canonical_print(node, &out);
        assert_string_equal(buf_text(&out), rows[i].canonical);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_name_that_parses_back),
        cmocka_unit_test(an_unknown_name_leaves_the_output_alone),
        cmocka_unit_test(a_status_is_stored_and_shown_by_the_contracts_words),
        cmocka_unit_test(people_go_before_webhooks_before_schedules),
        cmocka_unit_test(only_the_moves_of_the_table_are_allowed),
        cmocka_unit_test(nothing_moves_away_from_an_end),
        cmocka_unit_test(every_error_has_its_own_code_and_a_sentence),
        cmocka_unit_test(a_spec_is_printed_in_one_fixed_order),
        cmocka_unit_test(a_full_spec_survives_the_round_trip),
        cmocka_unit_test(objects_in_another_order_are_equal),
        cmocka_unit_test(any_number_to_destroy_survives_the_round_trip),
        cmocka_unit_test(every_field_changes_the_fingerprint),
        cmocka_unit_test(a_spec_that_does_not_fit_is_refused_by_name),
        cmocka_unit_test(fields_of_a_newer_version_are_passed_over),
        cmocka_unit_test(a_vcs_type_is_read_in_any_case),
        cmocka_unit_test(canonical_json_has_one_text_for_equal_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
