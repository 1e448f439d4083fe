/* The registry: projects and their workspaces, the rules of ignoring, what a run spec is
 * made of.
 *
 * Keys: project:<key> HASH {id, json, revision, created, updated, tracked}; projects ZSET
 * <key> by creation ms; tracked:<id of (type, repository in lower case)> ZSET of the
 * <key> of projects with that repository, all with score 0; workspaces:<key> HASH
 * workspaceId -> JSON; ignores:<scope> HASH rule id -> JSON with field "revision";
 * ignores_due:<scope> ZSET rule id by expiry ms; ignores_run:<scope> ZSET rule id of
 * rules of one run by when they were last of use, ms; ignored:<scope> HASH rule id ->
 * "<ms of its last match> <day>:<matches> …" of the last 30 days (days since 1970, UTC);
 * ignored_at:<scope> ZSET the same ids by that ms, at most 2 000. <key> is the id of the
 * projectId, <scope> of (projectId, workspaceId). Every change of a project or of one of
 * its workspaces raises the project's revision, which enqueue compares: no run is ever
 * made from a specification that is out of date. All revisions come from one counter
 * (field "revision" of meta), so that none is ever used twice, not even after a delete.
 *
 * A caller builds a command (registry_x), sends it with redis_call or redis_link_send and
 * reads the reply. Every change may be sent again: what is already so is no change (a
 * second put answers UPDATED, a second delete UNKNOWN). Reply readers: ERR_PERM for an
 * answer that cannot be. */
#ifndef KEDGE_COMMON_REGISTRY_REGISTRY_H
#define KEDGE_COMMON_REGISTRY_REGISTRY_H

#include "common/base/json.h"
#include "common/base/sign.h"
#include "common/queue/run.h"
#include "common/redis/redis.h"

/* Longest document, and rule, that is stored: the api refuses longer ones. Half of what a
 * run's spec may have, because the canonical form of a document can be longer than it. */
#define REGISTRY_JSON_BYTES_MAX 32768

void registry_project_key(const char *project_id, char id[SIGN_ID_BYTES]);
void registry_scope(const char *project_id, const char *workspace_id,
                    char id[SIGN_ID_BYTES]);

enum registry_outcome {
    REGISTRY_CREATED,
    REGISTRY_UPDATED,
    REGISTRY_UNKNOWN, /* no such project or workspace; put_ignore: no such run */
    REGISTRY_BUSY,    /* delete: a run is active or waiting; a project has workspaces */
    REGISTRY_DONE,
    REGISTRY_REFUSED, /* put_ignore: the scope has as many rules as it may */
    REGISTRY_OUTCOMES
};
/* The JSON is stored as it is given (validated by the api), and indexed by its type and
 * repository. */
void registry_put_project(struct redis_cmd *cmd, const char *prefix,
                          const char *project_id, const char *json);
void registry_put_workspace(struct redis_cmd *cmd, const char *prefix,
                            const char *project_id, const char *workspace_id,
                            const char *json);
/* `target` is the id of the workspace's target as stored. force: its waiting runs are
 * cancelled and its running one asked to stop, in the same step; BUSY then only while
 * more than a hundred waited: send it again. */
void registry_delete_workspace(struct redis_cmd *cmd, const char *prefix,
                               const char *project_id, const char *workspace_id,
                               const char *target, bool force);
/* Only when it has no workspaces left, BUSY else. */
void registry_delete_project(struct redis_cmd *cmd, const char *prefix,
                             const char *project_id);
int registry_reply(const struct redisReply *reply, enum registry_outcome *out,
                   struct err *err);
/* The runs that make a workspace BUSY, a hundred waiting ones at most. Ids live as long
 * as the reply; NULL past the end. */
size_t registry_busy_count(const struct redisReply *reply);
const char *registry_busy_run(const struct redisReply *reply, size_t index);

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
    const char *workspace_json; /* NULL: none */
};
int registry_get_pair_reply(const struct redisReply *reply, struct registry_pair *out,
                            struct err *err);
/* Script: newest first, limit 1–500. Each element of the reply is an array that
 * registry_get_project_reply reads. */
void registry_list_projects(struct redis_cmd *cmd, const char *prefix, int64_t offset,
                            int64_t limit);
void registry_list_workspaces(struct redis_cmd *cmd, const char *prefix,
                              const char *project_id); /* HGETALL */

/* Script: the ids of projects with that repository (in any letter case), REGISTRY_TRACKED
 * at a time. `after` is "", then what the last reply said. */
#define REGISTRY_TRACKED 100
void registry_list_tracked(struct redis_cmd *cmd, const char *prefix, enum vcs_type type,
                           const char *repository, const char *after);
struct registry_tracked {
    const char *after; /* "": there are no more; lives as long as the reply, as the ids */
    size_t count;
};
int registry_tracked_reply(const struct redisReply *reply, struct registry_tracked *out,
                           struct err *err);
const char *registry_tracked_id(const struct redisReply *reply, size_t index);

/* ---- ignore rules that people set with POST …/ignore (registry_ignore.c) ---- */
/* Days that matches are kept for, and rules after their expiry. */
#define REGISTRY_IGNORE_DAYS 30
/* Rules of one scope that may have matched: all that may be, of requests and of the
 * workspace's document. */
#define REGISTRY_MATCHED_MAX 1200

struct registry_ignore {
    const char *scope, *id;
    const char *json; /* as ignore_rules_add reads it, but for when and by whom */
    /* Unless "" it must be a stored run of that scope, else UNKNOWN. A rule that has it
     * as its runId goes when that run is gone and the rule has ignored nothing for
     * REGISTRY_IGNORE_DAYS. */
    const char *run_id;
    const char *by; /* who sets it; NULL: nobody knows */
};
/* A thousand that have not expired, else REFUSED; those that have are kept for
 * REGISTRY_IGNORE_DAYS, at most 200. */
void registry_put_ignore(struct redis_cmd *cmd, const char *prefix,
                         const struct registry_ignore *rule);
void registry_delete_ignore(struct redis_cmd *cmd, const char *prefix, const char *scope,
                            const char *rule_id);
/* HGETALL, field "revision" among them, which is raised by every change of the rules. */
void registry_get_ignores(struct redis_cmd *cmd, const char *prefix, const char *scope);
/* HGETALL: rule id -> its matches, which outbox_spread counts. */
void registry_get_ignored(struct redis_cmd *cmd, const char *prefix, const char *scope);
struct registry_matches {
    int64_t count;   /* of the last REGISTRY_IGNORE_DAYS days, today among them */
    int64_t last_ms; /* 0: none in that time */
};
/* Of a rule in that reply; zero when it has none. */
void registry_matches_of(const struct redisReply *reply, const char *rule_id,
                         int64_t now_ms, struct registry_matches *out);

/* The spec of a run of that kind (drift_check, plan, reconcile …) from the two stored
 * documents: the workspace's ref before the project's, defaults for what is not given.
 * createWorkspace counts for an apply and a reconcile only, maxDestroy and protected for
 * a reconcile. ERR_PERM when they do not fit. The caller releases *out with
 * run_spec_done. */
int registry_spec(const char *project_json, const char *workspace_json,
                  enum run_kind kind, const char *project_id, const char *workspace_id,
                  struct run_spec *out, struct err *err);

#endif
