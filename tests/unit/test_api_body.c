/* Request bodies: every bad field is found, all of them at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "common/base/mem.h"

static void check_even(const cJSON *value, const char *at, struct problems *problems)
{
    if (value->valueint % 2 != 0)
        problems_add(problems, at, "%s must be even", at);
}

static const struct field fields[] = {
    {"name", .type = FIELD_TEXT, .required = true, .min = 1, .max = 8},
    {"size", .type = FIELD_TEXT, .min = 2, .max = 4},
    {"count", .type = FIELD_INTEGER, .min = -2, .max = 10, .check = check_even},
    {"on", .type = FIELD_BOOLEAN},
    {"when", .type = FIELD_TIME},
    {"tags", .type = FIELD_TEXTS, .max = 2},
    {"map", .type = FIELD_TEXT_MAP, .max = 2},
    {"rules", .type = FIELD_LIST, .max = 2},
};

/* The problems of a body, one "field: message" a line. */
static char *problems_of(const struct field *table, size_t count, const char *text)
{
    AUTO(problems_done) struct problems problems = {0};
    AUTO(auto_json) cJSON *body = NULL;
    struct buf lines = BUF_INIT(65536);
    struct err err;

    body = json_parse(text, strlen(text), JSON_DEPTH_MAX, false, &err);
    if (body == NULL)
        fail_msg("%s: %s", text, err.message);
    body_check(body, table, count, "", &problems);
    for (size_t i = 0; i < problems.count; i++)
        buf_fmt(&lines, "%s: %s\n", problems.list[i].field, problems.list[i].message);
    return lines.len > 0 ? buf_take(&lines) : mem_dup("");
}

static void expect(const char *text, const char *lines)
{
    AUTO(auto_free) char *found = problems_of(fields, ARRAY_LEN(fields), text);

    if (strcmp(found, lines) != 0)
        fail_msg("%s\n  found    %s\n  expected %s", text, found, lines);
}

static void a_good_body_has_no_problems(void **state)
{
    (void)state;
    expect("{\"name\":\"x\"}", "");
    expect("{\"name\":\"12345678\",\"size\":\"ab\",\"count\":-2,\"on\":false,"
           "\"when\":\"2025-01-21T10:30:00Z\",\"tags\":[\"a\",\"b\"],"
           "\"map\":{\"a\":\"b\"},\"rules\":[{},{}]}",
           "");
}

static void objects_of_a_list_have_fields_of_their_own(void **state)
{
    static const struct field inner[] = {
        {"id", .type = FIELD_INTEGER, .required = true, .min = 1, .max = 9}};
    static const struct field outer[] = {
        {"list", .type = FIELD_LIST, .max = 2, .inner = inner, .inner_count = 1}};
    AUTO(auto_free)
    char *found = problems_of(outer, 1, "{\"list\":[{\"id\":1},{\"id\":0,\"x\":1}]}");
    AUTO(auto_free) char *missing = problems_of(outer, 1, "{\"list\":[{}]}");
    AUTO(auto_free) char *many = problems_of(outer, 1, "{\"list\":[{},{},{}]}");

    (void)state;
    assert_string_equal(found,
                        "list[1].id: list[1].id must be a whole number from 1 to 9\n"
                        "list[1].x: unknown parameter: list[1].x\n");
    assert_string_equal(missing, "list[0].id: missing required parameter: list[0].id\n");
    assert_string_equal(many, "list: list must have at most 2 entries\n");
}

static void null_is_as_good_as_nothing(void **state)
{
    (void)state;
    expect("{\"name\":\"x\",\"count\":null,\"tags\":null}", "");
    expect("{\"name\":null}", "name: missing required parameter: name\n");
}

static void each_type_is_told(void **state)
{
    (void)state;
    expect("{\"name\":1}", "name: name must be a string\n");
    expect("{\"name\":\"x\",\"count\":\"1\"}", "count: count must be a number\n");
    expect("{\"name\":\"x\",\"on\":1}", "on: on must be true or false\n");
    expect("{\"name\":\"x\",\"when\":\"now\"}",
           "when: when must be a time such as 2025-01-21T10:30:00Z\n");
    expect("{\"name\":\"x\",\"tags\":{}}", "tags: tags must be a list of strings\n");
    expect("{\"name\":\"x\",\"tags\":[1]}", "tags: tags must be a list of strings\n");
    expect("{\"name\":\"x\",\"map\":[]}", "map: map must be an object of strings\n");
    expect("{\"name\":\"x\",\"map\":{\"a\":1}}",
           "map: map must be an object of strings\n");
    expect("{\"name\":\"x\",\"rules\":[1]}", "rules: rules must be a list of objects\n");
}

static void each_limit_is_told(void **state)
{
    (void)state;
    expect("{\"name\":\"\"}", "name: name must not be empty\n");
    expect("{\"name\":\"123456789\"}", "name: name must have 1 to 8 bytes\n");
    expect("{\"name\":\"x\",\"size\":\"a\"}", "size: size must have 2 to 4 bytes\n");
    expect("{\"name\":\"x\",\"count\":12}",
           "count: count must be a whole number from -2 to 10\n");
    expect("{\"name\":\"x\",\"count\":0.5}",
           "count: count must be a whole number from -2 to 10\n");
    expect("{\"name\":\"x\",\"count\":1e300}",
           "count: count must be a whole number from -2 to 10\n");
    expect("{\"name\":\"x\",\"tags\":[\"a\",\"b\",\"c\"]}",
           "tags: tags must have at most 2 entries\n");
}

static void a_tables_own_check_comes_after_type_and_limits(void **state)
{
    (void)state;
    expect("{\"name\":\"x\",\"count\":3}", "count: count must be even\n");
    expect("{\"name\":\"x\",\"count\":13}",
           "count: count must be a whole number from -2 to 10\n");
}

static void all_problems_are_told_at_once(void **state)
{
    (void)state;
    expect("{\"size\":7,\"Name\":\"x\",\"zzz\":1,\"on\":\"yes\"}",
           "name: missing required parameter: name\n"
           "size: size must be a string\n"
           "on: on must be true or false\n"
           "Name: unknown parameter: Name\n"
           "zzz: unknown parameter: zzz\n");
}

static void a_body_is_an_object(void **state)
{
    (void)state;
    expect("[]", ": the body must be a JSON object\n");
    expect("1", ": the body must be a JSON object\n");
}

static void problems_have_a_limit_and_long_names_are_cut(void **state)
{
    AUTO(problems_done) struct problems problems = {0};
    char name[2 * PROBLEM_FIELD_BYTES];

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (int i = 0; i < 2 * PROBLEMS_MAX; i++)
        problems_add_missing(&problems, name);
    assert_int_equal(problems.count, PROBLEMS_MAX);
    assert_int_equal(strlen(problems.list[0].field), PROBLEM_FIELD_BYTES - 1);
}

static void expect_workspace(const char *text, const char *lines)
{
    AUTO(auto_free) char *found = problems_of(workspace_fields, WORKSPACE_FIELDS, text);

    if (strcmp(found, lines) != 0)
        fail_msg("%s\n  found    %s\n  expected %s", text, found, lines);
}

static void a_workspace_takes_what_the_contract_shows(void **state)
{
    (void)state;
    expect_workspace(
        "{\"directory\":\".\",\"workspace\":\"default\",\"terraformVersion\":\"1.11.4\","
        "\"varFiles\":[\"env/prod.tfvars\"],\"variables\":{\"a_b-c\":\"x\"},"
        "\"backendConfig\":{\"key\":\"v\"},\"ref\":\"main\",\"autoReconcile\":false,"
        "\"confirm\":true,\"createWorkspace\":false,\"maxDestroy\":0,"
        "\"protected\":[\"aws_db_*\"],\"ignore\":[{\"address\":\"x.*\",\"attribute\":"
        "\"tags\",\"reason\":\"r\",\"expiresAt\":\"2030-01-01T00:00:00Z\"}]}",
        "");
}

static void nothing_leaves_a_workspace_as_an_option_or_a_path(void **state)
{
    static const char *const bad[] = {
        "{\"directory\":\"/etc\"}",
        "{\"directory\":\"a/../../b\"}",
        "{\"directory\":\".\",\"workspace\":\"-x\"}",
        "{\"directory\":\".\",\"workspace\":\"..\"}",
        "{\"directory\":\".\",\"terraformVersion\":\"../../bin\"}",
        "{\"directory\":\".\",\"terraformVersion\":\"latest\"}",
        "{\"directory\":\".\",\"varFiles\":[\"-x\"]}",
        "{\"directory\":\".\",\"varFiles\":[\"../x\"]}",
        "{\"directory\":\".\",\"varFiles\":[\"\"]}",
        "{\"directory\":\".\",\"variables\":{\"a=b\":\"x\"}}",
        "{\"directory\":\".\",\"variables\":{\"-a\":\"x\"}}",
        "{\"directory\":\".\",\"backendConfig\":{\"a b\":\"x\"}}",
        "{\"directory\":\".\",\"ref\":\"--upload-pack=x\"}",
        "{\"directory\":\".\",\"protected\":[\"\"]}",
        "{\"directory\":\".\",\"ignore\":[{}]}",
        "{\"directory\":\".\",\"ignore\":[{\"address\":\"x\",\"adress\":\"y\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(auto_free)
        char *found = problems_of(workspace_fields, WORKSPACE_FIELDS, bad[i]);

        if (found[0] == '\0')
            fail_msg("%s has no problem", bad[i]);
    }
}

static void problems_inside_lists_say_where(void **state)
{
    (void)state;
    expect_workspace(
        "{\"directory\":\".\",\"ignore\":[{\"address\":\"x\"},{\"reason\":\"r\"}]}",
        "ignore[1].address: missing required parameter: ignore[1].address\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_body_has_no_problems),
        cmocka_unit_test(objects_of_a_list_have_fields_of_their_own),
        cmocka_unit_test(null_is_as_good_as_nothing),
        cmocka_unit_test(each_type_is_told),
        cmocka_unit_test(each_limit_is_told),
        cmocka_unit_test(a_tables_own_check_comes_after_type_and_limits),
        cmocka_unit_test(all_problems_are_told_at_once),
        cmocka_unit_test(a_body_is_an_object),
        cmocka_unit_test(problems_have_a_limit_and_long_names_are_cut),
        cmocka_unit_test(a_workspace_takes_what_the_contract_shows),
        cmocka_unit_test(nothing_leaves_a_workspace_as_an_option_or_a_path),
        cmocka_unit_test(problems_inside_lists_say_where),
    };

    return cmocka_run_group_tests_name("api_body", tests, NULL, NULL);
}
