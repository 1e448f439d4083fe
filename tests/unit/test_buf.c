/* The buffer: growth, the ceiling, and the ways to fill and empty it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"

static void an_empty_buffer_is_an_empty_text(void **state)
{
    struct buf buf = BUF_INIT(10);

    (void)state;
    assert_string_equal(buf_text(&buf), "");
    buf_append(&buf, "", 0);
    assert_null(buf.data);
    buf_done(&buf);
}

static void what_goes_past_the_ceiling_is_dropped_and_told(void **state)
{
    struct buf buf = BUF_INIT(5);

    (void)state;
    buf_str(&buf, "12345");
    assert_false(buf.over);
    buf_char(&buf, '6');
    assert_true(buf.over);
    assert_string_equal(buf_text(&buf), "12345");
    assert_int_equal(buf.len, 5);
    buf_done(&buf);
}

static void a_piece_that_half_fits_is_kept_as_far_as_it_fits(void **state)
{
    struct buf buf = BUF_INIT(5);

    (void)state;
    buf_str(&buf, "abc");
    buf_fmt(&buf, "%s", "defg");
    assert_true(buf.over);
    assert_string_equal(buf_text(&buf), "abcde");
    buf_fmt(&buf, "%d", 7);
    assert_string_equal(buf_text(&buf), "abcde");
    buf_done(&buf);
}

static void a_format_longer_than_the_room_at_hand_comes_out_whole(void **state)
{
    struct buf buf = BUF_INIT(100000);
    AUTO(auto_free) char *text = mem_new(5001, 1);

    (void)state;
    memset(text, 'y', 5000);
    buf_fmt(&buf, "%d<%s>", 1, text);
    buf_fmt(&buf, "%s", "");
    assert_int_equal(buf.len, 5003);
    assert_false(buf.over);
    assert_memory_equal(buf.data, "1<y", 3);
    assert_string_equal(buf.data + 5001, "y>");
    buf_done(&buf);
}

static void many_small_pieces_arrive_in_order(void **state)
{
    struct buf buf = BUF_INIT(SIZE_MAX);

    (void)state;
    for (int i = 0; i < 10000; i++)
        buf_char(&buf, (char)('a' + i % 26));
    assert_int_equal(buf.len, 10000);
    for (size_t i = 0; i < 10000; i++)
        assert_int_equal(buf.data[i], 'a' + (int)(i % 26));
    buf_done(&buf);
}

static void taking_hands_over_the_text_and_leaves_nothing(void **state)
{
    struct buf buf = BUF_INIT(100);
    char *text;

    (void)state;
    buf_str(&buf, "mine");
    text = buf_take(&buf);
    assert_string_equal(text, "mine");
    assert_string_equal(buf_text(&buf), "");
    free(text);
    text = buf_take(&buf);
    assert_string_equal(text, "");
    free(text);
    buf_str(&buf, "again");
    assert_string_equal(buf_text(&buf), "again");
    buf_done(&buf);
}

static void resetting_empties_and_forgets_that_something_was_dropped(void **state)
{
    struct buf buf = BUF_INIT(2);

    (void)state;
    buf_str(&buf, "abc");
    buf_reset(&buf);
    assert_false(buf.over);
    assert_string_equal(buf_text(&buf), "");
    buf_str(&buf, "xy");
    assert_string_equal(buf_text(&buf), "xy");
    assert_false(buf.over);
    buf_done(&buf);
}

static void dropping_takes_bytes_off_the_front(void **state)
{
    struct buf buf = BUF_INIT(100);

    (void)state;
    buf_drop(&buf, 3);
    buf_str(&buf, "abcdef");
    buf_drop(&buf, 2);
    assert_string_equal(buf_text(&buf), "cdef");
    buf_drop(&buf, 100);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf.len, 0);
    buf_done(&buf);
}

static void reserved_room_stops_at_the_ceiling(void **state)
{
    struct buf buf = BUF_INIT(6);
    size_t room;
    char *at;

    (void)state;
    buf_str(&buf, "ab");
    at = buf_reserve(&buf, 100, &room);
    assert_int_equal(room, 4);
    memcpy(at, "cdef", 4);
    buf_advance(&buf, 4);
    assert_string_equal(buf_text(&buf), "abcdef");
    buf_reserve(&buf, 1, &room);
    assert_int_equal(room, 0);
    assert_false(buf.over);
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(what_goes_past_the_ceiling_is_dropped_and_told),
        cmocka_unit_test(a_piece_that_half_fits_is_kept_as_far_as_it_fits),
        cmocka_unit_test(a_format_longer_than_the_room_at_hand_comes_out_whole),
        cmocka_unit_test(many_small_pieces_arrive_in_order),
        cmocka_unit_test(taking_hands_over_the_text_and_leaves_nothing),
        cmocka_unit_test(resetting_empties_and_forgets_that_something_was_dropped),
        cmocka_unit_test(dropping_takes_bytes_off_the_front),
        cmocka_unit_test(reserved_room_stops_at_the_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
