/* A schedule: names, offsets, and what is done about ticks that are due. */
#include "common/schedule/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"

#define GOLDEN     0.6180339887498949 /* (√5 - 1) / 2 */
#define PASSED_MAX 1000

static int parse_name(const char *const *names, size_t count, const char *text)
{
    for (size_t i = 0; text != NULL && i < count; i++)
        if (strcmp(names[i], text) == 0)
            return (int)i;
    return -1;
}

static const char *const type_names[SCHEDULE_TYPES] = {
    [SCHEDULE_DRIFT] = "drift",
    [SCHEDULE_DRIFT_CHECK] = "drift_check",
    [SCHEDULE_DRIFT_DETECTION] = "drift_detection",
    [SCHEDULE_RECONCILE] = "reconcile",
};

const char *schedule_type_name(enum schedule_type type)
{
    return type_names[type];
}

int schedule_type_parse(const char *text, enum schedule_type *out)
{
    int found = parse_name(type_names, ARRAY_LEN(type_names), text);

    if (found < 0)
        return -1;
    *out = (enum schedule_type)found;
    return 0;
}

enum run_kind schedule_kind(enum schedule_type type)
{
    return type == SCHEDULE_RECONCILE ? RUN_RECONCILE : RUN_DRIFT_CHECK;
}

static const char *const missed_names[SCHEDULE_MISSED_POLICIES] = {
    [SCHEDULE_MISSED_ONE] = "one",
    [SCHEDULE_MISSED_SKIP] = "skip",
    [SCHEDULE_MISSED_ALL] = "all",
};

const char *schedule_missed_name(enum schedule_missed missed)
{
    return missed_names[missed];
}

int schedule_missed_parse(const char *text, enum schedule_missed *out)
{
    int found = parse_name(missed_names, ARRAY_LEN(missed_names), text);

    if (found < 0)
        return -1;
    *out = (enum schedule_missed)found;
    return 0;
}

/* ---- times ---- */
/* In doubles and in this order, because Lua has no other numbers. */
int64_t schedule_offset_ms(int64_t spread, int64_t jitter_s)
{
    double turns = (double)spread * GOLDEN;
    double share = turns - (double)(int64_t)turns;

    return (int64_t)(share * (double)(jitter_s * 1000));
}

int64_t schedule_first(const struct cron *cron, const struct zone *zone, int64_t now_ms)
{
    int64_t tick_ms = cron_next(cron, zone, now_ms);

    return tick_ms > 0 ? tick_ms : 0;
}

bool schedule_is_sound(const struct schedule *schedule, const struct cron *cron,
                       const struct zone *zone, int64_t now_ms)
{
    int64_t tick_ms = schedule->tick_ms;
    /* A tick may be over and its due time not yet. */
    int64_t after_ms = tick_ms <= now_ms ? tick_ms - 1 : now_ms;

    return tick_ms == schedule_first(cron, zone, after_ms);
}

void schedule_run_id(const char *schedule_id, int64_t tick_ms,
                     char run_id[SIGN_UUID_BYTES])
{
    char tick[24], id[SIGN_ID_BYTES];
    const char *const parts[] = {"schedule", schedule_id, tick};
    unsigned long long time = (unsigned long long)tick_ms & ((1ULL << 48) - 1);

    snprintf(tick, sizeof tick, "%" PRId64, tick_ms);
    sign_id(parts, ARRAY_LEN(parts), id);
    /* RFC 9562, section 5.7: time, version, random; the variant's two bits are 10. */
    snprintf(run_id, SIGN_UUID_BYTES, "%08llx-%04llx-7%.3s-%c%.3s-%.12s", time >> 16,
             time & 0xffff, id, "89ab"[id[3] & 3], id + 4, id + 7);
}

/* ---- a step ---- */
/* What is due of a schedule: all between the stored tick and `until_ms`. */
struct due {
    const struct cron *cron;
    const struct zone *zone;
    int64_t before_ms; /* just before the stored tick */
    int64_t until_ms;
    int64_t newest_ms; /* of them */
    int64_t late_ms;   /* how late that one is */
};

/* Ticks later than `after_ms` and before `end_ms`. */
static int64_t count_ticks(const struct due *due, int64_t after_ms, int64_t end_ms)
{
    int64_t count = 0;

    for (int64_t tick_ms = after_ms; count < PASSED_MAX; count++) {
        tick_ms = cron_next(due->cron, due->zone, tick_ms);
        if (tick_ms < 0 || tick_ms >= end_ms)
            break;
    }
    return count;
}

/* The newest one or none. */
static void step_newest(const struct due *due, bool wanted, struct schedule_step *out)
{
    out->run_tick_ms = wanted ? due->newest_ms : 0;
    out->next_tick_ms = schedule_first(due->cron, due->zone, due->newest_ms);
    out->passed = count_ticks(due, due->before_ms, due->newest_ms + (wanted ? 0 : 1));
}

/* The first of the newest SCHEDULE_ALL_MAX. */
static void step_all(const struct due *due, struct schedule_step *out)
{
    int64_t tick_ms = due->newest_ms;

    for (int i = 1; i < SCHEDULE_ALL_MAX; i++) {
        int64_t earlier_ms = cron_last(due->cron, due->zone, due->before_ms, tick_ms - 1);

        if (earlier_ms < 0)
            break;
        tick_ms = earlier_ms;
    }
    out->run_tick_ms = tick_ms;
    out->next_tick_ms = schedule_first(due->cron, due->zone, tick_ms);
    out->catching_up = tick_ms != due->newest_ms || due->late_ms > SCHEDULE_LATE_MS;
    out->passed = count_ticks(due, due->before_ms, tick_ms);
}

void schedule_step(const struct schedule *schedule, const struct cron *cron,
                   const struct zone *zone, int64_t now_ms, struct schedule_step *out)
{
    int64_t offset_ms = schedule->due_ms - schedule->tick_ms;
    struct due due = {.cron = cron,
                      .zone = zone,
                      .before_ms = schedule->tick_ms - 1,
                      .until_ms = now_ms - offset_ms};

    *out = (struct schedule_step){0};
    due.newest_ms = cron_last(cron, zone, due.before_ms, due.until_ms);
    if (due.newest_ms < 0) { /* what is stored is no tick any more */
        out->next_tick_ms = schedule_first(cron, zone, due.before_ms);
        return;
    }
    due.late_ms = due.until_ms - due.newest_ms;
    switch (schedule->missed) {
    case SCHEDULE_MISSED_ONE:
        step_newest(&due, due.late_ms <= SCHEDULE_CATCH_UP_MS, out);
        break;
    case SCHEDULE_MISSED_ALL:
        step_all(&due, out);
        break;
    case SCHEDULE_MISSED_SKIP:
    case SCHEDULE_MISSED_POLICIES:
        step_newest(&due, due.late_ms <= SCHEDULE_LATE_MS, out);
        break;
    }
}
