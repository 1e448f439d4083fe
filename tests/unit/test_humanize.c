/* Sentences for expressions, by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/schedule/humanize.h"

struct sentence {
    const char *text, *zone, *sentence;
};

static void check(const struct sentence *row)
{
    AUTO(buf_done) struct buf sentence = BUF_INIT(SIZE_MAX);
    struct cron cron;
    struct err err = {0};

    if (cron_parse(row->text, &cron, &err) < 0)
        fail_msg("%s: %s", row->text, err.message);
    humanize_cron(&cron, row->zone, &sentence);
    assert_string_equal(buf_text(&sentence), row->sentence);
}

static void times_of_the_day_are_said(void **state)
{
    static const struct sentence rows[] = {
        {"* * * * *", NULL, "Every minute"},
        {"0-59 * * * *", NULL, "Every minute"},
        {"*/5 * * * *", NULL, "Every 5 minutes"},
        {"0-55/5 * * * *", NULL, "Every 5 minutes"},
        {"0-30/5 * * * *", NULL, "Every 5 minutes, minutes 0 through 30 past the hour"},
        {"*/45 * * * *", NULL, "At 0 and 45 minutes past the hour"},
        {"0 * * * *", NULL, "Every hour"},
        {"*/60 * * * *", NULL, "Every hour"},
        {"1 * * * *", NULL, "At 1 minute past the hour"},
        {"30 * * * *", NULL, "At 30 minutes past the hour"},
        {"0-30 * * * *", NULL, "Minutes 0 through 30 past the hour"},
        {"1-5,10 * * * *", NULL, "At 1 through 5 and 10 minutes past the hour"},
        {"30 2 * * *", NULL, "At 02:30 AM"},
        {"0 0 * * *", NULL, "At 12:00 AM"},
        {"5 12 * * *", NULL, "At 12:05 PM"},
        {"59 23 * * *", NULL, "At 11:59 PM"},
        {"0 2,8,14 * * *", NULL, "At 02:00 AM, 08:00 AM, and 02:00 PM"},
        {"0,30 2 * * *", NULL, "At 0 and 30 minutes past the hour, at 02:00 AM"},
        {"0-10 2 * * *", NULL, "Every minute between 02:00 AM and 02:10 AM"},
        {"* 2 * * *", NULL, "Every minute, between 02:00 AM and 02:59 AM"},
        {"*/5 9-17 * * *", NULL, "Every 5 minutes, between 09:00 AM and 05:59 PM"},
        {"0 9-17 * * *", NULL, "Every hour, between 09:00 AM and 05:00 PM"},
        {"0 */2 * * *", NULL, "On the hour, every 2 hours"},
        {"0 1-23/2 * * *", NULL,
         "On the hour, every 2 hours, between 01:00 AM and 11:00 PM"},
        {"30 8-10,14 * * *", NULL,
         "At 30 minutes past the hour, at 08:00 AM through 10:59 AM and 02:00 PM"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

static void days_and_months_are_said(void **state)
{
    static const struct sentence rows[] = {
        {"0 2 * * 1", NULL, "At 02:00 AM, only on Monday"},
        {"0 2 * * 7", NULL, "At 02:00 AM, only on Sunday"},
        {"0 2 * * mon-fri", NULL, "At 02:00 AM, Monday through Friday"},
        {"0 2 * * 0,6", NULL, "At 02:00 AM, only on Sunday and Saturday"},
        {"0 2 * * */2", NULL,
         "At 02:00 AM, only on Sunday, Tuesday, Thursday, and Saturday"},
        {"0 0 1 * *", NULL, "At 12:00 AM, on day 1 of the month"},
        {"0 0 1,15 * *", NULL, "At 12:00 AM, on day 1 and 15 of the month"},
        {"0 0 1-7 * *", NULL, "At 12:00 AM, between day 1 and 7 of the month"},
        {"0 0 */5 * *", NULL, "At 12:00 AM, every 5 days in a month"},
        {"0 0 5-25/5 * *", NULL,
         "At 12:00 AM, every 5 days in a month, between day 5 and 25 of the month"},
        {"0 0 1 1 *", NULL, "At 12:00 AM, on day 1 of the month, only in January"},
        {"0 0 1 jun-aug *", NULL,
         "At 12:00 AM, on day 1 of the month, June through August"},
        {"0 0 1 */3 *", NULL, "At 12:00 AM, on day 1 of the month, every 3 months"},
        {"0 0 1 */5 *", NULL,
         "At 12:00 AM, on day 1 of the month, only in January, June, and November"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

static void what_two_day_fields_mean_is_said(void **state)
{
    static const struct sentence rows[] = {
        {"0 0 1 * 1", NULL, "At 12:00 AM, on day 1 of the month, or on Monday"},
        {"0 0 1 * 1-5", NULL,
         "At 12:00 AM, on day 1 of the month, or Monday through Friday"},
        {"0 0 */2 * 1", NULL, "At 12:00 AM, every 2 days in a month, but only on Monday"},
        {"0 0 1-31 * 1", NULL, "At 12:00 AM"},
        {"0 0 * * 0-6", NULL, "At 12:00 AM"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

static void zones_and_days_that_never_come_are_said(void **state)
{
    static const struct sentence rows[] = {
        {"30 2 * * *", "Europe/Berlin", "At 02:30 AM, Europe/Berlin"},
        {"30 2 * * *", "UTC", "At 02:30 AM"},
        {"0 0 30 2 *", NULL,
         "At 12:00 AM, on day 30 of the month, only in February, which never comes"},
        {"0 0 30 2 *", "Asia/Tokyo",
         "At 12:00 AM, on day 30 of the month, only in February, which never comes, "
         "Asia/Tokyo"},
        {"0 0 29 2 *", NULL, "At 12:00 AM, on day 29 of the month, only in February"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_of_the_day_are_said),
        cmocka_unit_test(days_and_months_are_said),
        cmocka_unit_test(what_two_day_fields_mean_is_said),
        cmocka_unit_test(zones_and_days_that_never_come_are_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
