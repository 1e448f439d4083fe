/* Requests about one workspace. */
#include "api/registry/scoped.h"

#include "api/server/request.h"

void scoped_done(struct scoped *scoped)
{
    rules_done(&scoped->rules);
}

static const char *read_id(const struct request *req, const char *name,
                           struct problems *problems)
{
    const char *id = request_query(req, name);

    if (id == NULL || id[0] == '\0')
        problems_add_missing(problems, name);
    return id;
}

void scoped_read(const struct request *req, struct scoped *scoped,
                 struct problems *problems)
{
    scoped->workspace_id = read_id(req, "workspaceId", problems);
    scoped->project_id = read_id(req, "projectId", problems);
    if (problems->count == 0)
        registry_scope(scoped->project_id, scoped->workspace_id, scoped->scope);
}

bool scoped_is_there(struct request *req, const struct registry_pair *pair,
                     const char *project_id, const char *workspace_id)
{
    if (pair->project.id == NULL)
        reply_error(req, REPLY_NOT_FOUND, "there is no project %s", project_id);
    else if (pair->workspace_json == NULL)
        reply_error(req, REPLY_NOT_FOUND, "project %s has no workspace %s", project_id,
                    workspace_id);
    return pair->project.id != NULL && pair->workspace_json != NULL;
}

static void got_ignores(struct request *req, const struct redisReply *reply)
{
    struct scoped *scoped = req->state;

    rules_done(&scoped->rules);
    rules_add_ignores(&scoped->rules, reply);
}

static void got_pair(struct request *req, const struct redisReply *reply)
{
    struct scoped *scoped = req->state;
    struct registry_pair pair;
    struct err err;

    if (registry_get_pair_reply(reply, &pair, &err) < 0) {
        reply_failure(req, &err);
    } else if (scoped->optional ||
               scoped_is_there(req, &pair, scoped->project_id, scoped->workspace_id)) {
        rules_add_workspace(&scoped->rules, &pair);
        if (scoped->look != NULL)
            scoped->look(req, &pair);
        scoped->then(req);
    }
}

void scoped_ask(struct request *req)
{
    const struct scoped *scoped = req->state;
    struct redis_cmd cmd;

    registry_get_ignores(&cmd, request_prefix(req), scoped->scope);
    ask(req, &cmd, got_ignores);
    registry_get_pair(&cmd, request_prefix(req), scoped->project_id,
                      scoped->workspace_id);
    ask(req, &cmd, got_pair);
    ask_go(req);
}
