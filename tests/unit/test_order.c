/* Orders: what is made of stored documents, and the cache that keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/registry/order.h"

#define PROJECT   "{\"repository\":\"acme/net\",\"type\":\"Github\",\"ref\":\"main\"}"
#define WORKSPACE "{\"directory\":\"env/prod\",\"workspace\":\"default\"}"
#define MANY      20000

static const char allowlist[] = "github.com/acme/*";
static const struct order_hosts github = {.of = {[VCS_GITHUB] = "github.com"}};

static struct registry_pair pair(const char *project, const char *workspace)
{
    return (struct registry_pair){
        .project = {.id = "net", .json = project, .revision = 7},
        .workspace_json = workspace,
    };
}

static void an_order_is_made_of_both_documents(void **state)
{
    struct registry_pair stored = pair(PROJECT, WORKSPACE);
    AUTO(order_done) struct order order = {0};
    struct run_spec spec;
    struct err err;

    (void)state;
    assert_int_equal(
        order_make(&github, allowlist, &stored, "prod", RUN_DRIFT_CHECK, &order, &err),
        0);
    assert_true(order.allowed);
    assert_false(order.auto_reconcile);
    assert_int_equal(order.kind, RUN_DRIFT_CHECK);
    assert_string_equal(order.repository, "github.com/acme/net");
    assert_int_equal(order.revision, 7);
    assert_string_equal(order.ref, "main");
    assert_int_equal(run_spec_parse(order.spec, strlen(order.spec), &spec, &err), 0);
    assert_string_equal(spec.directory, "env/prod");
    assert_string_equal(spec.project_id, "net");
    assert_string_equal(spec.workspace_id, "prod");
    run_spec_done(&spec);
    assert_int_equal(strlen(order.target), SIGN_ID_BYTES - 1);
    assert_int_equal(strlen(order.scope), SIGN_ID_BYTES - 1);
    assert_int_equal(strlen(order.fingerprint), SIGN_ID_BYTES - 1);
}

static void an_order_outside_the_allowlist_is_marked(void **state)
{
    struct registry_pair stored = pair(PROJECT, WORKSPACE);
    AUTO(order_done) struct order order = {0};
    struct err err;

    (void)state;
    assert_int_equal(
        order_make(&github, NULL, &stored, "prod", RUN_DRIFT_CHECK, &order, &err), 0);
    assert_false(order.allowed);
}

static void a_type_that_is_not_set_up_is_the_settings_fault(void **state)
{
    struct registry_pair stored = pair(
        "{\"repository\":\"acme/net\",\"type\":\"Git\",\"ref\":\"main\"}", WORKSPACE);
    struct order order = {0};
    struct err err;

    (void)state;
    assert_int_equal(
        order_make(&github, allowlist, &stored, "prod", RUN_DRIFT_CHECK, &order, &err),
        -1);
    assert_int_equal(err.kind, ERR_INPUT);
}

static void a_broken_document_is_an_error(void **state)
{
    struct registry_pair stored = pair("{}", WORKSPACE);
    struct order order = {0};
    struct err err;

    (void)state;
    assert_int_equal(
        order_make(&github, allowlist, &stored, "prod", RUN_DRIFT_CHECK, &order, &err),
        -1);
    assert_int_equal(err.kind, ERR_PERM);
}

static void put_kind(struct orders *orders, const char *project, const char *workspace,
                     enum run_kind kind, int64_t revision)
{
    struct order order = {.kind = kind,
                          .project_id = mem_dup(project),
                          .workspace_id = mem_dup(workspace),
                          .revision = revision};

    assert_int_equal(orders_put(orders, &order)->revision, revision);
    assert_null(order.project_id);
}

static void put(struct orders *orders, const char *project, const char *workspace,
                int64_t revision)
{
    put_kind(orders, project, workspace, RUN_DRIFT_CHECK, revision);
}

static void the_cache_finds_replaces_and_drops(void **state)
{
    struct orders *orders = orders_new(allowlist);

    (void)state;
    assert_null(orders_find(orders, "p", "w", RUN_DRIFT_CHECK));
    put(orders, "p", "w", 1);
    assert_int_equal(orders_find(orders, "p", "w", RUN_DRIFT_CHECK)->revision, 1);
    assert_null(orders_find(orders, "pw", "", RUN_DRIFT_CHECK));
    put(orders, "p", "w", 2);
    assert_int_equal(orders_find(orders, "p", "w", RUN_DRIFT_CHECK)->revision, 2);
    orders_drop(orders, "p", "w");
    assert_null(orders_find(orders, "p", "w", RUN_DRIFT_CHECK));
    orders_drop(orders, "p", "w");
    orders_free(orders);
}

static void the_cache_is_bounded_and_keeps_what_is_used(void **state)
{
    struct orders *orders = orders_new(allowlist);
    int kept = 0;
    char name[16];

    (void)state;
    put(orders, "p", "hot", 1);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "w%d", i);
        put(orders, "p", name, i);
        assert_non_null(orders_find(orders, "p", "hot", RUN_DRIFT_CHECK));
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "w%d", i);
        kept += orders_find(orders, "p", name, RUN_DRIFT_CHECK) != NULL;
    }
    assert_true(kept > 1000 && kept <= 2048);
    orders_free(orders);
}

static void the_kinds_of_a_workspace_stand_side_by_side_and_go_together(void **state)
{
    struct orders *orders = orders_new(allowlist);

    (void)state;
    put_kind(orders, "p", "w", RUN_DRIFT_CHECK, 1);
    put_kind(orders, "p", "w", RUN_RECONCILE, 2);
    assert_int_equal(orders_find(orders, "p", "w", RUN_DRIFT_CHECK)->revision, 1);
    assert_int_equal(orders_find(orders, "p", "w", RUN_RECONCILE)->revision, 2);
    orders_drop(orders, "p", "w");
    assert_null(orders_find(orders, "p", "w", RUN_DRIFT_CHECK));
    assert_null(orders_find(orders, "p", "w", RUN_RECONCILE));
    orders_free(orders);
}

static void other_hosts_drop_what_was_made_with_those_before(void **state)
{
    const struct order_hosts other = {.of = {[VCS_GITHUB] = "ghe.acme.test:8443"}};
    struct registry_pair stored = pair(PROJECT, WORKSPACE);
    struct orders *orders = orders_new(allowlist);
    const struct order *order;
    struct err err;

    (void)state;
    assert_null(orders_of(orders, &stored, "prod", RUN_DRIFT_CHECK, &err));
    assert_int_equal(err.kind, ERR_INPUT);
    orders_set_hosts(orders, &github);
    assert_string_equal(orders_hosts(orders)->of[VCS_GITHUB], "github.com");
    assert_non_null(orders_of(orders, &stored, "prod", RUN_DRIFT_CHECK, &err));
    orders_set_hosts(orders, &github);
    assert_non_null(orders_find(orders, "net", "prod", RUN_DRIFT_CHECK));
    orders_set_hosts(orders, &other);
    assert_null(orders_find(orders, "net", "prod", RUN_DRIFT_CHECK));
    order = orders_of(orders, &stored, "prod", RUN_DRIFT_CHECK, &err);
    assert_string_equal(order->repository, "ghe.acme.test:8443/acme/net");
    assert_false(order->allowed);
    orders_free(orders);
}

static void the_settings_say_where_each_type_is(void **state)
{
    char base[] = "https://user@GitHub.com/", git[] = "file:///srv/git";
    struct conf conf = {.github_url = base, .git_url = git};
    struct orders *orders = orders_new(NULL);

    (void)state;
    orders_set_conf_hosts(orders, &conf);
    assert_string_equal(orders_hosts(orders)->of[VCS_GITHUB], "github.com");
    assert_string_equal(orders_hosts(orders)->of[VCS_GIT], "localhost");
    assert_null(orders_hosts(orders)->of[VCS_GITLAB]);
    orders_free(orders);
}

static void an_order_on_terms_differs_in_those_alone(void **state)
{
    static const char workspace[] = "{\"directory\":\".\",\"maxDestroy\":3}";
    static const struct {
        struct order_terms terms;
        int64_t max_destroy;
    } rows[] = {
        {{0}, 3},
        {{.sets_max_destroy = true}, 0},
        {{.max_destroy = 9, .sets_max_destroy = true}, 9},
        {{.max_destroy = RUN_DESTROY_ANY, .sets_max_destroy = true}, RUN_DESTROY_ANY},
        {{.expected_drift = "d", .expected_commit = "c"}, 3},
    };
    struct registry_pair stored = pair(PROJECT, workspace);
    AUTO(order_done) struct order order = {0};
    struct err err;

    (void)state;
    assert_int_equal(
        order_make(&github, allowlist, &stored, "prod", RUN_RECONCILE, &order, &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(order_done) struct order out = {0};
        AUTO(run_spec_done) struct run_spec spec = {0};
        const char *drift = rows[i].terms.expected_drift;

        assert_int_equal(order_on_terms(&order, &rows[i].terms, &out, &err), 0);
        assert_int_equal(run_spec_parse(out.spec, strlen(out.spec), &spec, &err), 0);
        assert_int_equal(spec.max_destroy, rows[i].max_destroy);
        assert_int_equal(spec.expected_drift != NULL, drift != NULL);
        assert_int_equal(spec.expected_commit != NULL, drift != NULL);
        assert_null(spec.commit);
        assert_string_equal(out.target, order.target);
        assert_string_equal(out.scope, order.scope);
        assert_int_equal(out.revision, order.revision);
    }
}

static void a_reconcile_is_made_of_a_workspace_that_allows_it_or_not(void **state)
{
    static const struct {
        const char *workspace;
        bool allows;
    } table[] = {
        {"{\"directory\":\"a\",\"autoReconcile\":true}", true},
        {"{\"directory\":\"a\",\"autoReconcile\":false}", false},
        {"{\"directory\":\"autoReconcile\"}", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct registry_pair stored = pair(PROJECT, table[i].workspace);
        AUTO(order_done) struct order order = {0};
        struct run_spec spec;
        struct err err;

        assert_int_equal(
            order_make(&github, NULL, &stored, "prod", RUN_RECONCILE, &order, &err), 0);
        assert_int_equal(order.auto_reconcile, table[i].allows);
        assert_int_equal(order.kind, RUN_RECONCILE);
        assert_int_equal(run_spec_parse(order.spec, strlen(order.spec), &spec, &err), 0);
        assert_int_equal(spec.kind, RUN_RECONCILE);
        run_spec_done(&spec);
    }
}

/* Only what the Atlantis family could have said as well. */
static void an_order_is_plain_without_settings_of_its_own(void **state)
{
    static const struct {
        const char *workspace;
        bool plain;
    } table[] = {
        {"{\"directory\":\"a\",\"workspace\":\"prod\",\"ref\":\"v1\"}", true},
        {"{\"directory\":\"a\",\"variables\":{},\"varFiles\":[]}", true},
        {"{\"directory\":\"a\",\"confirm\":true,\"maxDestroy\":3}", true},
        {"{\"directory\":\"a\",\"varFiles\":[\"x.tfvars\"]}", false},
        {"{\"directory\":\"a\",\"variables\":{\"x\":\"1\"}}", false},
        {"{\"directory\":\"a\",\"terraformVersion\":\"1.9.0\"}", false},
        {"{\"directory\":\"a\",\"backendConfig\":{\"key\":\"x\"}}", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct registry_pair stored = pair(PROJECT, table[i].workspace);
        AUTO(order_done) struct order order = {0};
        struct err err;

        assert_int_equal(order_make(&github, allowlist, &stored, "prod", RUN_DRIFT_CHECK,
                                    &order, &err),
                         0);
        if (order.plain != table[i].plain)
            fail_msg("%s", table[i].workspace);
    }
}

static void an_order_of_another_revision_is_made_anew(void **state)
{
    struct registry_pair stored = pair(PROJECT, WORKSPACE);
    struct orders *orders = orders_new(allowlist);
    const struct order *order;
    struct err err;

    (void)state;
    orders_set_hosts(orders, &github);
    order = orders_of(orders, &stored, "prod", RUN_DRIFT_CHECK, &err);
    assert_non_null(order);
    assert_true(order->plain);
    /* Of the same revision nobody looks at the documents again. */
    stored.workspace_json = "broken";
    assert_non_null(orders_of(orders, &stored, "prod", RUN_DRIFT_CHECK, &err));
    stored.project.revision++;
    assert_null(orders_of(orders, &stored, "prod", RUN_DRIFT_CHECK, &err));
    stored.workspace_json = "{\"directory\":\"b\",\"varFiles\":[\"x\"]}";
    order = orders_of(orders, &stored, "prod", RUN_DRIFT_CHECK, &err);
    assert_non_null(order);
    assert_false(order->plain);
    assert_int_equal(order->revision, 8);
    orders_free(orders);
}

static void an_order_at_a_commit_differs_in_that_alone(void **state)
{
    static const char commit[] = "0123456789012345678901234567890123456789";
    struct registry_pair stored = pair(PROJECT, WORKSPACE);
    AUTO(order_done) struct order order = {0};
    AUTO(order_done) struct order pushed = {0};
    AUTO(run_spec_done) struct run_spec spec = {0};
    struct err err;

    (void)state;
    assert_int_equal(
        order_make(&github, allowlist, &stored, "prod", RUN_DRIFT_CHECK, &order, &err),
        0);
    assert_int_equal(order_at_commit(&order, commit, &pushed, &err), 0);
    assert_int_equal(run_spec_parse(pushed.spec, strlen(pushed.spec), &spec, &err), 0);
    assert_string_equal(spec.commit, commit);
    assert_string_equal(spec.ref, "main");
    assert_string_equal(spec.directory, "env/prod");
    assert_null(strstr(order.spec, commit));
    assert_string_not_equal(pushed.fingerprint, order.fingerprint);
    assert_string_equal(pushed.target, order.target);
    assert_string_equal(pushed.scope, order.scope);
    assert_string_equal(pushed.workspace_id, "prod");
    assert_int_equal(pushed.revision, order.revision);
    assert_true(pushed.allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_made_of_both_documents),
        cmocka_unit_test(an_order_outside_the_allowlist_is_marked),
        cmocka_unit_test(an_order_is_plain_without_settings_of_its_own),
        cmocka_unit_test(an_order_of_another_revision_is_made_anew),
        cmocka_unit_test(an_order_at_a_commit_differs_in_that_alone),
        cmocka_unit_test(a_type_that_is_not_set_up_is_the_settings_fault),
        cmocka_unit_test(a_broken_document_is_an_error),
        cmocka_unit_test(an_order_on_terms_differs_in_those_alone),
        cmocka_unit_test(a_reconcile_is_made_of_a_workspace_that_allows_it_or_not),
        cmocka_unit_test(the_kinds_of_a_workspace_stand_side_by_side_and_go_together),
        cmocka_unit_test(other_hosts_drop_what_was_made_with_those_before),
        cmocka_unit_test(the_settings_say_where_each_type_is),
        cmocka_unit_test(the_cache_finds_replaces_and_drops),
        cmocka_unit_test(the_cache_is_bounded_and_keeps_what_is_used),
    };

    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
