/* Errors: the message is cut, never overrun; the kind survives wrapping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "common/base/err.h"

static void a_set_error_has_its_kind_and_its_sentence(void **state)
{
    struct err err;

    (void)state;
    assert_int_equal(err_set(&err, ERR_INPUT, "field %s is %d", "limit", 7), -1);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_string_equal(err.message, "field limit is 7");
}

static void a_system_error_ends_with_the_text_of_errno(void **state)
{
    struct err err;

    (void)state;
    assert_int_equal(err_sys(&err, ERR_PERM, ENOENT, "open %s", "/x"), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_string_equal(err.message, "open /x: No such file or directory");
}

static void wrapping_puts_context_in_front_and_keeps_the_kind(void **state)
{
    struct err err;

    (void)state;
    err_set(&err, ERR_LOST, "fence differs");
    assert_int_equal(err_wrap(&err, "run %d", 3), -1);
    assert_int_equal(err.kind, ERR_LOST);
    assert_string_equal(err.message, "run 3: fence differs");
}

static void a_long_message_is_cut_in_every_function(void **state)
{
    char text[2 * ERR_MESSAGE_BYTES];
    struct err err;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_TEMP, "%s", text);
    assert_int_equal(strlen(err.message), ERR_MESSAGE_BYTES - 1);
    err_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.message), ERR_MESSAGE_BYTES - 1);
    err_sys(&err, ERR_TEMP, EIO, "%s", text);
    assert_int_equal(strlen(err.message), ERR_MESSAGE_BYTES - 1);
}

static void every_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ERR_KINDS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(err_kind_name((enum err_kind)i),
                                    err_kind_name((enum err_kind)j));
    assert_string_equal(err_kind_name(ERR_TEMP), "temp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_error_has_its_kind_and_its_sentence),
        cmocka_unit_test(a_system_error_ends_with_the_text_of_errno),
        cmocka_unit_test(wrapping_puts_context_in_front_and_keeps_the_kind),
        cmocka_unit_test(a_long_message_is_cut_in_every_function),
        cmocka_unit_test(every_kind_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
