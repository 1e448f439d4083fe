/* The table of routes. A path fits the first row that has its form, so literal segments
 * stand before parameters. */
#include "api/handlers.h"

#include "common/mem.h"

#define V1          "/api/v1"
#define BODY(table) .fields = (table), .field_count = ARRAY_LEN(table)

const struct route routes[] = {
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift", .handle = handle_drift_summary},
    {METHOD_POST, ACCESS_TOKEN, V1 "/drift", .handle = handle_drift_trigger,
     BODY(trigger_fields)},
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift/history", .handle = handle_drift_history},
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift/{run}", .handle = handle_run_get},
    {METHOD_POST, ACCESS_TOKEN, V1 "/drift/{run}/ignore", .handle = handle_ignore,
     BODY(ignore_fields)},
    {METHOD_POST, ACCESS_TOKEN, V1 "/drift/{run}/cancel", .handle = handle_cancel,
     BODY(cancel_fields), .body_optional = true},

    {METHOD_GET, ACCESS_TOKEN, V1 "/runs", .handle = handle_run_list},
    {METHOD_GET, ACCESS_TOKEN, V1 "/runs/{run}", .handle = handle_run_get},
    {METHOD_GET, ACCESS_TOKEN, V1 "/runs/{run}/log", .handle = handle_run_log},
    {METHOD_POST, ACCESS_TOKEN, V1 "/runs/{run}/cancel", .handle = handle_cancel,
     BODY(cancel_fields), .body_optional = true},
    {METHOD_POST, ACCESS_TOKEN, V1 "/runs/{run}/resolve", .handle = handle_resolve,
     BODY(resolve_fields)},

    {METHOD_GET, ACCESS_TOKEN, V1 "/projects", .handle = handle_project_list},
    {METHOD_GET, ACCESS_TOKEN, V1 "/projects/{id}", .handle = handle_project_get},
    {METHOD_PUT, ACCESS_TOKEN, V1 "/projects/{id}", .handle = handle_project_put,
     BODY(project_fields)},
    {METHOD_DELETE, ACCESS_TOKEN, V1 "/projects/{id}", .handle = handle_project_delete},
    {METHOD_GET, ACCESS_TOKEN, V1 "/projects/{id}/workspaces",
     .handle = handle_workspace_list},
    {METHOD_GET, ACCESS_TOKEN, V1 "/projects/{id}/workspaces/{id}",
     .handle = handle_workspace_get},
    {METHOD_PUT, ACCESS_TOKEN, V1 "/projects/{id}/workspaces/{id}",
     .handle = handle_workspace_put, BODY(workspace_fields)},
    {METHOD_DELETE, ACCESS_TOKEN, V1 "/projects/{id}/workspaces/{id}",
     .handle = handle_workspace_delete},

    {METHOD_GET, ACCESS_TOKEN, V1 "/workers", .handle = handle_workers},
    {METHOD_GET, ACCESS_TOKEN, V1 "/pause", .handle = handle_pause_get},
    {METHOD_PUT, ACCESS_TOKEN, V1 "/pause", .handle = handle_pause_put,
     BODY(pause_fields)},

    {METHOD_GET, ACCESS_OPEN, "/healthz", .handle = handle_healthz},
    {METHOD_GET, ACCESS_OPEN, "/readyz", .handle = handle_readyz},
    {METHOD_GET, ACCESS_READ, "/status", .handle = handle_status},
    {METHOD_GET, ACCESS_READ, "/metrics", .handle = handle_metrics},
};
const size_t routes_count = ARRAY_LEN(routes);
