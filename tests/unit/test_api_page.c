/* Cursors of pages: there and back, and nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/server/page.h"
#include "common/base/mem.h"

static void a_cursor_comes_back_as_it_went(void **state)
{
    static const struct page_cursor cases[] = {
        {1, ""},
        {50, ""},
        {INT64_C(1737455400123), "0194890e-2f00-7000-8000-00000000000a"},
        {INT64_C(9007199254740991), "ffffffff-ffff-ffff-ffff-ffffffffffff"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[PAGE_CURSOR_BYTES];
        struct page_cursor back = {0};

        page_cursor_print(&cases[i], text);
        assert_int_equal(strlen(text), PAGE_CURSOR_BYTES - 1);
        assert_int_equal(strspn(text,
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_"),
                         PAGE_CURSOR_BYTES - 1);
        assert_int_equal(page_cursor_parse(text, &back), 0);
        assert_int_equal(back.at, cases[i].at);
        assert_string_equal(back.id, cases[i].id);
    }
}

static void what_is_no_cursor_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "x",
        "nonsense",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",  /* at 0 */
        "__________AAAAAAAAAAAAAAAAAAAAAA",  /* at -1 and more */
        "AAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAA", /* a byte too long */
        "AAAAAAAAAAEAAAAAAAAAAAAAAAAAAA==",
        "AAAAAAAAAAE!AAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAE+AAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAE AAAAAAAAAAAAAAAAAAAA",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct page_cursor cursor = {.at = -7};

        if (page_cursor_parse(cases[i], &cursor) == 0)
            fail_msg("%s", cases[i]);
        assert_int_equal(cursor.at, -7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_comes_back_as_it_went),
        cmocka_unit_test(what_is_no_cursor_is_refused),
    };

    return cmocka_run_group_tests_name("api_page", tests, NULL, NULL);
}
