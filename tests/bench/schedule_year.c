/* A year of 10 000 schedules in 20 zones, played by three schedulers that die at random.
 *
 *     schedule_year [schedules] [seed]
 *
 * Exits 1 when a tick was missed, doubled or wrong. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/schedule/zone.h"
#include "tests/support/schedule_year.h"

#define SCHEDULES 10000

static int64_t new_year(int64_t year)
{
    const struct civil civil = {.year = year, .month = 1, .day = 1};

    return civil_seconds(&civil) * 1000;
}

int main(int argc, char **argv)
{
    const struct schedule_year year = {
        .from_ms = new_year(2026),
        .to_ms = new_year(2027),
        .schedules = argc > 1 ? (int)strtol(argv[1], NULL, 10) : SCHEDULES,
        .schedulers = 3,
        .seed = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1,
    };
    struct schedule_year_result result;
    int64_t start_ms = clock_mono_ms();

    schedule_year_play(&year, &result);
    printf("ticks=%" PRId64 " runs=%" PRId64 " missed=%" PRId64 " doubled=%" PRId64
           " wrong=%" PRId64 " turns=%" PRId64 " crashes=%" PRId64 " overtaken=%" PRId64
           " seconds=%" PRId64 "\n",
           result.ticks, result.runs, result.missed, result.doubled, result.wrong,
           result.turns, result.crashes, result.overtaken,
           (clock_mono_ms() - start_ms) / 1000);
    if (result.first_wrong[0] != '\0')
        fprintf(stderr, "%s\n", result.first_wrong);
    return result.missed + result.doubled + result.wrong > 0 ||
           result.runs != result.ticks;
}
