/* DELETE of a workspace, and of a project with what is in it. */
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/registry/order.h"

#define BUSY_TRIES_MAX 20 /* a forced delete cancels a hundred waiting runs a try */

/* One workspace after the other, then the project when `project_too`. */
struct removal {
    bool force, project_too;
    char **workspaces; /* owned, with the ids in it; not yet removed: [at], … */
    size_t count, at;
    int tries; /* of workspaces[at] */
};

static void removal_done(void *state)
{
    struct removal *removal = state;

    for (size_t i = 0; i < removal->count; i++)
        free(removal->workspaces[i]);
    free(removal->workspaces);
}

static void add_workspace(struct removal *removal, const char *id)
{
    removal->workspaces =
        mem_grow(removal->workspaces, removal->count + 1, sizeof *removal->workspaces);
    removal->workspaces[removal->count++] = mem_dup(id);
}

static int read_force(struct request *req, bool *force)
{
    const char *text = request_query(req, "force");

    *force = false;
    if (text == NULL || parse_bool(text, force) == 0)
        return 0;
    AUTO(problems_done) struct problems problems = {0};

    problems_add(&problems, "force", "force must be true or false");
    reply_problems(req, &problems);
    return -1;
}

/* ---- the project itself ---- */
static void project_gone(struct request *req, const struct redisReply *reply)
{
    enum registry_outcome outcome;
    struct err err;

    if (registry_reply(reply, &outcome, &err) < 0)
        reply_failure(req, &err);
    else if (outcome == REGISTRY_UNKNOWN)
        reply_error(req, REPLY_NOT_FOUND, "there is no project %s", req->match.params[0]);
    else if (outcome == REGISTRY_BUSY)
        reply_error(req, REPLY_CONFLICT,
                    "project %s has workspaces: delete them first, or use ?force=true",
                    req->match.params[0]);
    else
        reply_done(req);
}

/* ---- one workspace ---- */
static void remove_next(struct request *req);

static void workspace_gone(struct request *req, const struct redisReply *reply)
{
    struct removal *removal = req->state;
    const char *id = removal->workspaces[removal->at];
    enum registry_outcome outcome;
    struct err err;

    if (registry_reply(reply, &outcome, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (outcome == REGISTRY_UNKNOWN && !removal->project_too) {
        reply_error(req, REPLY_NOT_FOUND, "project %s has no workspace %s",
                    req->match.params[0], id);
        return;
    }
    if (outcome != REGISTRY_BUSY) {
        orders_drop(req->api->orders, req->match.params[0], id);
        removal->at++;
        removal->tries = 0;
        remove_next(req);
    } else if (removal->force && ++removal->tries < BUSY_TRIES_MAX) {
        remove_next(req);
    } else {
        reply_error(req, REPLY_CONFLICT,
                    "workspace %s has an active run: cancel it, or use ?force=true", id);
    }
}

/* Its runs are found by its target; where that cannot be told any more (its type is not
 * set up), by the workspace's history alone. */
static void got_pair(struct request *req, const struct redisReply *reply)
{
    struct removal *removal = req->state;
    const char *id = removal->workspaces[removal->at];
    AUTO(order_done) struct order order = {0};
    struct registry_pair pair;
    struct redis_cmd cmd;
    struct err err;

    if (registry_get_pair_reply(reply, &pair, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (pair.project.id == NULL || pair.workspace_json == NULL) {
        reply_error(req, REPLY_NOT_FOUND, "project %s has no workspace %s",
                    req->match.params[0], id);
        return;
    }
    if (orders_make(req->api->orders, &pair, id, RUN_DRIFT_CHECK, &order, &err) < 0)
        registry_scope(req->match.params[0], id, order.target);
    registry_delete_workspace(&cmd, request_prefix(req), req->match.params[0], id,
                              order.target, removal->force);
    ask_one(req, &cmd, workspace_gone);
}

static void remove_next(struct request *req)
{
    const struct removal *removal = req->state;
    const char *project_id = req->match.params[0];
    struct redis_cmd cmd;

    if (removal->at < removal->count) {
        registry_get_pair(&cmd, request_prefix(req), project_id,
                          removal->workspaces[removal->at]);
        ask_one(req, &cmd, got_pair);
    } else if (removal->project_too) {
        registry_delete_project(&cmd, request_prefix(req), project_id);
        ask_one(req, &cmd, project_gone);
    } else {
        reply_done(req);
    }
}

/* ---- the handlers ---- */
void handle_workspace_delete(struct request *req)
{
    struct removal *removal = request_state(req, sizeof *removal, removal_done);

    if (read_force(req, &removal->force) < 0)
        return;
    add_workspace(removal, req->match.params[1]);
    remove_next(req);
}

static void got_workspaces(struct request *req, const struct redisReply *reply)
{
    struct removal *removal = req->state;

    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        const char *id = redis_reply_text(redis_reply_at(reply, i));

        if (id != NULL)
            add_workspace(removal, id);
    }
    remove_next(req);
}

void handle_project_delete(struct request *req)
{
    struct removal *removal = request_state(req, sizeof *removal, removal_done);
    struct redis_cmd cmd;

    if (read_force(req, &removal->force) < 0)
        return;
    removal->project_too = true;
    if (!removal->force) {
        remove_next(req);
        return;
    }
    registry_list_workspaces(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_workspaces);
}
