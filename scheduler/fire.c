/* Firing: the turn, its clock and its numbers. */
#include "scheduler/fire.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "scheduler/away.h"
#include "scheduler/fire_internal.h"

#define IDLE_MS        1000 /* a schedule that is new is seen within that */
#define BATCHES_A_TURN 10   /* then others get their turn */

static int call_all(struct redis *redis, const struct redis_cmd *cmds, size_t count,
                    struct redisReply **replies, struct err *err)
{
    return redis_call_all(redis, cmds, count, 0, replies, err);
}

const struct fire_world fire_world_real = {call_all, clock_wall_ms, clock_boot_ms};

void fire_init(struct firing *firing, const struct conf *conf, struct redis *redis)
{
    *firing = (struct firing){.prefix = conf->redis_prefix,
                              .redis = redis,
                              .world = &fire_world_real,
                              .zones = zones_new(),
                              .orders = orders_new("*"),
                              .shots = mem_new(FIRE_BATCH, sizeof(struct shot))};
}

void fire_done(struct firing *firing)
{
    zones_free(firing->zones);
    orders_free(firing->orders);
    free(firing->shots);
    *firing = (struct firing){0};
}

void fire_reload(struct firing *firing)
{
    zones_refresh(firing->zones);
    review_start(&firing->review, clock_mono_ms());
}

int fire_call(struct firing *firing, const struct redis_cmd *cmd,
              struct redisReply **reply, struct err *err)
{
    return firing->world->call_all(firing->redis, cmd, 1, reply, err);
}

/* ---- a turn ---- */
static void look_at_clock(struct firing *firing, int64_t server_ms)
{
    const struct clock_look look = {.server_ms = server_ms,
                                    .wall_ms = firing->world->wall_ms(),
                                    .boot_ms = firing->world->boot_ms()};
    bool held = firing->clock.holds;
    int64_t step_ms = clock_guard_look(&firing->clock, &look);

    if (step_ms != 0)
        log_error("clock_stepped", "step_ms=%" PRId64 " server_ahead_ms=%" PRId64,
                  step_ms, look.server_ms - look.wall_ms);
    if (step_ms < 0)
        review_start(&firing->review, firing->now_mono_ms);
    if (held && !firing->clock.holds)
        log_info("clock_steady", "");
}

static int look(struct firing *firing, int64_t from, struct redisReply **reply,
                struct schedules_due *due, struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    schedule_due(&cmd, firing->prefix, from, FIRE_BATCH);
    if (fire_call(firing, &cmd, reply, err) < 0 ||
        schedule_due_reply(*reply, due, err) < 0)
        return -1;
    firing->timed = due->timed;
    look_at_clock(firing, due->now_ms);
    orders_set_hosts(firing->orders, &due->hosts);
    return 0;
}

/* Until an api has been there, nobody knows what targets are. */
static bool knows_hosts(struct firing *firing, const struct schedules_due *due)
{
    for (size_t type = 0; type < VCS_TYPES; type++)
        if (due->hosts.of[type] != NULL)
            return true;
    if (quiet_allows(&firing->quiet, "hosts", firing->now_mono_ms))
        log_warn("schedules_wait", "reason=%s", "no kedge-api has been here yet");
    return false;
}

static int64_t until_next(const struct schedules_due *due)
{
    int64_t wait_ms = due->next_due_ms - due->now_ms;

    return wait_ms > 0 && wait_ms < IDLE_MS ? wait_ms : IDLE_MS;
}

static int64_t count_in_vain(const struct firing *firing)
{
    return firing->counts.moved + firing->counts.stale;
}

static int fire_due(struct firing *firing, int64_t *wait_ms, struct err *err)
{
    const int64_t in_vain = count_in_vain(firing);
    size_t handled_all = 0, stuck = 0;

    for (int batch = 0; batch < BATCHES_A_TURN; batch++) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        struct schedules_due due;
        size_t handled = 0;

        *wait_ms = IDLE_MS;
        if (look(firing, (int64_t)stuck, &reply, &due, err) < 0)
            return -1;
        if (due.paused || firing->clock.holds)
            return 0;
        if (due.count == 0) {
            *wait_ms = until_next(&due);
            return 0;
        }
        if (!knows_hosts(firing, &due))
            return 0;
        if (fire_batch(firing, reply, &due, &handled, err) < 0)
            return -1;
        if (handled == 0 && due.count < FIRE_BATCH)
            return 0;
        handled_all += handled;
        stuck += due.count - handled; /* they keep their place before the others */
    }
    /* When nothing at all came of it others are at it, or what is stored is broken. */
    if ((int64_t)handled_all > count_in_vain(firing) - in_vain)
        *wait_ms = 0;
    return 0;
}

static int turn(struct firing *firing, struct err *err)
{
    const int64_t passed = firing->counts.passed;
    int64_t wait_ms = IDLE_MS;
    int failed = 0;

    if (firing->now_mono_ms >= firing->due_mono_ms) {
        failed = fire_due(firing, &wait_ms, err);
        firing->due_mono_ms = firing->now_mono_ms + wait_ms;
    }
    if (firing->counts.passed > passed)
        log_warn("ticks_passed", "count=%" PRId64, firing->counts.passed - passed);
    if (failed < 0)
        return -1;
    return firing->clock.holds ? 0 : review_tick(firing, err);
}

int fire_tick(struct firing *firing, int64_t now_mono_ms, int64_t *next_mono_ms,
              struct err *err)
{
    int failed;

    firing->now_mono_ms = now_mono_ms;
    failed = turn(firing, err);
    *next_mono_ms = firing->due_mono_ms;
    if (!firing->clock.holds && firing->review.due_mono_ms < *next_mono_ms)
        *next_mono_ms = firing->review.due_mono_ms;
    if (failed == 0)
        return 0;
    /* What Redis refuses, be it that its memory is full, is no news of its absence. */
    if (err->kind != ERR_TEMP || redis_connected(firing->redis)) {
        if (quiet_allows(&firing->quiet, err->message, now_mono_ms))
            log_error("fire_failed", "error=%s", err->message);
        *next_mono_ms = firing->due_mono_ms = now_mono_ms + IDLE_MS;
        return 0;
    }
    *next_mono_ms = firing->due_mono_ms = now_mono_ms + AWAY_PAUSE_MS;
    return -1;
}

/* ---- numbers ---- */
#define TICKS(word)                                                                      \
    {                                                                                    \
        "kedge_schedule_ticks_total",                                                    \
            "Ticks of schedules, by what became of them (moved: another scheduler was "  \
            "faster).",                                                                  \
            METRIC_COUNTER, "outcome=\"" #word "\"", &firing->counts.word                \
    }

void fire_print_metrics(const struct firing *firing, struct buf *out)
{
    const struct metric table[] = {
        TICKS(fired),
        TICKS(skipped),
        TICKS(passed),
        TICKS(moved),
        {"kedge_schedule_lateness_seconds", "From a tick's due time to its run.",
         METRIC_HISTOGRAM, NULL, &firing->lateness},
        {"kedge_schedules_due", "Schedules that have a next tick, due or not.",
         METRIC_GAUGE, NULL, &firing->timed},
        {"kedge_schedules_put_right_total", "Wrong ticks that a review has corrected.",
         METRIC_COUNTER, NULL, &firing->counts.put_right},
    };

    metrics_print(table, ARRAY_LEN(table), out);
}
