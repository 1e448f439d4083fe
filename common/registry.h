/* The registry: projects and their workspaces, the rules of ignoring, what a run spec is
 * made of.
 *
 * Keys: project:<key> HASH {id, json, revision, created, updated}; projects ZSET id by
 * creation; workspaces:<key> HASH workspaceId -> JSON; ignores:<scope> HASH rule id ->
 * JSON with field "revision". <key> is the id of the projectId, <scope> of (projectId,
 * workspaceId). Every change of a project or of one of its workspaces raises the
 * project's revision, which enqueue compares: no run is ever made from a specification
 * that is out of date. */
#ifndef KEDGE_COMMON_REGISTRY_H
#define KEDGE_COMMON_REGISTRY_H

#include "common/json.h"
#include "common/redis.h"
#include "common/run.h"
#include "common/sign.h"

void registry_project_key(const char *project_id, char id[SIGN_ID_BYTES]);
void registry_scope(const char *project_id, const char *workspace_id,
                    char id[SIGN_ID_BYTES]);

enum registry_outcome {
    REGISTRY_CREATED,
    REGISTRY_UPDATED,
    REGISTRY_UNKNOWN, /* no such project or workspace */
    REGISTRY_BUSY,    /* delete: a run is active or waiting */
    REGISTRY_DONE,
};
/* The JSON is stored as it is given (validated by the api). */
void registry_put_project(struct redis_cmd *cmd, const char *prefix,
                          const char *project_id, const char *json);
void registry_put_workspace(struct redis_cmd *cmd, const char *prefix,
                            const char *project_id, const char *workspace_id,
                            const char *json);
/* `target` is that of the workspace as stored; force: its waiting runs are cancelled and
 * its running one asked to stop. Deletes at most one workspace; a project only when it
 * has none left (BUSY else). */
void registry_delete_workspace(struct redis_cmd *cmd, const char *prefix,
                               const char *project_id, const char *workspace_id,
                               bool force);
void registry_delete_project(struct redis_cmd *cmd, const char *prefix,
                             const char *project_id);
int registry_reply(const struct redisReply *reply, enum registry_outcome *out,
                   struct err *err);

/* HMGET id json revision created updated. */
void registry_get_project(struct redis_cmd *cmd, const char *prefix,
                          const char *project_id);
struct registry_project {
    const char *id, *json;
    int64_t revision, created_ms, updated_ms;
}; /* id NULL: none; text lives as long as the reply */
int registry_get_project_reply(const struct redisReply *reply,
                               struct registry_project *out, struct err *err);
/* Script: both in one call: [project fields…, workspace JSON or nil]. */
void registry_get_pair(struct redis_cmd *cmd, const char *prefix, const char *project_id,
                       const char *workspace_id);
struct registry_pair {
    struct registry_project project;
    const char *workspace_json;
};
int registry_get_pair_reply(const struct redisReply *reply, struct registry_pair *out,
                            struct err *err);
void registry_list_projects(struct redis_cmd *cmd, const char *prefix, int64_t offset,
                            int64_t limit); /* script: [json, revision…] newest first */
void registry_list_workspaces(struct redis_cmd *cmd, const char *prefix,
                              const char *project_id); /* HGETALL */

/* ---- ignore rules that people set with POST …/ignore ---- */
void registry_put_ignore(struct redis_cmd *cmd, const char *prefix, const char *scope,
                         const char *rule_id, const char *json, const char *run_id);
void registry_get_ignores(struct redis_cmd *cmd, const char *prefix,
                          const char *scope); /* HGETALL, field "revision" among them */

/* The spec of a drift check from the two stored documents. ERR_PERM when they do not fit.
 */
int registry_spec(const char *project_json, const char *workspace_json,
                  enum run_kind kind, const char *project_id, const char *workspace_id,
                  struct run_spec *out, struct err *err);

#endif
