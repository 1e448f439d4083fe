/* GET /api/v1/runs and /api/v1/drift/history: which runs a list is asked for. */
#include <string.h>

#include "api/handlers.h"
#include "api/run/run_list.h"
#include "api/server/page.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/registry/registry.h"

#define FULL_LIMIT_MAX 10 /* runs with their whole output */

static struct run_list *new_list(struct request *req)
{
    return request_state(req, sizeof(struct run_list), run_list_done);
}

/* ---- /runs ---- */
static void read_status(const struct request *req, struct run_filter *filter,
                        struct problems *problems)
{
    enum run_status status;

    filter->status = request_query(req, "status");
    if (filter->status == NULL)
        return;
    if (run_status_parse(filter->status, &status) < 0 ||
        strcmp(run_status_shown(status), filter->status) != 0)
        problems_add(problems, "status", "status must be one that a run can have");
}

static void read_kind(const struct request *req, struct run_filter *filter,
                      struct problems *problems)
{
    const char *kind = request_query(req, "kind");

    filter->by_kind = kind != NULL;
    /* Resolve runs are in no list. */
    if (kind != NULL &&
        (run_kind_parse(kind, &filter->kind) < 0 || filter->kind == RUN_RESOLVE))
        problems_add(problems, "kind",
                     "kind must be drift_check, plan, apply or reconcile");
}

static void read_state(const struct request *req, struct run_filter *filter,
                       struct problems *problems)
{
    const char *state = request_query(req, "state");

    if (state == NULL)
        return;
    if (strcmp(state, "orphaned") == 0)
        filter->special = "orphans";
    else if (strcmp(state, "dead") == 0)
        filter->special = "dead";
    else
        problems_add(problems, "state", "state must be orphaned or dead");
}

static void read_ids(const struct request *req, struct run_list *list,
                     struct problems *problems)
{
    struct run_filter *filter = &list->filter;

    filter->project_id = request_query(req, "projectId");
    filter->workspace_id = request_query(req, "workspaceId");
    if (filter->workspace_id == NULL)
        return;
    if (filter->project_id == NULL) {
        problems_add_missing(problems, "projectId");
        return;
    }
    registry_scope(filter->project_id, filter->workspace_id, list->scoped.scope);
    filter->scope = list->scoped.scope;
}

void handle_run_list(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct run_list *list = new_list(req);

    page_read(req, PAGE_LIMIT_MAX, &list->page, &problems);
    read_status(req, &list->filter, &problems);
    read_kind(req, &list->filter, &problems);
    read_state(req, &list->filter, &problems);
    read_ids(req, list, &problems);
    if (problems.count > 0)
        reply_problems(req, &problems);
    else
        run_list_start(req);
}

/* ---- /drift/history ---- */
static void read_full(const struct request *req, struct run_list *list,
                      struct problems *problems)
{
    const char *full = request_query(req, "full");
    bool is_full = false;

    if (full != NULL && parse_bool(full, &is_full) < 0)
        problems_add(problems, "full", "full must be 1 or 0");
    list->detail = is_full ? DETAIL_FULL : DETAIL_HEAD;
}

void handle_drift_history(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct run_list *list = new_list(req);

    scoped_read(req, &list->scoped, &problems);
    read_full(req, list, &problems);
    page_read(req, list->detail == DETAIL_FULL ? FULL_LIMIT_MAX : PAGE_LIMIT_MAX,
              &list->page, &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    list->filter.scope = list->scoped.scope;
    list->filter.by_kind = true;
    list->filter.kind = RUN_DRIFT_CHECK;
    list->scoped.then = run_list_start;
    scoped_ask(req);
}
