/* POST /api/v1/hooks and PUT …/{hookId}.
 *
 * A change is read, made and put back on the condition that nobody else has changed the
 * hook; whoever comes second reads again. A project or workspace that a body names must
 * be there. Which one that is, is known when the hook has been read: then it is looked
 * up, and the hook is read once more. */
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "api/hook/hook_fields.h"
#include "api/hook/hooks.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/registry/registry.h"

#define READS_MAX 5 /* of a hook that changes while we look */

struct change {
    char id[SIGN_UUID_BYTES]; /* of a new hook; "": the path has it */
    int reads;
    /* Found in the registry; "": nothing was. */
    char project_id[ROUTE_PARAM_BYTES], workspace_id[ROUTE_PARAM_BYTES];
};

static void begin(struct request *req);

/* ---- the registry ---- */
static bool is_same_place(const struct hook *hook, const char *project_id,
                          const char *workspace_id)
{
    return strcmp(hook->project_id, project_id) == 0 &&
           strcmp(hook->workspace_id, workspace_id) == 0;
}

/* Only a new place: a hook goes with the one it has. */
static bool is_to_look_up(const struct change *change, const struct hook *before,
                          const struct hook *after)
{
    return after->project_id[0] != '\0' &&
           !is_same_place(after, before->project_id, before->workspace_id) &&
           !is_same_place(after, change->project_id, change->workspace_id);
}

static void got_pair(struct request *req, const struct redisReply *reply)
{
    const struct change *change = req->state;
    AUTO(problems_done) struct problems problems = {0};
    struct registry_pair pair;
    struct err err;

    if (registry_get_pair_reply(reply, &pair, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (pair.project.id == NULL)
        problems_add(&problems, "projectId", "projectId: there is no project %s",
                     change->project_id);
    else if (change->workspace_id[0] != '\0' && pair.workspace_json == NULL)
        problems_add(&problems, "workspaceId",
                     "workspaceId: project %s has no workspace %s", change->project_id,
                     change->workspace_id);
    if (problems.count > 0)
        reply_problems(req, &problems);
    else
        begin(req);
}

static void look_up(struct request *req, const struct hook *hook)
{
    struct change *change = req->state;
    struct redis_cmd cmd;

    snprintf(change->project_id, sizeof change->project_id, "%s", hook->project_id);
    snprintf(change->workspace_id, sizeof change->workspace_id, "%s", hook->workspace_id);
    registry_get_pair(&cmd, request_prefix(req), change->project_id,
                      change->workspace_id);
    ask_one(req, &cmd, got_pair);
}

/* ---- the change ---- */
static void reply_created(struct request *req, const struct hook *hook)
{
    reply_location(req, HOOKS_PATH, hook->id);
    hooks_show(req, MHD_HTTP_CREATED, hook);
}

static void put_done(struct request *req, const struct redisReply *reply)
{
    enum hook_outcome outcome;
    struct hook hook;
    struct err err;

    if (hook_put_reply(reply, &outcome, &hook, &err) < 0)
        reply_failure(req, &err);
    else if (outcome == HOOK_CREATED)
        reply_created(req, &hook);
    else if (outcome == HOOK_UPDATED)
        hooks_show(req, MHD_HTTP_OK, &hook);
    else if (outcome == HOOK_CHANGED)
        begin(req);
    else if (outcome == HOOK_FULL)
        reply_error(req, REPLY_CONFLICT, "there are %d hooks: delete one first",
                    HOOKS_MAX);
    else
        hooks_unknown(req);
}

static void put(struct request *req, const struct hook *before, const struct hook *after)
{
    struct redis_cmd cmd;

    if (is_to_look_up(req->state, before, after)) {
        look_up(req, after);
        return;
    }
    hook_put(&cmd, request_prefix(req), after);
    ask_one(req, &cmd, put_done);
}

/* Is the change one that may be made? Else the answer is given. */
static bool is_fit(struct request *req, const struct hook *before,
                   const struct hook *after)
{
    AUTO(problems_done) struct problems problems = {0};
    const char *kind = json_string(req->json, "kind");

    if (kind != NULL && strcmp(kind, hook_kind_name(before->kind)) != 0)
        problems_add(&problems, "kind", "kind of a hook cannot be changed");
    hook_check_whole(after, &problems);
    if (problems.count > 0)
        reply_problems(req, &problems);
    return problems.count == 0;
}

/* A change that was made though its answer got lost is found made when it is sent again:
 * then there is nothing left to change. */
static void got_current(struct request *req, const struct redisReply *reply)
{
    struct hook before, after;
    bool edited;

    if (!hooks_read(req, reply, &before))
        return;
    after = before;
    edited = hook_edit(req->json, &after);
    if (!request_may_see(req, after.project_id)) {
        reply_error(req, REPLY_FORBIDDEN, "this token is not for that project");
        return;
    }
    if (!is_fit(req, &before, &after))
        return;
    if (edited)
        put(req, &before, &after);
    else
        hooks_show(req, MHD_HTTP_OK, &after);
}

static void create(struct request *req)
{
    const struct change *change = req->state;
    struct hook hook = hook_defaults;

    hook.id = change->id;
    hook_kind_parse(json_string(req->json, "kind"), &hook.kind);
    hook_edit(req->json, &hook);
    put(req, &hook_defaults, &hook);
}

static void begin(struct request *req)
{
    struct change *change = req->state;
    struct redis_cmd cmd;

    if (change->id[0] != '\0') {
        create(req);
        return;
    }
    if (++change->reads > READS_MAX) {
        reply_error(req, REPLY_CONFLICT, "hook %s is being changed",
                    req->match.params[0]);
        return;
    }
    hook_get(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_current);
}

/* ---- the requests ---- */
/* May hooks go there? Else the answer is given. That it is a URL is known. */
static bool is_allowed(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    const char *url = json_string(req->json, "url");
    struct err err;

    if (url == NULL || hook_url_check(url, req->api->conf->hook_allow_private, &err) == 0)
        return true;
    problems_add(&problems, "url", "url %s, and KEDGE_HOOK_ALLOW_PRIVATE is not set",
                 err.message);
    reply_problems(req, &problems);
    return false;
}

void handle_hook_create(struct request *req)
{
    struct change *change = request_state(req, sizeof *change, NULL);

    sign_uuid7(clock_wall_ms(), change->id);
    if (is_allowed(req))
        begin(req);
}

void handle_hook_update(struct request *req)
{
    request_state(req, sizeof(struct change), NULL);
    if (is_allowed(req))
        begin(req);
}
