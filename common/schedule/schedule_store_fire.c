/* Schedules in Redis: what is due, and the step in which a tick becomes a run. */
#include <assert.h>

#include "common/base/mem.h"
#include "common/schedule/schedule_store_internal.h"

/* ---- what is due ---- */
/* The order of the answer. */
enum {
    DUE_NOW_AT,
    DUE_PAUSED_AT,
    DUE_NEXT_AT,
    DUE_HOSTS_AT,
    DUE_TIMED_AT = DUE_HOSTS_AT + VCS_TYPES,
    DUE_SCHEDULES_AT
};

void schedule_due(struct redis_cmd *cmd, const char *prefix, int64_t from, int64_t limit)
{
    redis_cmd_script(cmd, script("schedule_due"), prefix);
    redis_cmd_int(cmd, from);
    redis_cmd_int(cmd, limit);
    schedule_arg_fields(cmd);
}

void schedule_walk(struct redis_cmd *cmd, const char *prefix, int64_t after_due_ms,
                   const char *after_id, int64_t limit)
{
    redis_cmd_script(cmd, script("schedule_walk"), prefix);
    redis_cmd_int(cmd, after_due_ms);
    redis_cmd_arg(cmd, after_id);
    redis_cmd_int(cmd, limit);
    schedule_arg_fields(cmd);
}

int schedule_due_reply(const struct redisReply *reply, struct schedules_due *out,
                       struct err *err)
{
    size_t count = redis_reply_count(reply);

    if (count < DUE_SCHEDULES_AT)
        return err_set(err, ERR_PERM, "what is due was read with %zu answers", count);
    *out = (struct schedules_due){
        .now_ms = redis_reply_int(redis_reply_at(reply, DUE_NOW_AT), 0),
        .next_due_ms = redis_reply_int(redis_reply_at(reply, DUE_NEXT_AT), 0),
        .paused = redis_reply_int(redis_reply_at(reply, DUE_PAUSED_AT), 0) != 0,
        .timed = redis_reply_int(redis_reply_at(reply, DUE_TIMED_AT), 0),
        .count = count - DUE_SCHEDULES_AT,
    };
    for (size_t type = 0; type < VCS_TYPES; type++)
        out->hosts.of[type] =
            redis_reply_text(redis_reply_at(reply, DUE_HOSTS_AT + type));
    return 0;
}

int schedule_due_at(const struct redisReply *reply, size_t index, struct schedule *out,
                    struct err *err)
{
    return schedule_read_shown(redis_reply_at(reply, DUE_SCHEDULES_AT + index), out, err);
}

/* ---- fire ---- */
static const char *const action_words[] = {
    [FIRE_RUN] = "run",
    [FIRE_JOIN_QUEUE] = "join_queue",
    [FIRE_SKIP] = "skip",
    [FIRE_PASS] = "pass",
};

static const char *const fire_words[FIRE_OUTCOMES] = {
    [FIRED] = "fired",       [FIRED_SKIPPED] = "skipped", [FIRED_PASSED] = "passed",
    [FIRED_MOVED] = "moved", [FIRED_STALE] = "stale",     [FIRED_PAUSED] = "paused",
};

/* What the run is made of. */
static void add_run(struct redis_cmd *cmd, const struct fire *fire)
{
    const struct order *order = fire->order;

    assert(order->kind == fire->kind);
    assert(fire->action != FIRE_SKIP || fire->note != NULL);
    redis_cmd_arg(cmd, fire->run_id);
    redis_cmd_arg(cmd, run_kind_name(fire->kind));
    redis_cmd_int(cmd, run_trigger_credit_ms(TRIGGER_SCHEDULE));
    redis_cmd_arg(cmd, order->target);
    redis_cmd_arg(cmd, order->scope);
    redis_cmd_arg(cmd, order->project_id);
    redis_cmd_arg(cmd, order->workspace_id);
    queue_arg_project(cmd, order->project_id);
    redis_cmd_int(cmd, order->revision < 0 ? -1 : order->revision);
    redis_cmd_arg(cmd, order->spec);
    redis_cmd_arg(cmd, order->ref);
    redis_cmd_arg(cmd, order->fingerprint);
    redis_cmd_arg(cmd, fire->note);
}

void schedule_fire(struct redis_cmd *cmd, const char *prefix, const struct fire *fire)
{
    redis_cmd_script(cmd, script("fire"), prefix);
    redis_cmd_arg(cmd, fire->schedule->id);
    redis_cmd_int(cmd, fire->schedule->version);
    redis_cmd_int(cmd, fire->schedule->tick_ms);
    redis_cmd_int(cmd, fire->next_tick_ms);
    redis_cmd_arg(cmd, action_words[fire->action]);
    redis_cmd_int(cmd, fire->review);
    if (fire->action != FIRE_PASS)
        add_run(cmd, fire);
}

int schedule_fire_reply(const struct redisReply *reply, enum fire_outcome *out,
                        struct err *err)
{
    size_t word;

    if (queue_word(reply, fire_words, ARRAY_LEN(fire_words), &word, err) < 0)
        return err_wrap(err, "fire");
    *out = (enum fire_outcome)word;
    return 0;
}
