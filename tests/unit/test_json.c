/* JSON: what the strict reader refuses and where, and what the writer makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/json.h"
#include "common/base/mem.h"

static cJSON *parse(const char *text, struct err *err)
{
    return json_parse(text, strlen(text), JSON_DEPTH_MAX, false, err);
}

static void what_is_json_comes_out_in_its_compact_form(void **state)
{
    static const struct {
        const char *text, *normal;
    } rows[] = {
        {"null", "null"},
        {" \t\r\n true ", "true"},
        {"false", "false"},
        {"0", "0"},
        {"-0", "0"},
        {"-12", "-12"},
        {"1.5", "1.5"},
        {"1e2", "100"},
        {"1E+2", "100"},
        {"25e-1", "2.5"},
        {"0.1", "0.1"},
        {"9007199254740991", "9007199254740991"},
        {"1e300", "1e+300"},
        {"\"\"", "\"\""},
        {"\"a\\u00e4\\n\\/\"", "\"a\xc3\xa4\\n/\""},
        {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
        {"\"\\uFFFF\"", "\"\xef\xbf\xbf\""},
        {"[]", "[]"},
        {"[ 1 , [ ] , {} ]", "[1,[],{}]"},
        {"{\"a\":{\"a\":1},\"b\":[{\"a\":2}]}", "{\"a\":{\"a\":1},\"b\":[{\"a\":2}]}"},
        {"{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}"},
        {"{\"\":1}", "{\"\":1}"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(1000);
        struct err err = {0};
        cJSON *doc = parse(rows[i].text, &err);

        if (doc == NULL)
            fail_msg("%s: %s", rows[i].text, err.message);
        json_print(doc, &out);
        assert_string_equal(buf_text(&out), rows[i].normal);
        buf_done(&out);
        cJSON_Delete(doc);
    }
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "unexpected end at line 1, column 1"},
        {"{", "expected a key in quotes at line 1, column 2"},
        {"[", "unexpected end at line 1, column 2"},
        {"[1", "expected ',' or ']' at line 1, column 3"},
        {"[1,]", "expected a value at line 1, column 4"},
        {"[1 2]", "expected ',' or ']' at line 1, column 4"},
        {"[,1]", "expected a value at line 1, column 2"},
        {"{\"a\":1,}", "expected a key in quotes at line 1, column 8"},
        {"{\"a\" 1}", "expected ':' at line 1, column 6"},
        {"{\"a\":}", "expected a value at line 1, column 6"},
        {"{\"a\":1]", "expected ',' or '}' at line 1, column 7"},
        {"[1}", "expected ',' or ']' at line 1, column 3"},
        {"{a:1}", "expected a key in quotes at line 1, column 2"},
        {"{'a':1}", "expected a key in quotes at line 1, column 2"},
        {"1 2", "unexpected text after the document at line 1, column 3"},
        {"{} x", "unexpected text after the document at line 1, column 4"},
        {"nul", "expected a value at line 1, column 1"},
        {"nulll", "unexpected text after the document at line 1, column 5"},
        {"True", "expected a value at line 1, column 1"},
        {"NaN", "expected a value at line 1, column 1"},
        {"// c\n1", "expected a value at line 1, column 1"},
        {"\xef\xbb\xbf{}", "expected a value at line 1, column 1"},
        {"01", "unexpected text after the document at line 1, column 2"},
        {"-", "invalid number at line 1, column 1"},
        {"+1", "expected a value at line 1, column 1"},
        {".5", "expected a value at line 1, column 1"},
        {"1.", "invalid number at line 1, column 1"},
        {"1e", "invalid number at line 1, column 1"},
        {"1e+", "invalid number at line 1, column 1"},
        {"1e999", "number too large at line 1, column 1"},
        {"[0000]", "expected ',' or ']' at line 1, column 3"},
        {"1111111111111111111111111111111111111111111111111111111111111111",
         "number too long at line 1, column 1"},
        {"\"a", "unterminated string at line 1, column 1"},
        {"\"a\\\"", "unterminated string at line 1, column 1"},
        {"\"\\", "invalid escape at line 1, column 2"},
        {"\"\\x\"", "invalid escape at line 1, column 2"},
        {"\"\\u12g4\"", "invalid \\u escape at line 1, column 2"},
        {"\"\\u12", "invalid \\u escape at line 1, column 2"},
        {"\"\\u0000\"", "\\u0000 is not allowed at line 1, column 2"},
        {"\"\\ud800\"", "lone surrogate at line 1, column 2"},
        {"\"\\ud800\\u0041\"", "lone surrogate at line 1, column 2"},
        {"\"\\udc00\\ud800\"", "lone surrogate at line 1, column 2"},
        {"\"\\ud800x\"", "lone surrogate at line 1, column 2"},
        {"\"a\nb\"", "control character in a string at line 1, column 3"},
        {"\"\x01\"", "control character in a string at line 1, column 2"},
        {"\"\xff\"", "invalid UTF-8 at line 1, column 2"},
        {"\"\xc0\x80\"", "invalid UTF-8 at line 1, column 2"},
        {"\"\xed\xa0\x80\"", "invalid UTF-8 at line 1, column 2"},
        {"[\n  \"\xc3\xa4\", x]", "expected a value at line 2, column 8"},
        {"{\"a\":1,\n\"a\":2}", "duplicate key at line 2, column 1"},
        {"{\"a\":1,\"\\u0061\":2}", "duplicate key at line 1, column 8"},
        {"{\"x\":{\"b\":1,\"b\":1}}", "duplicate key at line 1, column 13"},
        {"{\"x\":{\"b\":1},\"x\":1}", "duplicate key at line 1, column 14"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        cJSON *doc = parse(rows[i].text, &err);

        if (doc != NULL)
            fail_msg("accepted: %s", rows[i].text);
        assert_int_equal(err.kind, ERR_INPUT);
        assert_string_equal(err.message, rows[i].message);
    }
}

static void a_nul_byte_is_refused_wherever_it_stands(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {{"\0", 1}, {"1\0", 2}, {"\"a\0b\"", 5}, {"[1,\0]", 5}, {"{\0}", 3}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};

        assert_null(json_parse(rows[i].bytes, rows[i].len, JSON_DEPTH_MAX, false, &err));
        assert_int_equal(err.kind, ERR_INPUT);
    }
}

static void folding_case_finds_keys_that_differ_only_in_it(void **state)
{
    const char *text = "{\"Repository\":1,\"repositor\\u0059\":2}";
    struct err err = {0};
    cJSON *doc = parse(text, &err);

    (void)state;
    assert_non_null(doc);
    cJSON_Delete(doc);
    assert_null(json_parse(text, strlen(text), JSON_DEPTH_MAX, true, &err));
    assert_string_equal(err.message, "duplicate key at line 1, column 17");
}

static void depth_is_counted_in_containers(void **state)
{
    struct err err = {0};
    cJSON *doc = json_parse("[{\"a\":[1]}]", 11, 3, false, &err);

    (void)state;
    assert_non_null(doc);
    cJSON_Delete(doc);
    assert_null(json_parse("[{\"a\":[1]}]", 11, 2, false, &err));
    assert_string_equal(err.message, "nested too deeply at line 1, column 7");
}

static void a_million_open_brackets_are_refused_without_harm(void **state)
{
    size_t len = 1000000;
    AUTO(auto_free) char *text = mem_new(len, 1);
    struct err err = {0};

    (void)state;
    memset(text, '[', len);
    assert_null(json_parse(text, len, JSON_DEPTH_MAX, false, &err));
    assert_int_equal(err.kind, ERR_INPUT);
}

/* Comparing each key with each other would take minutes for 100 000 of them. */
static void a_megabyte_of_keys_is_read_in_no_time(void **state)
{
    struct buf text = BUF_INIT(4 << 20);
    clock_t start, used;
    struct err err = {0};
    cJSON *doc;

    (void)state;
    buf_char(&text, '{');
    for (int i = 0; i < 100000; i++)
        buf_fmt(&text, "%s\"%d\":1", i > 0 ? "," : "", i);
    buf_char(&text, '}');
    start = clock();
    doc = json_parse(text.data, text.len, JSON_DEPTH_MAX, false, &err);
    used = clock() - start;
    assert_non_null(doc);
    assert_true(used < 3 * CLOCKS_PER_SEC);
    cJSON_Delete(doc);
    text.data[text.len - 1] = ',';
    buf_str(&text, "\"77777\":1}");
    assert_null(json_parse(text.data, text.len, JSON_DEPTH_MAX, false, &err));
    assert_memory_equal(err.message, "duplicate key", strlen("duplicate key"));
    buf_done(&text);
}

static void getters_fall_back_when_a_member_is_missing_or_of_another_type(void **state)
{
    struct err err = {0};
    cJSON *doc = parse("{\"s\":\"x\",\"n\":7,\"f\":1.5,\"big\":9007199254740992,"
                       "\"b\":true,\"z\":null,\"S\":\"y\"}",
                       &err);

    (void)state;
    assert_non_null(doc);
    assert_string_equal(json_string(doc, "s"), "x");
    assert_string_equal(json_string(doc, "S"), "y");
    assert_null(json_string(doc, "n"));
    assert_null(json_string(doc, "none"));
    assert_null(json_string(NULL, "s"));
    assert_int_equal(json_int(doc, "n", -1), 7);
    assert_int_equal(json_int(doc, "f", -1), -1);
    assert_int_equal(json_int(doc, "big", -1), -1);
    assert_int_equal(json_int(doc, "s", -1), -1);
    assert_true(json_bool(doc, "b", false));
    assert_true(json_bool(doc, "n", true));
    assert_false(json_bool(doc, "n", false));
    assert_true(cJSON_IsNull(json_get(doc, "z")));
    assert_null(json_get(doc, "none"));
    cJSON_Delete(doc);
}

static void the_writer_puts_commas_where_they_belong(void **state)
{
    struct buf out = BUF_INIT(1000);
    struct json_writer w;

    (void)state;
    json_open(&w, &out);
    json_object(&w);
    json_add_text(&w, "a", "x");
    json_add_text(&w, "none", NULL);
    json_key(&w, "list");
    json_array(&w);
    json_number(&w, 1);
    json_object(&w);
    json_object_end(&w);
    json_array(&w);
    json_array_end(&w);
    json_text_n(&w, "xyz", 2);
    json_null(&w);
    json_array_end(&w);
    json_add_boolean(&w, "yes", true);
    json_add_boolean(&w, "no", false);
    json_add_null(&w, "nil");
    json_add_time(&w, "at", 1737455400123);
    json_add_time(&w, "never", 0);
    json_add_raw(&w, "raw", "{\"k\":[]}", 8);
    json_add_node(&w, "node", NULL);
    json_object_end(&w);
    assert_string_equal(buf_text(&out),
                        "{\"a\":\"x\",\"none\":null,\"list\":[1,{},[],\"xy\",null],"
                        "\"yes\":true,\"no\":false,\"nil\":null,"
                        "\"at\":\"2025-01-21T10:30:00.123Z\",\"never\":null,"
                        "\"raw\":{\"k\":[]},\"node\":null}");
    buf_done(&out);
}

static void written_numbers_reach_both_ends(void **state)
{
    static const struct {
        int64_t number;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-1, "-1"},
        {10, "10"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(100);
        struct json_writer w;

        json_open(&w, &out);
        json_number(&w, rows[i].number);
        assert_string_equal(buf_text(&out), rows[i].text);
        buf_done(&out);
    }
}

static void written_text_is_escaped_and_made_utf8(void **state)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
        {"a\x01"
         "b\x1f\x7f",
         "\"a\\u0001b\\u001f\\u007f\""},
        {"\xe2\x82\xac/\xf0\x9f\x98\x80", "\"\xe2\x82\xac/\xf0\x9f\x98\x80\""},
        {"a\xff"
         "b",
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(100);
        struct json_writer w;

        json_open(&w, &out);
        json_text(&w, rows[i].text);
        assert_string_equal(buf_text(&out), rows[i].json);
        buf_done(&out);
    }
}

/* Whatever bytes go in, the reader takes what the writer made. */
static void every_written_text_can_be_read_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 256 * 256; i++) {
        char bytes[4] = {'a', (char)(i >> 8), (char)i, 'z'};
        struct buf out = BUF_INIT(100);
        struct json_writer w;
        struct err err = {0};
        cJSON *doc;

        if ((i & 0xff) == 0 || i >> 8 == 0)
            continue; /* U+0000, which the reader refuses */
        json_open(&w, &out);
        json_text_n(&w, bytes, sizeof bytes);
        doc = json_parse(out.data, out.len, 1, false, &err);
        if (doc == NULL)
            fail_msg("%02x %02x: %s", i >> 8, i & 0xff, err.message);
        cJSON_Delete(doc);
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_comes_out_in_its_compact_form),
        cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
        cmocka_unit_test(a_nul_byte_is_refused_wherever_it_stands),
        cmocka_unit_test(folding_case_finds_keys_that_differ_only_in_it),
        cmocka_unit_test(depth_is_counted_in_containers),
        cmocka_unit_test(a_million_open_brackets_are_refused_without_harm),
        cmocka_unit_test(a_megabyte_of_keys_is_read_in_no_time),
        cmocka_unit_test(getters_fall_back_when_a_member_is_missing_or_of_another_type),
        cmocka_unit_test(the_writer_puts_commas_where_they_belong),
        cmocka_unit_test(written_numbers_reach_both_ends),
        cmocka_unit_test(written_text_is_escaped_and_made_utf8),
        cmocka_unit_test(every_written_text_can_be_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
