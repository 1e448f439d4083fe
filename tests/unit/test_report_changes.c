/* The attribute diff: which leaves are changes, their paths, values and origins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/report/report_changes.h"

#define VALUE_MAX 4096

/* The changes of {"before", "after", "unknown", "masks": [before, after], "state",
 * "gone"} as "path: before -> after (action, origin)" joined by "; ". */
static char *changes_of(const char *text, size_t value_max)
{
    AUTO(auto_json) cJSON *doc = cJSON_Parse(text);
    AUTO(changes_done) struct changes changes = {0};
    const cJSON *masks = json_get(doc, "masks");
    struct buf out = BUF_INIT(1024 * 1024);
    struct change_sides sides = {
        .before = json_get(doc, "before"),
        .after = json_get(doc, "after"),
        .after_unknown = json_get(doc, "unknown"),
        .before_sensitive = masks ? masks->child : NULL,
        .after_sensitive = masks ? masks->child->next : NULL,
        .state = json_get(doc, "state"),
        .drifted = json_get(doc, "state") != NULL,
        .gone = json_bool(doc, "gone", false),
    };

    if (!doc)
        fail_msg("not JSON: %s", text);
    changes_find(&sides, value_max, &changes);
    for (size_t i = 0; i < changes.count; i++) {
        const struct change *change = &changes.list[i];
        buf_fmt(&out, "%s%s: %s -> %s (%s, %s)", i ? "; " : "", change->attribute,
                change->before ? change->before : "null",
                change->after ? change->after : "null",
                change_action_name(change->action),
                change->follows ? "follows" : origin_name(change->origin));
    }
    return buf_take(&out);
}

struct row {
    const char *sides;
    const char *changes;
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        AUTO(auto_free) char *found = changes_of(rows[i].sides, VALUE_MAX);
        if (strcmp(found, rows[i].changes) != 0)
            fail_msg("%s\n gives %s\n not   %s", rows[i].sides, found, rows[i].changes);
    }
}
#define CHECK(rows) check_rows(rows, ARRAY_LEN(rows))

static void lists_changed_leaves_by_path(void **unused)
{
    static const struct row rows[] = {
        {"{\"before\":{\"a\":1},\"after\":{\"a\":1}}", ""},
        {"{\"before\":{\"a\":1},\"after\":{\"a\":2}}", "a: 1 -> 2 (update, code)"},
        {"{\"before\":{\"a\":{\"b\":[{\"c\":true}]}},"
         "\"after\":{\"a\":{\"b\":[{\"c\":false}]}}}",
         "a.b[0].c: true -> false (update, code)"},
        {"{\"before\":{\"b\":1,\"a\":1},\"after\":{\"a\":1,\"b\":1}}", ""},
        {"{\"before\":{\"tags\":{\"x.y\":\"1\",\"a-b\":\"1\",\"q\\\"\":\"1\",\"\":\"1\"}}"
         ","
         "\"after\":{\"tags\":{\"x.y\":\"2\",\"a-b\":\"2\",\"q\\\"\":\"2\",\"\":\"2\"}}}",
         "tags[\"\"]: \"1\" -> \"2\" (update, code); tags.a-b: \"1\" -> \"2\" (update, "
         "code); tags[\"q\\\"\"]: \"1\" -> \"2\" (update, code); tags[\"x.y\"]: \"1\" -> "
         "\"2\" (update, code)"},
        {"{\"before\":{\"a\":\"1\"},\"after\":{\"a\":1}}",
         "a: \"1\" -> 1 (update, code)"},
        {"{\"before\":{\"a\":0.1},\"after\":{\"a\":0.25}}",
         "a: 0.1 -> 0.25 (update, code)"},
    };

    (void)unused;
    CHECK(rows);
}

static void null_and_missing_are_the_same(void **unused)
{
    static const struct row rows[] = {
        {"{\"before\":{\"a\":null},\"after\":{}}", ""},
        {"{\"before\":{},\"after\":{\"a\":null}}", ""},
        {"{\"before\":{\"a\":null},\"after\":{\"a\":1}}", "a: null -> 1 (create, code)"},
        {"{\"before\":{\"a\":1},\"after\":{\"a\":null}}", "a: 1 -> null (delete, code)"},
        {"{\"before\":{\"a\":null},\"after\":{\"a\":[]}}",
         "a: null -> [] (create, code)"},
        {"{\"before\":{\"a\":{}},\"after\":{\"a\":null}}",
         "a: {} -> null (delete, code)"},
    };

    (void)unused;
    CHECK(rows);
}

static void a_create_or_delete_lists_what_is_set(void **unused)
{
    static const struct row rows[] = {
        {"{\"before\":null,\"after\":{\"a\":1,\"b\":null,\"c\":[],\"d\":{\"e\":\"\"}},"
         "\"unknown\":{\"id\":true}}",
         "a: null -> 1 (create, code); d.e: null -> \"\" (create, code); id: null -> "
         "\"(known after apply)\" (create, follows)"},
        {"{\"before\":{\"a\":1,\"b\":null,\"c\":{},\"d\":[false]},\"after\":null}",
         "a: 1 -> null (delete, code); d[0]: false -> null (delete, code)"},
        {"{\"before\":{\"a\":null},\"after\":{\"a\":{\"b\":null,\"c\":2}}}",
         "a.c: null -> 2 (create, code)"},
    };

    (void)unused;
    CHECK(rows);
}

static void a_value_may_change_its_kind(void **unused)
{
    static const struct row rows[] = {
        {"{\"before\":{\"a\":{\"b\":1}},\"after\":{\"a\":\"x\"}}",
         "a.b: 1 -> null (delete, code); a: null -> \"x\" (create, code)"},
        {"{\"before\":{\"a\":[1]},\"after\":{\"a\":{\"b\":1}}}",
         "a[0]: 1 -> null (delete, code); a.b: null -> 1 (create, code)"},
        {"{\"before\":{\"a\":[1]},\"after\":{\"a\":{}}}",
         "a[0]: 1 -> null (delete, code); a: null -> {} (create, code)"},
        {"{\"before\":{\"a\":[]},\"after\":{\"a\":{}}}", "a: [] -> {} (update, code)"},
        {"{\"before\":{\"a\":[1]},\"after\":{\"a\":[]}}",
         "a[0]: 1 -> null (delete, code)"},
    };

    (void)unused;
    CHECK(rows);
}

static void unknown_values_say_so(void **unused)
{
    static const struct row rows[] = {
        {"{\"before\":{\"a\":\"x\"},\"after\":{},\"unknown\":{\"a\":true}}",
         "a: \"x\" -> \"(known after apply)\" (update, follows)"},
        {"{\"before\":{\"o\":{\"a\":1,\"b\":null}},\"after\":{},\"unknown\":{\"o\":true}"
         "}",
         "o.a: 1 -> \"(known after apply)\" (update, follows)"},
        {"{\"before\":{\"o\":{\"a\":1}},\"after\":{\"o\":{}},\"unknown\":{\"o\":{\"a\":"
         "true}}}",
         "o.a: 1 -> \"(known after apply)\" (update, follows)"},
        {"{\"before\":null,\"after\":{\"l\":[\"x\",null]},\"unknown\":{\"l\":[false,true]"
         "}}",
         "l[0]: null -> \"x\" (create, code); l[1]: null -> \"(known after apply)\" "
         "(create, follows)"},
        {"{\"before\":{},\"after\":{},\"unknown\":{\"o\":{\"p\":{\"a\":true}}}}",
         "o.p.a: null -> \"(known after apply)\" (create, follows)"},
    };

    (void)unused;
    CHECK(rows);
}

static void sensitive_marks_of_either_side_hide_the_whole_value(void **unused)
{
    static const struct row rows[] = {
        {"{\"before\":{\"a\":\"S1\"},\"after\":{\"a\":\"S2\"},\"masks\":[{\"a\":true},{}]"
         "}",
         "a: \"(sensitive)\" -> \"(sensitive)\" (update, code)"},
        {"{\"before\":{\"a\":\"S1\"},\"after\":{\"a\":\"S2\"},\"masks\":[{},{\"a\":true}]"
         "}",
         "a: \"(sensitive)\" -> \"(sensitive)\" (update, code)"},
        {"{\"before\":{\"a\":{\"b\":[\"S\"]}},\"after\":null,\"masks\":[{\"a\":true},"
         "false]}",
         "a: \"(sensitive)\" -> null (delete, code)"},
        {"{\"before\":{\"a\":[{\"p\":\"S\",\"q\":1}]},\"after\":{\"a\":[{\"p\":\"T\","
         "\"q\":2}"
         "]},\"masks\":[{\"a\":[{\"p\":true}]},{\"a\":[{}]}]}",
         "a[0].p: \"(sensitive)\" -> \"(sensitive)\" (update, code); a[0].q: 1 -> 2 "
         "(update, code)"},
        {"{\"before\":{\"a\":\"S\"},\"after\":{\"a\":\"S\"},\"masks\":[{\"a\":true},{}]}",
         ""},
        {"{\"before\":{\"a\":\"S\"},\"after\":{},\"unknown\":{\"a\":true},"
         "\"masks\":[{},{\"a\":true}]}",
         "a: \"(sensitive)\" -> \"(sensitive)\" (update, follows)"},
        {"{\"before\":null,\"after\":{\"a\":{}},\"unknown\":{\"a\":{\"b\":true}},"
         "\"masks\":[false,{\"a\":true}]}",
         "a: null -> \"(sensitive)\" (create, follows)"},
        {"{\"before\":{\"a\":{\"s\":\"S\"}},\"after\":{\"a\":\"x\"},"
         "\"masks\":[{\"a\":{\"s\":true}},{}]}",
         "a.s: \"(sensitive)\" -> null (delete, code); a: null -> \"x\" (create, code)"},
        {"{\"before\":{\"a\":{\"s\":\"S\"}},\"after\":{},\"unknown\":{\"a\":true},"
         "\"masks\":[{\"a\":{\"s\":true}},{}]}",
         "a.s: \"(sensitive)\" -> \"(sensitive)\" (update, follows)"},
    };

    (void)unused;
    CHECK(rows);
}

static void elements_that_only_moved_are_no_change(void **unused)
{
    static const struct row rows[] = {
        {"{\"before\":{\"s\":[\"a\",\"c\"]},\"after\":{\"s\":[\"a\",\"b\",\"c\"]}}",
         "s[1]: null -> \"b\" (create, code)"},
        {"{\"before\":{\"s\":[\"a\",\"b\",\"c\"]},\"after\":{\"s\":[\"b\",\"c\"]}}",
         "s[0]: \"a\" -> null (delete, code)"},
        {"{\"before\":{\"s\":[{\"p\":1},{\"p\":2}]},\"after\":{\"s\":[{\"p\":2},{\"p\":3}"
         "]}}",
         "s[0].p: 1 -> null (delete, code); s[1].p: null -> 3 (create, code)"},
        {"{\"before\":{\"s\":[\"a\",\"a\",\"b\"]},\"after\":{\"s\":[\"b\",\"a\"]}}",
         "s[0]: \"a\" -> null (delete, code)"},
        {"{\"before\":{\"l\":[\"a\",\"b\"]},\"after\":{\"l\":[\"b\",\"a\"]}}",
         "l[0]: \"a\" -> \"b\" (update, code); l[1]: \"b\" -> \"a\" (update, code)"},
        {"{\"before\":{\"l\":[1,2,3]},\"after\":{\"l\":[1,5,3]}}",
         "l[1]: 2 -> 5 (update, code)"},
        {"{\"before\":{\"l\":[{\"a\":1,\"b\":2}]},\"after\":{\"l\":[{\"b\":2,\"a\":1}]}}",
         ""},
        {"{\"before\":{\"l\":[null]},\"after\":{\"l\":[null]},\"unknown\":{\"l\":[true]}"
         "}",
         "l[0]: null -> \"(known after apply)\" (create, follows)"},
    };

    (void)unused;
    CHECK(rows);
}

static void origin_comes_from_state_real_and_planned_value(void **unused)
{
    static const struct row rows[] = {
        {"{\"state\":{\"a\":1,\"b\":1,\"c\":1},\"before\":{\"a\":2,\"b\":1,\"c\":2},"
         "\"after\":{\"a\":1,\"b\":2,\"c\":3}}",
         "a: 2 -> 1 (update, outside); b: 1 -> 2 (update, code); c: 2 -> 3 (update, "
         "both)"},
        {"{\"state\":{\"t\":{\"x\":\"1\"}},\"before\":{\"t\":{\"x\":\"1\",\"y\":\"2\"}},"
         "\"after\":{\"t\":{\"x\":\"1\"}}}",
         "t.y: \"2\" -> null (delete, outside)"},
        {"{\"state\":{\"t\":{\"x\":\"1\"}},\"before\":{\"t\":null},\"after\":{\"t\":{"
         "\"x\":"
         "\"1\"}}}",
         "t.x: null -> \"1\" (create, outside)"},
        {"{\"state\":{\"id\":\"i\",\"a\":1},\"before\":{\"id\":\"i\",\"a\":2},"
         "\"after\":{\"a\":1},\"unknown\":{\"id\":true}}",
         "a: 2 -> 1 (update, outside); id: \"i\" -> \"(known after apply)\" (update, "
         "follows)"},
        {"{\"gone\":true,\"state\":{\"a\":1},\"before\":null,\"after\":{\"a\":1,\"b\":2}"
         "}",
         "a: null -> 1 (create, outside); b: null -> 2 (create, outside)"},
        {"{\"state\":{\"a\":1},\"before\":{\"a\":2},\"after\":null}",
         "a: 2 -> null (delete, both)"},
    };

    (void)unused;
    CHECK(rows);
}

static void origin_of_set_elements_follows_the_element(void **unused)
{
    static const struct row rows[] = {
        /* added outside, and the state's others stand at other indexes */
        {"{\"state\":{\"s\":[\"b\",\"d\"]},\"before\":{\"s\":[\"a\",\"b\",\"c\",\"d\"]},"
         "\"after\":{\"s\":[\"b\",\"d\"]}}",
         "s[0]: \"a\" -> null (delete, outside); s[2]: \"c\" -> null (delete, outside)"},
        /* removed outside */
        {"{\"state\":{\"s\":[\"a\",\"b\"]},\"before\":{\"s\":[\"b\"]},"
         "\"after\":{\"s\":[\"a\",\"b\"]}}",
         "s[0]: null -> \"a\" (create, outside)"},
        /* added by the configuration, while another was removed outside */
        {"{\"state\":{\"s\":[\"a\",\"b\"]},\"before\":{\"s\":[\"b\"]},"
         "\"after\":{\"s\":[\"b\",\"c\"]}}",
         "s[1]: null -> \"c\" (create, code)"},
        /* removed by the configuration */
        {"{\"state\":{\"s\":[\"a\",\"b\"]},\"before\":{\"s\":[\"0\",\"a\",\"b\"]},"
         "\"after\":{\"s\":[\"b\"]}}",
         "s[0]: \"0\" -> null (delete, outside); s[1]: \"a\" -> null (delete, code)"},
        {"{\"state\":{\"s\":[{\"p\":80,\"c\":\"x\"}]},\"before\":{\"s\":[{\"p\":81,\"c\":"
         "\"x\"}]},\"after\":{\"s\":[{\"p\":80,\"c\":\"x\"}]}}",
         "s[0].p: 81 -> 80 (update, outside)"},
    };

    (void)unused;
    CHECK(rows);
}

static void a_long_value_is_described_and_different_ones_differ(void **unused)
{
    AUTO(auto_free)
    char *found = changes_of("{\"before\":{\"a\":\"0123456789x\"},"
                             "\"after\":{\"a\":\"0123456789y\"}}",
                             10);
    const char *second = strstr(found, "-> \"(left out: 13 bytes, sha256 ");

    (void)unused;
    assert_non_null(strstr(found, "a: \"(left out: 13 bytes, sha256 "));
    assert_non_null(second);
    assert_int_not_equal(strncmp(found + 3, second + 3, 45), 0);
    assert_null(strstr(found, "0123456789"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_changed_leaves_by_path),
        cmocka_unit_test(null_and_missing_are_the_same),
        cmocka_unit_test(a_create_or_delete_lists_what_is_set),
        cmocka_unit_test(a_value_may_change_its_kind),
        cmocka_unit_test(unknown_values_say_so),
        cmocka_unit_test(sensitive_marks_of_either_side_hide_the_whole_value),
        cmocka_unit_test(elements_that_only_moved_are_no_change),
        cmocka_unit_test(origin_comes_from_state_real_and_planned_value),
        cmocka_unit_test(origin_of_set_elements_follows_the_element),
        cmocka_unit_test(a_long_value_is_described_and_different_ones_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
