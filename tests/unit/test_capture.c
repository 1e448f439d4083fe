/* Captured text with a ceiling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "worker/text/capture.h"

static char *text_of(const struct capture *capture)
{
    struct buf text = BUF_INIT(4096);

    capture_text(capture, &text);
    return buf_take(&text);
}

static void expect(const struct capture *capture, const char *expected)
{
    AUTO(auto_free) char *text = text_of(capture);

    assert_string_equal(text, expected);
}

static void text_that_fits_is_kept_whole(void **state)
{
    AUTO(capture_done) struct capture capture;

    (void)state;
    capture_init(&capture, 4, 4);
    expect(&capture, "");
    capture_feed(&capture, "ab", 2);
    expect(&capture, "ab");
    capture_feed(&capture, "cdef", 4);
    expect(&capture, "abcdef");
    capture_feed(&capture, "gh", 2);
    expect(&capture, "abcdefgh");
    assert_int_equal(capture.left_out, 0);
}

static void what_lies_between_is_left_out_and_counted(void **state)
{
    AUTO(capture_done) struct capture capture;

    (void)state;
    capture_init(&capture, 4, 4);
    capture_feed(&capture, "abcdefghi", 9);
    expect(&capture, "abcd\n[... 1 bytes left out ...]\nfghi");
    capture_feed(&capture, "jk", 2);
    expect(&capture, "abcd\n[... 3 bytes left out ...]\nhijk");
    capture_feed(&capture, "0123456789", 10);
    expect(&capture, "abcd\n[... 13 bytes left out ...]\n6789");
    assert_int_equal(capture.left_out, 13);
}

/* However the text is cut into pieces, the outcome is the same. */
static void pieces_do_not_matter(void **state)
{
    static const char whole[] = "the quick brown fox jumps over the lazy dog";
    size_t len = strlen(whole);

    (void)state;
    for (size_t piece = 1; piece <= len; piece++) {
        AUTO(capture_done) struct capture capture;

        capture_init(&capture, 7, 5);
        for (size_t at = 0; at < len; at += piece)
            capture_feed(&capture, whole + at, piece < len - at ? piece : len - at);
        expect(&capture, "the qui\n[... 31 bytes left out ...]\ny dog");
    }
}

static void a_tail_alone_keeps_the_end(void **state)
{
    AUTO(capture_done) struct capture capture;

    (void)state;
    capture_init(&capture, 0, 3);
    capture_feed(&capture, "ab", 2);
    expect(&capture, "ab");
    capture_feed(&capture, "cd", 2);
    expect(&capture, "\n[... 1 bytes left out ...]\nbcd");
}

static void a_reset_starts_anew(void **state)
{
    AUTO(capture_done) struct capture capture;

    (void)state;
    capture_init(&capture, 2, 2);
    capture_feed(&capture, "abcdefgh", 8);
    capture_reset(&capture);
    assert_int_equal(capture.left_out, 0);
    expect(&capture, "");
    capture_feed(&capture, "xyz", 3);
    expect(&capture, "xyz");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_fits_is_kept_whole),
        cmocka_unit_test(what_lies_between_is_left_out_and_counted),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(a_tail_alone_keeps_the_end),
        cmocka_unit_test(a_reset_starts_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
