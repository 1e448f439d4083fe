/* Orders: what is made of stored documents, and the cache that keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "api/order.h"
#include "api/run_cache.h"
#include "common/mem.h"

#define PROJECT   "{\"repository\":\"acme/net\",\"type\":\"Github\",\"ref\":\"main\"}"
#define WORKSPACE "{\"directory\":\"env/prod\",\"workspace\":\"default\"}"
#define MANY      20000

static char github[] = "https://github.com", allowlist[] = "github.com/acme/*";

static struct registry_pair pair(const char *project, const char *workspace)
{
    return (struct registry_pair){
        .project = {.id = "net", .json = project, .revision = 7},
        .workspace_json = workspace,
    };
}

static void an_order_is_made_of_both_documents(void **state)
{
    struct conf conf = {.github_url = github, .repo_allowlist = allowlist};
    struct registry_pair stored = pair(PROJECT, WORKSPACE);
    AUTO(order_done) struct order order = {0};
    struct run_spec spec;
    struct err err;

    (void)state;
    assert_int_equal(order_make(&conf, &stored, "prod", &order, &err), 0);
    assert_true(order.allowed);
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
    struct conf conf = {.github_url = github};
    struct registry_pair stored = pair(PROJECT, WORKSPACE);
    AUTO(order_done) struct order order = {0};
    struct err err;

    (void)state;
    assert_int_equal(order_make(&conf, &stored, "prod", &order, &err), 0);
    assert_false(order.allowed);
}

static void a_type_that_is_not_set_up_is_the_settings_fault(void **state)
{
    struct conf conf = {.repo_allowlist = allowlist};
    struct registry_pair stored = pair(
        "{\"repository\":\"acme/net\",\"type\":\"Git\",\"ref\":\"main\"}", WORKSPACE);
    struct order order = {0};
    struct err err;

    (void)state;
    assert_int_equal(order_make(&conf, &stored, "prod", &order, &err), -1);
    assert_int_equal(err.kind, ERR_INPUT);
}

static void a_broken_document_is_an_error(void **state)
{
    struct conf conf = {.github_url = github, .repo_allowlist = allowlist};
    struct registry_pair stored = pair("{}", WORKSPACE);
    struct order order = {0};
    struct err err;

    (void)state;
    assert_int_equal(order_make(&conf, &stored, "prod", &order, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
}

static void put(struct orders *orders, const char *project, const char *workspace,
                int64_t revision)
{
    struct order order = {.project_id = mem_dup(project),
                          .workspace_id = mem_dup(workspace),
                          .revision = revision};

    assert_int_equal(orders_put(orders, &order)->revision, revision);
    assert_null(order.project_id);
}

static void the_cache_finds_replaces_and_drops(void **state)
{
    struct orders *orders = orders_new();

    (void)state;
    assert_null(orders_find(orders, "p", "w"));
    put(orders, "p", "w", 1);
    assert_int_equal(orders_find(orders, "p", "w")->revision, 1);
    assert_null(orders_find(orders, "pw", ""));
    put(orders, "p", "w", 2);
    assert_int_equal(orders_find(orders, "p", "w")->revision, 2);
    orders_drop(orders, "p", "w");
    assert_null(orders_find(orders, "p", "w"));
    orders_drop(orders, "p", "w");
    orders_free(orders);
}

static void the_cache_is_bounded_and_keeps_what_is_used(void **state)
{
    struct orders *orders = orders_new();
    int kept = 0;
    char name[16];

    (void)state;
    put(orders, "p", "hot", 1);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "w%d", i);
        put(orders, "p", name, i);
        assert_non_null(orders_find(orders, "p", "hot"));
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "w%d", i);
        kept += orders_find(orders, "p", name) != NULL;
    }
    assert_true(kept > 1000 && kept <= 2048);
    orders_free(orders);
}

static void a_runs_answer_is_kept_unless_it_is_long(void **state)
{
    struct run_cache *cache = run_cache_new();
    struct run_note note = {.id = "0194890e-2f00-7000-8000-000000000001",
                            .version = "1-0"};
    AUTO(buf_done) struct buf body = BUF_INIT(65536);

    (void)state;
    assert_null(run_cache_find(cache, note.id));
    buf_str(&body, "{}");
    run_cache_put(cache, &note, "\"e\"", &body);
    assert_non_null(run_cache_find(cache, note.id));
    assert_memory_equal(run_cache_find(cache, note.id)->body, "{}", 2);
    assert_string_equal(run_cache_find(cache, note.id)->etag, "\"e\"");
    assert_null(run_cache_find(cache, "0194890e-2f00-7000-8000-000000000002"));
    while (body.len <= RUN_CACHE_BODY_MAX)
        buf_str(&body, "0123456789");
    note.version[0] = '2';
    run_cache_put(cache, &note, "\"f\"", &body);
    assert_string_equal(run_cache_find(cache, note.id)->etag, "\"e\"");
    run_cache_free(cache);
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
    struct conf conf = {.github_url = github};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct registry_pair stored = pair(PROJECT, table[i].workspace);
        AUTO(order_done) struct order order = {0};
        struct err err;

        assert_int_equal(order_make(&conf, &stored, "prod", &order, &err), 0);
        if (order.plain != table[i].plain)
            fail_msg("%s", table[i].workspace);
    }
}

static void an_order_of_another_revision_is_made_anew(void **state)
{
    struct conf conf = {.github_url = github};
    struct registry_pair stored = pair(PROJECT, WORKSPACE);
    struct orders *orders = orders_new();
    const struct order *order;
    struct err err;

    (void)state;
    order = orders_of(orders, &conf, &stored, "prod", &err);
    assert_non_null(order);
    assert_true(order->plain);
    /* Of the same revision nobody looks at the documents again. */
    stored.workspace_json = "broken";
    assert_non_null(orders_of(orders, &conf, &stored, "prod", &err));
    stored.project.revision++;
    assert_null(orders_of(orders, &conf, &stored, "prod", &err));
    stored.workspace_json = "{\"directory\":\"b\",\"varFiles\":[\"x\"]}";
    order = orders_of(orders, &conf, &stored, "prod", &err);
    assert_non_null(order);
    assert_false(order->plain);
    assert_int_equal(order->revision, 8);
    orders_free(orders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_made_of_both_documents),
        cmocka_unit_test(an_order_outside_the_allowlist_is_marked),
        cmocka_unit_test(an_order_is_plain_without_settings_of_its_own),
        cmocka_unit_test(an_order_of_another_revision_is_made_anew),
        cmocka_unit_test(a_type_that_is_not_set_up_is_the_settings_fault),
        cmocka_unit_test(a_broken_document_is_an_error),
        cmocka_unit_test(the_cache_finds_replaces_and_drops),
        cmocka_unit_test(the_cache_is_bounded_and_keeps_what_is_used),
        cmocka_unit_test(a_runs_answer_is_kept_unless_it_is_long),
    };

    return cmocka_run_group_tests_name("api_order", tests, NULL, NULL);
}
