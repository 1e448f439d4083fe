/* The outbox, read: its head, reminders that are due, numbers. */
#include "common/hook/outbox.h"

#include <assert.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/hook/outbox_internal.h"

void outbox_script(struct redis_cmd *cmd, const char *name, const char *prefix)
{
    redis_cmd_script(cmd, script(name), prefix);
    redis_cmd_int(cmd, OUTBOX_QUIET_MS);
    redis_cmd_int(cmd, OUTBOX_GATHER_MAX_MS);
    redis_cmd_int(cmd, OUTBOX_FLYING_MAX);
    redis_cmd_int(cmd, OUTBOX_WAITING_MAX);
    redis_cmd_int(cmd, OUTBOX_DELIVERIES_MAX);
    redis_cmd_int(cmd, OUTBOX_LOG_MAX);
    redis_cmd_int(cmd, OUTBOX_KEEP_MS);
    redis_cmd_arg(cmd, HOOK_DEFAULT_ID);
}

/* ---- what was told ---- */
#define AT(member) offsetof(struct told, member)

/* The order of told_read in part_told.lua. */
static const struct queue_field told_fields[] = {
    {"version", AT(version), FIELD_NUMBER, 0},  {"drift", AT(drift), FIELD_TEXT, 0},
    {"since", AT(since_ms), FIELD_NUMBER, 0},   {"at", AT(at_ms), FIELD_NUMBER, 0},
    {"failing", AT(failing), FIELD_BOOLEAN, 0}, {"event", AT(event), FIELD_TEXT, 0},
};

static int read_told(const struct redisReply *reply, struct told *out, struct err *err)
{
    struct told told = {0};

    if (redis_reply_count(reply) != ARRAY_LEN(told_fields))
        return err_set(err, ERR_PERM, "what was told was read without its fields");
    for (size_t i = 0; i < ARRAY_LEN(told_fields); i++)
        queue_field_read(redis_reply_at(reply, i), &told_fields[i], &told);
    *out = told;
    return 0;
}

/* ---- head ---- */
void outbox_head(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_script(cmd, script("outbox_head"), prefix);
    queue_arg_run_fields(cmd);
}

/* The order of the reply; it ends behind the revision when there is no entry, or its run
 * is gone. */
enum {
    HEAD_ENTRY,
    HEAD_NOW,
    HEAD_REVISION,
    HEAD_RUN_ID,
    HEAD_STATUS,
    HEAD_RUN,
    HEAD_METADATA,
    HEAD_IGNORES,
    HEAD_PAIR,
    HEAD_SUBJECT,
    HEAD_TOLD,
    HEAD_FIELDS
};

static const struct redisReply *head_at(const struct redisReply *reply, size_t field)
{
    return redis_reply_at(reply, field);
}

/* A run that cannot be read counts as gone: the head must go, or nothing is told any
 * more. */
static bool read_run(const struct redisReply *reply, struct outbox_entry *entry)
{
    const char *status = redis_reply_text(head_at(reply, HEAD_STATUS));
    struct err err;

    return status != NULL && run_status_parse(status, &entry->status) == 0 &&
           queue_get_run_reply(head_at(reply, HEAD_RUN),
                               redis_reply_text(head_at(reply, HEAD_RUN_ID)), &entry->run,
                               &err) == 0 &&
           entry->run.id != NULL;
}

static int read_rest(const struct redisReply *reply, struct outbox_entry *entry,
                     struct err *err)
{
    const struct redisReply *metadata = head_at(reply, HEAD_METADATA);
    const char *subject = redis_reply_text(head_at(reply, HEAD_SUBJECT));

    if (subject == NULL)
        return err_set(err, ERR_PERM, "the outbox's head has no subject");
    entry->subject = subject;
    entry->spec = entry->run.spec;
    entry->metadata = redis_reply_text(metadata);
    entry->metadata_len = redis_reply_len(metadata);
    entry->ignores = head_at(reply, HEAD_IGNORES);
    if (registry_get_pair_reply(head_at(reply, HEAD_PAIR), &entry->pair, err) < 0 ||
        read_told(head_at(reply, HEAD_TOLD), &entry->told, err) < 0)
        return err_wrap(err, "the outbox's head");
    return 0;
}

int outbox_head_reply(const struct redisReply *reply, struct outbox_entry *out,
                      struct err *err)
{
    const struct outbox_entry gone = {
        .entry = redis_reply_text(head_at(reply, HEAD_ENTRY)),
        .now_ms = redis_reply_int(head_at(reply, HEAD_NOW), 0),
        .hooks_revision = redis_reply_int(head_at(reply, HEAD_REVISION), 0),
        .spec = "",
        .subject = "",
        .told = {.drift = "", .event = ""},
    };
    struct outbox_entry entry = gone;
    size_t count = redis_reply_count(reply);

    if (count != HEAD_FIELDS && count != HEAD_RUN_ID)
        return err_set(err, ERR_PERM, "the outbox's head was read with %zu fields",
                       count);
    if (count == HEAD_RUN_ID || !read_run(reply, &entry)) {
        *out = gone;
        return 0;
    }
    if (read_rest(reply, &entry, err) < 0)
        return -1;
    *out = entry;
    return 0;
}

/* ---- reminders ---- */
void outbox_due_reminders(struct redis_cmd *cmd, const char *prefix, int64_t limit)
{
    assert(limit > 0 && limit <= OUTBOX_REMINDERS_MAX);
    redis_cmd_script(cmd, script("outbox_due_reminders"), prefix);
    redis_cmd_int(cmd, limit);
}

/* Before the reminders: time and revision. */
#define REMINDERS_HEAD 2

int outbox_reminders_reply(const struct redisReply *reply, int64_t *now_ms,
                           int64_t *hooks_revision, size_t *count, struct err *err)
{
    size_t elements = redis_reply_count(reply);

    if (elements < REMINDERS_HEAD)
        return err_set(err, ERR_PERM, "reminders were read without the time");
    *now_ms = redis_reply_int(redis_reply_at(reply, 0), 0);
    *hooks_revision = redis_reply_int(redis_reply_at(reply, 1), 0);
    *count = elements - REMINDERS_HEAD;
    return 0;
}

int outbox_reminder_at(const struct redisReply *reply, size_t index,
                       struct outbox_reminder *out, struct err *err)
{
    const struct redisReply *row = redis_reply_at(reply, REMINDERS_HEAD + index);
    struct outbox_reminder reminder = {.subject =
                                           redis_reply_text(redis_reply_at(row, 0))};

    if (reminder.subject == NULL)
        return err_set(err, ERR_PERM, "a reminder was read without its subject");
    if (read_told(redis_reply_at(row, 1), &reminder.told, err) < 0)
        return -1;
    *out = reminder;
    return 0;
}

/* ---- numbers ---- */
void outbox_get_stats(struct redis_cmd *cmd, const char *prefix)
{
    redis_cmd_script(cmd, script("outbox_stats"), prefix);
}

int outbox_get_stats_reply(const struct redisReply *reply, struct outbox_stats *out,
                           struct err *err)
{
    if (redis_reply_count(reply) != 3)
        return err_set(err, ERR_PERM, "outbox_stats answered %zu numbers",
                       redis_reply_count(reply));
    *out = (struct outbox_stats){
        .entries = redis_reply_int(redis_reply_at(reply, 0), 0),
        .hooks_waiting = redis_reply_int(redis_reply_at(reply, 1), 0),
        .reminders = redis_reply_int(redis_reply_at(reply, 2), 0),
    };
    return 0;
}
