/* GET /api/v1/projects/{id}/drift: how the workspaces of a project stand. */
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/registry/project_rounds.h"
#include "api/server/request.h"
#include "common/base/mem.h"

struct project_drift {
    struct project_rounds rounds; /* first */
    char *json;                   /* the project's, owned */
};

static void drift_done(void *state)
{
    struct project_drift *drift = state;

    project_rounds_done(&drift->rounds);
    free(drift->json);
}

/* ---- the answer ---- */
static void answer(struct request *req)
{
    const struct project_drift *drift = req->state;
    struct project_totals totals = {0};
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    json_object(&w);
    json_add_text(&w, "projectId", req->match.params[0]);
    json_key(&w, "workspaces");
    json_array(&w);
    for (size_t i = 0; i < drift->rounds.count; i++)
        project_row_write(&drift->rounds.rows[i], &w, &totals);
    json_array_end(&w);
    json_key(&w, "summary");
    json_object(&w);
    json_add_number(&w, "total", totals.total);
    json_add_number(&w, "drifted", totals.drifted);
    json_add_number(&w, "clean", totals.clean);
    json_add_number(&w, "errors", totals.errors);
    json_add_number(&w, "neverRun", totals.never_run);
    json_add_number(&w, "running", totals.running);
    json_object_end(&w);
    json_object_end(&w);
    reply_json(req, MHD_HTTP_OK, &body);
}

/* ---- the workspaces ---- */
static int by_workspace(const void *a_row, const void *b_row)
{
    const struct project_row *a = a_row, *b = b_row;

    return strcmp(a->workspace_id, b->workspace_id);
}

static void add_row(struct request *req, const char *id, const char *json)
{
    struct project_drift *drift = req->state;

    project_row_init(
        &drift->rounds.rows[drift->rounds.count++], req->api->orders,
        &(struct registry_pair){.project = {.id = req->match.params[0],
                                            .json = drift->json,
                                            .revision = drift->rounds.revision},
                                .workspace_json = json},
        id);
}

static void got_workspaces(struct request *req, const struct redisReply *reply)
{
    struct project_drift *drift = req->state;

    project_rounds_clear(&drift->rounds);
    drift->rounds.rows =
        mem_new(redis_reply_count(reply) / 2 + 1, sizeof *drift->rounds.rows);
    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        const char *id = redis_reply_text(redis_reply_at(reply, i));
        const char *json = redis_reply_text(redis_reply_at(reply, i + 1));

        if (id != NULL && json != NULL)
            add_row(req, id, json);
    }
    qsort(drift->rounds.rows, drift->rounds.count, sizeof *drift->rounds.rows,
          by_workspace);
    drift->rounds.then = answer;
    project_rounds_start(req);
}

static void got_project(struct request *req, const struct redisReply *reply)
{
    struct project_drift *drift = req->state;
    struct registry_project project;
    struct err err;

    if (registry_get_project_reply(reply, &project, &err) < 0) {
        reply_failure(req, &err);
    } else if (project.id == NULL) {
        reply_error(req, REPLY_NOT_FOUND, "there is no project %s", req->match.params[0]);
    } else {
        free(drift->json);
        drift->json = mem_dup(project.json);
        drift->rounds.revision = project.revision;
    }
}

void handle_project_drift(struct request *req)
{
    struct redis_cmd cmd;

    request_state(req, sizeof(struct project_drift), drift_done);
    registry_get_project(&cmd, request_prefix(req), req->match.params[0]);
    ask(req, &cmd, got_project);
    registry_list_workspaces(&cmd, request_prefix(req), req->match.params[0]);
    ask(req, &cmd, got_workspaces);
    ask_go(req);
}
