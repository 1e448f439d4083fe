/* The log of a run: one end of a line, whatever programs print, and no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"
#include "worker/runner/runner_parts.h"

#define SECRET "s3cret\r\nvalue"

static char *dir;

static void expect_log(const char *wanted)
{
    AUTO(auto_free) char *path = path_join(dir, "log");
    AUTO(buf_done) struct buf text = BUF_INIT(4096);
    struct err err;

    assert_int_equal(path_read(path, &text, &err), 0);
    assert_string_equal(buf_text(&text), wanted);
}

static void begin(struct runner_log *log)
{
    AUTO(auto_free) char *path = path_join(dir, "log");
    struct err err;

    remove(path);
    assert_int_equal(runner_log_open(log, dir, &err), 0);
    mask_add(log->mask, SECRET);
}

/* In pieces of that many bytes. */
static void feed(struct runner_log *log, const char *text, size_t piece)
{
    size_t len = strlen(text);

    for (size_t at = 0; at < len; at += piece)
        runner_log_feed(log, text + at, len - at < piece ? len - at : piece);
}

static void every_line_ends_with_lf_however_it_comes(void **state)
{
    static const char text[] = "a\r\n\r\n10%\r20%\r\rb\n\n\r\r\n" SECRET "\rc\r";

    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct runner_log log;
        AUTO(buf_done) struct buf output = BUF_INIT(4096);

        begin(&log);
        feed(&log, text, piece);
        runner_log_flush(&log);
        runner_log_line(&log, "ours: %s", "x\ry");
        feed(&log, "\nd", piece);
        runner_log_flush(&log);
        expect_log("a\n\n10%\n20%\n\nb\n\n\n\n***\nc\nours: x\ny\n\nd");
        capture_text(&log.output, &output);
        assert_string_equal(buf_text(&output), "a\n\n10%\n20%\n\nb\n\n\n\n***\nc\n\nd");
        runner_log_done(&log);
    }
}

static void an_empty_line_of_cr_lf_begins_what_is_held(void **state)
{
    struct runner_log log;

    (void)state;
    begin(&log);
    runner_log_hold(&log);
    feed(&log, "progress\r\n\r\nkey = value\r\n", 3);
    runner_log_flush(&log);
    expect_log("progress\n\n");
    runner_log_release(&log);
    expect_log("progress\n\nkey = value\n");
    runner_log_done(&log);
}

static int make_dir(void **state)
{
    int failed = scratch_make(state);

    dir = *state;
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_ends_with_lf_however_it_comes),
        cmocka_unit_test(an_empty_line_of_cr_lf_begins_what_is_held),
    };

    return cmocka_run_group_tests(tests, make_dir, scratch_remove);
}
