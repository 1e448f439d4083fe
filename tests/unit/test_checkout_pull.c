/* Checkout of pull requests, and of what they must not open: commits that are on no
 * branch. And whether a commit contains the tip of a branch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/checkout_stage.h"
#include "worker/checkout/checkout.h"

/* Commits that only a pull request has, "pull" and the number in `work`. */
#define PROPOSE(number, remote_ref)                                                      \
    "cd work; git checkout -q -b pull" number " main; echo pull" number                  \
    " > main.tf; git commit -qam pull" number "; git push -qf origin HEAD:" remote_ref   \
    "; git checkout -q main;"

static void use_pull(struct stage *stage, enum vcs_type type, int64_t number)
{
    char **base = type == VCS_GITLAB ? &stage->conf.gitlab_url : &stage->conf.git_url;

    if (type == VCS_GITLAB && !*base)
        *base = mem_dup(stage->conf.git_url);
    stage->spec.type = type;
    stage->spec.pull_request = number;
}

static void expect_tip(struct stage *stage, const char *ref, const char *revision,
                       bool contains)
{
    AUTO(auto_free)
    char *script = mem_fmt("git -C work rev-parse '%s^{commit}'", revision);
    AUTO(auto_free) char *commit = stage_said(stage, script);

    stage->tip_of = ref;
    if (stage_checkout(stage) < 0)
        fail_msg("%s", stage->result.err.message);
    stage->tip_of = NULL;
    assert_string_equal(stage->result.tip, commit);
    assert_int_equal(stage->result.contains, contains);
}

/* The run's commit is what the last checkout found. */
static void keep_commit(struct stage *stage)
{
    char commit[41];

    memcpy(commit, stage->result.out.commit, sizeof commit);
    stage_set_commit(stage, commit);
}

static void set_commit(struct stage *stage, const char *revision)
{
    AUTO(auto_free) char *script = mem_fmt("git -C work rev-parse '%s'", revision);
    AUTO(auto_free) char *commit = stage_said(stage, script);

    stage_set_commit(stage, commit);
}

/* ---- pull requests ---- */

static void the_head_of_a_pull_request_is_checked_out(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_sh(stage, PROPOSE("7", "refs/pull/7/head"));
    use_pull(stage, VCS_GIT, 7);
    assert_checks_out(stage, "pull7");
    assert_said(stage, "cat src/main.tf", "pull7");
    stage_sh(stage, "rm -rf data/git src");
    stage_use_http(stage, "plain");
    assert_checks_out(stage, "pull7");
    stage_use_ref(stage, "0123456789abcdef0123456789abcdef01234567");
    assert_checks_out(stage, "pull7"); /* whatever ref is */
}

static void gitlab_names_them_otherwise(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, PROPOSE("7", "refs/merge-requests/7/head"));
    use_pull(stage, VCS_GITLAB, 7);
    assert_checks_out(stage, "pull7");
    use_pull(stage, VCS_GIT, 7);
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "no pull request 7");
}

static void one_that_is_not_there_is_named(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    use_pull(stage, VCS_GIT, 8);
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "no pull request 8");
    stage_use_http(stage, "plain");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "no pull request 8");
}

static void a_new_head_is_seen_at_once(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, PROPOSE("7", "refs/pull/7/head"));
    use_pull(stage, VCS_GIT, 7);
    assert_checks_out(stage, "pull7");
    stage_sh(stage, "cd work; git checkout -q pull7; git commit -q --amend -m again;"
                    "git push -qf origin HEAD:refs/pull/7/head; git checkout -q main");
    assert_checks_out(stage, "pull7");
}

/* What the children of a batch do. */
static void a_commit_of_a_pull_request_comes_with_it(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "plain");
    stage_sh(stage, PROPOSE("7", "refs/pull/7/head"));
    use_pull(stage, VCS_GIT, 7);
    set_commit(stage, "pull7");
    assert_checks_out(stage, "pull7");
    stage_sh(stage, ": > requests");
    assert_checks_out(stage, "pull7");
    assert_said(stage, "cat requests", ""); /* it is in the cache */
    set_commit(stage, "main");
    assert_checks_out(stage, "main");
    stage_set_commit(stage, "0123456789abcdef0123456789abcdef01234567");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "is not in pull request 7");
}

static void a_pull_request_opens_its_commits_to_nobody_else(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, PROPOSE("7", "refs/pull/7/head"));
    use_pull(stage, VCS_GIT, 7);
    assert_checks_out(stage, "pull7");
    use_pull(stage, VCS_GIT, 0);
    set_commit(stage, "pull7");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "on no branch or tag");
    /* Not when the head has moved on, nor when it is gone. */
    stage_sh(stage, "cd work; git push -q origin :refs/pull/7/head;"
                    "git commit -q --allow-empty -m two; git push -q origin main");
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "on no branch or tag");
    set_commit(stage, "main~1");
    assert_checks_out(stage, "main~1");
    /* Once it is merged, everybody may have it. */
    stage_sh(stage, "cd work; git merge -q -m merge pull7; git push -q origin main");
    set_commit(stage, "pull7");
    assert_checks_out(stage, "pull7");
}

static void no_pull_request_stays_in_the_cache_by_name(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, PROPOSE("7", "refs/pull/7/head"));
    stage_sh(stage, PROPOSE("8", "refs/pull/8/head"));
    use_pull(stage, VCS_GIT, 7);
    assert_checks_out(stage, "pull7");
    use_pull(stage, VCS_GIT, 8);
    assert_checks_out(stage, "pull8");
    stage_sh(stage, "cd work; git push -q origin :refs/pull/8/head; git checkout -q -b "
                    "other; git push -q origin other; git checkout -q main");
    use_pull(stage, VCS_GIT, 7);
    assert_checks_out(stage, "pull7");
    assert_said(stage,
                "git -C data/git/*/repo for-each-ref --format='%(refname)' | xargs",
                "refs/heads/main refs/kedge/pull");
    stage_sh(stage,
             "cd work; git checkout -q -b wanted; git commit -q --allow-empty -m x;"
             "git push -q origin wanted :other; git checkout -q main");
    use_pull(stage, VCS_GIT, 0);
    stage_use_ref(stage, "wanted");
    assert_checks_out(stage, "wanted");
    assert_said(stage,
                "git -C data/git/*/repo for-each-ref --format='%(refname)' | xargs",
                "refs/heads/main refs/heads/wanted refs/kedge/pull");
}

static void a_cache_that_is_cloned_anew_forgets_pull_requests(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, PROPOSE("7", "refs/pull/7/head"));
    use_pull(stage, VCS_GIT, 7);
    assert_checks_out(stage, "pull7");
    assert_said(stage, "ls data/git/*/repo/pulls | wc -l", "1");
    stage_sh(stage, "rm data/git/*/repo/HEAD");
    use_pull(stage, VCS_GIT, 0);
    assert_checks_out(stage, "main");
    assert_said(stage, "ls data/git/*/repo/pulls 2>&1 | grep -c cannot", "1");
}

/* ---- does it contain the tip? ---- */

static void a_commit_contains_the_tip_or_not(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "plain");
    assert_checks_out(stage, "main");
    keep_commit(stage);
    expect_tip(stage, "main", "main", true);
    stage_sh(stage, "cd work; git branch old; git commit -q --allow-empty -m two;"
                    "git push -q origin main old");
    expect_tip(stage, "main", "main", false);
    expect_tip(stage, "old", "old", true);
    set_commit(stage, "main");
    expect_tip(stage, "main", "main", true);
    expect_tip(stage, "old", "main~1", true);
    assert_string_equal(stage->result.out.commit, stage->spec.commit);
    stage->tip_of = "absent";
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "absent");
    assert_said(stage, "find src -name main.tf", "src/main.tf"); /* untouched */
}

static void a_pull_request_may_lag_behind_its_base(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage, PROPOSE("7", "refs/pull/7/head"));
    use_pull(stage, VCS_GIT, 7);
    assert_checks_out(stage, "pull7");
    keep_commit(stage);
    expect_tip(stage, "main", "main", true);
    stage_sh(stage,
             "cd work; git commit -q --allow-empty -m two; git push -q origin main");
    expect_tip(stage, "main", "main", false);
    stage_sh(stage, "cd work; git checkout -q pull7; git merge -q -m up main;"
                    "git push -q origin HEAD:refs/pull/7/head; git checkout -q main");
    set_commit(stage, "pull7");
    stage_sh(stage, "rm -rf data/git"); /* both have to be fetched */
    expect_tip(stage, "main", "main", true);
}

static void expect_no_branch(struct stage *stage, const char *ref)
{
    stage->tip_of = ref;
    assert_fails(stage, ERR_PERM, RUN_ERR_REF_NOT_FOUND, "no branch");
    stage->tip_of = NULL;
}

/* They never go on: whoever names one would be told what he wants to hear. */
static void a_commit_or_a_tag_is_no_branch_to_contain(void **state)
{
    struct stage *stage = *state;
    AUTO(auto_free) char *first = stage_said(stage, "git -C work rev-parse HEAD");

    stage_sh(stage, "cd work; git tag v1; git commit -q --allow-empty -m two;"
                    "git push -q origin main v1");
    assert_checks_out(stage, "main");
    keep_commit(stage);
    expect_no_branch(stage, first);
    expect_no_branch(stage, "v1");
    expect_no_branch(stage, "refs/tags/v1");
    expect_tip(stage, "refs/heads/main", "main", true);
}

static void the_tip_of_an_unreachable_server_is_unknown(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "plain");
    assert_checks_out(stage, "main");
    keep_commit(stage);
    stage_stop_server(stage);
    stage->tip_of = "main";
    assert_fails(stage, ERR_TEMP, RUN_ERR_NONE, STAGE_REPOSITORY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_open, stage_close)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(the_head_of_a_pull_request_is_checked_out),
        TEST(gitlab_names_them_otherwise),
        TEST(one_that_is_not_there_is_named),
        TEST(a_new_head_is_seen_at_once),
        TEST(a_commit_of_a_pull_request_comes_with_it),
        TEST(a_pull_request_opens_its_commits_to_nobody_else),
        TEST(no_pull_request_stays_in_the_cache_by_name),
        TEST(a_cache_that_is_cloned_anew_forgets_pull_requests),
        TEST(a_commit_contains_the_tip_or_not),
        TEST(a_pull_request_may_lag_behind_its_base),
        TEST(a_commit_or_a_tag_is_no_branch_to_contain),
        TEST(the_tip_of_an_unreachable_server_is_unknown),
    };

    if (argc == 2 && strcmp(argv[1], "--checkout") == 0)
        return checkout_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
