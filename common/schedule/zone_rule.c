/* The rule of a zone: a POSIX TZ string with the extensions of RFC 8536, section 3.3.1
 * (hours of a change from -167 to 167). */
#include <ctype.h>

#include "common/schedule/zone_internal.h"

#define RULE_HOURS_MAX   167
#define OFFSET_HOURS_MAX 24

static int refuse(const char *part, struct err *err)
{
    return err_set(err, ERR_PERM, "the rule of the zone has no good %s", part);
}

/* ---- pieces of text; each moves *at behind what it took ---- */

static int take_number(const char **at, int min, int max, int *out)
{
    int number = 0;

    if (!isdigit((unsigned char)**at))
        return -1;
    for (; isdigit((unsigned char)**at); (*at)++) {
        number = number * 10 + (**at - '0');
        if (number > max)
            return -1;
    }
    *out = number;
    return number < min ? -1 : 0;
}

/* "[+-]hh[:mm[:ss]]", in seconds. */
static int take_time(const char **at, int hours_max, int32_t *out_s)
{
    int hour, minute = 0, second = 0, sign = **at == '-' ? -1 : 1;

    *at += **at == '-' || **at == '+';
    if (take_number(at, 0, hours_max, &hour) < 0)
        return -1;
    if (**at == ':') {
        (*at)++;
        if (take_number(at, 0, 59, &minute) < 0)
            return -1;
    }
    if (**at == ':') {
        (*at)++;
        if (take_number(at, 0, 59, &second) < 0)
            return -1;
    }
    *out_s = sign * (hour * 3600 + minute * 60 + second);
    return 0;
}

/* Three letters or more, or anything of the kind in angle brackets. */
static int skip_name(const char **at)
{
    const char *start = *at + (**at == '<'), *end = start;

    while (isalpha((unsigned char)*end) ||
           (**at == '<' && (isdigit((unsigned char)*end) || *end == '+' || *end == '-')))
        end++;
    if (end - start < 3 || (**at == '<' && *end != '>'))
        return -1;
    *at = end + (**at == '<');
    return 0;
}

/* ---- the days of the changes ---- */

static int take_weekday_rule(const char **at, struct zone_rule_day *out)
{
    if (take_number(at, 1, 12, &out->month) < 0 || *(*at)++ != '.' ||
        take_number(at, 1, 5, &out->week) < 0 || *(*at)++ != '.')
        return -1;
    return take_number(at, 0, 6, &out->day);
}

static int take_rule_day(const char **at, struct zone_rule_day *out)
{
    int result;

    *out = (struct zone_rule_day){.form = RULE_DAY, .time_s = 2 * 3600};
    if (**at == 'M') {
        (*at)++;
        out->form = RULE_WEEKDAY;
        result = take_weekday_rule(at, out);
    } else if (**at == 'J') {
        (*at)++;
        out->form = RULE_JULIAN;
        result = take_number(at, 1, 365, &out->day);
    } else {
        result = take_number(at, 0, 365, &out->day);
    }
    if (result < 0 || **at != '/')
        return result;
    (*at)++;
    return take_time(at, RULE_HOURS_MAX, &out->time_s);
}

static int take_rule_days(const char *at, struct zone_rule *out, struct err *err)
{
    if (*at != ',')
        return refuse("day on which daylight saving starts", err);
    at++;
    if (take_rule_day(&at, &out->start) < 0 || *at != ',')
        return refuse("day on which daylight saving starts", err);
    at++;
    if (take_rule_day(&at, &out->end) < 0 || *at != '\0')
        return refuse("day on which daylight saving ends", err);
    return 0;
}

/* POSIX counts offsets west of UTC. */
static int take_offset(const char **at, int32_t *out_s)
{
    int32_t west_s;

    if (take_time(at, OFFSET_HOURS_MAX, &west_s) < 0)
        return -1;
    *out_s = -west_s;
    return 0;
}

int zone_rule_parse(const char *text, struct zone_rule *out, struct err *err)
{
    struct zone_rule rule = {0};

    if (skip_name(&text) < 0 || take_offset(&text, &rule.standard_s) < 0)
        return refuse("standard time", err);
    if (*text != '\0') {
        rule.has_daylight = true;
        rule.daylight_s = rule.standard_s + 3600;
        if (skip_name(&text) < 0)
            return refuse("daylight saving time", err);
        if (*text != ',' && *text != '\0' && take_offset(&text, &rule.daylight_s) < 0)
            return refuse("daylight saving time", err);
        if (take_rule_days(text, &rule, err) < 0)
            return -1;
    }
    *out = rule;
    return 0;
}

/* ---- what the rule makes of a year ---- */

static int64_t date_seconds(int64_t year, int month, int day)
{
    return civil_seconds(&(struct civil){.year = year, .month = month, .day = day});
}

/* The first of the month that has that day of the week, then by weeks; week 5 is the
 * last. */
static int64_t weekday_seconds(const struct zone_rule_day *rule, int64_t year)
{
    int64_t first = date_seconds(year, rule->month, 1);
    int64_t next_month = rule->month < 12 ? date_seconds(year, rule->month + 1, 1)
                                          : date_seconds(year + 1, 1, 1);
    int64_t at = first + (rule->day - civil_weekday(first) + 7) % 7 * DAY_S +
                 INT64_C(7) * (rule->week - 1) * DAY_S;

    return at < next_month ? at : at - INT64_C(7) * DAY_S;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t change_local_s(const struct zone_rule_day *rule, int64_t year)
{
    int day = rule->day;

    if (rule->form == RULE_WEEKDAY)
        return weekday_seconds(rule, year) + rule->time_s;
    if (rule->form == RULE_JULIAN) /* 60 is 1 March in every year */
        day += (is_leap(year) && day >= 60) - 1;
    return date_seconds(year, 1, 1) + INT64_C(1) * day * DAY_S + rule->time_s;
}

void zone_rule_changes(const struct zone_rule *rule, int64_t year,
                       struct zone_change out[2])
{
    struct zone_change start = {change_local_s(&rule->start, year) - rule->standard_s,
                                rule->daylight_s};
    struct zone_change end = {change_local_s(&rule->end, year) - rule->daylight_s,
                              rule->standard_s};
    bool in_order = start.at_s < end.at_s;

    out[0] = in_order ? start : end;
    out[1] = in_order ? end : start;
}
