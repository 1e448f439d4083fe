/* Checkout: what is laid out, of which commit. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tests/support/checkout_stage.h"
#include "worker/checkout/checkout.h"

/* ---- what is laid out ---- */

static void lays_out_the_commit_and_nothing_else(void **state)
{
    struct stage *stage = *state;

    assert_checks_out(stage, "main");
    assert_said(stage, "cd src; find . -type f -o -type l | sort | xargs",
                "./.gitattributes ./.gitignore ./env/link ./env/prod/a.tfvars ./main.tf "
                "./run.sh");
    assert_said(stage, "od -An -c src/main.tf", "   o   n   e  \\n");
    assert_said(stage, "stat -c %a src/main.tf src/run.sh src/env | xargs",
                "600 700 700");
    assert_said(stage, "readlink src/env/link", "../main.tf");
}

static void makes_the_tree_exact_whatever_is_there(void **state)
{
    struct stage *stage = *state;

    assert_checks_out(stage, "main");
    stage_sh(stage,
             "cd src; touch -r main.tf ../when; echo two > main.tf;"
             "touch -r ../when main.tf;" /* same size and mtime */
             "echo x > untracked; echo x > ignored.log; mkdir -p new/dir; mkfifo pipe;"
             "chmod -x run.sh; rm env/prod/a.tfvars; mkdir -p env/prod/a.tfvars/b;"
             "rm env/link; echo plain > env/link; chmod 0 env");
    assert_checks_out(stage, "main");
    assert_said(stage, "cd src; find . | sort | xargs",
                ". ./.gitattributes ./.gitignore ./env ./env/link ./env/prod "
                "./env/prod/a.tfvars ./main.tf ./run.sh");
    assert_said(stage,
                "cd src; cat main.tf env/prod/a.tfvars; readlink env/link;"
                "stat -c %a run.sh",
                "one\ndeep\n../main.tf\n700");
}

static void writes_through_no_link(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage,
             "mkdir -p outside/prod src; echo keep > outside/kept; echo keep > hard;"
             "echo keep > outside/prod/a.tfvars;"
             "ln -s ../outside/kept src/main.tf; ln -s ../outside src/env;"
             "ln hard src/run.sh");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat outside/kept outside/prod/a.tfvars hard", "keep\nkeep\nkeep");
    assert_said(stage, "cat src/main.tf src/run.sh src/env/prod/a.tfvars",
                "one\nrun\ndeep");
    stage_sh(
        stage,
        "rm src/main.tf; cp -p work/main.tf hard; chmod 600 hard; ln hard src/main.tf");
    assert_checks_out(stage, "main");
    assert_said(stage, "stat -c %h src/main.tf", "1");
}

static void a_link_in_the_repository_is_not_followed(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, "mkdir outside; echo keep > outside/f; cd work; ln -s ../outside d;"
                    "git add d; git commit -qm link; git push -q origin main");
    assert_checks_out(stage, "main");
    stage_sh(stage,
             "cd work; git rm -q --cached d; rm d; mkdir d; echo new > d/f; git add d;"
             "git commit -qm dir; git push -q origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat outside/f src/d/f", "keep\nnew");
}

static void a_work_tree_that_is_a_link_is_replaced(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, "mkdir outside; echo keep > outside/main.tf; ln -s outside src");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat outside/main.tf src/main.tf", "keep\none");
}

static void a_submodule_is_an_empty_directory(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage,
             "cd work; git update-index --add --cacheinfo "
             "160000,$(git rev-parse HEAD),sub; git commit -qm sub; git push -q origin "
             "main; mkdir -p ../src/sub; echo x > ../src/sub/left");
    assert_checks_out(stage, "main");
    assert_said(stage, "find src/sub", "src/sub");
}

static void names_that_no_tree_may_have_are_refused(void **state)
{
    static const char *const names[] = {"..", ".GIT"};
    struct stage *stage = *state;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(auto_free)
        char *script = mem_fmt(
            "cd bare/team/infra.git; blob=$(echo x | git hash-object -w --stdin);"
            "tree=$(git cat-file blob $blob >/dev/null; python3 -c 'import sys;"
            "sys.stdout.buffer.write(b\"100644 %s\\0\"+bytes.fromhex(sys.argv[1]))' "
            "$blob |"
            "git hash-object -w -t tree --literally --stdin);"
            "git update-ref refs/heads/evil$(echo %zu) $(git commit-tree -m evil $tree)",
            names[i], i);
        AUTO(auto_free) char *ref = mem_fmt("evil%zu", i);
        stage_sh(stage, script);
        stage_use_ref(stage, ref);
        assert_fails(stage, ERR_PERM, RUN_ERR_NONE, names[i]);
    }
}

/* ---- which commit ---- */

static void resolves_refs_as_git_does(void **state)
{
    struct stage *stage = *state;
    static const struct {
        const char *ref, *revision;
    } rows[] = {
        {"main", "refs/heads/main"},
        {"refs/heads/main", "refs/heads/main"},
        {"feature/x", "refs/heads/feature/x"},
        {"v1", "refs/tags/v1"},
        {"refs/tags/v1", "refs/tags/v1"},
        {"light", "refs/tags/light"},
        {"both", "refs/heads/both"}, /* a branch before a tag */
        {"refs/tags/both", "refs/tags/both"},
        {"HEAD", "refs/heads/main"},
        {NULL, "refs/heads/main"},
    };

    stage_start_server(stage);
    stage_sh(stage, "cd work; git tag -am one v1; git tag light; git tag both;"
                    "git commit -q --allow-empty -m two; git branch feature/x;"
                    "git commit -q --allow-empty -m three; git branch both;"
                    "git push -q origin --tags main refs/heads/both feature/x");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        stage_use_ref(stage, rows[i].ref);
        stage_use_file(stage);
        assert_checks_out(stage, rows[i].revision);
        stage_use_http(stage, "plain");
        assert_checks_out(stage, rows[i].revision);
    }
    stage_use_ref(stage, "absent");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "absent");
    stage_use_ref(stage, "refs/heads/v1");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "refs/heads/v1");
}

static void an_empty_repository_has_no_ref(void **state)
{
    struct stage *stage = *state;

    stage_sh(
        stage,
        "rm -rf bare/team/infra.git; git init -q --bare -b main bare/team/infra.git");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "main");
}

static void a_new_tip_is_seen_at_once(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "plain");
    assert_checks_out(stage, "main");
    stage_sh(stage,
             "cd work; echo two > main.tf; git commit -qam two; git push -q origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat src/main.tf", "two");
    stage_sh(stage,
             "cd work; git reset -q --hard HEAD~1; git commit -q --allow-empty -m other;"
             "git push -qf origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat src/main.tf", "one");
}

static void a_commit_id_comes_from_any_branch_or_tag(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free)
    char *old = stage_said(stage, "git -C work rev-parse HEAD | tr a-f A-F");

    stage_sh(stage,
             "cd work; git commit -q --allow-empty -m two; git push -q origin main");
    stage_use_ref(stage, old);
    assert_checks_out(stage, "main~1");
}

static void a_commit_of_no_branch_or_tag_is_refused(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free)
    char *hidden = stage_said(stage, "cd work; git commit -q --allow-empty -m hidden;"
                                     "git push -q origin HEAD:refs/pull/1/head;"
                                     "git rev-parse HEAD");

    stage_set_commit(stage, hidden);
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, hidden);
}

static void a_cached_commit_needs_no_network(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "plain");
    assert_checks_out(stage, "main");
    stage_set_commit(stage, stage->result.out.commit);
    stage_stop_server(stage);
    stage_sh(stage, "rm -rf src");
    assert_checks_out(stage, "main");
    assert_said(stage, "cat src/main.tf", "one");
}

static void a_known_tip_is_not_fetched(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "plain");
    assert_checks_out(stage, "main");
    stage_sh(stage, ": > requests");
    assert_checks_out(stage, "main");
    assert_said(stage, "cut -d' ' -f1 requests", "GET");
}

static void a_branch_may_give_way_to_a_directory_of_branches(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, "cd work; git branch a; git push -q origin a");
    assert_checks_out(stage, "main");
    stage_sh(stage, "cd work; git push -q origin :a; git branch -D a; git commit -q "
                    "--allow-empty -m two; git branch a/b; git push -q origin a/b");
    stage_use_ref(stage, "a/b");
    assert_checks_out(stage, "a/b");
}

/* ---- speed ---- */

static void an_unchanged_tree_of_2000_files_is_quick(void **state)
{
    struct stage *stage = *state;
    int64_t start_ms, first_ms, again_ms;

    stage_sh(stage, "cd work; python3 -c 'import os\n"
                    "for d in range(40):\n"
                    " os.mkdir(f\"m{d}\")\n"
                    " for f in range(50):\n"
                    "  open(f\"m{d}/f{f}.tf\", \"w\").write(f\"{d} {f}\\n\" * 300)';"
                    "git add -A; git commit -qm many; git push -q origin main");
    start_ms = clock_mono_ms();
    assert_checks_out(stage, "main");
    first_ms = clock_mono_ms() - start_ms;
    stage_set_commit(stage, stage->result.out.commit);
    start_ms = clock_mono_ms();
    assert_int_equal(stage_checkout(stage), 0);
    again_ms = clock_mono_ms() - start_ms;
    print_message("2000 files: first %d ms, unchanged %d ms\n", (int)first_ms,
                  (int)again_ms);
    assert_in_range(again_ms, 0, 10000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_open, stage_close)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(lays_out_the_commit_and_nothing_else),
        TEST(makes_the_tree_exact_whatever_is_there),
        TEST(writes_through_no_link),
        TEST(a_link_in_the_repository_is_not_followed),
        TEST(a_work_tree_that_is_a_link_is_replaced),
        TEST(a_submodule_is_an_empty_directory),
        TEST(names_that_no_tree_may_have_are_refused),
        TEST(resolves_refs_as_git_does),
        TEST(an_empty_repository_has_no_ref),
        TEST(a_new_tip_is_seen_at_once),
        TEST(a_commit_id_comes_from_any_branch_or_tag),
        TEST(a_commit_of_no_branch_or_tag_is_refused),
        TEST(a_cached_commit_needs_no_network),
        TEST(a_known_tip_is_not_fetched),
        TEST(a_branch_may_give_way_to_a_directory_of_branches),
        TEST(an_unchanged_tree_of_2000_files_is_quick),
    };

    if (argc == 2 && strcmp(argv[1], "--checkout") == 0)
        return checkout_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
