/* Targets: the form of repositories and refs, the allowlist, URLs and ids, by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/queue/target.h"

#define TEN     "0123456789"
#define FIFTY   TEN TEN TEN TEN TEN
#define BYTES25 "abcdefghijklmnopqrstuvwxy"

/* ---- refs ---- */

static void refs_that_git_and_people_use_are_accepted(void **state)
{
    static const char *const refs[] = {
        "main",
        "master",
        "HEAD",
        "feature/login",
        "feature/JIRA-123_x",
        "release/1.2.x",
        "v1.2.3",
        "v1.0.0-rc.1+build.5",
        "1.0",
        "0",
        "a",
        "A/b/C/d",
        "main-2",
        "a-",
        "a+",
        "user@host",
        "@a",
        "fix#12",
        "it's",
        "\"quoted\"",
        "50%",
        "a=b",
        "a,b",
        "a;b",
        "a&b",
        "a|b",
        "<angle>",
        "{brace}",
        "$HOME",
        "`id`",
        "a!",
        "(x)",
        "dependabot/npm_and_yarn/lodash-4.17.21",
        "refs/heads/main",
        "refs/heads/feature/x",
        "refs/tags/v1",
        "refs/tags/2024/01",
        "heads/main",
        "tags/v1",
        "origin/main",
        "0123456789abcdef0123456789abcdef01234567",
        "0123456789ABCDEF0123456789ABCDEF01234567",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "deadbee",
        /* near misses of pull and merge requests */
        "pull",
        "pull/fix",
        "pull/fix/1",
        "pull/1-fix",
        "pull/x1",
        "pulls/open",
        "pr",
        "pr-12",
        "PR12",
        "pr/fix-12",
        "mr/review",
        "repull/1",
        "merge-requests",
        "merge-requests/latest",
        "feature/pull/1",
        "#x",
        "!x",
        "#12a",
        /* near misses of the rest */
        "refs",
        "reference/x",
        "lock",
        "a.lock.b",
        "a.locked",
        "a{@b",
        "a.b.c",
        /* other scripts */
        "ветка",
        "ブランチ",
        "naïve",
        "emoji-\xF0\x9F\x9A\x80",
        /* 255 characters, in bytes and in more bytes */
        FIFTY FIFTY FIFTY FIFTY FIFTY "01234",
        "é" FIFTY FIFTY FIFTY FIFTY FIFTY "0123",
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
        if (ref_check(refs[i], &err) < 0)
            fail_msg("'%s': %s", refs[i], err.message);
    }
}

static void other_refs_are_refused_with_the_reason(void **state)
{
    static const struct {
        const char *ref, *reason;
    } rows[] = {
        {"", "1 to 255"},
        {FIFTY FIFTY FIFTY FIFTY FIFTY "012345", "1 to 255"},
        {"é" FIFTY FIFTY FIFTY FIFTY FIFTY "01234", "1 to 255"},
        {"\xFF", "UTF-8"},
        {"a\xC0\xAF", "UTF-8"},
        {"a\xED\xA0\x80", "UTF-8"},
        {" ", "blanks"},
        {" main", "blanks"},
        {"main ", "blanks"},
        {"a b", "blanks"},
        {"a\tb", "blanks"},
        {"main\n", "blanks"},
        {"main\r\nx", "blanks"},
        {"a\x01"
         "b",
         "blanks"},
        {"a\x1B[31m", "blanks"},
        {"a\x7F", "blanks"},
        {"a\xC2\x85", "blanks"}, /* next line */
        {"a\xC2\xA0"
         "b",
         "blanks"},                  /* no-break space */
        {"a\xE2\x80\x8B", "blanks"}, /* zero width space */
        {"a\xE2\x80\xAE"
         "b",
         "blanks"},                      /* right-to-left override */
        {"a\xE2\x80\xA8", "blanks"},     /* line separator */
        {"a\xE2\x81\xA6", "blanks"},     /* isolate */
        {"a\xE3\x80\x80", "blanks"},     /* ideographic space */
        {"\xEF\xBB\xBFmain", "blanks"},  /* byte order mark */
        {"a\xF3\xA0\x81\x81", "blanks"}, /* tag character */
        {"-x", "start with"},
        {"--upload-pack=touch", "start with"},
        {"-", "start with"},
        {"+main", "start with"},
        {"+refs/heads/main", "start with"},
        {"a:b", "must not contain ':'"},
        {":main", "must not contain ':'"},
        {"main:refs/heads/x", "must not contain ':'"},
        {"a\\b", "must not contain"},
        {"main^", "must not contain"},
        {"main^{commit}", "must not contain"},
        {"main~1", "must not contain"},
        {"a?", "must not contain"},
        {"a*", "must not contain"},
        {"refs/heads/*", "must not contain"},
        {"a[b]", "must not contain"},
        {"@", "must not contain"},
        {"@{", "must not contain"},
        {"@{u}", "must not contain"},
        {"main@{1}", "must not contain"},
        {"..", "\"..\""},
        {"a..b", "\"..\""},
        {"a...b", "\"..\""},
        {"../x", "\"..\""},
        {".", "'.'"},
        {".hidden", "'.'"},
        {"a/.b", "'.'"},
        {"a.", "'.'"},
        {"/", "'/'"},
        {"/main", "'/'"},
        {"main/", "'/'"},
        {"a//b", "'/'"},
        {"a.lock", ".lock"},
        {"a.lock/b", ".lock"},
        {"refs/heads/x.lock", ".lock"},
        {"pull/1", "pull or merge request"},
        {"pull/1/head", "pull or merge request"},
        {"pull/1/merge", "pull or merge request"},
        {"PULL/1/head", "pull or merge request"},
        {"pulls/7", "pull or merge request"},
        {"refs/pull/1/head", "pull or merge request"},
        {"refs/pull/1/merge", "pull or merge request"},
        {"Refs/Pull/1/head", "pull or merge request"},
        {"refs/heads/pull/1/head", "pull or merge request"},
        {"refs/heads/refs/pull/1/head", "pull or merge request"},
        {"refs/heads/heads/pull/1/head", "pull or merge request"},
        {"heads/pull/1", "pull or merge request"},
        {"origin/pull/1/head", "pull or merge request"},
        {"refs/remotes/origin/pr/1", "pull or merge request"},
        {"pr/1", "pull or merge request"},
        {"PR/12/head", "pull or merge request"},
        {"mr/3", "pull or merge request"},
        {"#12", "pull or merge request"},
        {"!12", "pull or merge request"},
        {"merge-requests/2/head", "pull or merge request"},
        {"refs/merge-requests/2/head", "pull or merge request"},
        {"refs/merge-requests/2/merge", "pull or merge request"},
        {"merge_requests/2", "pull or merge request"},
        {"pull-requests/4/from", "pull or merge request"},
        {"refs/pull-requests/4/merge", "pull or merge request"},
        {"refs/x", "branch, a tag"},
        {"refs/heads", "branch, a tag"},
        {"refs/tags", "branch, a tag"},
        {"refs/remotes/origin/main", "branch, a tag"},
        {"refs/notes/commits", "branch, a tag"},
        {"refs/changes/34/1234/1", "branch, a tag"},
        {"refs/pull/x", "branch, a tag"},
        {"refs/stash", "branch, a tag"},
        {"REFS/heads/main", "branch, a tag"},
        {"refs/Heads/main", "branch, a tag"},
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (ref_check(rows[i].ref, &err) == 0)
            fail_msg("'%s' was accepted", rows[i].ref);
        assert_int_equal(err.kind, ERR_INPUT);
        if (strstr(err.message, rows[i].reason) == NULL)
            fail_msg("'%s': %s", rows[i].ref, err.message);
    }
}

/* ---- repositories ---- */

static void repositories_of_the_right_form_are_accepted(void **state)
{
    static const struct {
        enum vcs_type type;
        const char *repository;
    } rows[] = {
        {VCS_GITHUB, "owner/repo"},
        {VCS_GITHUB, "Owner/Repo.Name_x-1"},
        {VCS_GITHUB, "o/r"},
        {VCS_GITHUB, "1/2"},
        {VCS_GITHUB, "o/.github"},
        {VCS_GITHUB, "o/git"},
        {VCS_GITHUB, "_o/r_"},
        {VCS_GITLAB, "group/repo"},
        {VCS_GITLAB, "group/sub/repo"},
        {VCS_GITLAB, "a/b/c/d/e/f"},
        {VCS_GIT, "team/infra"},
        {VCS_GITHUB, BYTES25 "/" FIFTY FIFTY FIFTY FIFTY "012345678"}, /* 235 */
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (repository_check(rows[i].type, rows[i].repository, &err) < 0)
            fail_msg("'%s': %s", rows[i].repository, err.message);
    }
}

static void other_repositories_are_refused(void **state)
{
    static const struct {
        enum vcs_type type;
        const char *repository, *reason;
    } rows[] = {
        {VCS_GITHUB, "", "form owner/repo"},
        {VCS_GITHUB, "repo-name", "form owner/repo"},
        {VCS_GITHUB, "a/b/c", "form owner/repo"},
        {VCS_GIT, "a/b/c", "form owner/repo"},
        {VCS_GITLAB, "repo", "form group/repo"},
        {VCS_GIT, "repo", "form owner/repo"},
        {VCS_GITHUB, "/", "form"},
        {VCS_GITHUB, "/repo", "form"},
        {VCS_GITHUB, "owner/", "form"},
        {VCS_GITHUB, "owner//repo", "form"},
        {VCS_GITLAB, "a//b", "form"},
        {VCS_GITLAB, "a/b/", "form"},
        {VCS_GITHUB, "/owner/repo", "form"},
        {VCS_GITHUB, "../repo", "form"},
        {VCS_GITHUB, "owner/..", "form"},
        {VCS_GITHUB, "./repo", "form"},
        {VCS_GITHUB, "owner/.", "form"},
        {VCS_GITHUB, "owner/a..b", "form"},
        {VCS_GITLAB, "a/../b", "form"},
        {VCS_GITHUB, "-owner/repo", "form"},
        {VCS_GITHUB, "owner/-repo", "form"},
        {VCS_GITHUB, "owner/re po", "form"},
        {VCS_GITHUB, "owner/repo\n", "form"},
        {VCS_GITHUB, "owner/repo\t", "form"},
        {VCS_GITHUB, "owner/rep\xC3\xB6", "form"},
        {VCS_GITHUB, "owner/repo?x", "form"},
        {VCS_GITHUB, "owner/repo#x", "form"},
        {VCS_GITHUB, "owner/%2e%2e", "form"},
        {VCS_GITHUB, "owner\\repo", "form"},
        {VCS_GITHUB, "user@host/repo", "form"},
        {VCS_GITHUB, "https://github.com/owner/repo", "form"},
        {VCS_GITHUB, "git@github.com:owner/repo", "form"},
        {VCS_GITHUB, "file:///etc", "form"},
        {VCS_GITHUB, "owner/repo.git", "without"},
        {VCS_GITHUB, "owner/.git", "without"},
        {VCS_GITLAB, "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u", "form"},
        {VCS_GITHUB, "owner/" FIFTY FIFTY FIFTY FIFTY FIFTY, "longer than"},
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (repository_check(rows[i].type, rows[i].repository, &err) == 0)
            fail_msg("'%s' was accepted", rows[i].repository);
        assert_int_equal(err.kind, ERR_INPUT);
        if (strstr(err.message, rows[i].reason) == NULL)
            fail_msg("'%s': %s", rows[i].repository, err.message);
    }
}

static void the_allowlist_decides_by_its_patterns(void **state)
{
    static const struct {
        const char *allowlist, *host, *repository;
        bool allowed;
    } rows[] = {
        {NULL, "github.com", "o/r", false},
        {"", "github.com", "o/r", false},
        {" , ,", "github.com", "o/r", false},
        {"*", "github.com", "o/r", true},
        {"github.com/o/r", "github.com", "o/r", true},
        {"github.com/o/r", "github.com", "o/rr", false},
        {"github.com/o/r", "github.com", "xo/r", false},
        {"github.com/o", "github.com", "o/r", false},
        {"github.com/o/*", "github.com", "o/r", true},
        {"github.com/o/*", "github.com", "other/r", false},
        {"github.com/o/*", "evil.com", "o/r", false},
        {"github.com/o/*", "github.com.evil.com", "o/r", false},
        {"github.com/*", "gitlab.com", "o/r", false},
        {"github.com/*", "github.com", "a/b/c", true},
        {"*/o/r", "git.example.com:8443", "o/r", true},
        {"git.example.com:8443/o/*", "git.example.com:8443", "o/r", true},
        {"git.example.com/o/*", "git.example.com:8443", "o/r", false},
        {"localhost/*", "localhost", "team/infra", true},
        {"GitHub.com/Org/*", "github.com", "oRG/Repo", true},
        {"o/r", "github.com", "o/r", false},
        {"gitlab.com/*, github.com/o/*", "github.com", "o/r", true},
        {"  github.com/o/r  ", "github.com", "o/r", true},
        {"!github.com/o/secret", "github.com", "o/r", false},
        {"github.com/o/*,!github.com/o/secret", "github.com", "o/secret", false},
        {"!github.com/o/secret,github.com/o/*", "github.com", "o/secret", false},
        {"!github.com/o/secret,*,github.com/o/secret", "github.com", "o/secret", false},
        {"*,!GITHUB.com/O/SECRET", "github.com", "o/Secret", false},
        {"*,! github.com/o/secret", "github.com", "o/secret", false},
        {"*,!github.com/o/secret", "github.com", "o/secrets", true},
        {"*,!*/legacy-*", "github.com", "o/legacy-app", false},
        {"*,!", "github.com", "o/r", true},
        {"!*", "github.com", "o/r", false},
        {"*,!*", "github.com", "o/r", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (repository_allowed(rows[i].allowlist, rows[i].host, rows[i].repository) !=
            rows[i].allowed)
            fail_msg("list '%s', %s/%s", rows[i].allowlist, rows[i].host,
                     rows[i].repository);
    }
}

/* ---- URLs ---- */

static void a_base_url_has_a_host(void **state)
{
    static const struct {
        const char *url, *host;
    } rows[] = {
        {"https://github.com", "github.com"},
        {"https://GitHub.Example.COM/", "github.example.com"},
        {"https://git.example.com:8443/scm", "git.example.com:8443"},
        {"http://user:p@ss@git.example.com/x", "git.example.com"},
        {"http://[::1]:3000/git", "[::1]:3000"},
        {"file:///srv/git", "localhost"},
        {"FILE:///srv/git", "localhost"},
        {"file:/srv/git", "localhost"},
        {"https://host?x=/y@z", "host"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *host = vcs_base_host(rows[i].url);

        assert_string_equal(host, rows[i].host);
    }
}

static void a_clone_url_is_base_and_repository(void **state)
{
    AUTO(auto_free) char *web = repository_url("https://github.com", "Owner/Repo");
    AUTO(auto_free) char *file = repository_url("file:///srv/git//", "a/b");

    (void)state;
    assert_string_equal(web, "https://github.com/Owner/Repo.git");
    assert_string_equal(file, "file:///srv/git/a/b.git");
}

static void each_vcs_has_its_own_base(void **state)
{
    char github[] = "https://github.com", gitlab[] = "https://gitlab.com";
    struct conf conf = {.github_url = github, .gitlab_url = gitlab};

    (void)state;
    assert_string_equal(vcs_base_url(&conf, VCS_GITHUB), github);
    assert_string_equal(vcs_base_url(&conf, VCS_GITLAB), gitlab);
    assert_null(vcs_base_url(&conf, VCS_GIT));
}

/* ---- ids ---- */

static void a_repository_is_the_same_in_any_case(void **state)
{
    char id[SIGN_ID_BYTES], same[SIGN_ID_BYTES], other[SIGN_ID_BYTES];

    (void)state;
    repository_id("github.com", "Owner/Repo", id);
    repository_id("GitHub.com", "owner/repo", same);
    repository_id("gitlab.com", "owner/repo", other);
    assert_string_equal(id, same);
    assert_string_not_equal(id, other);
    assert_int_equal(strlen(id), SIGN_ID_BYTES - 1);
}

/* Each row against the first one. */
static void a_target_is_repository_directory_workspace_and_backend(void **state)
{
    static const struct {
        const char *host, *repository, *directory, *workspace, *backend;
        bool same;
    } rows[] = {
        {"github.com", "o/r", ".", "default", NULL, true},
        {"GITHUB.com", "O/R", ".", "default", "{}", true},
        {"gitlab.com", "o/r", ".", "default", NULL, false},
        {"github.com", "o/r2", ".", "default", NULL, false},
        {"github.com", "o/r", "env", "default", NULL, false},
        {"github.com", "o/r", ".", "prod", NULL, false},
        {"github.com", "o/r", ".", "Default", NULL, false},
        {"github.com", "o/r", ".", "default", "{\"key\":\"a\"}", false},
    };
    char first[SIGN_ID_BYTES] = "", id[SIGN_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_spec spec = {
            .repository = mem_dup(rows[i].repository),
            .ref = mem_dup("main"),
            .directory = mem_dup(rows[i].directory),
            .workspace = mem_dup(rows[i].workspace),
            .backend_config = mem_dup(rows[i].backend),
        };

        target_id(rows[i].host, &spec, id);
        if (i == 0)
            memcpy(first, id, sizeof first);
        if ((strcmp(first, id) == 0) != rows[i].same)
            fail_msg("row %zu", i);
        run_spec_done(&spec);
    }
}

static void what_is_not_worked_on_does_not_enter_the_target(void **state)
{
    struct run_spec spec = {
        .kind = RUN_DRIFT_CHECK,
        .repository = mem_dup("o/r"),
        .ref = mem_dup("main"),
        .directory = mem_dup("."),
        .workspace = mem_dup("default"),
        .backend_config = mem_dup("{\"key\":\"k\",\"bucket\":\"b\"}"),
    };
    struct run_spec other = {
        .kind = RUN_APPLY,
        .type = VCS_GIT,
        .repository = mem_dup("o/r"),
        .ref = mem_dup("dev"),
        .commit = mem_dup("0123"),
        .directory = mem_dup("."),
        .workspace = mem_dup("default"),
        .variables = mem_dup("{\"x\":1}"),
        .backend_config = mem_dup("{ \"bucket\": \"b\", \"key\": \"k\" }"),
        .project_id = mem_dup("p"),
        .confirm = true,
    };
    char id[SIGN_ID_BYTES], other_id[SIGN_ID_BYTES];

    (void)state;
    target_id("github.com", &spec, id);
    target_id("github.com", &other, other_id);
    assert_string_equal(id, other_id);
    run_spec_done(&spec);
    run_spec_done(&other);
}

static void a_ref_has_one_spelling_for_records(void **state)
{
    static const char *const rows[][2] = {
        {"main", "main"},
        {"refs/heads/main", "main"},
        {"refs/heads/a/b", "a/b"},
        {"refs/tags/v1", "refs/tags/v1"},
        {"Main", "Main"},
        {"ABCDEF0123456789abcdef0123456789ABCDEF01",
         "abcdef0123456789abcdef0123456789abcdef01"},
        {"ABCDEF", "ABCDEF"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free) char *canonical = ref_canonical(rows[i][0]);

        assert_string_equal(canonical, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refs_that_git_and_people_use_are_accepted),
        cmocka_unit_test(other_refs_are_refused_with_the_reason),
        cmocka_unit_test(a_ref_has_one_spelling_for_records),
        cmocka_unit_test(repositories_of_the_right_form_are_accepted),
        cmocka_unit_test(other_repositories_are_refused),
        cmocka_unit_test(the_allowlist_decides_by_its_patterns),
        cmocka_unit_test(a_base_url_has_a_host),
        cmocka_unit_test(a_clone_url_is_base_and_repository),
        cmocka_unit_test(each_vcs_has_its_own_base),
        cmocka_unit_test(a_repository_is_the_same_in_any_case),
        cmocka_unit_test(a_target_is_repository_directory_workspace_and_backend),
        cmocka_unit_test(what_is_not_worked_on_does_not_enter_the_target),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
