/* Schedules in Redis: what is stored of one, and what the api reads and changes. */
#include "common/schedule/schedule_store.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/schedule/schedule_store_internal.h"

/* ---- one schedule ---- */
#define AT(member) offsetof(struct schedule, member)

static const struct queue_field schedule_fields[] = {
    {"project", AT(project_id), FIELD_TEXT, 0},
    {"workspace", AT(workspace_id), FIELD_TEXT, 0},
    {"cron", AT(cron), FIELD_TEXT, 0},
    {"zone", AT(timezone), FIELD_TEXT, 0},
    {"label", AT(label), FIELD_TEXT, 0},
    {"jitter", AT(jitter_s), FIELD_NUMBER, 0},
    {"enabled", AT(enabled), FIELD_BOOLEAN, 0},
    {"spread", AT(spread), FIELD_NUMBER, 0},
    {"version", AT(version), FIELD_NUMBER, 0},
    {"tick", AT(tick_ms), FIELD_NUMBER, 0},
    {"due", AT(due_ms), FIELD_NUMBER, 0},
    {"last", AT(last_ms), FIELD_NUMBER, 0},
    {"created", AT(created_ms), FIELD_NUMBER, 0},
    {"updated", AT(updated_ms), FIELD_NUMBER, 0},
};

/* The order of what a script shows of a schedule. */
enum {
    SHOWN_ID_AT,
    SHOWN_TYPE_AT,
    SHOWN_MISSED_AT,
    SHOWN_TABLE_AT,
    SHOWN_FIELDS = SHOWN_TABLE_AT + ARRAY_LEN(schedule_fields)
};

void schedule_arg_fields(struct redis_cmd *cmd)
{
    redis_cmd_arg(cmd, "type");
    redis_cmd_arg(cmd, "missed");
    for (size_t i = 0; i < ARRAY_LEN(schedule_fields); i++)
        redis_cmd_arg(cmd, schedule_fields[i].name);
}

int schedule_read_shown(const struct redisReply *shown, struct schedule *out,
                        struct err *err)
{
    const char *type = redis_reply_text(redis_reply_at(shown, SHOWN_TYPE_AT));
    const char *missed = redis_reply_text(redis_reply_at(shown, SHOWN_MISSED_AT));
    struct schedule schedule = {.id = redis_reply_text(redis_reply_at(shown, 0))};

    if (redis_reply_count(shown) != SHOWN_FIELDS || schedule.id == NULL)
        return err_set(err, ERR_PERM, "a schedule was read without its fields");
    if (type == NULL || schedule_type_parse(type, &schedule.type) < 0 || missed == NULL ||
        schedule_missed_parse(missed, &schedule.missed) < 0)
        return err_set(
            err, ERR_PERM, "schedule %s is stored as a \"%s\" that misses \"%s\"",
            schedule.id, type != NULL ? type : "", missed != NULL ? missed : "");
    for (size_t i = 0; i < ARRAY_LEN(schedule_fields); i++)
        queue_field_read(redis_reply_at(shown, SHOWN_TABLE_AT + i), &schedule_fields[i],
                         &schedule);
    *out = schedule;
    return 0;
}

/* ---- reading ---- */
void schedule_prepare(struct redis_cmd *cmd, const char *prefix, const char *project_id,
                      const char *workspace_id)
{
    redis_cmd_script(cmd, script("schedule_prepare"), prefix);
    queue_arg_project(cmd, project_id);
    redis_cmd_arg(cmd, workspace_id);
}

int schedule_prepare_reply(const struct redisReply *reply, int64_t *now_ms,
                           struct registry_pair *pair, struct err *err)
{
    if (registry_get_pair_reply(redis_reply_at(reply, 1), pair, err) < 0)
        return -1;
    *now_ms = redis_reply_int(redis_reply_at(reply, 0), 0);
    return 0;
}

void schedule_get(struct redis_cmd *cmd, const char *prefix, const char *id)
{
    redis_cmd_script(cmd, script("schedule_get"), prefix);
    redis_cmd_arg(cmd, id);
    schedule_arg_fields(cmd);
}

int schedule_get_reply(const struct redisReply *reply, const char *id, int64_t *now_ms,
                       struct schedule *out, struct err *err)
{
    const struct redisReply *shown = redis_reply_at(reply, 1);

    if (redis_reply_count(reply) != 2)
        return err_set(err, ERR_PERM, "schedule %s was read without the time", id);
    if (redis_reply_count(shown) == 0)
        *out = (struct schedule){.id = NULL};
    else if (schedule_read_shown(shown, out, err) < 0)
        return -1;
    *now_ms = redis_reply_int(redis_reply_at(reply, 0), 0);
    return 0;
}

void schedule_list(struct redis_cmd *cmd, const char *prefix, const char *scope)
{
    redis_cmd_script(cmd, script("schedule_list"), prefix);
    redis_cmd_arg(cmd, scope);
    schedule_arg_fields(cmd);
}

size_t schedule_list_count(const struct redisReply *reply)
{
    return redis_reply_count(reply);
}

int schedule_list_reply(const struct redisReply *reply, size_t index,
                        struct schedule *out, struct err *err)
{
    return schedule_read_shown(redis_reply_at(reply, index), out, err);
}

/* ---- changing ---- */
static const char *const outcome_words[SCHEDULE_OUTCOMES] = {
    [SCHEDULE_CREATED] = "created", [SCHEDULE_UPDATED] = "updated",
    [SCHEDULE_DELETED] = "deleted", [SCHEDULE_UNKNOWN] = "unknown",
    [SCHEDULE_CHANGED] = "changed", [SCHEDULE_FULL] = "full",
};

static int read_outcome(const struct redisReply *word, enum schedule_outcome *out,
                        struct err *err)
{
    size_t index;

    if (queue_word(word, outcome_words, ARRAY_LEN(outcome_words), &index, err) < 0)
        return err_wrap(err, "schedule");
    *out = (enum schedule_outcome)index;
    return 0;
}

void schedule_put(struct redis_cmd *cmd, const char *prefix,
                  const struct schedule *schedule, int64_t old_tick_ms)
{
    char scope[SIGN_ID_BYTES];

    registry_scope(schedule->project_id, schedule->workspace_id, scope);
    redis_cmd_script(cmd, script("schedule_put"), prefix);
    redis_cmd_arg(cmd, schedule->id);
    redis_cmd_int(cmd, schedule->version);
    redis_cmd_int(cmd, old_tick_ms);
    redis_cmd_arg(cmd, scope);
    queue_arg_project(cmd, schedule->project_id);
    redis_cmd_arg(cmd, schedule->project_id);
    redis_cmd_arg(cmd, schedule->workspace_id);
    redis_cmd_arg(cmd, schedule_type_name(schedule->type));
    redis_cmd_arg(cmd, schedule_missed_name(schedule->missed));
    redis_cmd_arg(cmd, schedule->cron);
    redis_cmd_arg(cmd, schedule->timezone);
    redis_cmd_arg(cmd, schedule->label);
    redis_cmd_int(cmd, schedule->jitter_s);
    redis_cmd_int(cmd, schedule->enabled);
    redis_cmd_int(cmd, schedule->enabled ? schedule->tick_ms : 0);
    schedule_arg_fields(cmd);
}

int schedule_put_reply(const struct redisReply *reply, enum schedule_outcome *outcome,
                       struct schedule *out, struct err *err)
{
    enum schedule_outcome word = SCHEDULE_OUTCOMES;

    if (read_outcome(redis_reply_at(reply, 0), &word, err) < 0)
        return -1;
    if ((word == SCHEDULE_CREATED || word == SCHEDULE_UPDATED) &&
        schedule_read_shown(redis_reply_at(reply, 1), out, err) < 0)
        return -1;
    *outcome = word;
    return 0;
}

void schedule_delete(struct redis_cmd *cmd, const char *prefix, const char *id,
                     const char *scope)
{
    redis_cmd_script(cmd, script("schedule_delete"), prefix);
    redis_cmd_arg(cmd, id);
    redis_cmd_arg(cmd, scope);
}

int schedule_delete_reply(const struct redisReply *reply, enum schedule_outcome *out,
                          struct err *err)
{
    return read_outcome(reply, out, err);
}

/* In the order of enum vcs_type, as schedule_put_hosts.lua and part_schedule_due.lua name
 * them. */
void schedule_put_hosts(struct redis_cmd *cmd, const char *prefix,
                        const struct order_hosts *hosts)
{
    redis_cmd_script(cmd, script("schedule_put_hosts"), prefix);
    for (enum vcs_type type = 0; type < VCS_TYPES; type++)
        redis_cmd_arg(cmd, hosts->of[type]);
}
