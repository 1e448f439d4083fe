/* The table of routes. A path fits the first row that has its form, so literal segments
 * stand before parameters. */
#include "api/handlers.h"

#include "common/mem.h"

#define V1          "/api/v1"
#define BODY(table) .fields = (table), .field_count = ARRAY_LEN(table)

const struct route routes[] = {
    {METHOD_GET, V1 "/drift", ACCESS_TOKEN, .handle = handle_drift_summary},
    {METHOD_POST, V1 "/drift", ACCESS_TOKEN, .handle = handle_drift_trigger,
     BODY(trigger_fields)},
    {METHOD_GET, V1 "/drift/history", ACCESS_TOKEN, .handle = handle_drift_history},
    {METHOD_GET, V1 "/drift/{run}", ACCESS_TOKEN, .handle = handle_run_get},
    {METHOD_POST, V1 "/drift/{run}/ignore", ACCESS_TOKEN, .handle = handle_ignore,
     BODY(ignore_fields)},
    {METHOD_POST, V1 "/drift/{run}/cancel", ACCESS_TOKEN, .handle = handle_cancel,
     BODY(cancel_fields), .body_optional = true},

    {METHOD_GET, V1 "/runs", ACCESS_TOKEN, .handle = handle_run_list},
    {METHOD_GET, V1 "/runs/{run}", ACCESS_TOKEN, .handle = handle_run_get},
    {METHOD_GET, V1 "/runs/{run}/log", ACCESS_TOKEN, .handle = handle_run_log},
    {METHOD_POST, V1 "/runs/{run}/cancel", ACCESS_TOKEN, .handle = handle_cancel,
     BODY(cancel_fields), .body_optional = true},
    {METHOD_POST, V1 "/runs/{run}/resolve", ACCESS_TOKEN, .handle = handle_resolve,
     BODY(resolve_fields)},

    {METHOD_GET, V1 "/projects", ACCESS_TOKEN, .handle = handle_project_list},
    {METHOD_GET, V1 "/projects/{id}", ACCESS_TOKEN, .handle = handle_project_get},
    {METHOD_PUT, V1 "/projects/{id}", ACCESS_TOKEN, .handle = handle_project_put,
     BODY(project_fields)},
    {METHOD_DELETE, V1 "/projects/{id}", ACCESS_TOKEN, .handle = handle_project_delete},
    {METHOD_GET, V1 "/projects/{id}/workspaces", ACCESS_TOKEN,
     .handle = handle_workspace_list},
    {METHOD_GET, V1 "/projects/{id}/workspaces/{id}", ACCESS_TOKEN,
     .handle = handle_workspace_get},
    {METHOD_PUT, V1 "/projects/{id}/workspaces/{id}", ACCESS_TOKEN,
     .handle = handle_workspace_put, BODY(workspace_fields)},
    {METHOD_DELETE, V1 "/projects/{id}/workspaces/{id}", ACCESS_TOKEN,
     .handle = handle_workspace_delete},

    {METHOD_GET, V1 "/workers", ACCESS_TOKEN, .handle = handle_workers},
    {METHOD_GET, V1 "/pause", ACCESS_TOKEN, .handle = handle_pause_get},
    {METHOD_PUT, V1 "/pause", ACCESS_TOKEN, .handle = handle_pause_put,
     BODY(pause_fields)},

    {METHOD_GET, "/healthz", ACCESS_OPEN, .handle = handle_healthz},
    {METHOD_GET, "/readyz", ACCESS_OPEN, .handle = handle_readyz},
    {METHOD_GET, "/status", ACCESS_READ, .handle = handle_status},
    {METHOD_GET, "/metrics", ACCESS_READ, .handle = handle_metrics},
};
const size_t routes_count = ARRAY_LEN(routes);
