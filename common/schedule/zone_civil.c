/* Civil time: between seconds and the Gregorian calendar.
 *
 * Years begin in March here, so that the day that comes and goes is the last one. */
#include "common/schedule/zone_internal.h"

#define EPOCH_DAYS  719468 /* from 0000-03-01 to 1970-01-01 */
#define PERIOD_DAYS (CALENDAR_PERIOD_S / DAY_S)

static int64_t floor_div(int64_t number, int64_t by)
{
    return number / by - (number % by < 0);
}

static int64_t days_of_date(int64_t year, int month, int day)
{
    int64_t march_year = year - (month <= 2);
    int64_t period = floor_div(march_year, CALENDAR_YEARS);
    int64_t in_period = march_year - period * CALENDAR_YEARS;
    int64_t march_month = month > 2 ? month - 3 : month + 9;

    return period * PERIOD_DAYS + in_period * 365 + in_period / 4 - in_period / 100 +
           (153 * march_month + 2) / 5 + day - 1 - EPOCH_DAYS;
}

int64_t civil_seconds(const struct civil *civil)
{
    return days_of_date(civil->year, civil->month, civil->day) * DAY_S +
           civil->hour * 3600 + civil->minute * 60 + civil->second;
}

static void set_date(int64_t days, struct civil *out)
{
    int64_t period = floor_div(days + EPOCH_DAYS, PERIOD_DAYS);
    int64_t day = days + EPOCH_DAYS - period * PERIOD_DAYS;
    /* Days that leap years added so far, taken out again. */
    int64_t year = (day - day / 1460 + day / 36524 - day / (PERIOD_DAYS - 1)) / 365;
    int64_t day_of_year = day - (year * 365 + year / 4 - year / 100);
    int64_t march_month = (5 * day_of_year + 2) / 153;

    out->day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    out->month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    out->year = year + period * CALENDAR_YEARS + (out->month <= 2);
}

void civil_from_seconds(int64_t seconds, struct civil *out)
{
    int64_t days = floor_div(seconds, DAY_S);
    int second = (int)(seconds - days * DAY_S);

    set_date(days, out);
    out->hour = second / 3600;
    out->minute = second / 60 % 60;
    out->second = second % 60;
}

int civil_weekday(int64_t seconds)
{
    int64_t days = floor_div(seconds, DAY_S) + 4; /* 1970-01-01 was a Thursday */

    return (int)(days - floor_div(days, 7) * 7);
}
