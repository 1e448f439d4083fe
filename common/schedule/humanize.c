/* Sentences for cron expressions, made from the sets: equal sets read the same however
 * they were written. */
#include "common/schedule/humanize.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/schedule/cron_internal.h"

#define RUN_MIN 3 /* numbers in a row from which on they are a range */

static const char *const month_names[] = {
    NULL,   "January", "February",  "March",   "April",    "May",     "June",
    "July", "August",  "September", "October", "November", "December"};
static const char *const weekday_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                            "Thursday", "Friday", "Saturday"};

/* What a set looks like to a reader. */
struct shape {
    enum {
        SHAPE_ALL,
        SHAPE_ONE,
        SHAPE_LIST,        /* of numbers and of runs */
        SHAPE_RANGE,       /* one run */
        SHAPE_STEPS,       /* over the whole field */
        SHAPE_RANGE_STEPS, /* over a part of it */
    } kind;
    uint64_t bits;
    int first, last, step;
};

/* In the fields of days by name a list says more than a step. */
static bool may_be_steps(enum cron_field field, const struct shape *shape, bool star)
{
    const struct cron_field_rule *rule = &cron_field_rules[field];
    bool is_even = (rule->max - rule->min + 1) % shape->step == 0;

    if (shape->bits != cron_set_steps(field, rule->min, rule->max, shape->step))
        return false;
    if (field == CRON_WEEKDAY || (field == CRON_MONTH && !is_even))
        return false;
    return __builtin_popcountll(shape->bits) >= RUN_MIN || (star && is_even);
}

static struct shape shape_of(const struct cron *cron, enum cron_field field)
{
    const struct cron_field_rule *rule = &cron_field_rules[field];
    struct cron_set set = cron_set_of(cron, field);
    struct shape shape = {.kind = SHAPE_LIST,
                          .bits = set.bits,
                          .first = __builtin_ctzll(set.bits),
                          .last = 63 - __builtin_clzll(set.bits)};

    if (shape.first == shape.last) {
        shape.kind = SHAPE_ONE;
        return shape;
    }
    shape.step = __builtin_ctzll(set.bits >> shape.first >> 1) + 1;
    if (set.bits == cron_set_steps(field, rule->min, rule->max, 1))
        shape.kind = SHAPE_ALL;
    else if (may_be_steps(field, &shape, set.star))
        shape.kind = SHAPE_STEPS;
    else if (shape.last - shape.first + 1 == __builtin_popcountll(set.bits))
        shape.kind = shape.last - shape.first + 1 < RUN_MIN ? SHAPE_LIST : SHAPE_RANGE;
    else if (field <= CRON_DAY && cron_set_is_stepped(field, set.bits))
        shape.kind = SHAPE_RANGE_STEPS;
    return shape;
}

/* ---- lists ---- */

/* Writes the number; `is_end`: it ends a run. */
typedef void write_number(const struct shape *minutes, int number, bool is_end,
                          struct buf *out);

struct run {
    int first, last;
};

/* The numbers and runs of a set, ascending; returns how many. */
static size_t runs_of(uint64_t bits, struct run runs[64])
{
    size_t count = 0;

    for (int number = 0; number < 64; number++) {
        int last = number;

        if ((bits >> number & 1) == 0)
            continue;
        while (last < 63 && (bits >> (last + 1) & 1) != 0)
            last++;
        if (last - number + 1 < RUN_MIN)
            last = number;
        runs[count++] = (struct run){number, last};
        number = last;
    }
    return count;
}

/* "1, 2 through 5, and 9" */
static void write_list(uint64_t bits, write_number *write, const struct shape *minutes,
                       struct buf *out)
{
    struct run runs[64];
    size_t count = runs_of(bits, runs);

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && count > 2)
            buf_char(out, ',');
        if (i > 0)
            buf_str(out, i + 1 == count ? " and " : " ");
        write(minutes, runs[i].first, false, out);
        if (runs[i].last == runs[i].first)
            continue;
        buf_str(out, " through ");
        write(minutes, runs[i].last, true, out);
    }
}

static void write_plain(const struct shape *minutes, int number, bool is_end,
                        struct buf *out)
{
    (void)minutes;
    (void)is_end;
    buf_fmt(out, "%d", number);
}

static void write_month(const struct shape *minutes, int number, bool is_end,
                        struct buf *out)
{
    (void)minutes;
    (void)is_end;
    buf_str(out, month_names[number]);
}

static void write_weekday(const struct shape *minutes, int number, bool is_end,
                          struct buf *out)
{
    (void)minutes;
    (void)is_end;
    buf_str(out, weekday_names[number]);
}

/* ---- time of day ---- */

static void write_clock(int hour, int minute, struct buf *out)
{
    buf_fmt(out, "%02d:%02d %s", (hour + 11) % 12 + 1, minute, hour < 12 ? "AM" : "PM");
}

static bool is_full_hour(const struct shape *minutes)
{
    return minutes->kind == SHAPE_ONE && minutes->first == 0;
}

/* A run of hours ends with its last minute. */
static void write_hour(const struct shape *minutes, int hour, bool is_end,
                       struct buf *out)
{
    write_clock(hour, is_end && !is_full_hour(minutes) ? 59 : 0, out);
}

static void write_hour_and_minute(const struct shape *minutes, int hour, bool is_end,
                                  struct buf *out)
{
    (void)is_end;
    write_clock(hour, minutes->first, out);
}

static void write_between(const struct shape *minutes, int first, int last,
                          struct buf *out)
{
    buf_str(out, ", between ");
    write_hour(minutes, first, false, out);
    buf_str(out, " and ");
    write_hour(minutes, last, true, out);
}

static void write_minutes(const struct shape *minutes, struct buf *out)
{
    switch (minutes->kind) {
    case SHAPE_ALL:
        buf_str(out, "Every minute");
        return;
    case SHAPE_ONE:
        buf_fmt(out, "At %d minute%s past the hour", minutes->first,
                minutes->first == 1 ? "" : "s");
        return;
    case SHAPE_LIST:
        buf_str(out, "At ");
        write_list(minutes->bits, write_plain, minutes, out);
        buf_str(out, " minutes past the hour");
        return;
    case SHAPE_RANGE:
        buf_fmt(out, "Minutes %d through %d past the hour", minutes->first,
                minutes->last);
        return;
    case SHAPE_STEPS:
        buf_fmt(out, "Every %d minutes", minutes->step);
        return;
    case SHAPE_RANGE_STEPS:
        buf_fmt(out, "Every %d minutes, minutes %d through %d past the hour",
                minutes->step, minutes->first, minutes->last);
        return;
    }
}

static void write_hours(const struct shape *minutes, const struct shape *hours,
                        struct buf *out)
{
    bool is_stream = minutes->kind != SHAPE_ONE && minutes->kind != SHAPE_LIST;

    switch (hours->kind) {
    case SHAPE_ALL:
        return;
    case SHAPE_ONE:
    case SHAPE_LIST:
        if (hours->kind == SHAPE_ONE && is_stream) {
            write_between(minutes, hours->first, hours->last, out);
            return;
        }
        buf_str(out, ", at ");
        write_list(hours->bits, write_hour, minutes, out);
        return;
    case SHAPE_RANGE:
        write_between(minutes, hours->first, hours->last, out);
        return;
    case SHAPE_STEPS:
        buf_fmt(out, ", every %d hours", hours->step);
        return;
    case SHAPE_RANGE_STEPS:
        buf_fmt(out, ", every %d hours", hours->step);
        write_between(minutes, hours->first, hours->last, out);
        return;
    }
}

/* No runs in it: each hour is named. */
static bool is_few(const struct shape *hours)
{
    struct run runs[64];

    return hours->kind == SHAPE_ONE ||
           (hours->kind == SHAPE_LIST &&
            runs_of(hours->bits, runs) == (size_t)__builtin_popcountll(hours->bits));
}

static void write_time(const struct cron *cron, struct buf *out)
{
    struct shape minutes = shape_of(cron, CRON_MINUTE);
    struct shape hours = shape_of(cron, CRON_HOUR);

    if (minutes.kind == SHAPE_ONE && is_few(&hours)) {
        buf_str(out, "At ");
        write_list(hours.bits, write_hour_and_minute, &minutes, out);
        return;
    }
    if (minutes.kind == SHAPE_RANGE && hours.kind == SHAPE_ONE) {
        buf_str(out, "Every minute between ");
        write_clock(hours.first, minutes.first, out);
        buf_str(out, " and ");
        write_clock(hours.first, minutes.last, out);
        return;
    }
    if (!is_full_hour(&minutes))
        write_minutes(&minutes, out);
    else if (hours.kind == SHAPE_STEPS || hours.kind == SHAPE_RANGE_STEPS)
        buf_str(out, "On the hour");
    else
        buf_str(out, "Every hour");
    write_hours(&minutes, &hours, out);
}

/* ---- days ---- */

static void write_days(const struct shape *days, struct buf *out)
{
    if (days->kind == SHAPE_STEPS || days->kind == SHAPE_RANGE_STEPS)
        buf_fmt(out, ", every %d days in a month", days->step);
    if (days->kind == SHAPE_RANGE || days->kind == SHAPE_RANGE_STEPS)
        buf_fmt(out, ", between day %d and %d of the month", days->first, days->last);
    if (days->kind == SHAPE_ONE || days->kind == SHAPE_LIST) {
        buf_str(out, ", on day ");
        write_list(days->bits, write_plain, NULL, out);
        buf_str(out, " of the month");
    }
}

static void write_names(const struct shape *shape, const char *before_list,
                        const char *before_range, write_number *write, struct buf *out)
{
    buf_str(out, shape->kind == SHAPE_RANGE ? before_range : before_list);
    write_list(shape->bits, write, NULL, out);
}

/* Both day fields: in cron a day fits that fits either, unless one begins with a star. */
static void write_dates(const struct cron *cron, struct buf *out)
{
    struct shape days = shape_of(cron, CRON_DAY);
    struct shape weekdays = shape_of(cron, CRON_WEEKDAY);
    bool is_either = !cron->star_day && !cron->star_weekday;
    bool has_days = days.kind != SHAPE_ALL, has_weekdays = weekdays.kind != SHAPE_ALL;

    if (is_either && !(has_days && has_weekdays))
        return; /* every day fits the one that is full */
    if (has_days)
        write_days(&days, out);
    if (!has_weekdays)
        return;
    if (!has_days)
        write_names(&weekdays, ", only on ", ", ", write_weekday, out);
    else if (is_either)
        write_names(&weekdays, ", or on ", ", or ", write_weekday, out);
    else
        write_names(&weekdays, ", but only on ", ", but only ", write_weekday, out);
}

static void write_months(const struct cron *cron, struct buf *out)
{
    struct shape months = shape_of(cron, CRON_MONTH);

    if (months.kind == SHAPE_ALL)
        return;
    if (months.kind == SHAPE_STEPS)
        buf_fmt(out, ", every %d months", months.step);
    else
        write_names(&months, ", only in ", ", ", write_month, out);
}

void humanize_cron(const struct cron *cron, const char *zone, struct buf *out)
{
    write_time(cron, out);
    write_dates(cron, out);
    write_months(cron, out);
    if (!cron_has_day(cron))
        buf_str(out, ", which never comes");
    if (zone != NULL && strcmp(zone, "UTC") != 0)
        buf_fmt(out, ", %s", zone);
}
