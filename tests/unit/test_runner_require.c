/* approved, mergeable, undiverged: who asks for them, when they are asked about, and what
 * an answer means for the run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"
#include "tests/support/vcs_server.h"
#include "worker/checkout/checkout.h"
#include "worker/runner/runner_parts.h"

#define TOKEN  "ghp_s3cret-token-value"
#define COMMIT "cccccccccccccccccccccccccccccccccccccccc"
#define TIP    "0123456789abcdef0123456789abcdef01234567"
/* What the stand-in has: one that may go on, one that may not. */
#define GOOD                                                                             \
    "{'pulls':{'o/r#7':{'reviews':[{'user':'ann','state':'APPROVED'}]}},"                \
    "'merge_requests':{'o/r!7':{'approvals':{'approved':true,'approved_by':['ann']}}}}"
#define BAD                                                                              \
    "{'pulls':{'o/r#7':{'pull':{'mergeable_state':'behind'}}},"                          \
    "'merge_requests':{'o/r!7':{'request':{'detailed_merge_status':'need_rebase'}}}}"
/* One that may go on, into another branch. */
#define ELSEWHERE                                                                        \
    "{'pulls':{'o/r#7':{'pull':{'base':{'ref':'release'}},"                              \
    "'reviews':[{'user':'ann','state':'APPROVED'}]}},"                                   \
    "'merge_requests':{'o/r!7':{'request':{'target_branch':'release'},"                  \
    "'approvals':{'approved':true,'approved_by':['ann']}}}}"

static struct vcs_server server;
static struct conf conf;
static struct runner run;

/* What checkout_contains_tip answers, and what it was asked. */
static struct {
    int rc;
    bool contains;
    enum run_error error;
    enum err_kind kind;
    int calls;
    char ref[32], commit[41];
} tip;

int checkout_contains_tip(const struct checkout *checkout, const char *ref,
                          bool *contains, char out_tip[41], struct checked_out *out,
                          struct err *err)
{
    *out = (struct checked_out){.error = tip.error};
    tip.calls++;
    snprintf(tip.ref, sizeof tip.ref, "%s", ref);
    snprintf(tip.commit, sizeof tip.commit, "%s", checkout->spec->commit);
    if (tip.rc < 0)
        return err_set(err, tip.kind, "the checkout's sentence");
    *contains = tip.contains;
    memcpy(out_tip, TIP, sizeof TIP);
    return 0;
}

static int set_up(void **state)
{
    struct err err;

    scratch_make(state);
    memset(&tip, 0, sizeof tip);
    conf = (struct conf){0};
    vcs_server_use(&server, &conf);
    vcs_server_be(&server, GOOD);
    run = (struct runner){
        .conf = &conf,
        .dir = mem_dup(*state),
        .lock_fd = -1,
        .ctl_fd = -1,
        .deadline_mono_ms = clock_mono_ms() + 30000,
        .commit = COMMIT,
    };
    run.order.spec = (struct run_spec){
        .kind = RUN_PLAN,
        .type = VCS_GITHUB,
        .repository = mem_dup("o/r"),
        .ref = mem_dup("main"),
    };
    return runner_log_open(&run.log, run.dir, &err);
}

static int tear_down(void **state)
{
    runner_log_done(&run.log);
    run_outcome_done(&run.outcome);
    run_spec_done(&run.order.spec);
    free(run.dir);
    conf_done(&conf);
    return scratch_remove(state);
}

static void require(const char *of_spec, const char *of_conf)
{
    struct run_spec *spec = &run.order.spec;

    free(spec->plan_requirements);
    free(spec->apply_requirements);
    free(conf.plan_requirements);
    free(conf.apply_requirements);
    spec->plan_requirements = mem_dup(of_spec);
    spec->apply_requirements = mem_dup(of_spec);
    conf.plan_requirements = mem_dup(of_conf);
    conf.apply_requirements = mem_dup(of_conf);
}

typedef int requirement(struct runner *);

static void expect_passed(requirement *phase)
{
    run.outcome.error = RUN_ERR_NONE;
    if (phase(&run) < 0)
        fail_msg("%s: %s", run_error_name(run.outcome.error), run.outcome.error_message);
    assert_int_equal(run.outcome.error, RUN_ERR_NONE);
}

static void expect_error(requirement *phase, enum run_error error, const char *words)
{
    run_outcome_done(&run.outcome);
    run.outcome = (struct run_outcome){0};
    assert_int_equal(phase(&run), -1);
    assert_string_equal(run_status_name(run.outcome.status), "error");
    assert_string_equal(run_error_name(run.outcome.error), run_error_name(error));
    if (!strstr(run.outcome.error_message, words))
        fail_msg("\"%s\" says nothing of \"%s\"", run.outcome.error_message, words);
    assert_null(strstr(run.outcome.error_message, TOKEN));
}

static size_t count_requests(void)
{
    AUTO(auto_free) char *log = vcs_server_log(&server);
    size_t count = 0;

    for (const char *at = log; *at; at++)
        count += *at == '\n';
    return count;
}

static requirement *const phases[] = {runner_require_plan, runner_require_apply};

/* ---- the matrix ---- */

static void each_requirement_with_and_without_a_pull_request(void **state)
{
    static const struct {
        const char *name;
        enum vcs_type type;
        int64_t pull;
        const char *server; /* what the API is */
        bool contains;
        const char *unmet; /* NULL: passed */
        size_t requests;   /* to the API */
    } rows[] = {
        {"approved", VCS_GITHUB, 7, GOOD, false, NULL, 2},
        {"approved", VCS_GITHUB, 7, BAD, false, "approved is not met: nobody", 2},
        {"approved", VCS_GITHUB, 0, BAD, false, NULL, 0},
        {"approved", VCS_GITLAB, 7, GOOD, false, NULL, 2},
        {"approved", VCS_GITLAB, 7, BAD, false, "approved is not met: nobody", 2},
        {"approved", VCS_GIT, 7, GOOD, true, "approved is not met: a repository of", 0},
        {"approved", VCS_GIT, 0, BAD, false, NULL, 0},
        {"mergeable", VCS_GITHUB, 7, GOOD, false, NULL, 1},
        {"mergeable", VCS_GITHUB, 7, BAD, false, "mergeable is not met: it is behind", 1},
        {"mergeable", VCS_GITHUB, 0, BAD, false, NULL, 0},
        {"mergeable", VCS_GITLAB, 7, GOOD, false, NULL, 1},
        {"mergeable", VCS_GITLAB, 7, BAD, false, "need_rebase", 1},
        {"mergeable", VCS_GIT, 7, GOOD, true, "mergeable is not met: a repository of", 0},
        {"mergeable", VCS_GIT, 0, BAD, false, NULL, 0},
        {"undiverged", VCS_GITHUB, 7, BAD, true, NULL, 1},
        {"undiverged", VCS_GITHUB, 7, GOOD, false, "merge it into the pull request", 1},
        {"undiverged", VCS_GITHUB, 0, ELSEWHERE, true, NULL, 0},
        {"undiverged", VCS_GITLAB, 7, BAD, true, NULL, 1},
        {"undiverged", VCS_GITLAB, 7, GOOD, false, "merge it into the pull request", 1},
        {"undiverged", VCS_GIT, 7, ELSEWHERE, true, NULL, 0},
        {"undiverged", VCS_GIT, 7, GOOD, false, "merge it into the pull request", 0},
        {"undiverged", VCS_GIT, 0, BAD, true, NULL, 0},
        {"undiverged", VCS_GIT, 0, GOOD, false,
         "main is at " TIP ", which commit " COMMIT " does not contain: start", 0},
        {"policies_passed", VCS_GIT, 7, BAD, false, NULL, 0}, /* not yet */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        vcs_server_be(&server, rows[i].server);
        run.order.spec.type = rows[i].type;
        run.order.spec.pull_request = rows[i].pull;
        tip.contains = rows[i].contains;
        require(i % 2 == 0 ? rows[i].name : NULL, i % 2 == 0 ? NULL : rows[i].name);
        for (size_t phase = 0; phase < ARRAY_LEN(phases); phase++) {
            if (rows[i].unmet)
                expect_error(phases[phase], RUN_ERR_REQUIREMENT_UNMET, rows[i].unmet);
            else
                expect_passed(phases[phase]);
            assert_false(run.outcome.retry);
        }
        assert_int_equal(count_requests(), 2 * rows[i].requests);
    }
}

/* Of the file's and of the settings' requirements, whatever the branch is called. */
static void a_pull_request_into_another_branch_meets_nothing(void **state)
{
    static const char *const names[] = {"undiverged", "approved", "mergeable"};
    static const enum vcs_type types[] = {VCS_GITHUB, VCS_GITLAB};
    static const char *const refs[] = {"main", "refs/heads/main"};

    (void)state;
    run.order.spec.pull_request = 7;
    tip.contains = true;
    for (size_t i = 0; i < ARRAY_LEN(names) * ARRAY_LEN(types) * ARRAY_LEN(refs); i++) {
        const char *name = names[i % ARRAY_LEN(names)];
        AUTO(auto_free)
        char *words = mem_fmt("Requirement %s is not met: pull request 7 is to be merged "
                              "into release, not into main",
                              name);

        run.order.spec.type = types[i / ARRAY_LEN(names) % ARRAY_LEN(types)];
        free(run.order.spec.ref);
        run.order.spec.ref = mem_dup(refs[i / (ARRAY_LEN(names) * ARRAY_LEN(types))]);
        vcs_server_be(&server, ELSEWHERE);
        require(name, NULL);
        expect_error(runner_require_plan, RUN_ERR_REQUIREMENT_UNMET, words);
        require(NULL, name);
        expect_error(runner_require_apply, RUN_ERR_REQUIREMENT_UNMET, words);
        vcs_server_be(&server, GOOD);
        expect_passed(runner_require_plan);
    }
}

static void the_vcs_is_asked_once_in_a_phase(void **state)
{
    static const char phase[] = "GET /repos/o/r/pulls/7 -\n"
                                "GET /repos/o/r/pulls/7/reviews?per_page=100&page=1 -\n";
    AUTO(auto_free) char *twice = mem_fmt("%s%s", phase, phase);
    AUTO(auto_free) char *log = NULL;

    (void)state;
    run.order.spec.pull_request = 7;
    tip.contains = true;
    require("mergeable,undiverged", "approved");
    expect_passed(runner_require_plan);
    log = vcs_server_log(&server);
    assert_string_equal(log, phase);
    expect_passed(runner_require_apply); /* what was so need not be so any more */
    free(TAKE(log));
    log = vcs_server_log(&server);
    assert_string_equal(log, twice);
}

/* ---- which are asked for ---- */

static void what_nobody_requires_is_not_asked(void **state)
{
    (void)state;
    run.order.spec.pull_request = 7;
    vcs_server_be(&server, BAD);
    require(NULL, NULL);
    expect_passed(runner_require_plan);
    expect_passed(runner_require_apply);
    assert_int_equal(count_requests(), 0);
    assert_int_equal(tip.calls, 0);
}

static void a_phase_has_its_own_list(void **state)
{
    (void)state;
    vcs_server_be(&server, BAD);
    run.order.spec.pull_request = 7;
    run.order.spec.apply_requirements = mem_dup("mergeable");
    expect_passed(runner_require_plan);
    expect_error(runner_require_apply, RUN_ERR_REQUIREMENT_UNMET, "mergeable");
    require(NULL, NULL);
    conf.plan_requirements = mem_dup("approved");
    expect_passed(runner_require_apply);
    expect_error(runner_require_plan, RUN_ERR_REQUIREMENT_UNMET, "approved");
}

static void both_lists_are_required(void **state)
{
    (void)state;
    run.order.spec.pull_request = 7;
    require("approved", " undiverged , approved");
    expect_error(runner_require_plan, RUN_ERR_REQUIREMENT_UNMET, "undiverged");
    tip.contains = true;
    expect_passed(runner_require_plan);
    assert_int_equal(tip.calls, 2);
    assert_int_equal(count_requests(), 3); /* once, though both ask for approved */
    vcs_server_be(&server, BAD);
    expect_error(runner_require_plan, RUN_ERR_REQUIREMENT_UNMET, "approved");
}

static void a_requirement_of_a_newer_api_is_not_met(void **state)
{
    (void)state;
    require("blessed", NULL);
    expect_error(runner_require_plan, RUN_ERR_REQUIREMENT_UNMET, "blessed");
    expect_error(runner_require_apply, RUN_ERR_REQUIREMENT_UNMET, "blessed");
}

static void the_run_s_own_commit_is_asked_about(void **state)
{
    (void)state;
    require("undiverged", NULL);
    tip.contains = true;
    expect_passed(runner_require_apply);
    assert_string_equal(tip.ref, "main");
    assert_string_equal(tip.commit, COMMIT);
    assert_null(run.order.spec.commit);
    require("mergeable", NULL);
    run.order.spec.pull_request = 7;
    memcpy(run.commit, TIP, sizeof run.commit);
    expect_error(runner_require_apply, RUN_ERR_REQUIREMENT_UNMET, "no longer " TIP);
}

static void policies_are_wanted_where_they_matter(void **state)
{
    static const struct {
        enum run_kind kind;
        const char *plan, *apply;
        bool changes, wanted;
    } rows[] = {
        {RUN_PLAN, "policies_passed", NULL, false, true},
        {RUN_PLAN, NULL, "policies_passed", true, false},
        {RUN_APPLY, "approved,policies_passed", NULL, false, true},
        {RUN_APPLY, NULL, "policies_passed", true, true},
        {RUN_APPLY, NULL, "policies_passed", false, false},
        {RUN_RECONCILE, NULL, "policies_passed", true, true},
        {RUN_APPLY, "approved", "mergeable", true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        require(NULL, NULL);
        run.order.spec.kind = rows[i].kind;
        run.order.spec.plan_requirements = mem_dup(rows[i].plan);
        run.order.spec.apply_requirements = mem_dup(rows[i].apply);
        run.plan_changes = rows[i].changes;
        assert_int_equal(runner_wants_policies(&run), rows[i].wanted);
    }
}

/* ---- when nobody answers ---- */

static void a_vcs_that_cannot_be_asked_is_an_error(void **state)
{
    static const struct {
        enum run_kind kind;
        requirement *phase;
        bool retry;
    } rows[] = {
        {RUN_PLAN, runner_require_plan, true},
        {RUN_APPLY, runner_require_plan, true},
        {RUN_APPLY, runner_require_apply, false},
        {RUN_RECONCILE, runner_require_apply, false},
    };

    (void)state;
    require("mergeable", NULL);
    run.order.spec.pull_request = 7;
    conf.github_token = mem_dup(TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        vcs_server_be(&server, "{'faults':[{'kind':'limited','retry_after':600}]}");
        run.order.spec.kind = rows[i].kind;
        expect_error(rows[i].phase, RUN_ERR_VCS_UNAVAILABLE, "limits how often");
        assert_int_equal(run.outcome.retry, rows[i].retry);
        assert_int_equal(run.outcome.retry_reason, RETRY_INFRASTRUCTURE);
    }
    vcs_server_be(&server, "{}");
    expect_error(runner_require_plan, RUN_ERR_VCS_UNAVAILABLE, "KEDGE_GITHUB_TOKEN");
    assert_false(run.outcome.retry);
}

static void a_remote_that_cannot_be_asked_is_an_error(void **state)
{
    (void)state;
    require("undiverged", NULL);
    tip.rc = -1;
    tip.kind = ERR_TEMP;
    expect_error(runner_require_plan, RUN_ERR_VCS_UNAVAILABLE, "the checkout's sentence");
    assert_true(run.outcome.retry);
    run.order.spec.pull_request = 7;
    vcs_server_be(&server, "{'faults':[{'kind':'limited','retry_after':600}]}");
    expect_error(runner_require_plan, RUN_ERR_VCS_UNAVAILABLE, "limits how often");
    assert_true(run.outcome.retry);
    run.order.spec.pull_request = 0;
    tip.kind = ERR_PERM;
    tip.error = RUN_ERR_REF_NOT_FOUND;
    expect_error(runner_require_plan, RUN_ERR_REQUIREMENT_UNMET,
                 "undiverged is not met: the checkout's sentence");
    assert_false(run.outcome.retry);
}

static void a_cancelled_run_is_cancelled(void **state)
{
    (void)state;
    require("mergeable", NULL);
    run.order.spec.pull_request = 7;
    run.cancel_level = 1;
    vcs_server_be(&server, "{'faults':[{'kind':'hang'}]}");
    assert_int_equal(runner_require_plan(&run), -1);
    assert_string_equal(run_status_name(run.outcome.status), "cancelled");
    run.cancel_level = 0;
    run.deadline_mono_ms = clock_mono_ms() + 200;
    expect_error(runner_require_plan, RUN_ERR_TIMEOUT, "took too long");
    assert_false(run.outcome.retry);
}

static void nothing_of_a_token_is_in_the_log(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "log");
    AUTO(buf_done) struct buf log = BUF_INIT(1024 * 1024);
    struct err err;

    require("approved,mergeable", NULL);
    run.order.spec.pull_request = 7;
    conf.github_token = mem_dup(TOKEN);
    expect_error(runner_require_plan, RUN_ERR_VCS_UNAVAILABLE, "status 401");
    assert_int_equal(path_read(path, &log, &err), 0);
    assert_non_null(strstr(buf_text(&log), "requirement: approved"));
    assert_null(strstr(buf_text(&log), TOKEN));
}

static int start(void **state)
{
    (void)state;
    vcs_server_start(&server);
    return 0;
}

static int end(void **state)
{
    (void)state;
    vcs_server_stop(&server);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_requirement_with_and_without_a_pull_request),
        TEST(a_pull_request_into_another_branch_meets_nothing),
        TEST(the_vcs_is_asked_once_in_a_phase),
        TEST(what_nobody_requires_is_not_asked),
        TEST(a_phase_has_its_own_list),
        TEST(both_lists_are_required),
        TEST(a_requirement_of_a_newer_api_is_not_met),
        TEST(the_run_s_own_commit_is_asked_about),
        TEST(policies_are_wanted_where_they_matter),
        TEST(a_vcs_that_cannot_be_asked_is_an_error),
        TEST(a_remote_that_cannot_be_asked_is_an_error),
        TEST(a_cancelled_run_is_cancelled),
        TEST(nothing_of_a_token_is_in_the_log),
    };

    return cmocka_run_group_tests(tests, start, end);
}
