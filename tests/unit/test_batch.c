/* Batches: names of kinds and states, the request as JSON, the ids of its runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/queue/batch.h"

#define ID "0199a1b2-c3d4-7e5f-8a6b-0123456789ab"
#define FULL                                                                             \
    "{\"id\":\"" ID "\",\"kind\":\"remediate\",\"apply\":true,\"type\":\"Gitlab\","      \
    "\"repository\":\"o/r\",\"ref\":\"main\",\"pullRequest\":7,"                         \
    "\"names\":[\"net\",\"web\"],"                                                       \
    "\"paths\":[{\"directory\":\"a\",\"workspace\":\"default\"}],"                       \
    "\"workspaces\":[\"blue\"],\"driftedOnly\":true,"                                    \
    "\"drifted\":[{\"directory\":\"b\",\"workspace\":\"w\"},"                            \
    "{\"directory\":\".\",\"workspace\":\"default\"}],\"projectId\":\"p\"}"
#define LEAST                                                                            \
    "{\"id\":\"" ID "\",\"kind\":\"plan\",\"type\":\"Github\",\"repository\":\"o/r\","   \
    "\"ref\":\"main\"}"

static void parse(const char *json, struct batch_request *request)
{
    struct err err;

    if (batch_request_parse(json, strlen(json), request, &err) < 0)
        fail_msg("%s: %s", json, err.message);
}

static char *reprint(const char *json)
{
    AUTO(batch_request_done) struct batch_request request = {.kind = BATCH_PLAN};
    struct buf out = BUF_INIT(10000);

    parse(json, &request);
    batch_request_print(&request, &out);
    return buf_take(&out);
}

static void every_kind_has_a_name_that_parses_back(void **state)
{
    static const char *const names[BATCH_KINDS] = {"plan", "apply", "detect", "remediate",
                                                   "check"};
    enum batch_kind kind = BATCH_CHECK;

    (void)state;
    for (unsigned i = 0; i < BATCH_KINDS; i++) {
        assert_string_equal(batch_kind_name((enum batch_kind)i), names[i]);
        assert_int_equal(batch_kind_parse(names[i], &kind), 0);
        assert_int_equal(kind, i);
    }
    assert_int_equal(batch_kind_parse("drift_check", &kind), -1);
}

static void every_status_is_a_word_and_an_end_or_not(void **state)
{
    static const struct {
        const char *name;
        bool ended;
    } rows[BATCH_STATUSES] = {{"queued", false},  {"running", false}, {"success", true},
                              {"partial", true},  {"failed", true},   {"error", true},
                              {"cancelled", true}};
    enum batch_status status = BATCH_ERROR;

    (void)state;
    for (unsigned i = 0; i < BATCH_STATUSES; i++) {
        assert_string_equal(batch_status_name((enum batch_status)i), rows[i].name);
        assert_int_equal(batch_status_ended((enum batch_status)i), rows[i].ended);
        assert_int_equal(batch_status_parse(rows[i].name, &status), 0);
        assert_int_equal(status, i);
    }
    assert_int_equal(batch_status_parse("clean", &status), -1);
}

static void a_request_survives_the_round_trip(void **state)
{
    AUTO(batch_request_done) struct batch_request request = {.kind = BATCH_PLAN};
    AUTO(auto_free) char *full = reprint(FULL);
    AUTO(auto_free) char *least = reprint(LEAST);

    (void)state;
    assert_string_equal(full, FULL);
    assert_string_equal(least, LEAST);
    parse(FULL, &request);
    assert_string_equal(request.id, ID);
    assert_int_equal(request.kind, BATCH_REMEDIATE);
    assert_int_equal(request.type, VCS_GITLAB);
    assert_int_equal(request.pull_request, 7);
    assert_true(request.apply && request.drifted_only);
    assert_string_equal(request.names.list[1], "web");
    assert_string_equal(request.project_id, "p");
    assert_true(batch_paths_have(&request.paths, "a", "default"));
    assert_false(batch_paths_have(&request.paths, "a", "w"));
    assert_true(batch_paths_have(&request.drifted, "b", "w"));
    assert_true(batch_names_have(&request.workspaces, "blue"));
    assert_false(batch_names_have(&request.workspaces, "green"));
}

static void a_request_that_does_not_fit_is_refused_by_name(void **state)
{
    static const struct {
        const char *was, *is, *message;
    } rows[] = {
        {"\"id\":\"01", "\"id\":\"", "id"},
        {"remediate", "destroy", "kind"},
        {"Gitlab", "Svn", "type"},
        {"\"repository\":\"o/r\"", "\"repository\":7", "repository"},
        {"\"ref\":\"main\",", "", "ref"},
        {"[\"net\",\"web\"]", "\"net\"", "names"},
        {"\"web\"]", "1]", "names"},
        {"[\"blue\"]", "{}", "workspaces"},
        {"{\"directory\":\"a\",", "{", "paths"},
        {",\"workspace\":\"w\"}", "}", "drifted"},
        {"}", "", "batch request"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct batch_request request = {.kind = BATCH_CHECK};
        const char *at = strstr(FULL, rows[i].was);
        AUTO(auto_free) char *json = NULL;
        struct err err;

        assert_non_null(at);
        json = mem_fmt("%.*s%s%s", (int)(at - FULL), FULL, rows[i].is,
                       at + strlen(rows[i].was));
        assert_int_equal(batch_request_parse(json, strlen(json), &request, &err), -1);
        assert_int_equal(err.kind, ERR_PERM);
        assert_non_null(strstr(err.message, rows[i].message));
        assert_int_equal(request.kind, BATCH_CHECK);
        assert_null(request.repository);
    }
}

static void members_of_a_newer_version_are_passed_over(void **state)
{
    AUTO(auto_free)
    char *json = mem_fmt("%.*s,\"later\":1}", (int)strlen(LEAST) - 1, LEAST);
    AUTO(auto_free) char *again = reprint(json);

    (void)state;
    assert_string_equal(again, LEAST);
}

static void what_is_asked_for_decides_what_its_runs_are(void **state)
{
    static const struct {
        enum batch_kind kind;
        bool apply;
        enum run_kind run;
    } rows[] = {
        {BATCH_PLAN, false, RUN_PLAN},          {BATCH_APPLY, false, RUN_APPLY},
        {BATCH_DETECT, false, RUN_DRIFT_CHECK}, {BATCH_CHECK, false, RUN_DRIFT_CHECK},
        {BATCH_REMEDIATE, false, RUN_PLAN},     {BATCH_REMEDIATE, true, RUN_APPLY},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct batch_request request = {.kind = rows[i].kind,
                                              .apply = rows[i].apply};

        assert_int_equal(batch_run_kind(&request), rows[i].run);
    }
}

static void the_runs_of_a_batch_have_ids_of_their_own_for_ever(void **state)
{
    static char ids[BATCH_RUNS_MAX][SIGN_UUID_BYTES];
    char again[SIGN_UUID_BYTES];

    (void)state;
    for (int i = 0; i < BATCH_RUNS_MAX; i++) {
        batch_run_id(ID, i, ids[i]);
        assert_true(parse_is_uuid(ids[i]));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
    batch_run_id(ID, 3, again);
    assert_string_equal(again, ids[3]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_name_that_parses_back),
        cmocka_unit_test(every_status_is_a_word_and_an_end_or_not),
        cmocka_unit_test(a_request_survives_the_round_trip),
        cmocka_unit_test(a_request_that_does_not_fit_is_refused_by_name),
        cmocka_unit_test(members_of_a_newer_version_are_passed_over),
        cmocka_unit_test(what_is_asked_for_decides_what_its_runs_are),
        cmocka_unit_test(the_runs_of_a_batch_have_ids_of_their_own_for_ever),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
