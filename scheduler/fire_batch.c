/* Firing: what is done about the schedules that are due now. */
#include <inttypes.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "scheduler/fire_internal.h"

/* When a schedule without rules is looked at again. */
#define BROKEN_MS     (60 * 60 * 1000)
#define UNREADABLE_MS (60 * 1000) /* its zone, for now */

static const char not_allowed[] =
    "{\"summary\":\"Skipped: the workspace does not have autoReconcile.\"}";

int fire_rules(struct firing *firing, const struct schedule *schedule, struct cron *cron,
               const struct zone **zone, struct err *err)
{
    if (cron_parse(schedule->cron, cron, err) < 0)
        return err_wrap(err, "cron");
    return zones_get(firing->zones, schedule->timezone, zone, err);
}

void fire_complain(struct firing *firing, const struct schedule *schedule,
                   const struct err *err)
{
    if (quiet_allows(&firing->quiet, schedule->id, firing->now_mono_ms))
        log_error("schedule_trouble",
                  "schedule_id=%s project_id=%s workspace_id=%s error=%s", schedule->id,
                  schedule->project_id, schedule->workspace_id, err->message);
}

/* ---- what shall be done ---- */
/* No run, and the tick moves on: nothing that is broken holds up the others. */
static void pass(struct firing *firing, struct shot *shot, const struct err *err)
{
    fire_complain(firing, &shot->schedule, err);
    shot->action = FIRE_PASS;
    shot->step.passed += 1;
}

/* From its tick to its due time. */
static int64_t offset_ms(const struct shot *shot)
{
    return shot->schedule.due_ms - shot->schedule.tick_ms;
}

static void plan(struct firing *firing, struct shot *shot, int64_t server_ms)
{
    struct cron cron;
    const struct zone *zone = NULL;
    struct err err;

    if (fire_rules(firing, &shot->schedule, &cron, &zone, &err) < 0) {
        int64_t wait_ms = err.kind == ERR_TEMP ? UNREADABLE_MS : BROKEN_MS;

        shot->step.next_tick_ms = server_ms + wait_ms - offset_ms(shot);
        pass(firing, shot, &err);
        return;
    }
    schedule_step(&shot->schedule, &cron, zone, server_ms, &shot->step);
    if (shot->step.run_tick_ms == 0)
        shot->action = FIRE_PASS;
    else
        shot->action = shot->step.catching_up ? FIRE_JOIN_QUEUE : FIRE_RUN;
}

void fire_aim(const struct firing *firing, struct shot *shot, const struct order *order)
{
    char run_id[SIGN_UUID_BYTES] = "";
    struct fire fire = {.schedule = &shot->schedule,
                        .next_tick_ms = shot->step.next_tick_ms,
                        .action = shot->action,
                        .review = shot->review,
                        .run_id = run_id,
                        .kind = schedule_kind(shot->schedule.type),
                        .order = order};

    if (order != NULL && fire.kind == RUN_RECONCILE && !order->auto_reconcile) {
        fire.action = FIRE_SKIP;
        fire.note = not_allowed;
    }
    if (fire.action != FIRE_PASS)
        schedule_run_id(shot->schedule.id, shot->step.run_tick_ms, run_id);
    schedule_fire(&shot->cmd, firing->prefix, &fire);
    shot->aimed = true;
}

/* What needs no question. */
static void aim_at_once(struct firing *firing, struct shot *shot)
{
    const struct schedule *schedule = &shot->schedule;
    const struct order *order;

    if (shot->action == FIRE_PASS) {
        fire_aim(firing, shot, NULL);
        return;
    }
    order = orders_find(firing->orders, schedule->project_id, schedule->workspace_id,
                        schedule_kind(schedule->type));
    if (order != NULL)
        fire_aim(firing, shot, order);
}

/* ---- orders that are not in the cache ---- */
static void aim_by_pair(struct firing *firing, struct shot *shot,
                        const struct redisReply *reply)
{
    const struct schedule *schedule = &shot->schedule;
    const struct order *order = NULL;
    struct registry_pair pair;
    struct err err;

    if (registry_get_pair_reply(reply, &pair, &err) == 0) {
        if (pair.workspace_json == NULL)
            err_set(&err, ERR_PERM, "its workspace is gone");
        else
            order = orders_of(firing->orders, &pair, schedule->workspace_id,
                              schedule_kind(schedule->type), &err);
    }
    if (order == NULL)
        pass(firing, shot, &err);
    fire_aim(firing, shot, order);
}

static int aim_the_others(struct firing *firing, size_t count, struct err *err)
{
    struct redisReply *replies[FIRE_BATCH] = {NULL};
    struct redis_cmd cmds[FIRE_BATCH];
    struct shot *asks[FIRE_BATCH];
    size_t asked = 0;
    int failed;

    for (size_t i = 0; i < count; i++) {
        struct shot *shot = &firing->shots[i];

        if (shot->aimed)
            continue;
        registry_get_pair(&cmds[asked], firing->prefix, shot->schedule.project_id,
                          shot->schedule.workspace_id);
        asks[asked++] = shot;
    }
    if (asked == 0)
        return 0;
    failed = firing->world->call_all(firing->redis, cmds, asked, replies, err);
    for (size_t i = 0; i < asked; i++) {
        redis_cmd_done(&cmds[i]);
        if (failed == 0)
            aim_by_pair(firing, asks[i], replies[i]);
        redis_reply_free(&replies[i]);
    }
    return failed;
}

/* ---- what became of it ---- */
static void count_fired(struct firing *firing, const struct shot *shot, int64_t server_ms)
{
    firing->counts.fired++;
    firing->counts.passed += shot->step.passed;
    metrics_observe(&firing->lateness,
                    server_ms - shot->step.run_tick_ms - offset_ms(shot));
}

/* Returns whether it came to an end: what is still as it was is not tried at once. */
static bool read_outcome(struct firing *firing, const struct shot *shot,
                         const struct redisReply *reply, int64_t server_ms)
{
    struct fire_counts *counts = &firing->counts;
    enum fire_outcome outcome;
    struct err err;

    if (schedule_fire_reply(reply, &outcome, &err) < 0) {
        fire_complain(firing, &shot->schedule, &err);
        return false;
    }
    switch (outcome) {
    case FIRED:
        count_fired(firing, shot, server_ms);
        return true;
    case FIRED_SKIPPED:
        counts->skipped++;
        counts->passed += shot->step.passed;
        return true;
    case FIRED_PASSED:
        counts->put_right += shot->review;
        counts->passed += shot->step.passed;
        return true;
    case FIRED_MOVED:
        counts->moved++;
        return true;
    case FIRED_STALE:
        counts->stale++;
        orders_drop(firing->orders, shot->schedule.project_id,
                    shot->schedule.workspace_id);
        return true;
    case FIRED_PAUSED:
    case FIRE_OUTCOMES:
        break;
    }
    return false;
}

/* ---- sending ---- */
/* One that Redis refuses as it is must not keep the others from their time. */
static int send_singly(struct firing *firing, const struct redis_cmd *cmds,
                       const struct shot *const *order, size_t count,
                       struct redisReply **replies, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (fire_call(firing, &cmds[i], &replies[i], err) == 0)
            continue;
        if (err->kind == ERR_TEMP)
            return -1;
        fire_complain(firing, &order[i]->schedule, err);
    }
    return 0;
}

/* From a random one on: of several schedulers each begins elsewhere. */
int fire_send(struct firing *firing, size_t count, int64_t server_ms, size_t *handled,
              struct err *err)
{
    struct redisReply *replies[FIRE_BATCH] = {NULL};
    struct redis_cmd cmds[FIRE_BATCH];
    const struct shot *order[FIRE_BATCH];
    int64_t begun_boot_ms = firing->clock.last.boot_ms;
    uint32_t start;
    int failed;

    sign_random(&start, sizeof start);
    for (size_t i = 0; i < count; i++) {
        order[i] = &firing->shots[(start + i) % count];
        cmds[i] = order[i]->cmd; /* borrowed */
    }
    failed = firing->world->call_all(firing->redis, cmds, count, replies, err);
    if (failed < 0 && err->kind != ERR_TEMP)
        failed = send_singly(firing, cmds, order, count, replies, err);
    server_ms += firing->world->boot_ms() - begun_boot_ms;
    for (size_t i = 0; i < count; i++) {
        if (replies[i] != NULL && read_outcome(firing, order[i], replies[i], server_ms))
            ++*handled;
        redis_reply_free(&replies[i]);
    }
    return failed;
}

void fire_forget(struct firing *firing)
{
    for (size_t i = 0; i < FIRE_BATCH; i++) {
        redis_cmd_done(&firing->shots[i].cmd);
        firing->shots[i] = (struct shot){0};
    }
}

int fire_batch(struct firing *firing, const struct redisReply *reply,
               const struct schedules_due *due, size_t *handled, struct err *err)
{
    size_t count = 0;
    int failed = 0;

    for (size_t i = 0; i < due->count && count < FIRE_BATCH; i++) {
        struct shot *shot = &firing->shots[count];

        if (schedule_due_at(reply, i, &shot->schedule, err) < 0) {
            if (quiet_allows(&firing->quiet, err->message, firing->now_mono_ms))
                log_error("schedule_trouble", "error=%s", err->message);
            continue;
        }
        plan(firing, shot, due->now_ms);
        aim_at_once(firing, shot);
        count++;
    }
    failed = aim_the_others(firing, count, err);
    if (failed == 0 && count > 0)
        failed = fire_send(firing, count, due->now_ms, handled, err);
    fire_forget(firing);
    return failed;
}
