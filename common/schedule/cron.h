/* Cron expressions: five fields (crontab(5) of cronie), parsed once, then asked for the
 * next time.
 *
 *     minute 0–59, hour 0–23, day of month 1–31, month 1–12 or jan–dec,
 *     day of week 0–7 (0 and 7 are Sunday) or sun–sat
 *
 * A field is `*`, a number, a range `a-b`, any of these but a lone number with a step
 * `/n`, or a list of such with commas; names are three letters in any case. @hourly,
 * @daily (@midnight), @weekly, @monthly, @yearly (@annually) stand for whole expressions.
 * When both day fields are restricted (do not begin with `*`) a day fits that fits
 * either, else one that fits both, as in cron.
 *
 * Daylight saving as cronie has it. An expression whose minute and hour are both fixed
 * (neither begins with `*`) fires once for each local day and time it names: a time that
 * the clock skips fires at the first moment after the gap (once, however many were
 * skipped), a time that comes twice fires the first time. Others follow the real time:
 * they fire whenever the local clock shows a time that fits, twice where it is shown
 * twice, never where it is skipped. Pure. */
#ifndef KEDGE_COMMON_SCHEDULE_CRON_H
#define KEDGE_COMMON_SCHEDULE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/schedule/zone.h"

#define CRON_TEXT_MAX 256 /* bytes of an expression; longer ones are refused */

struct cron {
    uint64_t minutes;            /* bit n: minute n */
    uint32_t hours;              /* bit n: hour n */
    uint32_t days;               /* bit n: day n, from 1 */
    uint16_t months;             /* bit n: month n, from 1 */
    uint8_t weekdays;            /* bit n: day n of the week, 0 Sunday */
    bool star_minute, star_hour; /* the field begins with `*`: `*`, `*` with a step */
    bool star_day, star_weekday;
};

/* Blanks at either end and between fields are free (blank, tab). ERR_INPUT: the message
 * names the field and the column (from 1), as in
 * "minute (column 1): 61 is not in 0-59". */
int cron_parse(const char *text, struct cron *out, struct err *err);
/* The normal form: equal sets print the same; parses to an equal cron. Fields joined by
 * one blank; sets as numbers, ranges and steps, in the shortest of these spellings. */
void cron_print(const struct cron *cron, struct buf *out);
bool cron_equal(const struct cron *a, const struct cron *b);
/* Does some date of the calendar fit? If none does, it never fires. */
bool cron_has_day(const struct cron *cron);

/* The first tick after that time (Unix ms, exclusive; not before 1970), in Unix ms; -1:
 * there is none, ever (30 February). Ticks are whole minutes of local time or, after a
 * gap, its end. Never the same tick twice: cron_next(t) > t always. Looks ahead as far as
 * the calendar repeats itself (400 years), in bounded time: well below 1 ms. */
int64_t cron_next(const struct cron *cron, const struct zone *zone, int64_t after_ms);
/* The newest tick at or before that time, and later than `after_ms`; -1: there is none
 * between the two. */
int64_t cron_last(const struct cron *cron, const struct zone *zone, int64_t after_ms,
                  int64_t until_ms);

#endif
