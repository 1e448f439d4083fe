/* Pushes: what is read of a payload, what they touch, the form they come in, the report.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/server/form.h"
#include "api/webhook/push.h"
#include "api/webhook/push_report.h"
#include "api/webhook/push_scope.h"
#include "common/base/mem.h"

#define OLD  "1481a2de7b2a7d02428ad93446ab166be7793fbb"
#define NEW  "17c497ccc7cca9c2f735aa07e9e3813060ce9a6a"
#define ZERO "0000000000000000000000000000000000000000"

/* The members of a payload that most tests have; later ones of a test stand behind. */
#define GITHUB(ref, commits, more)                                                       \
    "{\"ref\":\"" ref "\",\"before\":\"" OLD "\",\"after\":\"" NEW "\",\"repository\":{" \
    "\"id\":1,\"full_name\":\"acme/net\",\"default_branch\":\"main\"},\"commits\":"      \
    "[" commits "]" more "}"
#define COMMIT(id, added, removed, modified)                                             \
    "{\"id\":\"" id "\",\"message\":\"m\",\"added\":[" added "],\"removed\":[" removed   \
    "],\"modified\":[" modified "]}"
#define TIP(modified) COMMIT(NEW, "", "", modified)

static void parse(enum vcs_type type, const char *json, struct push *push)
{
    struct err err;

    if (push_parse(type, json, strlen(json), push, &err) < 0)
        fail_msg("%s: %s", json, err.message);
}

static bool everything(const char *json)
{
    AUTO(push_done) struct push push = {0};

    parse(VCS_GITHUB, json, &push);
    return push.everything;
}

static void a_push_of_github_is_read(void **state)
{
    AUTO(push_done) struct push push = {0};

    (void)state;
    parse(VCS_GITHUB,
          GITHUB("refs/heads/main",
                 COMMIT(OLD, "\"z/new\"", "\"old\"", "") "," TIP("\"a/b.tf\""),
                 ",\"forced\":false,\"created\":false,\"deleted\":false"),
          &push);
    assert_string_equal(push.repository, "acme/net");
    assert_string_equal(push.ref, "refs/heads/main");
    assert_string_equal(push.default_branch, "main");
    assert_string_equal(push.commit, NEW);
    assert_false(push.deleted);
    assert_false(push.everything);
    assert_int_equal(push.path_count, 3);
    assert_string_equal(push.paths[0], "a/b.tf");
    assert_string_equal(push.paths[1], "old");
    assert_string_equal(push.paths[2], "z/new");
}

static void a_push_of_gitlab_is_read(void **state)
{
    static const char json[] =
        "{\"object_kind\":\"push\",\"before\":\"" OLD "\",\"after\":\"" NEW
        "\",\"ref\":\"refs/heads/main\",\"checkout_sha\":\"" NEW
        "\",\"project\":{\"path_with_namespace\":\"a/b/c\",\"default_branch\":\"dev\"},"
        "\"repository\":{\"full_name\":\"x/y\"},\"commits\":[" TIP(
            "\"x\"") "],\"total_commits_count\":1}";
    AUTO(push_done) struct push push = {0};

    (void)state;
    parse(VCS_GITLAB, json, &push);
    assert_string_equal(push.repository, "a/b/c");
    assert_string_equal(push.default_branch, "dev");
    assert_false(push.everything);
    assert_int_equal(push.path_count, 1);
}

static void what_is_not_all_listed_is_everything(void **state)
{
    static const char *const rows[] = {
        GITHUB("refs/heads/main", "", ""),
        GITHUB("refs/heads/main", TIP("\"x\""), ",\"forced\":true"),
        GITHUB("refs/heads/main", TIP("\"x\""), ",\"created\":true"),
        GITHUB("refs/tags/v1", TIP("\"x\""), ""),
        GITHUB("refs/heads/main", COMMIT(OLD, "", "", "\"x\""), ""),
        GITHUB("refs/heads/main", TIP("\"x\"") ",{\"id\":\"x\",\"added\":[]}", ""),
        GITHUB("refs/heads/main", TIP("\"x\"") ",7", ""),
        GITHUB("refs/heads/main", TIP("\"x\",7"), ""),
        "{\"ref\":\"refs/heads/main\",\"before\":\"" ZERO "\",\"after\":\"" NEW
        "\",\"repository\":{\"full_name\":\"acme/net\"},\"commits\":[" TIP("\"x\"") "]}",
        "{\"ref\":\"refs/heads/main\",\"after\":\"" NEW
        "\",\"repository\":{\"full_name\":\"acme/net\"},\"commits\":[" TIP("\"x\"") "]}",
    };

    (void)state;
    assert_false(everything(GITHUB("refs/heads/main", TIP("\"x\""), "")));
    assert_false(everything(GITHUB("refs/heads/main", TIP(""), "")));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!everything(rows[i]))
            fail_msg("listed: %s", rows[i]);
}

/* The commit NEW with that many files, behind that many others. */
static bool everything_of(int others, int files)
{
    AUTO(buf_done) struct buf json = BUF_INIT(SIZE_MAX);

    buf_str(&json, "{\"ref\":\"refs/heads/main\",\"before\":\"" OLD "\",\"after\":\"" NEW
                   "\",\"repository\":{\"full_name\":\"acme/net\"},\"commits\":[");
    for (int i = 0; i < others; i++)
        buf_str(&json, COMMIT(OLD, "", "", "\"d/x\"") ",");
    buf_str(&json, "{\"id\":\"" NEW "\",\"added\":[],\"removed\":[],\"modified\":[");
    for (int i = 0; i < files; i++)
        buf_fmt(&json, "%s\"d/%d\"", i > 0 ? "," : "", i);
    buf_str(&json, "]}]}");
    return everything(buf_text(&json));
}

static void lists_that_may_have_been_cut_are_everything(void **state)
{
    (void)state;
    assert_false(everything_of(0, 2999));
    assert_true(everything_of(0, 3000));
    assert_false(everything_of(2046, 1));
    assert_true(everything_of(2047, 1));
}

static void a_deletion_has_no_commit(void **state)
{
    AUTO(push_done) struct push push = {0};

    (void)state;
    parse(VCS_GITHUB,
          "{\"ref\":\"refs/heads/x\",\"after\":\"" ZERO "\",\"deleted\":true,"
          "\"repository\":{\"full_name\":\"acme/net\"},\"head_commit\":null}",
          &push);
    assert_true(push.deleted);
    assert_string_equal(push.commit, "");
}

static void a_tag_is_at_the_commit_it_names(void **state)
{
    AUTO(push_done) struct push annotated = {0};
    AUTO(push_done) struct push branch = {0};

    (void)state;
    parse(VCS_GITHUB, GITHUB("refs/tags/v1", "", ",\"head_commit\":{\"id\":\"" OLD "\"}"),
          &annotated);
    assert_string_equal(annotated.commit, OLD);
    parse(VCS_GITHUB,
          GITHUB("refs/heads/v1", "", ",\"head_commit\":{\"id\":\"" OLD "\"}"), &branch);
    assert_string_equal(branch.commit, NEW);
}

static void a_malformed_push_is_refused_and_not_quoted(void **state)
{
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{\"a\":1,\"a\":2}",
        GITHUB("refs/heads/EVIL\\nx", "", ""),
        GITHUB("refs/heads/EVIL x", "", ""),
        GITHUB("refs/pull/1/head", "", ""),
        GITHUB("EVIL", "", ""),
        "{\"ref\":\"refs/heads/x\",\"after\":\"EVIL\","
        "\"repository\":{\"full_name\":\"acme/net\"}}",
        "{\"ref\":\"refs/heads/x\",\"repository\":{\"full_name\":\"acme/net\"}}",
        "{\"ref\":\"refs/heads/x\",\"after\":\"" NEW
        "\",\"repository\":{\"full_name\":\"../EVIL\"}}",
        "{\"ref\":\"refs/heads/x\",\"after\":\"" NEW "\",\"repository\":\"acme/net\"}",
        "{\"ref\":7,\"after\":\"" NEW "\",\"repository\":{\"full_name\":\"acme/net\"}}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct push push;
        struct err err = {0};

        if (push_parse(VCS_GITHUB, rows[i], strlen(rows[i]), &push, &err) == 0)
            fail_msg("taken: %s", rows[i]);
        assert_int_equal(err.kind, ERR_INPUT);
        assert_null(strstr(err.message, "EVIL"));
    }
}

static void a_ref_is_tracked_by_each_of_its_names(void **state)
{
    static const struct {
        const char *pushed, *tracked;
        bool is_of;
    } rows[] = {
        {"refs/heads/main", "main", true},
        {"refs/heads/main", "refs/heads/main", true},
        {"refs/heads/main", "HEAD", true},
        {"refs/heads/main", "Main", false},
        {"refs/heads/main", "mai", false},
        {"refs/heads/main", "refs/tags/main", false},
        {"refs/heads/dev", "HEAD", false},
        {"refs/heads/a/b", "a/b", true},
        {"refs/heads/HEAD", "HEAD", false},
        {"refs/tags/v1", "v1", true},
        {"refs/tags/v1", "refs/tags/v1", true},
        {"refs/tags/v1", "refs/heads/v1", false},
        {"refs/tags/main", "HEAD", false},
        {"refs/heads/main", NEW, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct push push = {.ref = mem_dup(rows[i].pushed),
                            .default_branch = mem_dup("main")};

        if (push_is_of(&push, rows[i].tracked) != rows[i].is_of)
            fail_msg("%s %s", rows[i].pushed, rows[i].tracked);
        push_done(&push);
    }
}

static void a_directory_is_touched_by_what_lies_in_it(void **state)
{
    static const struct {
        const char *path;
        bool touched;
    } rows[] = {
        {".", true},       {"env", true},     {"env/a", true}, {"env/a/main.tf", true},
        {"env/b", false},  {"env/a-b", true}, {"en", false},   {"env/a/main", false},
        {"README", false}, {"z", true},       {"zz", false},   {"a", false}};
    AUTO(push_done) struct push push = {0};

    (void)state;
    parse(VCS_GITHUB,
          GITHUB("refs/heads/main",
                 TIP("\"env/a/main.tf\",\"env/a-b/x\",\"README.md\",\"z\",\"env/a.tf\""),
                 ""),
          &push);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (push_touches(&push, rows[i].path) != rows[i].touched)
            fail_msg("%s", rows[i].path);
    assert_true(push_touches_any(&push, "x\ny\nz"));
    assert_false(push_touches_any(&push, "x\n\ny\n"));
    assert_false(push_touches_any(&push, ""));
}

static void a_push_of_nothing_touches_nothing(void **state)
{
    AUTO(push_done) struct push push = {0};

    (void)state;
    parse(VCS_GITHUB, GITHUB("refs/heads/main", TIP(""), ""), &push);
    assert_false(push_touches(&push, "."));
    assert_false(push_touches(&push, "x"));
}

static void what_a_workspace_reads_counts_when_it_is_known(void **state)
{
    static const struct {
        const char *directory, *reads;
        bool touched;
    } rows[] = {
        {"env/a", "env/a", false},
        {"env/a", "env/a\nmodules", true},
        {"env/a", "env/a\nmodules/other", false},
        {"modules", "modules", true},
        {"env/a", NULL, true},
        {"env/a", "", true},
        {"env/a", "env/ab", true},
        {"env/a", "env/b\nx", true},
        {"env/a", "env/a-old", true},
    };
    AUTO(push_done) struct push push = {0};

    (void)state;
    parse(VCS_GITHUB, GITHUB("refs/heads/main", TIP("\"modules/net/x.tf\""), ""), &push);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (push_scope_touched(&push, rows[i].directory, rows[i].reads) !=
            rows[i].touched)
            fail_msg("row %zu", i);
    push.everything = true;
    assert_true(push_scope_touched(&push, "env/a", "env/a"));
}

static void a_project_is_of_the_repository_and_may_track_the_ref(void **state)
{
    static const struct {
        const char *json;
        bool is_of, tracks;
    } rows[] = {
        {"{\"type\":\"Github\",\"repository\":\"Acme/NET\",\"ref\":\"main\"}", true,
         true},
        {"{\"type\":\"Github\",\"repository\":\"acme/net\",\"ref\":\"dev\"}", true,
         false},
        {"{\"type\":\"Gitlab\",\"repository\":\"acme/net\",\"ref\":\"main\"}", false,
         false},
        {"{\"type\":\"Github\",\"repository\":\"acme/net2\",\"ref\":\"main\"}", false,
         false},
        {"{\"type\":\"Github\",\"repository\":\"acme/net\"}", false, false},
        {"oops", false, false},
    };
    AUTO(push_done) struct push push = {0};

    (void)state;
    parse(VCS_GITHUB, GITHUB("refs/heads/main", TIP(""), ""), &push);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool tracks = false;

        assert_int_equal(push_scope_is_of(&push, rows[i].json, &tracks), rows[i].is_of);
        assert_int_equal(tracks, rows[i].tracks);
    }
    assert_true(push_scope_has_ref("{\"directory\":\".\",\"ref\":\"x\"}"));
    assert_false(push_scope_has_ref("{\"directory\":\".\"}"));
}

/* ---- the form ---- */
static void a_field_of_a_form_is_decoded(void **state)
{
    static const struct {
        const char *body, *value; /* NULL: there is none */
    } rows[] = {
        {"payload=%7B%22a%22%3a1%7D", "{\"a\":1}"},
        {"a=1&payload=x+y&payload=z", "x y"},
        {"payload=", ""},
        {"payload=%", "%"},
        {"payload=%4", "%4"},
        {"payload=%zz%41", "%zzA"},
        {"payload=a=b", "a=b"},
        {"payload", NULL},
        {"xpayload=1", NULL},
        {"", NULL},
        {"&&", NULL},
        {"payload%3D1", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf out = BUF_INIT(100);
        bool found = form_field(rows[i].body, strlen(rows[i].body), "payload", &out);

        assert_int_equal(found, rows[i].value != NULL);
        if (found)
            assert_string_equal(buf_text(&out), rows[i].value);
    }
}

static void a_form_says_that_it_is_one(void **state)
{
    (void)state;
    assert_true(form_is_type("application/x-www-form-urlencoded"));
    assert_true(form_is_type("Application/X-WWW-Form-Urlencoded; charset=utf-8"));
    assert_false(form_is_type("application/x-www-form-urlencoded2"));
    assert_false(form_is_type("application/json"));
    assert_false(form_is_type(""));
}

/* ---- the report ---- */
static void a_report_names_some_and_counts_all(void **state)
{
    struct push_report report = {0};
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
    AUTO(auto_json) cJSON *doc = NULL;
    struct json_writer w;
    struct push_mark mark;
    struct err err;

    (void)state;
    push_report_queued(&report, "p", "first", "01a1ff80-8f91-7000-88b6-fbae15f15ba4",
                       true);
    mark = push_report_mark(&report);
    for (int i = 0; i < PUSH_REPORT_MAX + 7; i++)
        push_report_skipped(&report, "p", "gone", "it was moved");
    push_report_back(&report, mark);
    for (int i = 0; i < PUSH_REPORT_MAX + 3; i++)
        push_report_skipped(&report, "p", "w", "not touched");
    json_open(&w, &text);
    json_object(&w);
    push_report_print(&report, &w);
    json_object_end(&w);
    doc = json_parse(buf_text(&text), text.len, JSON_DEPTH_MAX, false, &err);
    assert_int_equal(json_int(doc, "queuedCount", -1), 1);
    assert_int_equal(json_int(doc, "skippedCount", -1), PUSH_REPORT_MAX + 3);
    assert_int_equal(cJSON_GetArraySize(json_get(doc, "skipped")), PUSH_REPORT_MAX);
    assert_null(strstr(buf_text(&text), "gone"));
    assert_non_null(strstr(buf_text(&text), "\"coalesced\":true"));
    push_report_done(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_of_github_is_read),
        cmocka_unit_test(a_push_of_gitlab_is_read),
        cmocka_unit_test(what_is_not_all_listed_is_everything),
        cmocka_unit_test(lists_that_may_have_been_cut_are_everything),
        cmocka_unit_test(a_deletion_has_no_commit),
        cmocka_unit_test(a_tag_is_at_the_commit_it_names),
        cmocka_unit_test(a_malformed_push_is_refused_and_not_quoted),
        cmocka_unit_test(a_ref_is_tracked_by_each_of_its_names),
        cmocka_unit_test(a_directory_is_touched_by_what_lies_in_it),
        cmocka_unit_test(a_push_of_nothing_touches_nothing),
        cmocka_unit_test(what_a_workspace_reads_counts_when_it_is_known),
        cmocka_unit_test(a_project_is_of_the_repository_and_may_track_the_ref),
        cmocka_unit_test(a_field_of_a_form_is_decoded),
        cmocka_unit_test(a_form_says_that_it_is_one),
        cmocka_unit_test(a_report_names_some_and_counts_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
