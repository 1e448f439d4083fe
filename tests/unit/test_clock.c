/* Times as text, both ways, and the clocks they come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define UNTOUCHED INT64_C(-4242)

static void times_with_any_offset_become_milliseconds(void **state)
{
    static const struct {
        const char *text;
        int64_t wall_ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2025-01-21T10:30:00Z", 1737455400000},
        {"2025-01-21t10:30:00z", 1737455400000},
        {"2025-01-21T12:00:00+01:30", 1737455400000},
        {"2025-01-21T05:30:00-05:00", 1737455400000},
        {"2025-01-21T10:30:00.5Z", 1737455400500},
        {"2025-01-21T10:30:00.123456789Z", 1737455400123},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2017-01-01T00:59:60+01:00", 1483228800000},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = UNTOUCHED;

        if (parse_rfc3339_ms(rows[i].text, &value) != 0)
            fail_msg("\"%s\"", rows[i].text);
        assert_int_equal(value, rows[i].wall_ms);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "2025-01-21",
        "2025-01-21T10:30:00",
        "2025-01-21 10:30:00Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2025-00-10T00:00:00Z",
        "2025-13-10T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-01-00T00:00:00Z",
        "2025-01-21T24:00:00Z",
        "2025-01-21T10:60:00Z",
        "2025-01-21T10:30:61Z",
        "2025-01-21T10:30:60Z",
        "2025-01-21T10:30:00.Z",
        "2025-01-21T10:30:00.1234567890Z",
        "2025-01-21T10:30:00+0100",
        "2025-01-21T10:30:00+24:00",
        "2025-01-21T10:30:00+01:60",
        "2025-01-21T10:30:00Z ",
        "25-01-21T10:30:00Z",
        "2025-1-21T10:30:00Z",
        "+025-01-21T10:30:00Z",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = UNTOUCHED;

        if (parse_rfc3339_ms(rows[i], &value) != -1)
            fail_msg("\"%s\"", rows[i]);
        assert_int_equal(value, UNTOUCHED);
    }
}

static void times_survive_being_printed_and_parsed(void **state)
{
    char text[CLOCK_RFC3339_BYTES];
    int64_t value;

    (void)state;
    for (int64_t ms = -62167219200000; ms < 253402300800000; ms += 86399999 * 7) {
        assert_int_equal(parse_rfc3339_ms(clock_rfc3339(ms, text), &value), 0);
        assert_int_equal(value, ms);
    }
}

static void printed_times_agree_with_the_c_library(void **state)
{
    char text[CLOCK_RFC3339_BYTES], expected[CLOCK_RFC3339_BYTES];

    (void)state;
    for (int64_t s = -62167219200; s < 253402300800; s += 86400 * 11 + 3607) {
        time_t time = s;
        struct tm tm;

        assert_non_null(gmtime_r(&time, &tm));
        tm.tm_year += 1900;
        assert_int_equal(
            snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.007Z",
                     tm.tm_year % 10000, (tm.tm_mon + 1) % 100, tm.tm_mday % 100,
                     tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100),
            CLOCK_RFC3339_BYTES - 1);
        assert_string_equal(clock_rfc3339(s * 1000 + 7, text), expected);
    }
}

static void a_year_of_five_digits_has_no_text(void **state)
{
    char text[CLOCK_RFC3339_BYTES];

    (void)state;
    assert_string_equal(clock_rfc3339(253402300800000, text), "");
    assert_string_equal(clock_rfc3339(-62167219200001, text), "");
    assert_string_equal(clock_rfc3339(INT64_MIN, text), "");
    assert_string_equal(clock_rfc3339(INT64_MAX, text), "");
}

static void steady_clocks_do_not_run_backwards(void **state)
{
    int64_t mono_ms = clock_mono_ms(), boot_ms = clock_boot_ms();

    (void)state;
    assert_true(clock_wall_ms() > 1700000000000);
    for (int i = 0; i < 1000; i++) {
        int64_t mono_next_ms = clock_mono_ms(), boot_next_ms = clock_boot_ms();

        assert_true(mono_next_ms >= mono_ms);
        assert_true(boot_next_ms >= boot_ms);
        mono_ms = mono_next_ms;
        boot_ms = boot_next_ms;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_with_any_offset_become_milliseconds),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_survive_being_printed_and_parsed),
        cmocka_unit_test(printed_times_agree_with_the_c_library),
        cmocka_unit_test(a_year_of_five_digits_has_no_text),
        cmocka_unit_test(steady_clocks_do_not_run_backwards),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
