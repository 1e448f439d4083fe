/* The run spec that a project and one of its workspaces, as stored, amount to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/base/mem.h"
#include "common/registry/registry.h"

#define PROJECT                                                                          \
    "{\"repository\":\"Owner/"                                                           \
    "Repo\",\"type\":\"Github\",\"ref\":\"main\",\"name\":\"n\"}"

static void spec_of(const char *workspace_json, enum run_kind kind, struct run_spec *spec)
{
    struct err err = {0};

    if (registry_spec(PROJECT, workspace_json, kind, "p", "w", spec, &err) < 0)
        fail_msg("%s: %s", workspace_json, err.message);
}

static void an_empty_workspace_gets_the_defaults(void **state)
{
    AUTO(run_spec_done) struct run_spec spec = {0};

    (void)state;
    spec_of("{}", RUN_DRIFT_CHECK, &spec);
    assert_int_equal(spec.kind, RUN_DRIFT_CHECK);
    assert_int_equal(spec.type, VCS_GITHUB);
    assert_string_equal(spec.repository, "Owner/Repo");
    assert_string_equal(spec.ref, "main");
    assert_string_equal(spec.directory, ".");
    assert_string_equal(spec.workspace, "default");
    assert_string_equal(spec.project_id, "p");
    assert_string_equal(spec.workspace_id, "w");
    assert_null(spec.commit);
    assert_null(spec.terraform_version);
    assert_null(spec.variables);
    assert_null(spec.backend_config);
    assert_int_equal(spec.var_file_count, 0);
    assert_false(spec.confirm || spec.create_workspace);
}

static void a_workspace_overrides_and_adds(void **state)
{
    AUTO(run_spec_done) struct run_spec spec = {0};

    (void)state;
    spec_of("{\"directory\":\"./env//prod/\",\"workspace\":\"blue\",\"ref\":\"release\","
            "\"terraformVersion\":\"1.9.0\",\"varFiles\":[\"a.tfvars\",\"b.tfvars\"],"
            "\"variables\":{\"x\":1},\"backendConfig\":{\"key\":\"k\"},\"confirm\":true,"
            "\"createWorkspace\":true,\"maxDestroy\":3,\"autoReconcile\":true}",
            RUN_RECONCILE, &spec);
    assert_string_equal(spec.directory, "env/prod");
    assert_string_equal(spec.workspace, "blue");
    assert_string_equal(spec.ref, "release");
    assert_string_equal(spec.terraform_version, "1.9.0");
    assert_int_equal(spec.var_file_count, 2);
    assert_string_equal(spec.var_files[1], "b.tfvars");
    assert_string_equal(spec.variables, "{\"x\":1}");
    assert_string_equal(spec.backend_config, "{\"key\":\"k\"}");
    assert_true(spec.confirm && spec.create_workspace);
}

static void a_check_never_creates_a_workspace(void **state)
{
    static const struct {
        enum run_kind kind;
        bool creates;
    } rows[] = {{RUN_DRIFT_CHECK, false},
                {RUN_PLAN, false},
                {RUN_APPLY, true},
                {RUN_RECONCILE, true}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(run_spec_done) struct run_spec spec = {0};

        spec_of("{\"createWorkspace\":true}", rows[i].kind, &spec);
        assert_int_equal(spec.create_workspace, rows[i].creates);
    }
}

/* Specs of checks are what they were before there were guards, byte for byte. */
static void a_reconcile_takes_its_guards_along_and_nothing_else_does(void **state)
{
    static const char guarded[] = "{\"maxDestroy\":3,\"protected\":[\"db.*\",\"*.key\"]}";
    static const enum run_kind others[] = {RUN_DRIFT_CHECK, RUN_PLAN, RUN_APPLY};
    AUTO(run_spec_done) struct run_spec spec = {0};
    AUTO(run_spec_done) struct run_spec bare = {0};

    (void)state;
    spec_of(guarded, RUN_RECONCILE, &spec);
    assert_int_equal(spec.max_destroy, 3);
    assert_int_equal(spec.protected_count, 2);
    assert_string_equal(spec.protected[0], "db.*");
    assert_string_equal(spec.protected[1], "*.key");
    spec_of("{\"maxDestroy\":null,\"protected\":null}", RUN_RECONCILE, &bare);
    assert_int_equal(bare.max_destroy, 0);
    assert_int_equal(bare.protected_count, 0);
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        AUTO(run_spec_done) struct run_spec with = {0};
        AUTO(run_spec_done) struct run_spec without = {0};
        AUTO(buf_done) struct buf text = BUF_INIT(10000);
        AUTO(buf_done) struct buf plain = BUF_INIT(10000);

        spec_of(guarded, others[i], &with);
        spec_of("{}", others[i], &without);
        run_spec_print(&with, &text);
        run_spec_print(&without, &plain);
        assert_string_equal(buf_text(&text), buf_text(&plain));
    }
}

static void guards_that_do_not_fit_are_refused(void **state)
{
    static const char *const rows[] = {
        "{\"maxDestroy\":\"3\"}",    "{\"maxDestroy\":-1}",   "{\"maxDestroy\":0.5}",
        "{\"maxDestroy\":1e300}",    "{\"protected\":\"*\"}", "{\"protected\":{}}",
        "{\"protected\":[\"*\",1]}",
    };
    struct run_spec spec = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};

        if (registry_spec(PROJECT, rows[i], RUN_RECONCILE, "p", "w", &spec, &err) == 0)
            fail_msg("accepted: %s", rows[i]);
        assert_int_equal(err.kind, ERR_PERM);
        assert_true(strlen(err.message) > 0);
    }
}

static void null_members_are_as_if_absent(void **state)
{
    AUTO(run_spec_done) struct run_spec spec = {0};
    AUTO(run_spec_done) struct run_spec bare = {0};
    char id[33], bare_id[33];

    (void)state;
    spec_of("{\"directory\":null,\"workspace\":null,\"ref\":null,\"varFiles\":null,"
            "\"variables\":null,\"backendConfig\":{},\"confirm\":null,"
            "\"terraformVersion\":null}",
            RUN_DRIFT_CHECK, &spec);
    spec_of("{}", RUN_DRIFT_CHECK, &bare);
    run_spec_fingerprint(&spec, id);
    run_spec_fingerprint(&bare, bare_id);
    assert_string_equal(id, bare_id);
}

static void documents_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        const char *project, *workspace;
    } rows[] = {
        {"", "{}"},
        {"[]", "{}"},
        {"{}", "{}"},
        {"{\"type\":\"Svn\",\"repository\":\"o/r\",\"ref\":\"m\"}", "{}"},
        {"{\"type\":\"Git\",\"ref\":\"m\"}", "{}"},
        {"{\"type\":\"Git\",\"repository\":\"o/r\"}", "{}"},
        {"{\"type\":\"Git\",\"repository\":7,\"ref\":\"m\"}", "{}"},
        {PROJECT, "nothing"},
        {PROJECT, "[]"},
        {PROJECT, "{\"ref\":1}"},
        {PROJECT, "{\"directory\":1}"},
        {PROJECT, "{\"directory\":\"../x\"}"},
        {PROJECT, "{\"directory\":\"/etc\"}"},
        {PROJECT, "{\"workspace\":{}}"},
        {PROJECT, "{\"terraformVersion\":1.9}"},
        {PROJECT, "{\"varFiles\":{}}"},
        {PROJECT, "{\"varFiles\":[\"a\",null]}"},
        {PROJECT, "{\"variables\":[]}"},
        {PROJECT, "{\"backendConfig\":\"k\"}"},
        {PROJECT, "{\"confirm\":\"true\"}"},
        {PROJECT, "{\"createWorkspace\":1}"},
    };
    struct run_spec spec = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};

        if (registry_spec(rows[i].project, rows[i].workspace, RUN_PLAN, "p", "w", &spec,
                          &err) == 0)
            fail_msg("accepted: %s %s", rows[i].project, rows[i].workspace);
        assert_int_equal(err.kind, ERR_PERM);
        assert_true(strlen(err.message) > 0);
    }
    assert_null(spec.repository);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_workspace_gets_the_defaults),
        cmocka_unit_test(a_workspace_overrides_and_adds),
        cmocka_unit_test(a_check_never_creates_a_workspace),
        cmocka_unit_test(a_reconcile_takes_its_guards_along_and_nothing_else_does),
        cmocka_unit_test(guards_that_do_not_fit_are_refused),
        cmocka_unit_test(null_members_are_as_if_absent),
        cmocka_unit_test(documents_that_do_not_fit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
