/* Some weeks around the days on which clocks are put forward and back, as
 * tests/bench/schedule_year.c plays a whole year. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schedule/zone.h"
#include "tests/support/schedule_year.h"

#define SCHEDULES 300

static int64_t day(int month, int mday)
{
    const struct civil civil = {.year = 2026, .month = month, .day = mday};

    return civil_seconds(&civil) * 1000;
}

static void play(int64_t from_ms, int64_t to_ms)
{
    const struct schedule_year year = {.from_ms = from_ms,
                                       .to_ms = to_ms,
                                       .schedules = SCHEDULES,
                                       .schedulers = 3,
                                       .seed = (unsigned)(from_ms / 1000)};
    struct schedule_year_result result;

    schedule_year_play(&year, &result);
    if (result.first_wrong[0] != '\0')
        fail_msg("%s", result.first_wrong);
    assert_int_equal(result.missed + result.doubled + result.wrong, 0);
    assert_int_equal(result.runs, result.ticks);
    assert_true(result.ticks > 5 * SCHEDULES);
    assert_true(result.crashes > 10);
    assert_true(result.overtaken > 10);
}

static void every_tick_of_spring_becomes_one_run(void **state)
{
    (void)state;
    play(day(3, 6), day(4, 6));
}

static void every_tick_of_autumn_becomes_one_run(void **state)
{
    (void)state;
    play(day(9, 25), day(11, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tick_of_spring_becomes_one_run),
        cmocka_unit_test(every_tick_of_autumn_becomes_one_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
