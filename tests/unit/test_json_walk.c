/* Walking through JSON without a tree: the same document as a tree has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/json_walk.h"
#include "common/base/mem.h"

static struct json_walk open_text(const char *text)
{
    struct json_walk walk;
    struct err err;

    if (json_walk_open(&walk, text, strlen(text), JSON_DEPTH_MAX, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    return walk;
}

static void members_and_elements_come_in_their_order(void **state)
{
    struct json_walk walk = open_text(" { \"a\" : [ 1 , \"x\\u00e9\\n\" , true ] , "
                                      "\"b\" : { } , \"c\":[],\"d\":-5 } ");
    AUTO(buf_done) struct buf text = BUF_INIT(100);
    char key[JSON_WALK_KEY_BYTES];

    (void)state;
    assert_int_equal(json_walk_peek(&walk), '{');
    json_walk_enter(&walk);
    assert_true(json_walk_next(&walk));
    json_walk_key(&walk, key);
    assert_string_equal(key, "a");
    json_walk_enter(&walk);
    assert_true(json_walk_next(&walk));
    assert_int_equal(json_walk_int(&walk, -1), 1);
    assert_true(json_walk_next(&walk));
    assert_true(json_walk_text(&walk, &text));
    assert_string_equal(buf_text(&text), "x\xc3\xa9\n");
    assert_true(json_walk_next(&walk));
    assert_true(json_walk_bool(&walk));
    assert_false(json_walk_next(&walk));
    for (const char *wanted = "bc"; *wanted != '\0'; wanted++) {
        assert_true(json_walk_next(&walk));
        json_walk_key(&walk, key);
        assert_int_equal(key[0], *wanted);
        json_walk_enter(&walk);
        assert_false(json_walk_next(&walk));
    }
    assert_true(json_walk_next(&walk));
    json_walk_key(&walk, key);
    assert_int_equal(json_walk_int(&walk, 0), -5);
    assert_false(json_walk_next(&walk));
    assert_int_equal(json_walk_peek(&walk), '\0');
}

/* Each value stands before a 7, which must come next. */
static void every_value_can_be_passed_over(void **state)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "false",
                                         "0",
                                         "-1.5e-7",
                                         "\"\"",
                                         "\"]\"",
                                         "\"\\\"}\\\\\"",
                                         "[]",
                                         "{}",
                                         "[[1,\"]\",{\"}\":[]}],2]",
                                         "{\"a\":{\"b\":[{}]},\"c\":\"\\\\\"}",
                                         " [ ] ",
                                         " { } "};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        AUTO(auto_free) char *text = mem_fmt("[%s , 7]", values[i]);
        struct json_walk walk = open_text(text);

        json_walk_enter(&walk);
        assert_true(json_walk_next(&walk));
        json_walk_skip(&walk);
        assert_true(json_walk_next(&walk));
        assert_int_equal(json_walk_int(&walk, 0), 7);
        assert_false(json_walk_next(&walk));
    }
}

static void a_value_of_another_type_is_passed_over(void **state)
{
    struct json_walk walk =
        open_text("[[\"x\"],{\"a\":1},\"text\",1.5,12345678901234567890,3]");
    AUTO(buf_done) struct buf text = BUF_INIT(100);

    (void)state;
    json_walk_enter(&walk);
    json_walk_next(&walk);
    assert_false(json_walk_text(&walk, &text));
    json_walk_next(&walk);
    assert_false(json_walk_bool(&walk));
    for (int i = 0; i < 3; i++) {
        json_walk_next(&walk);
        assert_int_equal(json_walk_int(&walk, -9), -9);
    }
    json_walk_next(&walk);
    assert_int_equal(json_walk_int(&walk, -9), 3);
    assert_false(json_walk_next(&walk));
    assert_int_equal(text.len, 0);
}

static void a_long_key_has_no_name_and_a_long_text_is_over(void **state)
{
    struct json_walk walk =
        open_text("{\"a23456789012345678901234567890123\":\"123456789\","
                  "\"\\u0061\":\"12345\"}");
    AUTO(buf_done) struct buf text = BUF_INIT(8);
    char key[JSON_WALK_KEY_BYTES];

    (void)state;
    json_walk_enter(&walk);
    json_walk_next(&walk);
    json_walk_key(&walk, key);
    assert_string_equal(key, "");
    assert_true(json_walk_text(&walk, &text));
    assert_true(text.over);
    assert_int_equal(text.len, 0);
    assert_true(json_walk_next(&walk));
    json_walk_key(&walk, key);
    assert_string_equal(key, "a");
    assert_true(json_walk_text(&walk, &text));
    assert_string_equal(buf_text(&text), "12345");
}

static void what_is_no_json_is_refused_at_once(void **state)
{
    static const char *const rows[] = {
        "", "{", "[1,]", "{\"a\":1,\"a\":2}", "[1] 2", "\"\xff\"", "[\"\\u0000\"]"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct json_walk walk;
        struct err err = {0};

        assert_int_equal(
            json_walk_open(&walk, rows[i], strlen(rows[i]), JSON_DEPTH_MAX, &err), -1);
        assert_int_equal(err.kind, ERR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements_come_in_their_order),
        cmocka_unit_test(every_value_can_be_passed_over),
        cmocka_unit_test(a_value_of_another_type_is_passed_over),
        cmocka_unit_test(a_long_key_has_no_name_and_a_long_text_is_over),
        cmocka_unit_test(what_is_no_json_is_refused_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
