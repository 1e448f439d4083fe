/* DELETE /api/v1/projects/{id}/workspaces/{id}/ignore/{rule}: what a rule ignored counts
 * again. */
#include <string.h>

#include "api/handlers.h"
#include "api/registry/scoped.h"
#include "api/server/request.h"
#include "common/base/mem.h"

static const char *rule_of(const struct request *req)
{
    return req->match.params[2];
}

static void rule_gone(struct request *req, const struct redisReply *reply)
{
    enum registry_outcome outcome;
    struct err err;

    if (registry_reply(reply, &outcome, &err) < 0)
        reply_failure(req, &err);
    else if (outcome == REGISTRY_UNKNOWN)
        reply_error(req, REPLY_NOT_FOUND, "workspace %s has no ignore rule %s",
                    req->match.params[1], rule_of(req));
    else
        reply_done(req);
}

static bool stands_in_workspace(const struct request *req)
{
    const struct scoped *scoped = req->state;

    for (size_t i = 0; i < scoped->rules.list.count; i++) {
        char id[SIGN_ID_BYTES];

        rules_id(&scoped->rules, i, id);
        if (scoped->rules.list.list[i].id == NULL && strcmp(id, rule_of(req)) == 0)
            return true;
    }
    return false;
}

static void delete_rule(struct request *req)
{
    const struct scoped *scoped = req->state;
    struct redis_cmd cmd;

    if (stands_in_workspace(req)) {
        reply_error(req, REPLY_CONFLICT,
                    "rule %s stands in the workspace itself: PUT the workspace without "
                    "it in `ignore`",
                    rule_of(req));
        return;
    }
    registry_delete_ignore(&cmd, request_prefix(req), scoped->scope, rule_of(req));
    ask_one(req, &cmd, rule_gone);
}

static void unignore_done(void *state)
{
    scoped_done(state);
}

void handle_unignore(struct request *req)
{
    struct scoped *scoped = request_state(req, sizeof *scoped, unignore_done);

    scoped->project_id = req->match.params[0];
    scoped->workspace_id = req->match.params[1];
    registry_scope(scoped->project_id, scoped->workspace_id, scoped->scope);
    scoped->then = delete_rule;
    scoped_ask(req);
}
