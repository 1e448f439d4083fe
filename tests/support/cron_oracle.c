/* The definition, as plainly as it can be written. */
#include "tests/support/cron_oracle.h"

#include <assert.h>

#define MINUTE_S 60
/* Longer than any clock was ever put back: what was shown before then does not matter. */
#define WARM_UP_S (3 * 86400)

static bool has(uint64_t set, int number)
{
    return (set >> number & 1) != 0;
}

static bool day_fits(const struct cron *cron, const struct tm *local)
{
    bool day = has(cron->days, local->tm_mday);
    bool weekday = has(cron->weekdays, local->tm_wday);

    if (cron->star_day || cron->star_weekday)
        return day && weekday;
    return day || weekday;
}

static bool fits(const struct cron *cron, const struct tm *local)
{
    return has(cron->minutes, local->tm_min) && has(cron->hours, local->tm_hour) &&
           has(cron->months, local->tm_mon + 1) && day_fits(cron, local);
}

static void calendar(int64_t local_s, struct tm *out)
{
    time_t seconds = (time_t)local_s;

    gmtime_r(&seconds, out);
}

static void look(struct cron_oracle *oracle)
{
    int32_t offset_s = zone_offset_s(oracle->zone, oracle->unix_s);

    assert(offset_s % MINUTE_S == 0);
    oracle->local_s = oracle->unix_s + offset_s;
    calendar(oracle->local_s, &oracle->local);
}

void cron_oracle_step(struct cron_oracle *oracle)
{
    if (oracle->local_s > oracle->shown_s)
        oracle->shown_s = oracle->local_s;
    oracle->unix_s += MINUTE_S;
    look(oracle);
}

void cron_oracle_start(struct cron_oracle *oracle, const struct zone *zone, int64_t at_ms)
{
    int64_t at_s = (at_ms + 59999) / 60000 * MINUTE_S;

    *oracle = (struct cron_oracle){
        .zone = zone, .unix_s = at_s - WARM_UP_S, .shown_s = INT64_MIN};
    look(oracle);
    while (oracle->unix_s < at_s)
        cron_oracle_step(oracle);
}

/* Fixed: each local minute when the clock comes to it or past it for the first time. */
bool cron_oracle_fires(const struct cron_oracle *oracle, const struct cron *cron)
{
    bool follows_real_time = cron->star_minute || cron->star_hour;

    if (follows_real_time)
        return fits(cron, &oracle->local);
    for (int64_t minute_s = oracle->shown_s + MINUTE_S; minute_s <= oracle->local_s;
         minute_s += MINUTE_S) {
        struct tm skipped;

        if (minute_s == oracle->local_s)
            return fits(cron, &oracle->local);
        calendar(minute_s, &skipped);
        if (fits(cron, &skipped))
            return true;
    }
    return false;
}
