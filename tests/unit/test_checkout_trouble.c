/* Checkout in trouble: a broken or shared cache, a remote that fails, and who may see
 * the token. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/checkout_stage.h"
#include "worker/checkout/checkout.h"
#include "worker/checkout/checkout_parts.h"
#include "worker/process/sandbox.h"

/* ---- the cache ---- */

static void a_broken_cache_is_cloned_anew(void **state)
{
    static const char *const damages[] = {
        "for f in data/git/*/repo/objects/pack/*.pack; do chmod u+w $f; truncate -s 40 "
        "$f;"
        "done",
        "rm data/git/*/repo/objects/pack/*.pack",
        "for f in data/git/*/repo/objects/pack/*.idx; do chmod u+w $f; : > $f; done",
        "rm data/git/*/repo/HEAD",
        "cd data/git/*/repo; echo nonsense > config",
        "cd data/git/*/; rm -rf repo; echo x > repo",
    };
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "plain");
    assert_checks_out(stage, "main");
    for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
        stage_sh(stage, damages[i]);
        stage_sh(stage, "rm -rf src");
        assert_checks_out(stage, "main");
        assert_said(stage, "cat src/main.tf", "one");
    }
}

static void many_packs_become_one(void **state)
{
    struct stage *stage = *state;

    assert_checks_out(stage, "main");
    stage_sh(stage,
             "cd data/git/*/repo/objects/pack; for i in $(seq 60); do "
             "p=$(printf %040d $i); cp *[a-f]*.pack pack-$p.pack.tmp 2>/dev/null || "
             "cp $(ls *.pack | head -1) pack-$p.pack.tmp; mv pack-$p.pack.tmp "
             "pack-$p.pack; cp $(ls *.idx | head -1) pack-$p.idx; done;"
             "touch pack_git2_left");
    stage_sh(stage,
             "cd work; git commit -q --allow-empty -m two; git push -q origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "ls data/git/*/repo/objects/pack | grep -c 'pack$'", "1");
    assert_said(stage, "ls data/git/*/", "repo");
}

static void what_an_interrupted_fetch_left_is_removed(void **state)
{
    struct stage *stage = *state;

    assert_checks_out(stage, "main");
    stage_sh(stage,
             "cd data/git/*/; touch repo/objects/pack/pack_git2_abc; mkdir -p new/x");
    stage_sh(stage,
             "cd work; git commit -q --allow-empty -m two; git push -q origin main");
    assert_checks_out(stage, "main");
    assert_said(stage, "ls data/git/*/repo/objects/pack | grep -c git2 || :", "0");
}

static void two_at_once_share_a_cache(void **state)
{
    enum { BOTH = 6 };
    struct stage *stage = *state;
    char *trees[BOTH];
    pid_t pids[BOTH];
    int answers[BOTH];

    stage_start_server(stage);
    stage_use_http(stage, "plain");
    for (int i = 0; i < BOTH; i++) {
        AUTO(auto_free) char *own = stage->src;
        trees[i] = mem_fmt("%s/src%d", stage->dir, i);
        stage->src = trees[i];
        pids[i] = stage_start_checkout(stage, &answers[i]);
        stage->src = TAKE(own);
    }
    for (int i = 0; i < BOTH; i++) {
        struct stage_result result = stage_end_checkout(pids[i], answers[i]);
        AUTO(auto_free) char *script = mem_fmt("cat src%d/main.tf", i);
        if (result.rc < 0)
            fail_msg("%s", result.err.message);
        assert_said(stage, script, "one");
        free(trees[i]);
    }
    assert_said(stage, "grep -c POST requests", "1");
}

/* ---- what goes wrong ---- */

static void what_is_not_there_is_not_found(void **state)
{
    static const struct {
        const char *kind, *words;
    } rows[] = {
        {"status/404", "not found"}, {"status/403", "no access"},
        {"status/410", "not found"}, {"auth", "no access"},
        {"redirect", "has moved"},   {"status/301", "moved"},
    };
    struct stage *stage = *state;

    stage_start_server(stage);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        stage_use_http(stage, rows[i].kind);
        assert_fails(stage, ERR_PERM, RUN_ERR_REPOSITORY_NOT_FOUND, rows[i].words);
    }
    stage_use_file(stage);
    free(stage->spec.repository);
    stage->spec.repository = mem_dup("team/absent");
    assert_fails(stage, ERR_PERM, RUN_ERR_REPOSITORY_NOT_FOUND, "team/absent");
    stage_sh(stage, "mkdir bare/team/absent.git");
    assert_fails(stage, ERR_PERM, RUN_ERR_REPOSITORY_NOT_FOUND, "not found");
}

static void what_may_come_back_is_temporary(void **state)
{
    static const char *const kinds[] = {"status/500", "status/502", "status/429", "cut"};
    struct stage *stage = *state;

    stage_start_server(stage);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        stage_use_http(stage, kinds[i]);
        assert_fails(stage, ERR_TEMP, RUN_ERR_NONE, STAGE_REPOSITORY);
    }
    stage_stop_server(stage);
    stage_use_http(stage, "plain");
    assert_fails(stage, ERR_TEMP, RUN_ERR_NONE, STAGE_REPOSITORY);
}

static void a_server_that_hangs_meets_the_deadline(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "hang");
    stage->deadline_ms = 300;
    assert_fails(stage, ERR_TEMP, RUN_ERR_NONE, "too long");
    assert_false(stage->result.out.stopped);
}

static void a_stop_ends_it(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "hang");
    stage->stop = true;
    assert_fails(stage, ERR_TEMP, RUN_ERR_NONE, "stopped");
    assert_true(stage->result.out.stopped);
}

static void a_full_disk_ends_it(void **state)
{
    struct stage *stage = *state;

    stage_sh(stage,
             "cd work; head -c 2000000 /dev/urandom > big; git add big; git commit -qm "
             "big; git push -q origin main");
    stage->small_disk = "512k";
    if (stage_checkout(stage) == 0 && stage->result.err.kind == ERR_KINDS) {
        print_message("no file system can be mounted here\n");
        skip();
    }
    assert_int_equal(stage->result.rc, -1);
    assert_int_equal(stage->result.out.error, RUN_ERR_DISK_FULL);
    assert_int_equal(stage->result.err.kind, ERR_PERM);
}

static void a_full_disk_is_told_apart(void **state)
{
    struct checkout_fault fault = {.error = RUN_ERR_NONE};
    struct err err = {0};

    (void)state;
    checkout_disk_error(EACCES, "x", &fault, &err);
    assert_int_equal(fault.error, RUN_ERR_NONE);
    assert_int_equal(err.kind, ERR_TEMP);
    checkout_disk_error(ENOSPC, "x", &fault, &err);
    assert_int_equal(fault.error, RUN_ERR_DISK_FULL);
}

/* ---- trust ---- */

static void the_token_opens_a_private_repository(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "auth");
    stage->conf.git_token = mem_dup(STAGE_TOKEN);
    assert_checks_out(stage, "main");
    assert_said(stage, "cut -d' ' -f3 requests | sort -u | xargs", "- git");
}

static void a_wrong_token_is_offered_once_and_never_told(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage_use_http(stage, "auth");
    stage->conf.git_token = mem_dup(STAGE_TOKEN "-old");
    assert_fails(stage, ERR_PERM, RUN_ERR_REPOSITORY_NOT_FOUND, "no access");
    assert_said(stage, "grep -c ' git$' requests", "1");
}

static void the_token_goes_to_nobody_who_does_not_ask(void **state)
{
    struct stage *stage = *state;

    stage_start_server(stage);
    stage->conf.git_token = mem_dup(STAGE_TOKEN);
    stage_use_http(stage, "redirect");
    assert_fails(stage, ERR_PERM, RUN_ERR_REPOSITORY_NOT_FOUND, "moved");
    assert_said(stage, "grep -c /plain/ requests || :", "0");
    stage_use_http(stage, "plain");
    assert_checks_out(stage, "main");
    assert_said(stage, "grep -c ' git$' requests || :", "0");
    assert_said(stage, "grep -r '" STAGE_TOKEN "' data src || echo none", "none");
}

static void only_the_repository_itself_is_read(void **state)
{
    struct stage *stage = *state;

    if (sandbox_abi() == 0 || stage->conf.sandbox == SANDBOX_NONE) {
        print_message("no Landlock in this kernel, or AddressSanitizer\n");
        skip();
    }
    /* Objects elsewhere: a clone that borrows them cannot reach them. */
    stage_sh(stage,
             "mv bare/team/infra.git away.git; git clone -q --bare --shared away.git "
             "bare/team/infra.git; grep -q away bare/team/infra.git/objects/info/"
             "alternates");
    assert_int_equal(stage_checkout(stage), -1);
    stage->conf.sandbox = SANDBOX_NONE;
    assert_checks_out(stage, "main");
}

static void odd_requests_are_refused(void **state)
{
    struct stage *stage = *state;

    free(stage->spec.repository);
    stage->spec.repository = mem_dup("team/../infra");
    assert_fails(stage, ERR_PERM, RUN_ERR_NONE, "");
    free(stage->spec.repository);
    stage->spec.repository = mem_dup(STAGE_REPOSITORY);
    stage_use_base(stage, mem_fmt("ssh://127.0.0.1/"));
    assert_int_equal(stage_checkout(stage), -1);
    stage_use_base(stage, NULL);
    assert_fails(stage, ERR_PERM, RUN_ERR_NONE, "no URL");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_open, stage_close)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_broken_cache_is_cloned_anew),
        TEST(many_packs_become_one),
        TEST(what_an_interrupted_fetch_left_is_removed),
        TEST(two_at_once_share_a_cache),
        TEST(what_is_not_there_is_not_found),
        TEST(what_may_come_back_is_temporary),
        TEST(a_server_that_hangs_meets_the_deadline),
        TEST(a_stop_ends_it),
        TEST(a_full_disk_ends_it),
        cmocka_unit_test(a_full_disk_is_told_apart),
        TEST(the_token_opens_a_private_repository),
        TEST(a_wrong_token_is_offered_once_and_never_told),
        TEST(the_token_goes_to_nobody_who_does_not_ask),
        TEST(only_the_repository_itself_is_read),
        TEST(odd_requests_are_refused),
    };

    if (argc == 2 && strcmp(argv[1], "--checkout") == 0)
        return checkout_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
