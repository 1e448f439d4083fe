/* Firing: the review. A walk over all schedules that have a next tick, at a pace that is
 * not felt, puts right the ticks that clocks and rules as they are would not give: after
 * a clock that was ahead was put right, or when the rules of a zone have changed. */
#include <inttypes.h>
#include <stdio.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "scheduler/fire_internal.h"

#define EVERY_MS (60 * 60 * 1000)
#define PACE_MS  200 /* between two pieces of a walk */

void review_start(struct review *review, int64_t now_mono_ms)
{
    *review = (struct review){.due_mono_ms = now_mono_ms};
}

/* What is due is fired, and judged then. */
static bool is_wrong(struct firing *firing, struct shot *shot, int64_t server_ms)
{
    const struct schedule *schedule = &shot->schedule;
    const struct zone *zone = NULL;
    struct cron cron;
    struct err err;

    if (schedule->due_ms <= server_ms)
        return false;
    if (fire_rules(firing, schedule, &cron, &zone, &err) < 0) {
        fire_complain(firing, schedule, &err);
        return false;
    }
    if (schedule_is_sound(schedule, &cron, zone, server_ms))
        return false;
    shot->step.next_tick_ms = schedule_first(
        &cron, zone, schedule->tick_ms <= server_ms ? schedule->tick_ms - 1 : server_ms);
    return true;
}

static void put_right(struct firing *firing, struct shot *shot)
{
    const struct schedule *schedule = &shot->schedule;

    log_warn("schedule_reviewed",
             "schedule_id=%s tick_ms=%" PRId64 " next_tick_ms=%" PRId64, schedule->id,
             schedule->tick_ms, shot->step.next_tick_ms);
    shot->action = FIRE_PASS;
    shot->review = true;
    fire_aim(firing, shot, NULL);
}

static int review_piece(struct firing *firing, const struct redisReply *reply,
                        const struct schedules_due *walked, struct err *err)
{
    struct review *review = &firing->review;
    const struct review before = *review;
    size_t wrong = 0, handled = 0;
    int failed = 0;

    for (size_t i = 0; i < walked->count; i++) {
        struct shot *shot = &firing->shots[wrong];

        if (schedule_due_at(reply, i, &shot->schedule, err) < 0)
            continue; /* its turn comes with a complaint */
        review->seen++;
        review->after_due_ms = shot->schedule.due_ms;
        snprintf(review->after_id, sizeof review->after_id, "%s", shot->schedule.id);
        if (!is_wrong(firing, shot, walked->now_ms))
            continue;
        put_right(firing, shot);
        wrong++;
    }
    if (wrong > 0)
        failed = fire_send(firing, wrong, walked->now_ms, &handled, err);
    fire_forget(firing);
    if (failed < 0)
        *review = before; /* it goes on there */
    else if (review->seen == before.seen)
        review_start(review, firing->now_mono_ms + EVERY_MS); /* nothing can be read */
    return failed;
}

int review_tick(struct firing *firing, struct err *err)
{
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    struct review *review = &firing->review;
    struct schedules_due walked;

    if (firing->now_mono_ms < review->due_mono_ms)
        return 0;
    review->due_mono_ms = firing->now_mono_ms + PACE_MS;
    schedule_walk(&cmd, firing->prefix, review->after_due_ms, review->after_id,
                  FIRE_BATCH);
    if (fire_call(firing, &cmd, &reply, err) < 0 ||
        schedule_due_reply(reply, &walked, err) < 0)
        return -1;
    if (walked.paused)
        return 0;
    if (walked.count == 0) {
        log_info("review_done", "count=%" PRId64, review->seen);
        review_start(review, firing->now_mono_ms + EVERY_MS);
        return 0;
    }
    return review_piece(firing, reply, &walked, err);
}
