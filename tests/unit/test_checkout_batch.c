/* Checkout for a batch: atlantis.yaml and the directories of a commit, read without a
 * work tree; and the name of the project that is checked out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tests/support/checkout_stage.h"
#include "worker/checkout/checkout.h"

#define BATCH(kind, rest)                                                                \
    "{\"id\":\"01234567-89ab-7def-8123-456789abcdef\",\"kind\":\"" kind                  \
    "\",\"type\":\"Git\",\"repository\":\"" STAGE_REPOSITORY "\",\"ref\":\"main\"" rest  \
    "}"
#define VPC_AND_DNS                                                                      \
    "version: 3\\nprojects:\\n- name: vpc\\n  dir: env/prod\\n- name: dns\\n  dir: "     \
    "dns\\n  workspace: blue\\n"

/* The file at the top of main. */
static void commit_config(const struct stage *stage, const char *text)
{
    AUTO(auto_free)
    char *script = mem_fmt("cd work; printf '%s' > atlantis.yaml; git add -A;"
                           "git commit -qm config; git push -q origin main",
                           text);

    stage_sh(stage, script);
}

static void expect_resolved(struct stage *stage, const char *batch, const char *targets)
{
    AUTO(auto_free) char *head = stage_said(stage, "git -C work rev-parse HEAD");

    stage->batch = batch;
    if (stage_checkout(stage) < 0)
        fail_msg("%s", stage->result.err.message);
    assert_string_equal(stage->result.out.commit, head);
    assert_resolved(stage, targets);
}

static void expect_refused(struct stage *stage, const char *batch, enum run_error error,
                           const char *words)
{
    stage->batch = batch;
    assert_fails(stage, ERR_PERM, error, words);
}

/* ---- what a batch means ---- */

static void projects_are_found_by_name(void **state)
{
    struct stage *stage = *state;

    commit_config(stage, VPC_AND_DNS);
    expect_resolved(stage, BATCH("plan", ",\"names\":[\"dns\",\"vpc\"]"),
                    "{\"targets\":[{\"project\":\"dns\",\"directory\":\"dns\","
                    "\"workspace\":\"blue\"");
    assert_resolved(stage, "{\"project\":\"vpc\",\"directory\":\"env/prod\","
                           "\"workspace\":\"default\"");
    assert_said(stage, "ls", "bare\ndata\nwork"); /* nothing is laid out */
    expect_refused(stage, BATCH("plan", ",\"names\":[\"lan\"]"), RUN_ERR_REQUEST_INVALID,
                   "lan");
}

static void a_repository_without_the_file_has_paths_only(void **state)
{
    struct stage *stage = *state;

    expect_resolved(stage,
                    BATCH("plan", ",\"paths\":[{\"directory\":\"env/prod\","
                                  "\"workspace\":\"default\"}]"),
                    "\"directory\":\"env/prod\"");
    expect_refused(stage, BATCH("plan", ",\"names\":[\"vpc\"]"), RUN_ERR_REQUEST_INVALID,
                   "vpc");
}

static void a_batch_may_be_about_a_pull_request(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, "cd work; git checkout -q -b pull; printf '" VPC_AND_DNS
                    "' > atlantis.yaml; git add -A; git commit -qm pull;"
                    "git push -q origin HEAD:refs/pull/7/head");
    stage->spec.pull_request = 7;
    expect_resolved(stage, BATCH("plan", ",\"pullRequest\":7,\"names\":[\"vpc\"]"),
                    "\"directory\":\"env/prod\"");
}

static void what_is_in_the_cache_is_not_fetched(void **state)
{
    struct stage *stage = *state;

    commit_config(stage, VPC_AND_DNS);
    stage_start_server(stage);
    stage_use_http(stage, "plain");
    expect_resolved(stage, BATCH("plan", ",\"names\":[\"vpc\"]"), "env/prod");
    stage_sh(stage, ": > requests");
    expect_resolved(stage, BATCH("plan", ",\"names\":[\"vpc\"]"), "env/prod");
    assert_said(stage, "cut -d' ' -f1 requests", "GET");
    stage_sh(stage, "for f in data/git/*/repo/objects/pack/*.pack; do chmod u+w $f;"
                    "truncate -s 40 $f; done");
    expect_resolved(stage, BATCH("plan", ",\"names\":[\"vpc\"]"), "env/prod");
}

static void a_bad_file_is_refused(void **state)
{
    static const struct {
        const char *script, *words;
    } rows[] = {
        {"echo 'version: 2' > atlantis.yaml", "atlantis.yaml:1:10"},
        {"printf 'version: 3\\nwhatever: 1\\n' > atlantis.yaml", "whatever"},
        {"ln -s main.tf atlantis.yaml", "plain file"},
        {"mkdir atlantis.yaml; echo x > atlantis.yaml/x", "plain file"},
        {"head -c 1100000 /dev/zero | tr '\\0' '#' > atlantis.yaml", "1 MiB"},
    };
    struct stage *stage = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free)
        char *script = mem_fmt("cd work; rm -rf atlantis.yaml; %s; git add -A;"
                               "git commit -qm bad; git push -q origin main",
                               rows[i].script);

        stage_sh(stage, script);
        expect_refused(stage, BATCH("detect", ""), RUN_ERR_CONFIG_INVALID, rows[i].words);
    }
    stage->batch = NULL;
    assert_checks_out(stage, "main"); /* who asks for no project, does not mind */
    assert_string_equal(stage->result.project, "");
}

static void odd_requests_are_refused(void **state)
{
    struct stage *stage = *state;

    expect_refused(stage, "{}", RUN_ERR_REQUEST_INVALID, "batch request");
    expect_refused(stage, "", RUN_ERR_REQUEST_INVALID, "");
}

static void a_long_request_gets_through(void **state)
{
    enum { PATHS = 400, LONG = 180 };
    struct stage *stage = *state;
    AUTO(buf_done) struct buf json = BUF_INIT(2 * 1024 * 1024);

    buf_str(&json, BATCH("plan", ",\"paths\":["));
    json.len -= 1; /* the last brace */
    for (int i = 0; i < PATHS; i++)
        buf_fmt(&json, "%s{\"directory\":\"d%0*d\",\"workspace\":\"default\"}",
                i > 0 ? "," : "", LONG, i);
    buf_str(&json, "]}");
    assert_true(json.len > (size_t)64 * 1024);
    stage->batch = buf_text(&json);
    if (stage_checkout(stage) < 0)
        fail_msg("%s", stage->result.err.message);
    assert_resolved(stage, "000399\",");
    buf_reset(&json);
    for (int i = 0; i < 1600; i++)
        buf_fmt(&json, "%01024d", 0);
    expect_refused(stage, buf_text(&json), RUN_ERR_REQUEST_INVALID, "larger than");
}

/* ---- the directories of a commit ---- */

static void root_modules_are_found_without_a_work_tree(void **state)
{
    struct stage *stage = *state;

    stage_sh(
        stage,
        "cd work; mkdir -p b/c a/.terraform/modules/x lib text 'odd\001name';"
        "echo 'terraform {}' > main.tf;"
        "echo 'terraform {\n backend \"local\" {}\n}' | tee b/c/x.tf b/.y.tf > a/z.tf;"
        "echo 'terraform {}' > a/.terraform/modules/x/m.tf;"
        "echo '# terraform {}' > lib/main.tf; echo 'terraform {}' > text/main.txt;"
        "echo 'terraform {}' > \"odd\001name/main.tf\"; ln -s ../main.tf text/link.tf;"
        "git add -Af; git commit -qm modules; git push -q origin main");
    expect_resolved(stage, BATCH("detect", ""), "{\"targets\":[{\"directory\":\".\",");
    assert_resolved(stage, "\"directory\":\"a\"");
    assert_resolved(stage, "\"directory\":\"b/c\"");
    assert_null(strstr(stage->result.resolved, "lib"));
    assert_null(strstr(stage->result.resolved, "text"));
    assert_null(strstr(stage->result.resolved, "odd"));
    assert_null(strstr(stage->result.resolved, ".terraform"));
}

/* Each tree has the one before twice. */
static void trees_that_grow_without_end_are_given_up(void **state)
{
    struct stage *stage = *state;
    int64_t started_ms = clock_mono_ms();

    stage_sh(stage,
             "cd bare/team/infra.git; t=$(git mktree </dev/null); for i in $(seq 40);"
             "do t=$(printf '040000 tree %s\\ta\\n040000 tree %s\\tb\\n' $t $t |"
             "git mktree); done;"
             "git update-ref refs/heads/bomb $(git commit-tree -m bomb $t)");
    stage_use_ref(stage, "bomb");
    expect_refused(stage, BATCH("detect", ""), RUN_ERR_CONFIG_INVALID, "too many files");
    assert_in_range(clock_mono_ms() - started_ms, 0, 30000);
}

/* ---- the project of a checkout ---- */

static void a_checkout_tells_whose_project_it_is(void **state)
{
    static const struct {
        const char *directory, *workspace, *project;
    } rows[] = {
        {"env/prod", "default", "vpc"},
        {"dns", "blue", "dns"},
        {"dns", "default", ""},
        {".", "default", ""},
    };
    struct stage *stage = *state;

    commit_config(stage, VPC_AND_DNS);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        free(stage->spec.directory);
        free(stage->spec.workspace);
        stage->spec.directory = mem_dup(rows[i].directory);
        stage->spec.workspace = mem_dup(rows[i].workspace);
        assert_checks_out(stage, "main");
        assert_string_equal(stage->result.project, rows[i].project);
    }
}

/* ---- speed ---- */

static void a_batch_of_a_known_commit_is_quick(void **state)
{
    enum { TIMES = 5 };
    struct stage *stage = *state;
    int64_t best_ms = INT64_MAX;

    commit_config(stage, VPC_AND_DNS);
    for (int i = 0; i < TIMES; i++) {
        int64_t started_ms = clock_mono_ms(), ms;

        expect_resolved(stage, BATCH("plan", ",\"names\":[\"vpc\"]"), "env/prod");
        ms = clock_mono_ms() - started_ms;
        best_ms = ms < best_ms ? ms : best_ms;
    }
    print_message("best of %d: %d ms, with git rev-parse\n", TIMES, (int)best_ms);
    assert_in_range(best_ms, 0, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_open, stage_close)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(projects_are_found_by_name),
        TEST(a_repository_without_the_file_has_paths_only),
        TEST(a_batch_may_be_about_a_pull_request),
        TEST(what_is_in_the_cache_is_not_fetched),
        TEST(a_bad_file_is_refused),
        TEST(odd_requests_are_refused),
        TEST(a_long_request_gets_through),
        TEST(root_modules_are_found_without_a_work_tree),
        TEST(trees_that_grow_without_end_are_given_up),
        TEST(a_checkout_tells_whose_project_it_is),
        TEST(a_batch_of_a_known_commit_is_quick),
    };

    if (argc == 2 && strcmp(argv[1], "--checkout") == 0)
        return checkout_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
