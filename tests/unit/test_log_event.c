/* The log of a run as server-sent events: what a client reads is what was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/log/log_event.h"
#include "common/base/mem.h"

#define OUT_MAX ((size_t)1 << 20)

static void ids_are_two_numbers(void **state)
{
    static const struct {
        const char *id;
        bool good;
        int64_t attempt, offset;
    } rows[] = {
        {"1-0", true, 1, 0},
        {"3-1048576", true, 3, 1048576},
        {"0-0", true, 0, 0},
        {"", false, 0, 0},
        {"1", false, 0, 0},
        {"1-", false, 0, 0},
        {"-1", false, 0, 0},
        {"1--1", false, 0, 0},
        {"1-2-3", false, 0, 0},
        {"1-2 ", false, 0, 0},
        {"a-2", false, 0, 0},
        {"1-99999999999999999999", false, 0, 0},
        {"000000000000000000000000000000000000000000000001-2", false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct log_place place = {7, 7};

        if (log_event_place(rows[i].id, &place) != rows[i].good)
            fail_msg("\"%s\" was not judged right", rows[i].id);
        assert_int_equal(place.attempt, rows[i].good ? rows[i].attempt : 7);
        assert_int_equal(place.offset, rows[i].good ? rows[i].offset : 7);
    }
}

static void what_is_left_of_a_character_waits(void **state)
{
    static const struct {
        const char *text;
        size_t tail;
    } rows[] = {
        {"", 0},
        {"a", 0},
        {"\xc3", 1},             /* of 2 */
        {"\xc3\xa9", 0},         /* é */
        {"a\xe2\x82", 2},        /* of 3 */
        {"\xe2\x82\xac", 0},     /* € */
        {"\xf0\x9f\x9a", 3},     /* of 4 */
        {"\xf0\x9f\x9a\x80", 0}, /* a rocket */
        {"\xe2", 1},
        {"\xf0", 1},
        {"\x80\x80\x80", 0}, /* of nothing */
        {"\x80\x80\x80\x80\x80", 0},
        {"\xff", 0},
        {"\xc0", 0},
        {"\xf5\x80", 0},
        {"\xc3\xa9\xa9", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (log_event_tail(rows[i].text, strlen(rows[i].text)) != rows[i].tail)
            fail_msg("row %zu", i);
}

/* The data of the events, as the standard has it put together; one event a call. */
static const char *read_event(const char *at, struct buf *data, struct buf *id)
{
    bool any = false;

    while (*at != '\n') {
        size_t len = strcspn(at, "\r\n");

        assert_int_equal(at[len], '\n'); /* no CR ends a line */
        if (strncmp(at, "data: ", 6) == 0) {
            if (any)
                buf_char(data, '\n');
            buf_append(data, at + 6, len - 6);
            any = true;
        } else if (strncmp(at, "id: ", 4) == 0) {
            buf_append(id, at + 4, len - 4);
        } else {
            fail_msg("a line that is neither: %s", at);
        }
        at += len + 1;
    }
    return at + 1;
}

static void expect_data(const char *bytes, const char *seen)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
    AUTO(buf_done) struct buf data = BUF_INIT(OUT_MAX);
    AUTO(buf_done) struct buf id = BUF_INIT(OUT_MAX);
    const struct log_place after = {2, 345};

    log_event_data(&out, &after, bytes, strlen(bytes));
    assert_string_equal(read_event(buf_text(&out), &data, &id), "");
    assert_string_equal(buf_text(&data), seen);
    assert_string_equal(buf_text(&id), "2-345");
}

static void data_is_read_as_it_was_written(void **state)
{
    static const char *const rows[] = {"a",      "a\n",        "\n",         "\n\n\n",
                                       "a\nb",   "a\n\nb\n",   " a",         "  \n",
                                       ": no\n", "data: no\n", "event: end", "id: 7\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_data(rows[i], rows[i]);
}

static void a_cr_cannot_speak_as_a_line_of_the_stream(void **state)
{
    (void)state;
    expect_data("a\r\revent: end\rdata: x\r\r", "a\n\nevent: end\ndata: x\n\n");
    expect_data("a\r\nb\r", "a\nb\n");
    expect_data("\r\n\n\r", "\n\n\n");
}

static void every_cut_puts_together_to_the_whole(void **state)
{
    static const char text[] = "é\n\nüber 漢字\n🚀🚀\n  x\n";
    size_t len = sizeof text - 1;

    (void)state;
    for (size_t cut = 0; cut <= len; cut++) {
        AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
        AUTO(buf_done) struct buf data = BUF_INIT(OUT_MAX);
        AUTO(buf_done) struct buf id = BUF_INIT(OUT_MAX);
        size_t first = cut - log_event_tail(text, cut);
        struct log_place after = {1, (int64_t)first};
        const char *at;

        log_event_data(&out, &after, text, first);
        after.offset = (int64_t)len;
        log_event_data(&out, &after, text + first, len - first);
        at = read_event(buf_text(&out), &data, &id);
        assert_string_equal(read_event(at, &data, &id), "");
        assert_string_equal(buf_text(&data), text);
    }
}

static void the_other_events_are_as_documented(void **state)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
    const struct log_place place = {3, 12};

    (void)state;
    log_event_begin(&out);
    log_event_gap(&out, &place, 77);
    log_event_gap(&out, &place, -1);
    log_event_attempt(&out, &place);
    log_event_comment(&out);
    log_event_end(&out, &place, "clean");
    assert_string_equal(buf_text(&out),
                        "retry: 2000\n\n"
                        "id: 3-12\nevent: gap\ndata: {\"bytes\":77}\n\n"
                        "id: 3-12\nevent: gap\ndata: {\"bytes\":null}\n\n"
                        "id: 3-12\nevent: attempt\ndata: 3\n\n"
                        ": \n\n"
                        "id: 3-12\nevent: end\ndata: {\"status\":\"clean\"}\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_two_numbers),
        cmocka_unit_test(what_is_left_of_a_character_waits),
        cmocka_unit_test(data_is_read_as_it_was_written),
        cmocka_unit_test(a_cr_cannot_speak_as_a_line_of_the_stream),
        cmocka_unit_test(every_cut_puts_together_to_the_whole),
        cmocka_unit_test(the_other_events_are_as_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
