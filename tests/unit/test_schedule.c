/* Schedules: offsets that are even, what is done about ticks that are due, run ids. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/schedule/schedule.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* "2026-03-29 01:00:00.000" in UTC, from the year to the minute at least; "" is 0. */
static int64_t at(const char *text)
{
    struct civil civil = {.month = 1, .day = 1};
    long long year;
    int ms = 0;

    if (text[0] == '\0')
        return 0;
    if (sscanf(text, "%lld-%d-%d %d:%d:%d.%d", &year, &civil.month, &civil.day,
               &civil.hour, &civil.minute, &civil.second, &ms) < 5)
        fail_msg("no time: %s", text);
    civil.year = year;
    return civil_seconds(&civil) * 1000 + ms;
}

/* A schedule and what it is made of, in one place. */
struct made {
    struct cron cron;
    struct zone *zone;
    struct schedule schedule;
};

static void made_done(struct made *made)
{
    zone_free(made->zone);
}

static void make(struct made *made, const char *cron, const char *zone, int64_t tick_ms,
                 int64_t offset_ms)
{
    struct err err = {0};

    *made = (struct made){.schedule = {.cron = cron,
                                       .timezone = zone,
                                       .tick_ms = tick_ms,
                                       .due_ms = tick_ms + offset_ms}};
    if (cron_parse(cron, &made->cron, &err) < 0 || zone_load(zone, &made->zone, &err) < 0)
        fail_msg("%s, %s: %s", cron, zone, err.message);
}

/* ---- names ---- */
static void every_name_parses_back(void **state)
{
    enum schedule_missed missed;
    enum schedule_type type;

    (void)state;
    for (unsigned i = 0; i < SCHEDULE_TYPES; i++) {
        const char *name = schedule_type_name((enum schedule_type)i);

        assert_int_equal(schedule_type_parse(name, &type), 0);
        assert_int_equal(type, i);
        assert_int_equal(schedule_kind(type), strcmp(name, "reconcile") == 0
                                                  ? RUN_RECONCILE
                                                  : RUN_DRIFT_CHECK);
    }
    for (unsigned i = 0; i < SCHEDULE_MISSED_POLICIES; i++) {
        const char *name = schedule_missed_name((enum schedule_missed)i);

        assert_int_equal(schedule_missed_parse(name, &missed), 0);
        assert_int_equal(missed, i);
    }
}

static void a_name_that_is_none_leaves_the_output_alone(void **state)
{
    static const char *const strangers[] = {NULL, "", "Drift", "plan", "one ", "none"};
    enum schedule_missed missed = SCHEDULE_MISSED_ALL;
    enum schedule_type type = SCHEDULE_RECONCILE;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strangers); i++) {
        assert_int_equal(schedule_type_parse(strangers[i], &type), -1);
        assert_int_equal(schedule_missed_parse(strangers[i], &missed), -1);
    }
    assert_int_equal(type, SCHEDULE_RECONCILE);
    assert_int_equal(missed, SCHEDULE_MISSED_ALL);
}

/* ---- offsets ---- */
static void an_offset_is_within_the_jitter(void **state)
{
    (void)state;
    for (int64_t spread = 1; spread < 100000; spread += 7) {
        assert_int_equal(schedule_offset_ms(spread, 0), 0);
        assert_in_range(schedule_offset_ms(spread, 1), 0, 999);
        assert_in_range(schedule_offset_ms(spread, SCHEDULE_JITTER_MAX_S), 0,
                        SCHEDULE_JITTER_MAX_S * 1000 - 1);
    }
    /* The same numbers come out of part_schedule.lua. */
    assert_int_equal(schedule_offset_ms(1, 3600), 2224922);
    assert_int_equal(schedule_offset_ms(2, 3600), 849844);
    assert_int_equal(schedule_offset_ms(1000000, 60), 59324);
}

/* Of a thousand schedules with one hour of jitter: how many in the fullest minute. */
static int fullest_minute(int64_t first, int64_t every)
{
    int minutes[60] = {0}, fullest = 0;

    for (int64_t i = 0; i < 1000; i++)
        minutes[schedule_offset_ms(first + i * every, 3600) / MINUTE_MS]++;
    for (size_t i = 0; i < ARRAY_LEN(minutes); i++)
        fullest = minutes[i] > fullest ? minutes[i] : fullest;
    return fullest;
}

static void many_schedules_spread_evenly_over_their_jitter(void **state)
{
    static const int64_t steps[] = {1, 2, 3, 10};
    static const int64_t firsts[] = {1, 2, 999, 123456, 50000000};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        for (size_t j = 0; j < ARRAY_LEN(firsts); j++)
            if (fullest_minute(firsts[j], steps[i]) * 60 > 1350)
                fail_msg("every %d. from %lld: %d in one minute", (int)steps[i],
                         (long long)firsts[j], fullest_minute(firsts[j], steps[i]));
}

/* ---- steps ---- */
static const struct step_case {
    const char *cron, *zone;
    enum schedule_missed missed;
    int64_t offset_ms;
    const char *tick, *now;
    const char *run, *next;
    bool catching_up;
    int64_t passed;
} step_cases[] = {
    /* On time. */
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ONE, 0, "2026-01-05 10:00",
     "2026-01-05 10:00:01", "2026-01-05 10:00", "2026-01-05 11:00", false, 0},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_SKIP, 0, "2026-01-05 10:00",
     "2026-01-05 10:01:00", "2026-01-05 10:00", "2026-01-05 11:00", false, 0},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ALL, 0, "2026-01-05 10:00",
     "2026-01-05 10:01:00", "2026-01-05 10:00", "2026-01-05 11:00", false, 0},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_SKIP, 0, "2026-01-05 07:00",
     "2026-01-05 10:00:30", "2026-01-05 10:00", "2026-01-05 11:00", false, 3},
    /* Missed: none. */
    {"0 * * * *", "UTC", SCHEDULE_MISSED_SKIP, 0, "2026-01-05 10:00",
     "2026-01-05 10:01:00.001", "", "2026-01-05 11:00", false, 1},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_SKIP, 0, "2026-01-05 06:00", "2026-01-05 10:30",
     "", "2026-01-05 11:00", false, 5},
    /* Missed: the newest of an hour. */
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ONE, 0, "2026-01-05 06:00", "2026-01-05 10:30",
     "2026-01-05 10:00", "2026-01-05 11:00", false, 4},
    {"0 3 * * *", "UTC", SCHEDULE_MISSED_ONE, 0, "2026-01-05 03:00", "2026-01-05 04:00",
     "2026-01-05 03:00", "2026-01-06 03:00", false, 0},
    {"0 3 * * *", "UTC", SCHEDULE_MISSED_ONE, 0, "2026-01-05 03:00",
     "2026-01-05 04:00:00.001", "", "2026-01-06 03:00", false, 1},
    {"* * * * *", "UTC", SCHEDULE_MISSED_ONE, 0, "2026-01-05 03:00",
     "2026-02-05 03:00:30", "2026-02-05 03:00", "2026-02-05 03:01", false, 1000},
    /* Missed: all, one at a time. */
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ALL, 0, "2026-01-05 06:00", "2026-01-05 10:30",
     "2026-01-05 06:00", "2026-01-05 07:00", true, 0},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ALL, 0, "2026-01-05 09:00",
     "2026-01-05 10:00:01", "2026-01-05 09:00", "2026-01-05 10:00", true, 0},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ALL, 0, "2026-01-05 10:00", "2026-01-05 10:30",
     "2026-01-05 10:00", "2026-01-05 11:00", true, 0},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ALL, 0, "2026-01-01 00:00", "2026-01-05 10:30",
     "2026-01-04 11:00", "2026-01-04 12:00", true, 83},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ALL, 0, "2026-01-04 11:00", "2026-01-05 10:30",
     "2026-01-04 11:00", "2026-01-04 12:00", true, 0},
    /* Jitter: what counts is the due time. */
    {"0 * * * *", "UTC", SCHEDULE_MISSED_SKIP, 30 * MINUTE_MS, "2026-01-05 10:00",
     "2026-01-05 10:30:59", "2026-01-05 10:00", "2026-01-05 11:00", false, 0},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ONE, 30 * MINUTE_MS, "2026-01-05 10:00",
     "2026-01-05 11:29:59", "2026-01-05 10:00", "2026-01-05 11:00", false, 0},
    {"0 * * * *", "UTC", SCHEDULE_MISSED_ONE, 30 * MINUTE_MS, "2026-01-05 10:00",
     "2026-01-05 11:45", "2026-01-05 11:00", "2026-01-05 12:00", false, 1},
    {"* * * * *", "UTC", SCHEDULE_MISSED_ONE, HOUR_MS, "2026-01-05 10:00",
     "2026-01-05 11:00:30", "2026-01-05 10:00", "2026-01-05 10:01", false, 0},
    /* Daylight saving in Berlin: a fixed time that is skipped, and one that is twice. */
    {"30 2 * * *", "Europe/Berlin", SCHEDULE_MISSED_ONE, 0, "2026-03-28 01:30",
     "2026-03-28 01:30:01", "2026-03-28 01:30", "2026-03-29 01:00", false, 0},
    {"30 2 * * *", "Europe/Berlin", SCHEDULE_MISSED_ONE, 0, "2026-03-29 01:00",
     "2026-03-29 01:00:01", "2026-03-29 01:00", "2026-03-30 00:30", false, 0},
    {"30 2 * * *", "Europe/Berlin", SCHEDULE_MISSED_ONE, 0, "2026-10-25 00:30",
     "2026-10-25 01:30:00", "2026-10-25 00:30", "2026-10-26 01:30", false, 0},
    /* Real time for what is wild: both of the hours, none of the gap. */
    {"30 * * * *", "Europe/Berlin", SCHEDULE_MISSED_ALL, 0, "2026-10-25 00:30",
     "2026-10-25 02:00", "2026-10-25 00:30", "2026-10-25 01:30", true, 0},
    {"30 * * * *", "Europe/Berlin", SCHEDULE_MISSED_ONE, 0, "2026-03-29 00:30",
     "2026-03-29 03:40", "2026-03-29 03:30", "2026-03-29 04:30", false, 3},
    /* The stored tick is none of the expression (any more). */
    {"0 7 * * *", "UTC", SCHEDULE_MISSED_ONE, 0, "2026-01-05 06:00",
     "2026-01-05 06:00:01", "", "2026-01-05 07:00", false, 0},
    {"0 7 * * *", "UTC", SCHEDULE_MISSED_ONE, 0, "2026-01-05 06:00",
     "2026-01-05 07:00:01", "2026-01-05 07:00", "2026-01-06 07:00", false, 0},
    {"0 0 30 2 *", "UTC", SCHEDULE_MISSED_ONE, 0, "2026-01-05 06:00",
     "2026-01-05 06:00:01", "", "", false, 0},
};

static void a_due_schedule_takes_the_step_of_its_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(step_cases); i++) {
        const struct step_case *c = &step_cases[i];
        AUTO(made_done) struct made made = {0};
        struct schedule_step step;

        make(&made, c->cron, c->zone, at(c->tick), c->offset_ms);
        made.schedule.missed = c->missed;
        schedule_step(&made.schedule, &made.cron, made.zone, at(c->now), &step);
        if (step.run_tick_ms != at(c->run) || step.next_tick_ms != at(c->next) ||
            step.catching_up != c->catching_up || step.passed != c->passed)
            fail_msg("case %zu: run %lld (not %lld), next %lld (not %lld), catching up "
                     "%d, passed %lld",
                     i, (long long)step.run_tick_ms, (long long)at(c->run),
                     (long long)step.next_tick_ms, (long long)at(c->next),
                     step.catching_up, (long long)step.passed);
    }
}

/* From one step to the next, as a scheduler that was away does. */
static void catching_up_gives_a_run_to_each_of_the_newest_ticks(void **state)
{
    AUTO(made_done) struct made made = {0};
    const int64_t now_ms = at("2026-01-05 10:00:30");
    struct schedule_step step = {.next_tick_ms = at("2026-01-03 00:00")};
    int64_t last_ms = 0, runs = 0;

    (void)state;
    make(&made, "0 * * * *", "UTC", step.next_tick_ms, 0);
    made.schedule.missed = SCHEDULE_MISSED_ALL;
    while (step.next_tick_ms <= now_ms) {
        made.schedule.tick_ms = made.schedule.due_ms = step.next_tick_ms;
        schedule_step(&made.schedule, &made.cron, made.zone, now_ms, &step);
        assert_true(step.run_tick_ms > last_ms);
        assert_int_equal(step.catching_up, runs < SCHEDULE_ALL_MAX - 1);
        last_ms = step.run_tick_ms;
        runs++;
    }
    assert_int_equal(runs, SCHEDULE_ALL_MAX);
    assert_int_equal(last_ms, at("2026-01-05 10:00"));
}

/* ---- review ---- */
static const struct sound_case {
    const char *cron, *tick, *now;
    bool sound;
} sound_cases[] = {
    {"0 7 * * *", "2026-01-05 07:00", "2026-01-04 12:00", true},
    {"0 7 * * *", "2026-01-05 07:00", "2026-01-05 07:00", true}, /* due now */
    {"0 7 * * *", "2026-01-05 07:00", "2026-01-09 12:00", true}, /* long since */
    {"0 7 * * *", "2026-01-05 06:00", "2026-01-04 12:00", false},
    {"0 7 * * *", "2026-01-05 06:00", "2026-01-05 09:00", false},
    {"0 7 * * *", "2026-01-05 07:00", "2026-01-04 06:59", false}, /* one between */
    {"0 7 * * *", "2026-01-05 07:00", "2026-01-04 07:00", true},
    {"0 0 30 2 *", "2026-01-05 07:00", "2026-01-04 07:00", false},
};

static void a_tick_is_sound_when_the_rules_would_give_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sound_cases); i++) {
        const struct sound_case *c = &sound_cases[i];
        AUTO(made_done) struct made made = {0};

        make(&made, c->cron, "UTC", at(c->tick), 0);
        if (schedule_is_sound(&made.schedule, &made.cron, made.zone, at(c->now)) !=
            c->sound)
            fail_msg("case %zu", i);
    }
}

static void no_next_tick_is_none(void **state)
{
    AUTO(made_done) struct made made = {0};

    (void)state;
    make(&made, "0 0 30 2 *", "UTC", 0, 0);
    assert_int_equal(schedule_first(&made.cron, made.zone, at("2026-01-05 07:00")), 0);
    assert_true(schedule_is_sound(&made.schedule, &made.cron, made.zone, DAY_MS));
}

/* ---- run ids ---- */
static void a_tick_has_one_run_id(void **state)
{
    static const char id[] = "6f1c3f1e-6f0e-4c5e-9a53-0f8f3c4f9d11";
    static const char other_id[] = "6f1c3f1e-6f0e-4c5e-9a53-0f8f3c4f9d12";
    char run_id[SIGN_UUID_BYTES], other[SIGN_UUID_BYTES];
    long long seconds = at("2026-03-29 01:00") / 1000;
    unsigned long long high, low;

    (void)state;
    schedule_run_id(id, seconds * 1000, run_id);
    schedule_run_id(id, seconds * 1000, other);
    assert_string_equal(run_id, other);
    assert_int_equal(strlen(run_id), SIGN_UUID_BYTES - 1);
    assert_int_equal(sscanf(run_id, "%8llx-%4llx-7", &high, &low), 2);
    assert_int_equal(high << 16 | low, seconds * 1000);
    assert_int_equal(run_id[14], '7');
    assert_non_null(strchr("89ab", run_id[19]));
    schedule_run_id(id, seconds * 1000 + 60000, other);
    assert_string_not_equal(run_id, other);
    schedule_run_id(other_id, seconds * 1000, other);
    assert_string_not_equal(run_id, other);
    assert_memory_equal(run_id, other, 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_parses_back),
        cmocka_unit_test(a_name_that_is_none_leaves_the_output_alone),
        cmocka_unit_test(an_offset_is_within_the_jitter),
        cmocka_unit_test(many_schedules_spread_evenly_over_their_jitter),
        cmocka_unit_test(a_due_schedule_takes_the_step_of_its_policy),
        cmocka_unit_test(catching_up_gives_a_run_to_each_of_the_newest_ticks),
        cmocka_unit_test(a_tick_is_sound_when_the_rules_would_give_it),
        cmocka_unit_test(no_next_tick_is_none),
        cmocka_unit_test(a_tick_has_one_run_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
