/* The times of an expression.
 *
 * Between two changes of a zone's offset the local clock runs evenly: such a stretch is
 * searched as local time, by months, days, hours and minutes as bits. What is left to the
 * changes themselves is where in a stretch the search begins. An expression that follows
 * real time begins with the first moment that is shown. A fixed one begins where the
 * local clock had come to before (its frontier): what was skipped then counts as the
 * first moment of the stretch, and what was shown before does not count again. */
#include "common/schedule/cron_internal.h"
#include "common/schedule/zone_internal.h"

#define MINUTE_S     60
#define HOUR_MINUTES 60
#define DAY_MINUTES  (24 * HOUR_MINUTES)
/* Longer than any two offsets differ: what ended before has no say in the frontier. */
#define LOOK_BACK_S (ZONE_OFFSET_MAX_S - ZONE_OFFSET_MIN_S)

/* Times are Unix seconds, or local ones: those that the local clock shows. */

static bool is_fixed(const struct cron *cron)
{
    return !cron->star_minute && !cron->star_hour;
}

static int lowest(uint64_t bits)
{
    return __builtin_ctzll(bits);
}

static int highest(uint64_t bits)
{
    return 63 - __builtin_clzll(bits);
}

/* Bits from `first` on; up to `last`. */
static uint64_t from_bit(int first)
{
    return first > 63 ? 0 : UINT64_MAX << first;
}

static uint64_t up_to_bit(int last)
{
    return last < 0 ? 0 : UINT64_MAX >> (63 - last);
}

/* ---- the minutes of a day; -1: none ---- */

static int first_minute(const struct cron *cron, int from)
{
    int hour = from / HOUR_MINUTES;
    uint64_t hours = cron->hours & from_bit(hour);
    uint64_t minutes = cron->minutes & from_bit(from % HOUR_MINUTES);

    if (hours != 0 && lowest(hours) == hour) {
        if (minutes != 0)
            return hour * HOUR_MINUTES + lowest(minutes);
        hours &= from_bit(hour + 1);
    }
    return hours == 0 ? -1 : lowest(hours) * HOUR_MINUTES + lowest(cron->minutes);
}

static int last_minute(const struct cron *cron, int until)
{
    int hour = until / HOUR_MINUTES;
    uint64_t hours = cron->hours & up_to_bit(hour);
    uint64_t minutes = cron->minutes & up_to_bit(until % HOUR_MINUTES);

    if (hours != 0 && highest(hours) == hour) {
        if (minutes != 0)
            return hour * HOUR_MINUTES + highest(minutes);
        hours &= up_to_bit(hour - 1);
    }
    return hours == 0 ? -1 : highest(hours) * HOUR_MINUTES + highest(cron->minutes);
}

/* ---- the days of a month ---- */

struct month {
    int64_t year;
    int month;
    int64_t first_s; /* its beginning, local */
};

static struct month month_of(int64_t year, int month)
{
    struct civil civil = {.year = year, .month = month, .day = 1};

    return (struct month){year, month, civil_seconds(&civil)};
}

static int days_in(const struct month *month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap =
        (month->year % 4 == 0 && month->year % 100 != 0) || month->year % 400 == 0;

    return days[month->month - 1] + (month->month == 2 && is_leap);
}

/* Bit n: day n fits. */
static uint64_t days_that_fit(const struct cron *cron, const struct month *month)
{
    const uint64_t each_week = UINT64_C(1) | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;
    int first_weekday = civil_weekday(month->first_s);
    uint64_t week = (UINT64_C(1) * cron->weekdays >> first_weekday |
                     UINT64_C(1) * cron->weekdays << (7 - first_weekday)) &
                    0x7f;
    uint64_t by_weekday = week * each_week << 1;
    uint64_t fitting = cron->star_day || cron->star_weekday ? cron->days & by_weekday
                                                            : cron->days | by_weekday;

    return fitting & up_to_bit(days_in(month)) & from_bit(1);
}

bool cron_has_day(const struct cron *cron)
{
    static const struct month long_february = {.year = 2000, .month = 2};

    if (!cron->star_day && !cron->star_weekday)
        return true;
    for (uint64_t months = cron->months; months != 0; months &= months - 1) {
        struct month month = long_february;

        month.month = lowest(months);
        if (lowest(cron->days) <= days_in(&month))
            return true;
    }
    return false;
}

static struct month next_month(const struct cron *cron, const struct month *month)
{
    uint64_t later = cron->months & from_bit(month->month + 1);

    return later != 0 ? month_of(month->year, lowest(later))
                      : month_of(month->year + 1, lowest(cron->months));
}

static struct month previous_month(const struct cron *cron, const struct month *month)
{
    uint64_t earlier = cron->months & up_to_bit(month->month - 1);

    return earlier != 0 ? month_of(month->year, highest(earlier))
                        : month_of(month->year - 1, highest(cron->months));
}

/* ---- local time: the first and the last that fits in [from_s, limit_s) ---- */

static int64_t local_s(const struct month *month, int day, int minute)
{
    return month->first_s + INT64_C(1) * (day - 1) * DAY_S +
           INT64_C(1) * minute * MINUTE_S;
}

static bool first_local(const struct cron *cron, int64_t from_s, int64_t limit_s,
                        int64_t *out_s)
{
    struct civil from;
    struct month month;
    uint64_t days = 0;
    int minute = -1;

    civil_from_seconds(from_s + MINUTE_S - 1, &from); /* whole minutes only */
    month = month_of(from.year, from.month);
    if ((cron->months >> month.month & 1) != 0)
        days = days_that_fit(cron, &month) & from_bit(from.day);
    if ((days >> from.day & 1) != 0) {
        minute = first_minute(cron, from.hour * HOUR_MINUTES + from.minute);
        if (minute < 0)
            days &= from_bit(from.day + 1);
    }
    while (days == 0) {
        month = next_month(cron, &month);
        if (month.first_s >= limit_s)
            return false;
        days = days_that_fit(cron, &month);
    }
    *out_s = local_s(&month, lowest(days), minute >= 0 ? minute : first_minute(cron, 0));
    return *out_s < limit_s;
}

static bool last_local(const struct cron *cron, int64_t from_s, int64_t limit_s,
                       int64_t *out_s)
{
    struct civil last;
    struct month month;
    uint64_t days = 0;
    int minute = -1;

    civil_from_seconds(limit_s - 1, &last);
    month = month_of(last.year, last.month);
    if ((cron->months >> month.month & 1) != 0)
        days = days_that_fit(cron, &month) & up_to_bit(last.day);
    if ((days >> last.day & 1) != 0) {
        minute = last_minute(cron, last.hour * HOUR_MINUTES + last.minute);
        if (minute < 0)
            days &= up_to_bit(last.day - 1);
    }
    while (days == 0) {
        if (month.first_s <= from_s)
            return false;
        month = previous_month(cron, &month);
        days = days_that_fit(cron, &month);
    }
    *out_s = local_s(&month, highest(days),
                     minute >= 0 ? minute : last_minute(cron, DAY_MINUTES - 1));
    return *out_s >= from_s;
}

/* ---- stretches ---- */

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The local time in this stretch from which on a tick has not had its turn before. */
static int64_t frontier_s(const struct cron *cron, const struct zone *zone,
                          const struct zone_span *span)
{
    struct zone_span before = *span;
    int64_t frontier = INT64_MIN;

    if (span->from_s == INT64_MIN)
        return INT64_MIN;
    if (!is_fixed(cron))
        return span->from_s + span->offset_s;
    while (before.from_s != INT64_MIN && before.from_s > span->from_s - LOOK_BACK_S) {
        before = zone_span(zone, before.from_s - 1);
        frontier = max_of(frontier, before.to_s + before.offset_s);
    }
    return frontier;
}

/* When the local time comes, or would have come, in that stretch. */
static int64_t tick_s(const struct zone_span *span, int64_t local)
{
    return max_of(span->from_s, local - span->offset_s);
}

/* The first tick after that second; exclusive of `limit_s`. */
static bool next_tick(const struct cron *cron, const struct zone *zone, int64_t after_s,
                      int64_t limit_s, int64_t *out_s)
{
    struct zone_span span = zone_span(zone, after_s);
    int64_t frontier = frontier_s(cron, zone, &span);
    int64_t from = max_of(frontier, after_s + 1 + span.offset_s);

    for (;;) {
        int64_t end = min_of(span.to_s, limit_s) + span.offset_s, local;

        if (from < end && first_local(cron, from, end, &local)) {
            *out_s = tick_s(&span, local);
            return true;
        }
        if (span.to_s >= limit_s)
            return false;
        frontier = max_of(frontier, end);
        span = zone_span(zone, span.to_s);
        from = is_fixed(cron) ? frontier : span.from_s + span.offset_s;
    }
}

/* The last tick until that second, later than `after_s`. */
static bool last_tick(const struct cron *cron, const struct zone *zone, int64_t after_s,
                      int64_t until_s, int64_t *out_s)
{
    for (int64_t at = until_s; at > after_s;) {
        struct zone_span span = zone_span(zone, at);
        int64_t from =
            max_of(frontier_s(cron, zone, &span),
                   span.from_s > after_s ? INT64_MIN : after_s + 1 + span.offset_s);
        int64_t end = at + 1 + span.offset_s, local;

        if (from < end && last_local(cron, from, end, &local)) {
            *out_s = tick_s(&span, local);
            return true;
        }
        if (span.from_s == INT64_MIN)
            return false;
        at = span.from_s - 1;
    }
    return false;
}

/* ---- milliseconds ---- */

#define LAST_S (INT64_MAX / 1000 - 2 * CALENDAR_PERIOD_S)

static int64_t whole_seconds(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_ms)
{
    int64_t after_s = max_of(whole_seconds(after_ms), -1), tick;

    if (after_s > LAST_S || !cron_has_day(cron) ||
        !next_tick(cron, zone, after_s, after_s + CALENDAR_PERIOD_S, &tick))
        return -1;
    return tick * 1000;
}

int64_t cron_last(const struct cron *cron, const struct zone *zone, int64_t after_ms,
                  int64_t until_ms)
{
    int64_t after_s = max_of(whole_seconds(after_ms), -1), tick;
    int64_t until_s = min_of(whole_seconds(until_ms), LAST_S);

    if (!cron_has_day(cron) || !last_tick(cron, zone, after_s, until_s, &tick))
        return -1;
    return tick * 1000;
}
