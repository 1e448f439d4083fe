/* Clocks, and the one text form of a time. */
#include "common/base/clock.h"

#include <time.h>

#define DAYS_AN_ERA   INT64_C(146097) /* 400 years */
#define MS_A_DAY      INT64_C(86400000)
#define YEAR_0_MS     INT64_C(-62167219200000)
#define YEAR_10000_MS INT64_C(253402300800000)

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

static char *put_digits(char *at, int64_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + digits;
}

/* Proleptic Gregorian date of a day since 0000-01-01. Counted from a first of March, 400
 * years earlier so that nothing is negative: years that begin in March have their leap
 * day at the end, which makes the divisions regular. By hand because gmtime_r takes
 * libc's lock on the time zone. */
static char *put_date(char *at, int64_t day)
{
    int64_t march_day = day - 60 + DAYS_AN_ERA;
    int64_t era_day = march_day % DAYS_AN_ERA;
    int64_t year_of_era =
        (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
    int64_t year_day =
        era_day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march_month = (5 * year_day + 2) / 153;
    int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    int64_t year = (march_day / DAYS_AN_ERA - 1) * 400 + year_of_era + (month <= 2);

    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    return put_digits(at, year_day - (153 * march_month + 2) / 5 + 1, 2);
}

const char *clock_rfc3339(int64_t wall_ms, char text[CLOCK_RFC3339_BYTES])
{
    int64_t since = wall_ms - YEAR_0_MS;
    int64_t of_day = since % MS_A_DAY;
    char *at = text;

    text[0] = '\0';
    if (wall_ms < YEAR_0_MS || wall_ms >= YEAR_10000_MS)
        return text;
    at = put_date(at, since / MS_A_DAY);
    *at++ = 'T';
    at = put_digits(at, of_day / 3600000, 2);
    *at++ = ':';
    at = put_digits(at, of_day / 60000 % 60, 2);
    *at++ = ':';
    at = put_digits(at, of_day / 1000 % 60, 2);
    *at++ = '.';
    at = put_digits(at, of_day % 1000, 3);
    *at++ = 'Z';
    *at = '\0';
    return text;
}
