/* RFC 3339 times as text. */
#include <stdbool.h>

#include "common/base/parse.h"

/* Exactly `digits` digits. */
static int take_number(const char **text, int digits, int *out)
{
    int number = 0;

    for (int i = 0; i < digits; i++) {
        char c = (*text)[i];

        if (c < '0' || c > '9')
            return -1;
        number = number * 10 + (c - '0');
    }
    *text += digits;
    *out = number;
    return 0;
}

static int take_char(const char **text, char wanted)
{
    if (**text != wanted && **text != wanted + ('a' - 'A'))
        return -1;
    (*text)++;
    return 0;
}

static int take_punct(const char **text, char wanted)
{
    if (**text != wanted)
        return -1;
    (*text)++;
    return 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01, counted from the first of March 400 years before year 0. */
static int64_t days_of_date(int year, int month, int day)
{
    int64_t march_year = year + 400 - (month <= 2);
    int64_t march_month = month > 2 ? month - 3 : month + 9;

    return march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 +
           (153 * march_month + 2) / 5 + day - 1 - 719468 - 146097;
}

static int take_date(const char **text, int64_t *days)
{
    int year, month, day;

    if (take_number(text, 4, &year) < 0 || take_punct(text, '-') < 0 ||
        take_number(text, 2, &month) < 0 || take_punct(text, '-') < 0 ||
        take_number(text, 2, &day) < 0)
        return -1;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return -1;
    *days = days_of_date(year, month, day);
    return 0;
}

/* hh:mm:ss in seconds; 60 is let through for a leap second. */
static int take_clock(const char **text, int *seconds)
{
    int hour, minute, second;

    if (take_number(text, 2, &hour) < 0 || take_punct(text, ':') < 0 ||
        take_number(text, 2, &minute) < 0 || take_punct(text, ':') < 0 ||
        take_number(text, 2, &second) < 0)
        return -1;
    if (hour > 23 || minute > 59 || second > 60)
        return -1;
    *seconds = (hour * 60 + minute) * 60 + second;
    return 0;
}

/* Optional ".123…" of one to nine digits; what is finer than a millisecond is cut. */
static int take_fraction(const char **text, int *ms)
{
    int digits = 0, digit;

    *ms = 0;
    if (**text != '.')
        return 0;
    (*text)++;
    for (; take_number(text, 1, &digit) == 0; digits++)
        if (digits < 3)
            *ms = *ms * 10 + digit;
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits >= 1 && digits <= 9 ? 0 : -1;
}

/* "Z" or "+hh:mm", in seconds to take off. */
static int take_offset(const char **text, int *seconds)
{
    int hour, minute, sign = **text == '-' ? -1 : 1;

    *seconds = 0;
    if (take_char(text, 'Z') == 0)
        return 0;
    if (take_punct(text, sign < 0 ? '-' : '+') < 0 || take_number(text, 2, &hour) < 0 ||
        take_punct(text, ':') < 0 || take_number(text, 2, &minute) < 0)
        return -1;
    if (hour > 23 || minute > 59)
        return -1;
    *seconds = sign * (hour * 60 + minute) * 60;
    return 0;
}

int parse_rfc3339_ms(const char *text, int64_t *out_ms)
{
    int64_t days, wall_s;
    int seconds, ms, offset;
    bool leap_second;

    if (take_date(&text, &days) < 0 || take_char(&text, 'T') < 0 ||
        take_clock(&text, &seconds) < 0)
        return -1;
    leap_second = text[-2] == '6';
    if (take_fraction(&text, &ms) < 0 || take_offset(&text, &offset) < 0 || *text != '\0')
        return -1;
    wall_s = days * 86400 + seconds - offset;
    if (leap_second && wall_s % 86400 != 0)
        return -1;
    *out_ms = wall_s * 1000 + ms;
    return 0;
}
