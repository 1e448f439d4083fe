/* The table of routes. A path fits the first row that has its form, so literal segments
 * stand before parameters. */
#include "api/atlantis.h"
#include "api/handlers.h"
#include "api/hook_fields.h"

#include "api/openapi.h"
#include "api/pprof.h"
#include "api/webhook.h"
#include "common/mem.h"

#define V1                          "/api/v1"
#define PPROF                       "/debug/pprof"
#define BODY(table)                 .fields = (table), .field_count = ARRAY_LEN(table)
#define FOLDED_BODY(table, checked) BODY(table), .fold_keys = true, .check = (checked)

/* Of a body that may be there and must be empty: {}. */
static const struct field no_fields[1];

const struct route routes[] = {
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift", .handle = handle_drift_summary},
    {METHOD_POST, ACCESS_TOKEN, V1 "/drift", .handle = handle_drift_trigger,
     BODY(trigger_fields)},
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift/history", .handle = handle_drift_history},
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift/schedule", .handle = handle_schedule_list},
    {METHOD_POST, ACCESS_TOKEN, V1 "/drift/schedule", .handle = handle_schedule_create,
     BODY(schedule_create_fields)},
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift/schedule/{run}", .handle = handle_schedule_get},
    {METHOD_PUT, ACCESS_TOKEN, V1 "/drift/schedule/{run}",
     .handle = handle_schedule_update, BODY(schedule_update_fields)},
    {METHOD_DELETE, ACCESS_TOKEN, V1 "/drift/schedule/{run}",
     .handle = handle_schedule_delete},
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

    /* The signature is the authentication. */
    {METHOD_POST, ACCESS_OPEN, V1 "/webhooks/github", .handle = handle_webhook_github,
     .raw_body_max = WEBHOOK_BODY_MAX, .admit = admit_webhook_github},
    {METHOD_POST, ACCESS_OPEN, V1 "/webhooks/gitlab", .handle = handle_webhook_gitlab,
     .raw_body_max = WEBHOOK_BODY_MAX, .admit = admit_webhook_gitlab},

    {METHOD_POST, ACCESS_TOKEN, "/api/plan", .handle = handle_plan,
     FOLDED_BODY(plan_fields, atlantis_check_named)},
    {METHOD_POST, ACCESS_TOKEN, "/api/apply", .handle = handle_apply,
     FOLDED_BODY(plan_fields, atlantis_check_named)},
    {METHOD_POST, ACCESS_TOKEN, "/api/drift/detect", .handle = handle_detect,
     FOLDED_BODY(detect_fields, atlantis_check)},
    {METHOD_POST, ACCESS_TOKEN, "/api/drift/remediate", .handle = handle_remediate,
     FOLDED_BODY(remediate_fields, atlantis_check), .disabled_is_invalid = true},
    {METHOD_GET, ACCESS_READ, "/api/drift/remediate/",
     .handle = handle_remediate_unnamed},
    {METHOD_GET, ACCESS_READ, "/api/drift/remediate/{run}",
     .handle = handle_remediate_get},

    {METHOD_POST, ACCESS_TOKEN, V1 "/projects/{id}/check", .handle = handle_project_check,
     .fields = no_fields, .body_optional = true},
    {METHOD_GET, ACCESS_TOKEN, V1 "/projects/{id}/drift", .handle = handle_project_drift},
    {METHOD_GET, ACCESS_READ, "/api/drift/status", .handle = handle_drift_status},
    {METHOD_GET, ACCESS_READ, "/api/drift/remediate", .handle = handle_remediate_list},
    {METHOD_GET, ACCESS_READ, "/api/locks", .handle = handle_locks},

    {METHOD_GET, ACCESS_TOKEN, V1 "/hooks", .handle = handle_hook_list},
    {METHOD_POST, ACCESS_TOKEN, V1 "/hooks", .handle = handle_hook_create,
     BODY(hook_create_fields), .check = hook_check_create},
    {METHOD_GET, ACCESS_TOKEN, V1 "/hooks/{run}", .handle = handle_hook_get},
    {METHOD_PUT, ACCESS_TOKEN, V1 "/hooks/{run}", .handle = handle_hook_update,
     BODY(hook_update_fields)},
    {METHOD_DELETE, ACCESS_TOKEN, V1 "/hooks/{run}", .handle = handle_hook_delete},
    {METHOD_POST, ACCESS_TOKEN, V1 "/hooks/{run}/test", .handle = handle_hook_test,
     .fields = no_fields, .body_optional = true},
    {METHOD_GET, ACCESS_TOKEN, V1 "/hooks/{run}/deliveries",
     .handle = handle_hook_deliveries},
    {METHOD_POST, ACCESS_TOKEN, V1 "/hooks/{run}/deliveries/{run}/replay",
     .handle = handle_hook_replay, .fields = no_fields, .body_optional = true},

    {METHOD_GET, ACCESS_OPEN, "/openapi.yaml", .handle = handle_openapi},
    /* Open here: where profiling is off there is nothing, whoever asks. */
    {METHOD_GET, ACCESS_OPEN, PPROF, .handle = handle_pprof_index},
    {METHOD_GET, ACCESS_OPEN, PPROF "/", .handle = handle_pprof_index},
    {METHOD_GET, ACCESS_OPEN, PPROF "/profile", .handle = handle_pprof_profile},
    {METHOD_GET, ACCESS_OPEN, PPROF "/heap", .handle = handle_pprof_heap},
    {METHOD_GET, ACCESS_OPEN, PPROF "/cmdline", .handle = handle_pprof_cmdline},
    {METHOD_GET, ACCESS_OPEN, "/healthz", .handle = handle_healthz},
    {METHOD_GET, ACCESS_OPEN, "/readyz", .handle = handle_readyz},
    {METHOD_GET, ACCESS_READ, "/status", .handle = handle_status},
    {METHOD_GET, ACCESS_READ, "/metrics", .handle = handle_metrics},
};
const size_t routes_count = ARRAY_LEN(routes);
