/* Bodies of the Atlantis family: letter case, what becomes of them, and the parts of an
 * answer that need no server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/atlantis/atlantis.h"
#include "api/atlantis/batch_json.h"
#include "api/handlers.h"
#include "common/base/mem.h"
#include "common/queue/target.h"

#define HOST "github.com"

static cJSON *folded(const char *text)
{
    struct err err;
    cJSON *body = json_parse(text, strlen(text), JSON_DEPTH_MAX, true, &err);

    if (body == NULL)
        fail_msg("%s: %s", text, err.message);
    body_fold(body, plan_fields, PLAN_FIELDS);
    return body;
}

static void read_plan(const char *text, struct batch_request *out)
{
    AUTO(auto_json) cJSON *body = folded(text);
    AUTO(problems_done) struct problems problems = {0};

    body_check(body, plan_fields, PLAN_FIELDS, "", &problems);
    atlantis_check_named(body, &problems);
    if (problems.count > 0)
        fail_msg("%s: %s", text, problems.list[0].message);
    atlantis_request(body, BATCH_PLAN, out);
}

/* ---- letter case ---- */
static void names_in_any_letter_case_become_those_of_the_table(void **state)
{
    AUTO(auto_json)
    cJSON *body = folded("{\"rEpository\":\"a/b\",\"REF\":\"Main\",\"pR\":3,"
                         "\"Paths\":[{\"DIRECTORY\":\"X\",\"workSpace\":\"W\"}]}");
    AUTO(buf_done) struct buf text = BUF_INIT(1000);

    (void)state;
    json_print(body, &text);
    assert_string_equal(buf_text(&text),
                        "{\"repository\":\"a/b\",\"ref\":\"Main\",\"pr\":3,"
                        "\"paths\":[{\"directory\":\"X\",\"workspace\":\"W\"}]}");
}

static void what_is_unknown_or_empty_is_passed_over(void **state)
{
    AUTO(auto_json)
    cJSON *body = folded("{\"Owner\":{\"a\":[1]},\"ref\":\"\",\"type\":\"Git\","
                         "\"paths\":[{\"directory\":\"\",\"workspace\":\"w\",\"x\":1}],"
                         "\"projects\":[\"\"]}");
    AUTO(buf_done) struct buf text = BUF_INIT(1000);

    (void)state;
    json_print(body, &text);
    assert_string_equal(buf_text(&text), "{\"type\":\"Git\",\"paths\":[{\"workspace\":"
                                         "\"w\"}],\"projects\":[\"\"]}");
}

static void two_spellings_of_one_name_are_a_duplicate(void **state)
{
    static const char text[] = "{\"ref\":\"a\",\"Ref\":\"b\"}";
    struct err err;

    (void)state;
    assert_null(json_parse(text, sizeof text - 1, JSON_DEPTH_MAX, true, &err));
    assert_int_equal(err.kind, ERR_INPUT);
}

/* ---- the request ---- */
/* Comparing each of a hundred thousand with all others would keep everybody waiting. */
static void a_list_that_is_too_long_is_not_searched_for_duplicates(void **state)
{
    AUTO(auto_json) cJSON *body = cJSON_CreateObject();
    AUTO(problems_done) struct problems problems = {0};
    cJSON *names = cJSON_AddArrayToObject(body, "projects");
    cJSON *paths = cJSON_AddArrayToObject(body, "paths");

    (void)state;
    for (int i = 0; i < BATCH_RUNS_MAX + 2; i++) {
        AUTO(auto_free) char *name = mem_fmt("p%d", i < BATCH_RUNS_MAX ? i : -1);
        cJSON *path = cJSON_CreateObject();

        cJSON_AddItemToArray(names, cJSON_CreateString(name));
        cJSON_AddStringToObject(path, "directory", name);
        cJSON_AddItemToArray(paths, path);
    }
    atlantis_check(body, &problems);
    assert_int_equal(problems.count, 0);
}

static void a_request_is_normal_in_every_part(void **state)
{
    AUTO(batch_request_done) struct batch_request request = {.kind = BATCH_PLAN};

    (void)state;
    read_plan("{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"gitHUB\",\"pr\":7,"
              "\"projects\":[\"p\"],\"paths\":[{\"directory\":\"./x//y/\"},"
              "{\"workspace\":\"w\"}]}",
              &request);
    assert_string_equal(request.repository, "a/b");
    assert_int_equal(request.type, VCS_GITHUB);
    assert_int_equal(request.pull_request, 7);
    assert_int_equal(request.names.count, 1);
    assert_int_equal(request.paths.count, 2);
    assert_string_equal(request.paths.list[0].directory, "x/y");
    assert_string_equal(request.paths.list[0].workspace, "default");
    assert_string_equal(request.paths.list[1].directory, ".");
    assert_string_equal(request.paths.list[1].workspace, "w");
}

static void a_pull_request_of_number_0_is_none(void **state)
{
    AUTO(batch_request_done) struct batch_request request = {.kind = BATCH_PLAN};

    (void)state;
    read_plan("{\"repository\":\"a/b\",\"ref\":\"main\",\"type\":\"Git\",\"pr\":0,"
              "\"projects\":[\"p\"]}",
              &request);
    assert_int_equal(request.pull_request, 0);
}

/* ---- drift records ---- */
static void add_record(struct batch_request *request, const char *ref,
                       const char *directory, const char *backend, const char *status)
{
    AUTO(run_spec_done)
    struct run_spec spec = {.kind = RUN_PLAN,
                            .repository = mem_dup("a/b"),
                            .directory = mem_dup(directory),
                            .workspace = mem_dup("default"),
                            .backend_config = mem_dup(backend)};
    AUTO(auto_free) char *field = NULL, *record = NULL;
    char target[SIGN_ID_BYTES];

    target_id(HOST, &spec, target);
    field = mem_fmt("%s|%s", target, ref);
    record = mem_fmt("{\"status\":\"%s\",\"directory\":\"%s\","
                     "\"workspace\":\"default\"}",
                     status, directory);
    atlantis_add_drifted(request, HOST, field, record, strlen(record));
}

static void only_drift_of_that_ref_and_a_plain_target_counts(void **state)
{
    AUTO(batch_request_done)
    struct batch_request request = {
        .kind = BATCH_REMEDIATE, .repository = mem_dup("A/b"), .ref = mem_dup("main")};

    (void)state;
    assert_true(atlantis_wants_drifted(&request));
    add_record(&request, "main", "z", NULL, "drift_detected");
    add_record(&request, "main", "a", NULL, "drift_detected");
    add_record(&request, "main", "b", NULL, "clean");
    add_record(&request, "main|error", "c", NULL, "error");
    add_record(&request, "dev", "d", NULL, "drift_detected");
    add_record(&request, "main", "e", "{\"bucket\":\"x\"}", "drift_detected");
    atlantis_add_drifted(&request, HOST, "nonsense", "{}", 2);
    atlantis_add_drifted(&request, HOST, "nonsense|main", "{", 1);
    atlantis_take_drifted(&request);
    assert_int_equal(request.paths.count, 2);
    assert_string_equal(request.paths.list[0].directory, "a");
    assert_string_equal(request.paths.list[1].directory, "z");
    assert_int_equal(request.drifted.count, 0);
}

/* ---- texts ---- */
static void expect_cut(const char *whole, size_t room, const char *expected)
{
    AUTO(buf_done) struct buf text = BUF_INIT(1000);

    buf_str(&text, whole);
    batch_text_cut(&text, room, "here");
    assert_string_equal(buf_text(&text), expected);
}

static void a_text_is_cut_where_its_json_would_be_too_long(void **state)
{
    (void)state;
    expect_cut("", 0, "");
    expect_cut("abc", 3, "abc");
    expect_cut("abcd", 3, "abc\n[cut: the whole output is at here]\n");
    expect_cut("\n\n", 3, "\n\n[cut: the whole output is at here]\n");
    expect_cut("\x01z", 6, "\x01\n[cut: the whole output is at here]\n");
    expect_cut("\x01z", 7, "\x01z");
    expect_cut("\xc3\xa4\xc3\xa4", 3, "\xc3\xa4\n[cut: the whole output is at here]\n");
    expect_cut("\xff\xff", 5, "\xff\n[cut: the whole output is at here]\n");
}

/* ---- check, which no endpoint here waits for ---- */
static void a_check_is_told_in_the_words_of_v1(void **state)
{
    const struct batch_request request = {.kind = BATCH_CHECK};
    const struct batch_record batch = {.project_id = "shop"};
    struct batch_project project = {
        .outcome = PROJECT_SUCCESS,
        .drifted = true,
        .counts = cJSON_Parse("{\"summary\":\"s\",\"toAdd\":1,\"driftedCount\":2}"),
        .run_id = "r",
        .workspace_id = "prod"};
    static const struct batch_texts nothing = {0};
    struct batch_tally tally = {0};
    AUTO(buf_done) struct buf text = BUF_INIT(1000);
    struct json_writer w;
    struct err err;

    (void)state;
    json_open(&w, &text);
    assert_int_equal(batch_json_open(&w, &batch, &request, &err), 0);
    batch_json_project(&w, &request, &project, &nothing, &tally);
    batch_json_close(&w, BATCH_CHECK, NULL, 0, &tally);
    assert_string_equal(
        buf_text(&text),
        "{\"projectId\":\"shop\",\"workspaces\":[{\"workspaceId\":\"prod\",\"runId\":"
        "\"r\",\"status\":\"drift_detected\",\"error\":null,\"driftedCount\":2,\"toAdd\":"
        "1,\"toChange\":0,\"toDestroy\":0,\"toImport\":0,\"summary\":\"s\","
        "\"lastCheckedAt\":null}],\"checkedAt\":null,\"summary\":{\"total\":1,"
        "\"drifted\":1,\"clean\":0,\"errors\":0}}");
    batch_project_done(&project);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_any_letter_case_become_those_of_the_table),
        cmocka_unit_test(what_is_unknown_or_empty_is_passed_over),
        cmocka_unit_test(two_spellings_of_one_name_are_a_duplicate),
        cmocka_unit_test(a_list_that_is_too_long_is_not_searched_for_duplicates),
        cmocka_unit_test(a_request_is_normal_in_every_part),
        cmocka_unit_test(a_pull_request_of_number_0_is_none),
        cmocka_unit_test(only_drift_of_that_ref_and_a_plain_target_counts),
        cmocka_unit_test(a_text_is_cut_where_its_json_would_be_too_long),
        cmocka_unit_test(a_check_is_told_in_the_words_of_v1),
    };

    return cmocka_run_group_tests_name("api_atlantis", tests, NULL, NULL);
}
