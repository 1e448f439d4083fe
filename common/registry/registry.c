/* The registry's commands and replies. */
#include "common/registry/registry.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/redis/scripts.h"

/* What the scripts answer first. */
static const char *const outcome_words[REGISTRY_OUTCOMES] = {
    [REGISTRY_CREATED] = "created", [REGISTRY_UPDATED] = "updated",
    [REGISTRY_UNKNOWN] = "unknown", [REGISTRY_BUSY] = "busy",
    [REGISTRY_DONE] = "done",       [REGISTRY_REFUSED] = "refused",
};

void registry_project_key(const char *project_id, char id[SIGN_ID_BYTES])
{
    const char *const parts[] = {project_id};

    sign_id(parts, ARRAY_LEN(parts), id);
}

void registry_scope(const char *project_id, const char *workspace_id,
                    char id[SIGN_ID_BYTES])
{
    const char *const parts[] = {project_id, workspace_id};

    sign_id(parts, ARRAY_LEN(parts), id);
}

/* A script whose first argument is the project's key. */
static void project_script(struct redis_cmd *cmd, const char *name, const char *prefix,
                           const char *project_id)
{
    char key[SIGN_ID_BYTES];

    registry_project_key(project_id, key);
    redis_cmd_script(cmd, script(name), prefix);
    redis_cmd_arg(cmd, key);
}

static void tracked_id(enum vcs_type type, const char *repository, char id[SIGN_ID_BYTES])
{
    AUTO(auto_free) char *lower = mem_dup(repository);
    const char *const parts[] = {vcs_type_name(type), lower};

    for (char *c = lower; *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    sign_id(parts, ARRAY_LEN(parts), id);
}

/* What a project tracks; "": it does not say so. */
static void tracked_by(const char *json, char id[SIGN_ID_BYTES])
{
    AUTO(auto_json) cJSON *doc = NULL;
    const char *type_name, *repository;
    enum vcs_type type;
    struct err err;

    doc = json_parse(json, strlen(json), JSON_DEPTH_MAX, false, &err);
    type_name = json_string(doc, "type");
    repository = json_string(doc, "repository");
    id[0] = '\0';
    if (repository != NULL && type_name != NULL && vcs_type_parse(type_name, &type) == 0)
        tracked_id(type, repository, id);
}

void registry_put_project(struct redis_cmd *cmd, const char *prefix,
                          const char *project_id, const char *json)
{
    char tracked[SIGN_ID_BYTES];

    tracked_by(json, tracked);
    project_script(cmd, "registry_put_project", prefix, project_id);
    redis_cmd_arg(cmd, project_id);
    redis_cmd_arg(cmd, json);
    redis_cmd_arg(cmd, tracked);
}

void registry_put_workspace(struct redis_cmd *cmd, const char *prefix,
                            const char *project_id, const char *workspace_id,
                            const char *json)
{
    project_script(cmd, "registry_put_workspace", prefix, project_id);
    redis_cmd_arg(cmd, workspace_id);
    redis_cmd_arg(cmd, json);
}

void registry_delete_workspace(struct redis_cmd *cmd, const char *prefix,
                               const char *project_id, const char *workspace_id,
                               const char *target, bool force)
{
    char scope[SIGN_ID_BYTES];

    registry_scope(project_id, workspace_id, scope);
    project_script(cmd, "registry_delete_workspace", prefix, project_id);
    redis_cmd_arg(cmd, workspace_id);
    redis_cmd_arg(cmd, target);
    redis_cmd_arg(cmd, scope);
    redis_cmd_int(cmd, force);
}

void registry_delete_project(struct redis_cmd *cmd, const char *prefix,
                             const char *project_id)
{
    project_script(cmd, "registry_delete_project", prefix, project_id);
}

int registry_reply(const struct redisReply *reply, enum registry_outcome *out,
                   struct err *err)
{
    const char *word = redis_reply_text(redis_reply_at(reply, 0));

    for (unsigned i = 0; word != NULL && i < REGISTRY_OUTCOMES; i++) {
        if (strcmp(word, outcome_words[i]) == 0) {
            *out = (enum registry_outcome)i;
            return 0;
        }
    }
    return err_set(err, ERR_PERM, "registry: unexpected answer '%s'",
                   word != NULL ? word : "");
}

size_t registry_busy_count(const struct redisReply *reply)
{
    size_t count = redis_reply_count(reply);

    return count > 0 ? count - 1 : 0;
}

const char *registry_busy_run(const struct redisReply *reply, size_t index)
{
    return redis_reply_text(redis_reply_at(reply, index + 1));
}

void registry_get_project(struct redis_cmd *cmd, const char *prefix,
                          const char *project_id)
{
    static const char *const fields[] = {"id", "json", "revision", "created", "updated"};
    char key[SIGN_ID_BYTES];

    registry_project_key(project_id, key);
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HMGET");
    redis_cmd_fmt(cmd, "%sproject:%s", prefix, key);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        redis_cmd_arg(cmd, fields[i]);
}

int registry_get_project_reply(const struct redisReply *reply,
                               struct registry_project *out, struct err *err)
{
    struct registry_project project = {
        .id = redis_reply_text(redis_reply_at(reply, 0)),
        .json = redis_reply_text(redis_reply_at(reply, 1)),
        .revision = redis_reply_int(redis_reply_at(reply, 2), 0),
        .created_ms = redis_reply_int(redis_reply_at(reply, 3), 0),
        .updated_ms = redis_reply_int(redis_reply_at(reply, 4), 0),
    };

    if (redis_reply_count(reply) < 5 || (project.id == NULL) != (project.json == NULL))
        return err_set(err, ERR_PERM, "registry: a project with fields missing");
    *out = project;
    return 0;
}

void registry_get_pair(struct redis_cmd *cmd, const char *prefix, const char *project_id,
                       const char *workspace_id)
{
    project_script(cmd, "registry_get_pair", prefix, project_id);
    redis_cmd_arg(cmd, workspace_id);
}

int registry_get_pair_reply(const struct redisReply *reply, struct registry_pair *out,
                            struct err *err)
{
    struct registry_pair pair;

    if (registry_get_project_reply(reply, &pair.project, err) < 0)
        return -1;
    if (redis_reply_count(reply) != 6)
        return err_set(err, ERR_PERM, "registry: a pair without its workspace");
    pair.workspace_json = redis_reply_text(redis_reply_at(reply, 5));
    *out = pair;
    return 0;
}

void registry_list_projects(struct redis_cmd *cmd, const char *prefix, int64_t offset,
                            int64_t limit)
{
    redis_cmd_script(cmd, script("registry_list_projects"), prefix);
    redis_cmd_int(cmd, offset);
    redis_cmd_int(cmd, limit);
}

void registry_list_tracked(struct redis_cmd *cmd, const char *prefix, enum vcs_type type,
                           const char *repository, const char *after)
{
    char tracked[SIGN_ID_BYTES];

    tracked_id(type, repository, tracked);
    redis_cmd_script(cmd, script("registry_list_tracked"), prefix);
    redis_cmd_arg(cmd, tracked);
    redis_cmd_arg(cmd, after);
    redis_cmd_int(cmd, REGISTRY_TRACKED);
}

int registry_tracked_reply(const struct redisReply *reply, struct registry_tracked *out,
                           struct err *err)
{
    const char *after = redis_reply_text(redis_reply_at(reply, 0));

    if (after == NULL)
        return err_set(err, ERR_PERM, "registry: a page without its end");
    *out = (struct registry_tracked){after, redis_reply_count(reply) - 1};
    return 0;
}

const char *registry_tracked_id(const struct redisReply *reply, size_t index)
{
    return redis_reply_text(redis_reply_at(reply, index + 1));
}

void registry_list_workspaces(struct redis_cmd *cmd, const char *prefix,
                              const char *project_id)
{
    char key[SIGN_ID_BYTES];

    registry_project_key(project_id, key);
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "HGETALL");
    redis_cmd_fmt(cmd, "%sworkspaces:%s", prefix, key);
}
