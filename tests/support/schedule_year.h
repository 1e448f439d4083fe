/* A year of schedules in minutes: many expressions in many zones, several schedulers that
 * take turns at random and die at random, and a clock that leaps from one due time to the
 * next. Each tick that a brute-force oracle names must have become a run exactly once.
 *
 * The schedulers, their scripts and Redis are the real ones, but for the clocks. */
#ifndef KEDGE_TESTS_SUPPORT_SCHEDULE_YEAR_H
#define KEDGE_TESTS_SUPPORT_SCHEDULE_YEAR_H

#include <stdint.h>

struct schedule_year {
    int64_t from_ms, to_ms; /* Unix; ticks of [from, to) count */
    int schedules;
    int schedulers;
    unsigned seed;
};

struct schedule_year_result {
    int64_t ticks; /* that the oracle names */
    int64_t runs;
    int64_t missed, doubled;
    int64_t wrong; /* runs of no tick, skipped ones, ticks a review has moved */
    int64_t turns, crashes, overtaken; /* what was played through */
    int64_t late_ms;                   /* the latest run, on the leaping clock */
    char first_wrong[160];             /* what was seen first of all that is not right */
};

/* Starts a redis-server of its own. */
void schedule_year_play(const struct schedule_year *year,
                        struct schedule_year_result *out);

#endif
