/* Hooks in Redis: commands and replies. */
#include "common/hook/hook_store.h"

#include <assert.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/hook/hook_internal.h"
#include "common/queue/queue_internal.h"
#include "common/registry/registry.h"

static const char *const outcome_words[HOOK_OUTCOMES] = {
    [HOOK_CREATED] = "created", [HOOK_UPDATED] = "updated", [HOOK_DELETED] = "deleted",
    [HOOK_UNKNOWN] = "unknown", [HOOK_CHANGED] = "changed", [HOOK_FULL] = "full",
};

#define AT(member) offsetof(struct hook, member)

/* The order of hook_row in part_hook.lua, but for kind and events. */
static const struct queue_field hook_fields[] = {
    {"version", AT(version), FIELD_NUMBER, 0},
    {"kind", 0, FIELD_TEXT, 0},
    {"url", AT(url), FIELD_TEXT, 0},
    {"events", 0, FIELD_TEXT, 0},
    {"project", AT(project_id), FIELD_TEXT, 0},
    {"workspace", AT(workspace_id), FIELD_TEXT, 0},
    {"secret", AT(secret), FIELD_TEXT, 0},
    {"old_secret", AT(old_secret), FIELD_TEXT, 0},
    {"old_until", AT(old_secret_until_ms), FIELD_NUMBER, 0},
    {"enabled", AT(enabled), FIELD_BOOLEAN, 0},
    {"reason", AT(disabled_reason), FIELD_TEXT, 0},
    {"created", AT(created_ms), FIELD_NUMBER, 0},
    {"updated", AT(updated_ms), FIELD_NUMBER, 0},
};
enum { KIND_AT = 1, EVENTS_AT = 3 };

/* The fields, which begin at `first` of the reply. */
static int read_fields(const struct redisReply *reply, size_t first, const char *id,
                       struct hook *out, struct err *err)
{
    const char *kind = redis_reply_text(redis_reply_at(reply, first + KIND_AT));
    struct hook hook = {.id = id};

    if (redis_reply_count(reply) != first + ARRAY_LEN(hook_fields))
        return err_set(err, ERR_PERM, "a hook was read without its fields");
    if (redis_reply_text(redis_reply_at(reply, first)) == NULL) {
        *out = (struct hook){.id = NULL};
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(hook_fields); i++)
        if (i != KIND_AT && i != EVENTS_AT)
            queue_field_read(redis_reply_at(reply, first + i), &hook_fields[i], &hook);
    hook.events = (uint32_t)redis_reply_int(redis_reply_at(reply, first + EVENTS_AT), 0);
    if (kind == NULL || hook_kind_parse(kind, &hook.kind) < 0)
        return err_set(err, ERR_PERM, "hook %s is stored as a \"%s\"", id,
                       kind != NULL ? kind : "");
    *out = hook;
    return 0;
}

int hook_row_read(const struct redisReply *row, struct hook *out, struct err *err)
{
    const char *id = redis_reply_text(redis_reply_at(row, 0));

    if (id == NULL)
        return err_set(err, ERR_PERM, "a hook was read without its id");
    return read_fields(row, 1, id, out, err);
}

/* ---- put, delete ---- */
/* With what it goes: its workspace, its project, or nothing. */
static void add_owner(struct redis_cmd *cmd, const struct hook *hook)
{
    bool of_project = hook->project_id != NULL && hook->project_id[0] != '\0';
    bool of_workspace = hook->workspace_id != NULL && hook->workspace_id[0] != '\0';
    char owner[SIGN_ID_BYTES] = "";

    if (of_project && of_workspace)
        registry_scope(hook->project_id, hook->workspace_id, owner);
    else if (of_project)
        registry_project_key(hook->project_id, owner);
    redis_cmd_arg(cmd, owner);
}

void hook_put(struct redis_cmd *cmd, const char *prefix, const struct hook *hook)
{
    redis_cmd_script(cmd, script("hook_put"), prefix);
    redis_cmd_arg(cmd, hook->id);
    redis_cmd_int(cmd, hook->version);
    redis_cmd_arg(cmd, hook_kind_name(hook->kind));
    redis_cmd_int(cmd, hook_kind_digests(hook->kind));
    redis_cmd_arg(cmd, hook->url);
    redis_cmd_int(cmd, hook->events);
    redis_cmd_arg(cmd, hook->project_id);
    redis_cmd_arg(cmd, hook->workspace_id);
    add_owner(cmd, hook);
    redis_cmd_arg(cmd, hook->secret);
    redis_cmd_int(cmd, hook->enabled);
    redis_cmd_int(cmd, HOOK_ROTATION_MS);
    redis_cmd_int(cmd, HOOKS_MAX);
}

static int read_outcome(const struct redisReply *reply, enum hook_outcome *out,
                        struct err *err)
{
    size_t word;

    if (queue_word(reply, outcome_words, ARRAY_LEN(outcome_words), &word, err) < 0)
        return err_wrap(err, "hook");
    *out = (enum hook_outcome)word;
    return 0;
}

int hook_put_reply(const struct redisReply *reply, enum hook_outcome *outcome,
                   struct hook *out, struct err *err)
{
    enum hook_outcome word = HOOK_OUTCOMES;

    if (read_outcome(redis_reply_at(reply, 0), &word, err) < 0)
        return -1;
    if ((word == HOOK_CREATED || word == HOOK_UPDATED) &&
        hook_row_read(redis_reply_at(reply, 1), out, err) < 0)
        return -1;
    *outcome = word;
    return 0;
}

void hook_delete(struct redis_cmd *cmd, const char *prefix, const char *id)
{
    redis_cmd_script(cmd, script("hook_delete"), prefix);
    redis_cmd_arg(cmd, id);
}

int hook_delete_reply(const struct redisReply *reply, enum hook_outcome *out,
                      struct err *err)
{
    return read_outcome(reply, out, err);
}

/* ---- reading ---- */
void hook_get(struct redis_cmd *cmd, const char *prefix, const char *id)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HMGET");
    queue_key(cmd, prefix, "hook:", id);
    for (size_t i = 0; i < ARRAY_LEN(hook_fields); i++)
        redis_cmd_arg(cmd, hook_fields[i].name);
}

int hook_get_reply(const struct redisReply *reply, const char *id, struct hook *out,
                   struct err *err)
{
    return read_fields(reply, 0, id, out, err);
}

void hook_list(struct redis_cmd *cmd, const char *prefix, int64_t offset, int64_t limit)
{
    assert(limit > 0 && limit <= HOOK_LIST_PAGE_MAX);
    redis_cmd_script(cmd, script("hook_list"), prefix);
    redis_cmd_int(cmd, offset);
    redis_cmd_int(cmd, limit);
}

/* Before the hooks: revision and total. */
#define PAGE_HEAD 2

int hook_list_reply(const struct redisReply *reply, struct hook_page *out,
                    struct err *err)
{
    size_t count = redis_reply_count(reply);

    if (count < PAGE_HEAD)
        return err_set(err, ERR_PERM, "hooks were listed without their revision");
    *out = (struct hook_page){.revision = redis_reply_int(redis_reply_at(reply, 0), 0),
                              .total = redis_reply_int(redis_reply_at(reply, 1), 0),
                              .count = count - PAGE_HEAD};
    return 0;
}

int hook_list_at(const struct redisReply *reply, size_t index, struct hook *out,
                 struct err *err)
{
    struct hook hook = {0};

    if (hook_row_read(redis_reply_at(reply, PAGE_HEAD + index), &hook, err) < 0)
        return -1;
    if (hook.id == NULL)
        return err_set(err, ERR_PERM, "a hook was listed that is not there");
    *out = hook;
    return 0;
}
