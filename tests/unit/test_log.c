/* The log: every line is one line of JSON, whatever goes into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/scratch.h"

#define LINE_BYTES_MAX 8192

static int saved_stderr = -1;

/* Standard error goes to the file "log" until end_capture. */
static void begin_capture(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "log");
    AUTO(auto_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    saved_stderr = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
}

static struct buf end_capture(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "log");
    struct buf text = BUF_INIT(1 << 20);
    struct err err = {0};

    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    assert_int_equal(path_read(path, &text, &err), 0);
    return text;
}

/* The one line that was logged, as an object. */
static cJSON *captured_line(void **state)
{
    struct buf text = end_capture(state);
    struct err err = {0};
    cJSON *line;

    assert_true(text.len > 0);
    assert_true(text.len <= LINE_BYTES_MAX);
    assert_ptr_equal(strchr(buf_text(&text), '\n'), text.data + text.len - 1);
    line = json_parse(text.data, text.len, 1, false, &err);
    if (line == NULL)
        fail_msg("%s: %s", err.message, buf_text(&text));
    buf_done(&text);
    return line;
}

static void a_line_says_when_who_and_what(void **state)
{
    AUTO(auto_json) cJSON *line = NULL;

    log_open("kedge-test", LOG_INFO);
    begin_capture(state);
    log_warn("claimed", "run_id=%s attempt=%d", "r1", 3);
    line = captured_line(state);
    assert_int_equal(strlen(json_string(line, "ts")), 24);
    assert_string_equal(json_string(line, "level"), "warn");
    assert_string_equal(json_string(line, "proc"), "kedge-test");
    assert_int_equal(json_int(line, "pid", 0), getpid());
    assert_string_equal(json_string(line, "event"), "claimed");
    assert_string_equal(json_string(line, "run_id"), "r1");
    assert_int_equal(json_int(line, "attempt", 0), 3);
}

static void every_known_conversion_keeps_its_value(void **state)
{
    const char *volatile none = NULL; /* volatile: the compiler warns of what it sees */
    struct buf text;

    log_open("t", LOG_INFO);
    begin_capture(state);
    log_info("all",
             "s=%s d=%d u=%u ld=%ld lu=%lu lld=%lld llu=%llu zu=%zu i64=%" PRId64
             " u64=%" PRIu64 " n=%.*s word=text null=%s last=%d",
             "x", -1, 4294967295u, -2L, 2UL, INT64_C(-9007199254740993) + 0LL,
             UINT64_MAX + 0ULL, (size_t)7, INT64_MIN, UINT64_MAX, 2, "abc", none, 42);
    text = end_capture(state);
    assert_non_null(strstr(
        buf_text(&text),
        "\"event\":\"all\",\"s\":\"x\",\"d\":-1,\"u\":4294967295,\"ld\":-2,\"lu\":2,"
        "\"lld\":-9007199254740993,\"llu\":18446744073709551615,\"zu\":7,"
        "\"i64\":-9223372036854775808,\"u64\":18446744073709551615,\"n\":\"ab\","
        "\"word\":\"text\",\"null\":null,\"last\":42}\n"));
    buf_done(&text);
}

static void hostile_text_stays_inside_its_string(void **state)
{
    AUTO(auto_json) cJSON *line = NULL;

    log_open("t", LOG_INFO);
    begin_capture(state);
    log_info("odd", "text=%s", "a\"},\n{\"b\\\x1b[31m\xff\x7f");
    line = captured_line(state);
    assert_string_equal(json_string(line, "text"),
                        "a\"},\n{\"b\\\x1b[31m\xef\xbf\xbd\x7f");
}

static void a_long_value_is_cut_and_what_follows_is_kept_when_it_fits(void **state)
{
    AUTO(auto_free) char *text = mem_new(100001, 1);
    AUTO(auto_json) cJSON *line = NULL;
    const char *kept;

    memset(text, '\n', 100000); /* two bytes each in JSON */
    log_open("t", LOG_INFO);
    begin_capture(state);
    log_info("long", "text=%s run_id=%s", text, "r1");
    line = captured_line(state);
    kept = json_string(line, "text");
    assert_non_null(kept);
    assert_in_range(strlen(kept), 1000, 4096);
    assert_true(json_bool(line, "cut", false));
    assert_string_equal(json_string(line, "run_id"), "r1");
}

static void a_full_line_leaves_fields_out_and_stays_json(void **state)
{
    AUTO(auto_free) char *text = mem_new(100001, 1);
    AUTO(auto_json) cJSON *line = NULL;

    memset(text, 'x', 100000);
    log_open("t", LOG_INFO);
    begin_capture(state);
    log_info("long", "a=%s b=%s c=%s d=%s e=%s f=%s g=%s h=%s i=%s j=%s k=%s l=%s m=%d",
             text, text, text, text, text, text, text, text, text, text, text, text, 1);
    line = captured_line(state);
    assert_true(json_bool(line, "cut", false));
    assert_non_null(json_string(line, "a"));
}

static void what_is_not_asked_for_is_not_written(void **state)
{
    struct buf text;

    log_open("t", LOG_WARN);
    begin_capture(state);
    log_info("hidden", "a=%d", 1);
    log_debug("hidden", "a=%d", 1);
    log_error("shown", "");
    log_warn("shown", "");
    text = end_capture(state);
    assert_null(strstr(buf_text(&text), "hidden"));
    assert_non_null(strstr(buf_text(&text), "\"level\":\"error\""));
    assert_non_null(strstr(buf_text(&text), "\"level\":\"warn\""));
    buf_done(&text);
}

/* Its arguments cannot be told apart, so nothing behind it may be read. */
static void an_unknown_conversion_ends_the_line_visibly(void **state)
{
    static const char *const formats[] = {"a=%s b=%x c=%s", "a=%s b%s", "a=%s b=%d%s",
                                          "a=%s b=x%d"};

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        AUTO(auto_json) cJSON *line = NULL;
        void (*volatile log)(const char *event, const char *format, ...) = log_info;

        log_open("t", LOG_INFO);
        begin_capture(state);
        log("odd", formats[i], "first", 1, "never");
        line = captured_line(state);
        assert_string_equal(json_string(line, "a"), "first");
        assert_string_equal(json_string(line, "bad_format"), formats[i] + 5);
        assert_null(json_get(line, "c"));
    }
}

static void logging_leaves_errno_alone(void **state)
{
    log_open("t", LOG_INFO);
    begin_capture(state);
    close(STDERR_FILENO); /* so that write(2) fails */
    errno = ENOENT;
    log_info("lost", "a=%d", 1);
    assert_int_equal(errno, ENOENT);
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
}

static void levels_have_names(void **state)
{
    static const char *const names[LOG_LEVELS] = {"error", "warn", "info", "debug"};
    enum log_level level = LOG_INFO;

    (void)state;
    for (int i = 0; i < LOG_LEVELS; i++) {
        assert_int_equal(log_level_parse(names[i], &level), 0);
        assert_int_equal(level, i);
    }
    assert_int_equal(log_level_parse("INFO", &level), -1);
    assert_int_equal(log_level_parse("", &level), -1);
    assert_int_equal(level, LOG_DEBUG);
}

int main(void)
{
#define IN_SCRATCH(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(a_line_says_when_who_and_what),
        IN_SCRATCH(every_known_conversion_keeps_its_value),
        IN_SCRATCH(hostile_text_stays_inside_its_string),
        IN_SCRATCH(a_long_value_is_cut_and_what_follows_is_kept_when_it_fits),
        IN_SCRATCH(a_full_line_leaves_fields_out_and_stays_json),
        IN_SCRATCH(what_is_not_asked_for_is_not_written),
        IN_SCRATCH(an_unknown_conversion_ends_the_line_visibly),
        IN_SCRATCH(logging_leaves_errno_alone),
        cmocka_unit_test(levels_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
