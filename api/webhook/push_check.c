/* From a push to drift checks: the projects of the repository, one after the other. */
#include "api/webhook/push_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/server/request.h"
#include "api/webhook/push_check_parts.h"
#include "api/webhook/webhook.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/hook/webhook_store.h"

#define READS_MAX 5 /* of a project that changes while we look */

static void clear_project(struct push_check *check)
{
    push_round_clear(check);
    for (size_t i = 0; i < check->workspace_count; i++) {
        free(check->workspaces[i].id);
        free(check->workspaces[i].json);
    }
    free(check->workspaces);
    free(check->project_json);
    check->workspaces = NULL;
    check->project_json = NULL;
    check->workspace_count = check->workspace_next = 0;
}

static void check_done(void *state)
{
    struct push_check *check = state;

    clear_project(check);
    push_report_done(&check->report);
    push_done(&check->push);
}

/* ---- the answer ---- */
static void answer(struct request *req)
{
    const struct push_check *check = req->state;
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    log_info("push", "request_id=%s repository=%s ref=%s queued=%zu skipped=%zu", req->id,
             check->push.repository, check->push.ref, check->report.queued.count,
             check->report.skipped.count);
    if (check->push.deleted || !check->tracked) {
        webhook_ignored(req, check->push.deleted ? "the branch or tag was deleted"
                                                 : "no project has this repository");
        return;
    }
    json_open(&w, &body);
    json_object(&w);
    push_report_print(&check->report, &w);
    json_object_end(&w);
    reply_json(req, MHD_HTTP_ACCEPTED, &body);
}

static void got_remembered(struct request *req, const struct redisReply *reply)
{
    (void)reply;
    answer(req);
}

static void finish(struct request *req)
{
    const struct push_check *check = req->state;
    struct redis_cmd cmd;

    if (check->delivery[0] == '\0') {
        answer(req);
        return;
    }
    webhook_remember(&cmd, request_prefix(req), check->delivery);
    ask_one(req, &cmd, got_remembered);
}

/* [workspaceId, JSON, …] */
static void got_workspaces(struct request *req, const struct redisReply *reply)
{
    struct push_check *check = req->state;
    size_t count = redis_reply_count(reply) / 2;

    if (check->project_json == NULL ||
        !push_scope_is_of(&check->push, check->project_json, &check->tracks)) {
        push_check_next(req);
        return;
    }
    check->tracked = true;
    check->workspaces = mem_new(count + 1, sizeof *check->workspaces);
    for (size_t i = 0; i < count; i++) {
        const char *id = redis_reply_text(redis_reply_at(reply, 2 * i));
        const char *json = redis_reply_text(redis_reply_at(reply, 2 * i + 1));

        if (id != NULL && json != NULL)
            check->workspaces[check->workspace_count++] =
                (struct push_workspace){mem_dup(id), mem_dup(json)};
    }
    push_round_next(req);
}

/* ---- projects ---- */
static void got_project(struct request *req, const struct redisReply *reply)
{
    struct push_check *check = req->state;
    struct registry_project project;
    struct err err;

    clear_project(check);
    if (registry_get_project_reply(reply, &project, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    check->project_json = mem_dup(project.json);
    check->revision = project.revision;
}

/* The project first: whatever changes after that is newer than its revision, and the
 * queue refuses it. */
void push_check_again(struct request *req)
{
    struct push_check *check = req->state;
    struct redis_cmd cmd;

    if (++check->reads > READS_MAX) {
        reply_error(req, REPLY_CONFLICT, "project %s is being changed",
                    check->project_id);
        return;
    }
    push_report_back(&check->report, check->before);
    registry_get_project(&cmd, request_prefix(req), check->project_id);
    ask(req, &cmd, got_project);
    registry_list_workspaces(&cmd, request_prefix(req), check->project_id);
    ask(req, &cmd, got_workspaces);
    ask_go(req);
}

static void got_page(struct request *req, const struct redisReply *reply)
{
    struct push_check *check = req->state;
    struct registry_tracked page;
    struct err err;

    check->project_count = check->project_next = 0;
    if (registry_tracked_reply(reply, &page, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    snprintf(check->after, sizeof check->after, "%s", page.after);
    for (size_t i = 0; i < page.count && check->project_count < REGISTRY_TRACKED; i++) {
        const char *id = registry_tracked_id(reply, i);

        if (id != NULL && strlen(id) < PUSH_ID_BYTES)
            memcpy(check->projects[check->project_count++], id, strlen(id) + 1);
    }
    push_check_next(req);
}

static void add_page(struct request *req)
{
    const struct push_check *check = req->state;
    struct redis_cmd cmd;

    registry_list_tracked(&cmd, request_prefix(req), check->push.type,
                          check->push.repository, check->after);
    ask(req, &cmd, got_page);
}

void push_check_next(struct request *req)
{
    struct push_check *check = req->state;

    clear_project(check);
    if (check->project_next < check->project_count) {
        check->project_id = check->projects[check->project_next++];
        check->before = push_report_mark(&check->report);
        check->reads = 0;
        push_check_again(req);
    } else if (check->after[0] != '\0') {
        add_page(req);
        ask_go(req);
    } else {
        finish(req);
    }
}

/* ---- the request ---- */
static void got_seen(struct request *req, const struct redisReply *reply)
{
    const struct push_check *check = req->state;

    if (redis_reply_int(reply, 0) > 0)
        reply_error(req, REPLY_CONFLICT,
                    "this delivery has been dealt with: nothing is queued again");
    else if (check->push.deleted)
        finish(req);
}

void push_check(struct request *req, struct push *push,
                const char delivery[SIGN_ID_BYTES])
{
    struct push_check *check = request_state(req, sizeof *check, check_done);
    struct redis_cmd cmd;

    check->push = *push;
    *push = (struct push){0};
    memcpy(check->delivery, delivery, strlen(delivery) + 1);
    if (check->delivery[0] != '\0') {
        webhook_seen(&cmd, request_prefix(req), check->delivery);
        ask(req, &cmd, got_seen);
    }
    if (!check->push.deleted)
        add_page(req);
    if (check->push.deleted && check->delivery[0] == '\0')
        answer(req);
    else
        ask_go(req);
}
