/* Small parsers, by table: what is taken as what, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"

#define UNTOUCHED INT64_C(-4242)

struct quantity {
    const char *text;
    int64_t value;
};

static void check_quantities(const struct quantity *rows, size_t count,
                             int (*parse)(const char *, int64_t *))
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = UNTOUCHED;

        if (parse(rows[i].text, &value) != (rows[i].value == UNTOUCHED ? -1 : 0))
            fail_msg("\"%s\"", rows[i].text);
        assert_int_equal(value, rows[i].value);
    }
}

static int parse_any_int64(const char *text, int64_t *out)
{
    return parse_int64(text, INT64_MIN, INT64_MAX, out);
}

static void whole_numbers_are_decimal_and_nothing_else(void **state)
{
    static const struct quantity rows[] = {
        {"0", 0},
        {"-1", -1},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", UNTOUCHED},
        {"99999999999999999999", UNTOUCHED},
        {"", UNTOUCHED},
        {"-", UNTOUCHED},
        {"+1", UNTOUCHED},
        {" 1", UNTOUCHED},
        {"1 ", UNTOUCHED},
        {"1.0", UNTOUCHED},
        {"0x10", UNTOUCHED},
        {"1e3", UNTOUCHED},
    };

    (void)state;
    check_quantities(rows, ARRAY_LEN(rows), parse_any_int64);
}

static void a_number_outside_its_bounds_is_refused(void **state)
{
    int64_t value = UNTOUCHED;

    (void)state;
    assert_int_equal(parse_int64("500", 1, 500, &value), 0);
    assert_int_equal(value, 500);
    assert_int_equal(parse_int64("501", 1, 500, &value), -1);
    assert_int_equal(parse_int64("0", 1, 500, &value), -1);
    assert_int_equal(value, 500);
}

static void durations_have_a_unit(void **state)
{
    static const struct quantity rows[] = {
        {"250ms", 250},      {"30s", 30000},
        {"5m", 300000},      {"1h", 3600000},
        {"2d", 172800000},   {"0", 0},
        {"0s", 0},           {"10", UNTOUCHED},
        {"", UNTOUCHED},     {"s", UNTOUCHED},
        {"1.5h", UNTOUCHED}, {"1h30m", UNTOUCHED},
        {"-1s", UNTOUCHED},  {"1H", UNTOUCHED},
        {"1 h", UNTOUCHED},  {"9223372036854775807d", UNTOUCHED},
    };

    (void)state;
    check_quantities(rows, ARRAY_LEN(rows), parse_duration_ms);
}

static void sizes_are_powers_of_1024(void **state)
{
    static const struct quantity rows[] = {
        {"512", 512},
        {"64K", 65536},
        {"20M", 20971520},
        {"1G", 1073741824},
        {"0", 0},
        {"1T", UNTOUCHED},
        {"1k", UNTOUCHED},
        {"1KB", UNTOUCHED},
        {"G", UNTOUCHED},
        {"-1", UNTOUCHED},
        {"9223372036854775807K", UNTOUCHED},
    };

    (void)state;
    check_quantities(rows, ARRAY_LEN(rows), parse_size_bytes);
}

static void booleans_are_eight_words_in_any_case(void **state)
{
    static const struct {
        const char *text;
        int value;
    } rows[] = {{"true", 1}, {"1", 1},      {"Yes", 1},    {"ON", 1}, {"false", 0},
                {"0", 0},    {"no", 0},     {"Off", 0},    {"", -1},  {"2", -1},
                {"t", -1},   {"true ", -1}, {"falsey", -1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool value = rows[i].value == 0; /* the opposite of what is expected */

        if (parse_bool(rows[i].text, &value) != (rows[i].value < 0 ? -1 : 0))
            fail_msg("\"%s\"", rows[i].text);
        assert_int_equal(value, rows[i].value == 1);
    }
}

#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10

static void names_are_told_from_what_only_looks_like_one(void **state)
{
    static const struct {
        bool (*is_name)(const char *text);
        const char *text;
        bool right;
    } rows[] = {
        {parse_is_uuid, "0190d5b4-3b1e-7c3a-9f00-aBcDeF012345", true},
        {parse_is_uuid, "0190d5b4-3b1e-7c3a-9f00-aBcDeF01234", false},
        {parse_is_uuid, "0190d5b4-3b1e-7c3a-9f00-aBcDeF0123456", false},
        {parse_is_uuid, "0190d5b43b1e-7c3a-9f00-aBcDeF012345-", false},
        {parse_is_uuid, "0190d5b4-3b1e-7c3a-9f00-gBcDeF012345", false},
        {parse_is_uuid, "", false},
        {parse_is_id, "a", true},
        {parse_is_id, "9.x_y-z", true},
        {parse_is_id, X60 "1234", true},
        {parse_is_id, X60 "12345", false},
        {parse_is_id, ".a", false},
        {parse_is_id, "a/b", false},
        {parse_is_id, "a b", false},
        {parse_is_id, "\xc3\xa4", false},
        {parse_is_id, "", false},
        {parse_is_request_id, "-._", true},
        {parse_is_request_id, X60 "1234", true},
        {parse_is_request_id, X60 "12345", false},
        {parse_is_request_id, "a\n", false},
        {parse_is_request_id, "", false},
        {parse_is_tf_workspace, "default", true},
        {parse_is_tf_workspace, "...", true},
        {parse_is_tf_workspace, X60 X10 X10 X10, true},
        {parse_is_tf_workspace, X60 X10 X10 X10 "1", false},
        {parse_is_tf_workspace, ".", false},
        {parse_is_tf_workspace, "..", false},
        {parse_is_tf_workspace, "-x", false},
        {parse_is_tf_workspace, "a/b", false},
        {parse_is_tf_workspace, "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].is_name(rows[i].text) != rows[i].right)
            fail_msg("row %zu: \"%s\"", i, rows[i].text);
}

static void only_the_shortest_form_of_a_character_is_utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t width;
    } rows[] = {
        {"a", 1},
        {"\xc2\x80", 2},
        {"\xdf\xbf", 2},
        {"\xe0\xa0\x80", 3},
        {"\xed\x9f\xbf", 3},
        {"\xee\x80\x80", 3},
        {"\xef\xbf\xbf", 3},
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\x80", 0},
        {"\xbf", 0},
        {"\xc0\x80", 0},         /* long form of U+0000 */
        {"\xc1\xbf", 0},         /* long form of U+007F */
        {"\xe0\x9f\xbf", 0},     /* long form of U+07FF */
        {"\xed\xa0\x80", 0},     /* U+D800, a surrogate */
        {"\xed\xbf\xbf", 0},     /* U+DFFF */
        {"\xf0\x8f\xbf\xbf", 0}, /* long form of U+FFFF */
        {"\xf4\x90\x80\x80", 0}, /* U+110000 */
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
        {"\xc2", 0},
        {"\xc2\x41", 0},
        {"\xe1\x80", 0},
        {"\xe1\x80\x41", 0},
        {"\xf1\x80\x80", 0},
        {"\xf1\x80\x80\xc0", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].bytes);

        if (parse_utf8_char(rows[i].bytes, len) != rows[i].width)
            fail_msg("row %zu", i);
        assert_int_equal(parse_is_utf8(rows[i].bytes, len), rows[i].width > 0);
    }
    assert_int_equal(parse_utf8_char("", 0), 0);
}

static void text_with_a_nul_or_a_cut_character_is_not_utf8(void **state)
{
    (void)state;
    assert_true(parse_is_utf8("", 0));
    assert_true(parse_is_utf8("a\xe2\x82\xac", 4));
    assert_false(parse_is_utf8("a\xe2\x82\xac", 3));
    assert_false(parse_is_utf8("a\0b", 3));
}

static void globs_match_whole_texts(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool ignore_case, matches;
    } rows[] = {
        {"", "", false, true},
        {"", "a", false, false},
        {"*", "", false, true},
        {"**", "a/b", false, true},
        {"a", "a", false, true},
        {"a", "A", false, false},
        {"a", "A", true, true},
        {"?", "", false, false},
        {"?", "/", false, true},
        {"a*c", "abcbc", false, true},
        {"a*c", "abcb", false, false},
        {"*.tf", "x/y.tf", false, true},
        {"github.com/acme/*", "github.com/acme/x", false, true},
        {"github.com/acme/*", "github.com/acmex", false, false},
        {"*a*b*", "xxaxxbxx", false, true},
        {"*a*b*", "xxbxxaxx", false, false},
        {"module.*[0]", "module.x[0]", false, true},
        {"a*", "ba", false, false},
        {"aab", "aaab", false, false},
        {"*aab", "aaab", false, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (parse_glob(rows[i].pattern, rows[i].text, rows[i].ignore_case) !=
            rows[i].matches)
            fail_msg("\"%s\" on \"%s\"", rows[i].pattern, rows[i].text);
}

static void a_glob_takes_no_more_steps_than_it_is_given(void **state)
{
    int64_t steps = 100;

    (void)state;
    assert_true(parse_glob_within("a*c", "abbc", &steps));
    assert_true(steps > 0 && steps < 100);
    assert_false(parse_glob_within("A*c", "abbc", &steps));
    steps = 3;
    assert_false(parse_glob_within("a*c", "abbc", &steps));
    assert_int_equal(steps, 0);
    assert_false(parse_glob_within("abc", "abc", &steps));
    assert_int_equal(steps, 0);
}

static void a_glob_of_many_stars_does_not_explode(void **state)
{
    char pattern[201], text[20001];

    (void)state;
    for (size_t i = 0; i < sizeof pattern - 1; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[199] = 'b';
    pattern[200] = '\0';
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(parse_glob(pattern, text, false));
}

static void lists_are_trimmed_and_lose_empty_fields(void **state)
{
    size_t count = 99;
    char **list = parse_list(" a ,, b c,\t,d", ',', &count);

    (void)state;
    assert_int_equal(count, 3);
    assert_string_equal(list[0], "a");
    assert_string_equal(list[1], "b c");
    assert_string_equal(list[2], "d");
    parse_list_free(list, count);
    list = parse_list(" , ", ',', &count);
    assert_int_equal(count, 0);
    parse_list_free(list, count);
    list = parse_list("/usr:/lib", ':', &count);
    assert_int_equal(count, 2);
    assert_string_equal(list[1], "/lib");
    parse_list_free(list, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_are_decimal_and_nothing_else),
        cmocka_unit_test(a_number_outside_its_bounds_is_refused),
        cmocka_unit_test(durations_have_a_unit),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(booleans_are_eight_words_in_any_case),
        cmocka_unit_test(names_are_told_from_what_only_looks_like_one),
        cmocka_unit_test(only_the_shortest_form_of_a_character_is_utf8),
        cmocka_unit_test(text_with_a_nul_or_a_cut_character_is_not_utf8),
        cmocka_unit_test(globs_match_whole_texts),
        cmocka_unit_test(a_glob_takes_no_more_steps_than_it_is_given),
        cmocka_unit_test(a_glob_of_many_stars_does_not_explode),
        cmocka_unit_test(lists_are_trimmed_and_lose_empty_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
