/* What the VCS's API says about a pull request, and what it must not be able to do. */
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
#include "tests/support/vcs_server.h"
#include "worker/vcs/vcs.h"

#define TOKEN   "ghp_s3cret-token-value"
#define HEAD    "cccccccccccccccccccccccccccccccccccccccc"
#define OLD     "0123456789abcdef0123456789abcdef01234567"
#define LONG_MS 20000
/* Not enough for a second try of what is asked again after a second. */
#define SHORT_MS 400

static struct vcs_server server;
static struct conf conf;
static struct vcs vcs;
static int stops;
static bool met;
static char *why;
static struct err err;

static int stop_wanted(void *arg)
{
    return *(const int *)arg;
}

static int set_up(void **state)
{
    (void)state;
    stops = 0;
    vcs = (struct vcs){
        .conf = &conf,
        .type = VCS_GITHUB,
        .repository = "owner/repo",
        .pull_request = 7,
        .commit = HEAD,
        .deadline_mono_ms = clock_mono_ms() + LONG_MS,
        .stop_wanted = stop_wanted,
        .arg = &stops,
    };
    conf = (struct conf){.gitlab_url = mem_dup("http://127.0.0.1:1")};
    vcs_server_use(&server, &conf);
    met = false;
    why = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(why);
    vcs_done(&vcs);
    conf_done(&conf);
    return 0;
}

typedef int question(struct vcs *, bool *, char **, struct err *);

/* Anew. Any answer: no text that comes out of it may hold the token. */
static int ask(question *about)
{
    int rc;

    vcs_done(&vcs);
    free(TAKE(why));
    met = false;
    err = (struct err){.kind = ERR_NONE};
    rc = about(&vcs, &met, &why, &err);
    assert_null(strstr(err.message, TOKEN));
    if (why)
        assert_null(strstr(why, TOKEN));
    return rc;
}

static void expect_met(question *about)
{
    if (ask(about) < 0)
        fail_msg("%s", err.message);
    if (!met)
        fail_msg("not met: %s", why);
}

static void expect_unmet(question *about, const char *words)
{
    if (ask(about) < 0)
        fail_msg("%s", err.message);
    assert_false(met);
    assert_non_null(why);
    if (!strstr(why, words))
        fail_msg("\"%s\" says nothing of \"%s\"", why, words);
}

static void expect_failure(question *about, enum err_kind kind, const char *words)
{
    assert_int_equal(ask(about), -1);
    assert_string_equal(err_kind_name(err.kind), err_kind_name(kind));
    if (!strstr(err.message, words))
        fail_msg("\"%s\" says nothing of \"%s\"", err.message, words);
}

static void expect_log(const char *expected)
{
    AUTO(auto_free) char *log = vcs_server_log(&server);

    assert_string_equal(log, expected);
}

static size_t count_requests(void)
{
    AUTO(auto_free) char *log = vcs_server_log(&server);
    size_t count = 0;

    for (const char *at = log; *at; at++)
        count += *at == '\n';
    return count;
}

static void use_gitlab(void)
{
    vcs.type = VCS_GITLAB;
    vcs.repository = "group/sub/repo";
}

/* ---- GitHub: approved ---- */

static void github_the_latest_word_of_each_person_counts(void **state)
{
    static const struct {
        const char *reviews, *unmet; /* NULL: met */
    } rows[] = {
        {"", "nobody has approved"},
        {"{'user':'ann','state':'COMMENTED'}", "nobody has approved"},
        {"{'user':'ann','state':'PENDING'}", "nobody has approved"},
        {"{'user':'ann','state':'APPROVED'}", NULL},
        {"{'user':'ann','state':'APPROVED'},{'user':'ann','state':'COMMENTED'}", NULL},
        {"{'user':'ann','state':'APPROVED'},{'user':'ann','state':'CHANGES_REQUESTED'}",
         "ann has requested changes"},
        {"{'user':'ann','state':'CHANGES_REQUESTED'},{'user':'ann','state':'APPROVED'}",
         NULL},
        {"{'user':'ann','state':'APPROVED'},{'user':'bob','state':'CHANGES_REQUESTED'}",
         "bob has requested changes"},
        {"{'user':'bob','state':'CHANGES_REQUESTED'},{'user':'ann','state':'APPROVED'}",
         "bob has requested changes"},
        {"{'user':'ann','state':'DISMISSED'}", "nobody has approved"},
        {"{'user':'bob','state':'DISMISSED'},{'user':'ann','state':'APPROVED'}", NULL},
        {"{'user':'ann','state':'APPROVED','commit':'" OLD "'}",
         "ann has approved an earlier commit"},
        {"{'user':'ann','state':'APPROVED','commit':'" OLD "'},"
         "{'user':'ann','state':'APPROVED'}",
         NULL},
        {"{'user':'bob','state':'CHANGES_REQUESTED','commit':'" OLD "'},"
         "{'user':'ann','state':'APPROVED'}",
         "bob has requested changes"},
        {"{'user':null,'state':'CHANGES_REQUESTED'}", "somebody has requested changes"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free)
        char *json =
            mem_fmt("{'pulls':{'owner/repo#7':{'reviews':[%s]}}}", rows[i].reviews);

        vcs_server_be(&server, json);
        if (rows[i].unmet)
            expect_unmet(vcs_approved, rows[i].unmet);
        else
            expect_met(vcs_approved);
    }
}

static void github_every_page_of_reviews_is_read(void **state)
{
    AUTO(buf_done) struct buf json = BUF_INIT(1024 * 1024);

    (void)state;
    buf_str(&json, "{'page_max':30,'pulls':{'owner/repo#7':{'reviews':["
                   "{'user':'ann','state':'APPROVED'}");
    for (int i = 0; i < 70; i++)
        buf_str(&json, ",{'user':'bob','state':'COMMENTED'}");
    buf_str(&json, ",{'user':'eve','state':'CHANGES_REQUESTED'}]}}}");
    vcs_server_be(&server, buf_text(&json));
    expect_unmet(vcs_approved, "eve has requested changes");
    expect_log("GET /repos/owner/repo/pulls/7 -\n"
               "GET /repos/owner/repo/pulls/7/reviews?per_page=100&page=1 -\n"
               "GET /repos/owner/repo/pulls/7/reviews?per_page=100&page=2 -\n"
               "GET /repos/owner/repo/pulls/7/reviews?per_page=100&page=3 -\n");
}

/* ---- GitHub: mergeable ---- */

static void github_mergeable_by_its_state(void **state)
{
    static const struct {
        const char *pull, *unmet;
    } rows[] = {
        {"", NULL},
        {"'mergeable_state':'unstable'", NULL},
        {"'mergeable_state':'has_hooks'", NULL},
        {"'mergeable_state':'dirty','mergeable':false", "conflicts"},
        {"'mergeable':false", "conflicts"},
        {"'mergeable_state':'blocked'", "protection"},
        {"'mergeable_state':'behind'", "behind"},
        {"'mergeable_state':'draft'", "draft"},
        {"'draft':true", "draft"},
        {"'state':'closed'", "closed"},
        {"'state':'closed','mergeable':null,'mergeable_state':'unknown'", "closed"},
        {"'mergeable_state':'novel_word'", "novel_word"},
        {"'mergeable_state':'A <b>word</b>'", "something unknown"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free)
        char *json = mem_fmt("{'pulls':{'owner/repo#7':{'pull':{%s}}}}", rows[i].pull);

        vcs_server_be(&server, json);
        if (rows[i].unmet)
            expect_unmet(vcs_mergeable, rows[i].unmet);
        else
            expect_met(vcs_mergeable);
    }
}

static void github_that_is_finding_out_is_asked_again(void **state)
{
    (void)state;
    vcs_server_be(&server, "{'pulls':{'owner/repo#7':{'steps':[{'mergeable':null,"
                           "'mergeable_state':'unknown'},{}]}}}");
    expect_met(vcs_mergeable);
    assert_int_equal(count_requests(), 2);
    vcs_server_be(&server, "{'pulls':{'owner/repo#7':{'steps':[{'mergeable':null,"
                           "'mergeable_state':'unknown'}]}}}");
    vcs.deadline_mono_ms = clock_mono_ms() + SHORT_MS;
    expect_failure(vcs_mergeable, ERR_TEMP, "too long");
}

/* ---- GitLab ---- */

static void gitlab_approved_by_somebody(void **state)
{
    static const struct {
        const char *approvals, *unmet;
    } rows[] = {
        {"'approved':true,'approved_by':['ann']", NULL},
        {"'approved':false,'approved_by':['ann'],'approvals_left':1",
         "1 more approvals are required"},
        {"'approved':false", "nobody has approved"},
        {"'approved':true", "nobody has approved"}, /* none is required */
    };

    (void)state;
    use_gitlab();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free)
        char *json = mem_fmt("{'merge_requests':{'group/sub/repo!7':{'approvals':{%s}}}}",
                             rows[i].approvals);

        vcs_server_be(&server, json);
        if (rows[i].unmet)
            expect_unmet(vcs_approved, rows[i].unmet);
        else
            expect_met(vcs_approved);
    }
    expect_log("GET /api/v4/projects/group%2Fsub%2Frepo/merge_requests/7 -\n"
               "GET /api/v4/projects/group%2Fsub%2Frepo/merge_requests/7/approvals -\n");
}

static void gitlab_mergeable_by_its_status(void **state)
{
    static const struct {
        const char *request, *unmet;
    } rows[] = {
        {"", NULL},
        {"'detailed_merge_status':'not_approved'", "not_approved"},
        {"'detailed_merge_status':'draft_status'", "draft_status"},
        {"'detailed_merge_status':'ci_still_running'", "ci_still_running"},
        {"'state':'merged'", "not open"},
        {"'state':'closed','detailed_merge_status':'unchecked'", "not open"},
        /* Older servers. */
        {"'detailed_merge_status':'absent'", NULL},
        {"'detailed_merge_status':'absent','merge_status':'cannot_be_merged'",
         "conflicts"},
        {"'detailed_merge_status':'absent','draft':true", "draft"},
        {"'detailed_merge_status':'absent','draft':'absent','work_in_progress':true",
         "draft"},
        {"'detailed_merge_status':'absent','blocking_discussions_resolved':false",
         "threads"},
    };

    (void)state;
    use_gitlab();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(auto_free)
        char *json = mem_fmt("{'merge_requests':{'group/sub/repo!7':{'request':{%s}}}}",
                             rows[i].request);

        vcs_server_be(&server, json);
        if (rows[i].unmet)
            expect_unmet(vcs_mergeable, rows[i].unmet);
        else
            expect_met(vcs_mergeable);
    }
}

static void gitlab_that_is_finding_out_is_asked_again(void **state)
{
    (void)state;
    use_gitlab();
    vcs_server_be(&server, "{'merge_requests':{'group/sub/repo!7':{'steps':["
                           "{'detailed_merge_status':'checking'},{}]}}}");
    expect_met(vcs_mergeable);
    assert_int_equal(count_requests(), 2);
}

/* ---- both ---- */

static void what_is_said_of_a_newer_head_is_not_said_of_the_run(void **state)
{
    static question *const of_head[] = {vcs_approved, vcs_mergeable};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(of_head); i++) {
        vcs_server_be(&server,
                      "{'pulls':{'owner/repo#7':{'pull':{'sha':'" OLD "'},'reviews':["
                      "{'user':'ann','state':'APPROVED','commit':'" OLD "'}]}},"
                      "'merge_requests':{'group/sub/repo!7':{'request':{'sha':'" OLD
                      "'},'approvals':{'approved':true,'approved_by':['ann']}}}}");
        vcs.type = VCS_GITHUB;
        vcs.repository = "owner/repo";
        expect_unmet(of_head[i], "no longer " HEAD);
        expect_met(vcs_targets);
        use_gitlab();
        expect_unmet(of_head[i], "no longer " HEAD);
        expect_met(vcs_targets);
        vcs.commit = NULL;
        expect_met(of_head[i]);
        vcs.commit = HEAD;
    }
}

/* Open, approved and mergeable, but into `base`. */
static void be_merged_into(const char *base)
{
    AUTO(auto_free)
    char *json = mem_fmt(
        "{'pulls':{'owner/repo#7':{'pull':{'base':{'ref':'%s'}},'reviews':["
        "{'user':'ann','state':'APPROVED'}]}},'merge_requests':{'group/sub/repo!7':{"
        "'request':{'target_branch':'%s'},'approvals':{'approved':true,'approved_by':"
        "['ann']}}}}",
        base, base);

    vcs_server_be(&server, json);
}

static question *const questions[] = {vcs_targets, vcs_approved, vcs_mergeable};

static void what_is_said_of_another_branch_is_not_said_of_this_one(void **state)
{
    static const struct {
        const char *wanted, *base, *unmet; /* NULL: met */
    } rows[] = {
        {NULL, "release", NULL},
        {"main", "main", NULL},
        {"refs/heads/main", "main", NULL},
        {"feature/x", "feature/x", NULL},
        {"refs/heads/refs/heads/main", "refs/heads/main", NULL},
        {"main", "release", "pull request 7 is to be merged into release, not into main"},
        {"refs/heads/main", "release", "into release, not into main"},
        {"main", "refs/heads/main", "into refs/heads/main, not into main"},
        {"main", "Main", "into Main, not into main"},
        {"main", "main2", "into main2, not into main"},
        {"refs/tags/main", "main", "into main, not into refs/tags/main"},
        {"main", "two words", "into something unknown, not into main"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows) * ARRAY_LEN(questions); i++) {
        size_t row = i / ARRAY_LEN(questions) % ARRAY_LEN(rows);

        if (i == ARRAY_LEN(rows) * ARRAY_LEN(questions))
            use_gitlab();
        be_merged_into(rows[row].base);
        vcs.base = rows[row].wanted;
        if (rows[row].unmet)
            expect_unmet(questions[i % ARRAY_LEN(questions)], rows[row].unmet);
        else
            expect_met(questions[i % ARRAY_LEN(questions)]);
    }
}

static void a_new_base_is_seen_while_the_vcs_is_finding_out(void **state)
{
    (void)state;
    vcs.base = "main";
    vcs_server_be(&server,
                  "{'pulls':{'owner/repo#7':{'steps':[{'mergeable':null},"
                  "{'base':{'ref':'release'}}]}},'merge_requests':{'group/sub/repo!7':{"
                  "'steps':[{'detailed_merge_status':'checking'},"
                  "{'target_branch':'release'}]}}}");
    expect_unmet(vcs_mergeable, "into release, not into main");
    use_gitlab();
    expect_unmet(vcs_mergeable, "into release, not into main");
}

static void ask_all_of_one_look(void)
{
    vcs_done(&vcs);
    be_merged_into("main");
    for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
        assert_int_equal(questions[i](&vcs, &met, &why, &err), 0);
        assert_true(met);
    }
}

static void the_questions_share_one_look(void **state)
{
    (void)state;
    vcs.base = "main";
    ask_all_of_one_look();
    expect_log("GET /repos/owner/repo/pulls/7 -\n"
               "GET /repos/owner/repo/pulls/7/reviews?per_page=100&page=1 -\n");
    use_gitlab();
    ask_all_of_one_look();
    expect_log("GET /api/v4/projects/group%2Fsub%2Frepo/merge_requests/7 -\n"
               "GET /api/v4/projects/group%2Fsub%2Frepo/merge_requests/7/approvals -\n");
}

static void git_has_no_api(void **state)
{
    (void)state;
    vcs.type = VCS_GIT;
    expect_failure(vcs_targets, ERR_PERM, "no API");
    expect_failure(vcs_approved, ERR_PERM, "no API");
    expect_failure(vcs_mergeable, ERR_PERM, "no API");
}

static void the_token_is_sent_and_needed(void **state)
{
    (void)state;
    vcs_server_be(&server, "{'token':'" TOKEN "','pulls':{'owner/repo#7':{}},"
                           "'merge_requests':{'group/sub/repo!7':{}}}");
    expect_failure(vcs_mergeable, ERR_PERM, "KEDGE_GITHUB_TOKEN");
    conf.github_token = mem_dup(TOKEN);
    expect_met(vcs_mergeable);
    use_gitlab();
    expect_failure(vcs_mergeable, ERR_PERM, "KEDGE_GITLAB_TOKEN");
    conf.gitlab_token = mem_dup(TOKEN "-old");
    expect_failure(vcs_mergeable, ERR_PERM, "status 401");
    free(conf.gitlab_token);
    conf.gitlab_token = mem_dup(TOKEN);
    expect_met(vcs_mergeable);
    expect_log("GET /repos/owner/repo/pulls/7 -\n"
               "GET /repos/owner/repo/pulls/7 Authorization\n"
               "GET /api/v4/projects/group%2Fsub%2Frepo/merge_requests/7 -\n"
               "GET /api/v4/projects/group%2Fsub%2Frepo/merge_requests/7 PRIVATE-TOKEN\n"
               "GET /api/v4/projects/group%2Fsub%2Frepo/merge_requests/7 "
               "PRIVATE-TOKEN\n");
}

static void the_default_of_gitlab_is_below_its_url(void **state)
{
    AUTO(auto_free) char *base = mem_dup(conf.github_api_url);

    (void)state;
    use_gitlab();
    free(TAKE(conf.gitlab_api_url));
    free(conf.gitlab_url);
    conf.gitlab_url = TAKE(base);
    vcs_server_be(&server, "{'merge_requests':{'group/sub/repo!7':{}}}");
    expect_met(vcs_mergeable);
}

/* ---- trouble ---- */

static void be_faulty(const char *fault)
{
    AUTO(auto_free)
    char *json = mem_fmt(
        "{'token':'" TOKEN "','pulls':{'owner/repo#7':{}},'faults':[{%s}]}", fault);

    vcs_server_be(&server, json);
    conf.github_token = conf.github_token ? conf.github_token : mem_dup(TOKEN);
}

static void what_passes_is_tried_again(void **state)
{
    static const char *const faults[] = {
        "'kind':'status','status':500",
        "'kind':'status','status':502,'times':2",
        "'kind':'limited','retry_after':0",
        "'kind':'secondary','retry_after':0",
        "'kind':'exhausted','reset_seconds':0",
        "'kind':'short'",
        "'kind':'reset'",
    };

    (void)state;
    conf.github_token = mem_dup(TOKEN);
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        AUTO(auto_free)
        char *json = mem_fmt("{'token':'" TOKEN "','pulls':{'owner/repo#7':{}},"
                             "'faults':[{%s}]}",
                             faults[i]);

        vcs_server_be(&server, json);
        expect_met(vcs_mergeable);
        assert_in_range(count_requests(), 2, 3);
    }
}

static void retry_after_is_waited_for(void **state)
{
    int64_t started_ms = clock_mono_ms();

    (void)state;
    vcs_server_be(&server, "{'pulls':{'owner/repo#7':{}},"
                           "'faults':[{'kind':'limited','retry_after':1}]}");
    expect_met(vcs_mergeable);
    assert_in_range(clock_mono_ms() - started_ms, 1000, LONG_MS);
}

static void what_stays_is_temporary_after_a_few_tries(void **state)
{
    (void)state;
    be_faulty("'kind':'status','status':503,'times':-1");
    expect_failure(vcs_mergeable, ERR_TEMP, "status 503");
    assert_int_equal(count_requests(), 4);
}

static void a_long_limit_is_not_sat_out(void **state)
{
    static const char *const faults[] = {
        "'kind':'limited','retry_after':3600", "'kind':'exhausted','reset_seconds':3000",
        "'kind':'secondary'", /* a minute at least, says GitHub */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        be_faulty(faults[i]);
        expect_failure(vcs_mergeable, ERR_TEMP, "limits how often");
        assert_int_equal(count_requests(), 1);
    }
}

static void what_cannot_be_understood_is_final(void **state)
{
    static const struct {
        const char *fault, *words;
    } rows[] = {
        {"'kind':'garbage'", "not JSON"},
        {"'kind':'truncated'", "not JSON"},
        {"'kind':'status','status':200,'body':[]", "no head"},
        {"'kind':'status','status':200,'body':{'state':7}", "no head"},
        {"'kind':'status','status':200,'body':{'head':{'sha':'" HEAD "'}}", "no base"},
        {"'kind':'status','status':200,'body':{'head':{'sha':'" HEAD
         "'},'base':{'ref':7}}",
         "no base"},
        {"'kind':'status','status':204", "status 204"},
        {"'kind':'status','status':403", "status 403"},
        {"'kind':'status','status':404", "not found"},
        {"'kind':'huge'", "too large"},
        {"'kind':'endless'", "too large"},
        {"'match':'reviews','kind':'status','status':200,'body':{}", "no list"},
        {"'match':'reviews','kind':'status','status':200,'body':[{}]", "no state"},
        {"'match':'reviews','kind':'status','status':200,'body':[7]", "no state"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        be_faulty(rows[i].fault);
        expect_failure(vcs_approved, ERR_PERM, rows[i].words);
    }
    be_faulty("'kind':'status','status':200,'body':{'head':{'sha':'" HEAD
              "'},'base':{'ref':'main'}}");
    expect_failure(vcs_mergeable, ERR_PERM, "no state");
    use_gitlab();
    be_faulty("'kind':'status','status':200,'body':{'sha':'" HEAD "'}");
    conf.gitlab_token = mem_dup(TOKEN);
    expect_failure(vcs_targets, ERR_PERM, "no base");
}

static void nothing_that_a_server_says_leads_elsewhere(void **state)
{
    AUTO(auto_free)
    char *fault =
        mem_fmt("'kind':'redirect','location':'http://localhost:%lld/_elsewhere'",
                (long long)server.script.port);

    (void)state;
    be_faulty("'kind':'redirect'");
    expect_failure(vcs_mergeable, ERR_PERM, "redirects are not followed");
    assert_int_equal(count_requests(), 1);
    be_faulty(fault);
    expect_failure(vcs_mergeable, ERR_PERM, "redirects are not followed");
    assert_int_equal(count_requests(), 1);
}

static void a_server_that_hangs_meets_the_deadline(void **state)
{
    static const char *const faults[] = {"'kind':'hang'", "'kind':'slow'"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        int64_t started_ms = clock_mono_ms();

        be_faulty(faults[i]);
        vcs.deadline_mono_ms = started_ms + SHORT_MS;
        expect_failure(vcs_mergeable, ERR_TEMP, "too long");
        assert_in_range(clock_mono_ms() - started_ms, SHORT_MS, LONG_MS / 2);
    }
}

static void a_wish_to_stop_ends_it(void **state)
{
    (void)state;
    be_faulty("'kind':'hang'");
    stops = 1;
    expect_failure(vcs_mergeable, ERR_TEMP, "stopped");
}

static void a_server_that_is_not_there_is_temporary(void **state)
{
    (void)state;
    free(conf.github_api_url);
    conf.github_api_url = mem_dup("http://127.0.0.1:1");
    vcs.deadline_mono_ms = clock_mono_ms() + SHORT_MS;
    conf.github_token = mem_dup(TOKEN);
    expect_failure(vcs_mergeable, ERR_TEMP, "127.0.0.1:1");
}

static void only_http_is_spoken(void **state)
{
    (void)state;
    free(conf.github_api_url);
    conf.github_api_url = mem_dup("file:///etc");
    expect_failure(vcs_mergeable, ERR_PERM, "GitHub");
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
        TEST(github_the_latest_word_of_each_person_counts),
        TEST(github_every_page_of_reviews_is_read),
        TEST(github_mergeable_by_its_state),
        TEST(github_that_is_finding_out_is_asked_again),
        TEST(gitlab_approved_by_somebody),
        TEST(gitlab_mergeable_by_its_status),
        TEST(gitlab_that_is_finding_out_is_asked_again),
        TEST(what_is_said_of_a_newer_head_is_not_said_of_the_run),
        TEST(what_is_said_of_another_branch_is_not_said_of_this_one),
        TEST(a_new_base_is_seen_while_the_vcs_is_finding_out),
        TEST(the_questions_share_one_look),
        TEST(git_has_no_api),
        TEST(the_token_is_sent_and_needed),
        TEST(the_default_of_gitlab_is_below_its_url),
        TEST(what_passes_is_tried_again),
        TEST(retry_after_is_waited_for),
        TEST(what_stays_is_temporary_after_a_few_tries),
        TEST(a_long_limit_is_not_sat_out),
        TEST(what_cannot_be_understood_is_final),
        TEST(nothing_that_a_server_says_leads_elsewhere),
        TEST(a_server_that_hangs_meets_the_deadline),
        TEST(a_wish_to_stop_ends_it),
        TEST(a_server_that_is_not_there_is_temporary),
        TEST(only_http_is_spoken),
    };

    return cmocka_run_group_tests(tests, start, end);
}
