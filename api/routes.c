/* The table of routes. A path fits the first row that has its form, so literal segments
 * stand before parameters. */
#include "api/atlantis/atlantis.h"
#include "api/handlers.h"
#include "api/hook/hook_fields.h"

#include "api/ops/openapi.h"
#include "api/ops/pprof.h"
#include "api/webhook/webhook.h"
#include "common/base/mem.h"

#define V1                          "/api/v1"
#define PPROF                       "/debug/pprof"
#define BODY(table)                 .fields = (table), .field_count = ARRAY_LEN(table)
#define FOLDED_BODY(table, checked) BODY(table), .fold_keys = true, .check = (checked)

/* Of a body that may be there and must be empty: {}. */
static const struct field no_fields[1];

const struct route routes[] = {
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift", .project = PROJECT_QUERY,
     .handle = handle_drift_summary},
    {METHOD_POST, ACCESS_CHECK, V1 "/drift", .project = PROJECT_BODY,
     .action = "drift.check", .handle = handle_drift_trigger, BODY(trigger_fields)},
    {METHOD_POST, ACCESS_APPLY, V1 "/drift/reconcile", .project = PROJECT_BODY,
     .action = "drift.reconcile", .handle = handle_reconcile, BODY(reconcile_fields),
     .check = reconcile_check},
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift/history", .project = PROJECT_QUERY,
     .handle = handle_drift_history},
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift/schedule", .project = PROJECT_QUERY,
     .handle = handle_schedule_list},
    {METHOD_POST, ACCESS_ADMIN, V1 "/drift/schedule", .project = PROJECT_BODY,
     .action = "schedule.create", .handle = handle_schedule_create,
     BODY(schedule_create_fields)},
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift/schedule/{run}", .project = PROJECT_FOUND,
     .handle = handle_schedule_get},
    {METHOD_PUT, ACCESS_ADMIN, V1 "/drift/schedule/{run}", .project = PROJECT_FOUND,
     .action = "schedule.update", .handle = handle_schedule_update,
     BODY(schedule_update_fields)},
    {METHOD_DELETE, ACCESS_ADMIN, V1 "/drift/schedule/{run}", .project = PROJECT_FOUND,
     .action = "schedule.delete", .handle = handle_schedule_delete},
    {METHOD_POST, ACCESS_CHECK, V1 "/drift/ai-suggest", .project = PROJECT_FOUND,
     .action = "drift.ai-suggest", .handle = handle_ai_suggest, BODY(suggest_fields),
     .check = suggest_check},
    {METHOD_GET, ACCESS_TOKEN, V1 "/drift/{run}", .project = PROJECT_FOUND,
     .handle = handle_run_get},
    {METHOD_POST, ACCESS_CHECK, V1 "/drift/{run}/ignore", .project = PROJECT_FOUND,
     .action = "drift.ignore", .handle = handle_ignore, BODY(ignore_fields)},
    {METHOD_POST, ACCESS_CHECK, V1 "/drift/{run}/cancel", .project = PROJECT_FOUND,
     .action = "run.cancel", .handle = handle_cancel, BODY(cancel_fields),
     .body_optional = true},

    {METHOD_GET, ACCESS_TOKEN, V1 "/runs", .project = PROJECT_QUERY,
     .handle = handle_run_list},
    {METHOD_GET, ACCESS_TOKEN, V1 "/runs/{run}", .project = PROJECT_FOUND,
     .handle = handle_run_get},
    {METHOD_GET, ACCESS_TOKEN, V1 "/runs/{run}/log", .project = PROJECT_FOUND,
     .handle = handle_run_log},
    {METHOD_POST, ACCESS_CHECK, V1 "/runs/{run}/cancel", .project = PROJECT_FOUND,
     .action = "run.cancel", .handle = handle_cancel, BODY(cancel_fields),
     .body_optional = true},
    {METHOD_POST, ACCESS_APPLY, V1 "/runs/{run}/resolve", .project = PROJECT_FOUND,
     .action = "run.resolve", .handle = handle_resolve, BODY(resolve_fields)},

    {METHOD_GET, ACCESS_TOKEN, V1 "/projects", .project = PROJECT_FOUND,
     .handle = handle_project_list},
    {METHOD_GET, ACCESS_TOKEN, V1 "/projects/{id}", .project = PROJECT_PATH,
     .handle = handle_project_get},
    {METHOD_PUT, ACCESS_ADMIN, V1 "/projects/{id}", .project = PROJECT_PATH,
     .action = "project.put", .handle = handle_project_put, BODY(project_fields)},
    {METHOD_DELETE, ACCESS_ADMIN, V1 "/projects/{id}", .project = PROJECT_PATH,
     .action = "project.delete", .handle = handle_project_delete},
    {METHOD_GET, ACCESS_TOKEN, V1 "/projects/{id}/workspaces", .project = PROJECT_PATH,
     .handle = handle_workspace_list},
    {METHOD_GET, ACCESS_TOKEN, V1 "/projects/{id}/workspaces/{id}",
     .project = PROJECT_PATH, .handle = handle_workspace_get},
    {METHOD_PUT, ACCESS_ADMIN, V1 "/projects/{id}/workspaces/{id}",
     .project = PROJECT_PATH, .action = "workspace.put", .handle = handle_workspace_put,
     BODY(workspace_fields)},
    {METHOD_DELETE, ACCESS_ADMIN, V1 "/projects/{id}/workspaces/{id}",
     .project = PROJECT_PATH, .action = "workspace.delete",
     .handle = handle_workspace_delete},
    {METHOD_DELETE, ACCESS_CHECK, V1 "/projects/{id}/workspaces/{id}/ignore/{id}",
     .project = PROJECT_PATH, .action = "drift.unignore", .handle = handle_unignore},

    {METHOD_GET, ACCESS_ADMIN, V1 "/audit", .project = PROJECT_NONE,
     .handle = handle_audit},
    {METHOD_GET, ACCESS_TOKEN, V1 "/workers", .project = PROJECT_NONE,
     .handle = handle_workers},
    {METHOD_GET, ACCESS_TOKEN, V1 "/pause", .project = PROJECT_ANY,
     .handle = handle_pause_get},
    {METHOD_PUT, ACCESS_ADMIN, V1 "/pause", .project = PROJECT_NONE,
     .action = "pause.put", .handle = handle_pause_put, BODY(pause_fields)},
    {METHOD_GET, ACCESS_TOKEN, V1 "/freeze", .project = PROJECT_ANY,
     .handle = handle_freeze_get},
    {METHOD_PUT, ACCESS_ADMIN, V1 "/freeze", .project = PROJECT_NONE,
     .action = "freeze.put", .handle = handle_freeze_put, BODY(freeze_fields)},

    /* The signature is the authentication. */
    {METHOD_POST, ACCESS_OPEN, V1 "/webhooks/github", .project = PROJECT_ANY,
     .action = "webhook.push", .handle = handle_webhook_github,
     .raw_body_max = WEBHOOK_BODY_MAX, .admit = admit_webhook_github},
    {METHOD_POST, ACCESS_OPEN, V1 "/webhooks/gitlab", .project = PROJECT_ANY,
     .action = "webhook.push", .handle = handle_webhook_gitlab,
     .raw_body_max = WEBHOOK_BODY_MAX, .admit = admit_webhook_gitlab},

    {METHOD_POST, ACCESS_CHECK, "/api/plan", .project = PROJECT_NONE, .action = "plan",
     .handle = handle_plan, FOLDED_BODY(plan_fields, atlantis_check_named)},
    {METHOD_POST, ACCESS_APPLY, "/api/apply", .project = PROJECT_NONE, .action = "apply",
     .handle = handle_apply, FOLDED_BODY(plan_fields, atlantis_check_named)},
    {METHOD_POST, ACCESS_CHECK, "/api/drift/detect", .project = PROJECT_NONE,
     .action = "drift.detect", .handle = handle_detect,
     FOLDED_BODY(detect_fields, atlantis_check)},
    {METHOD_POST, ACCESS_APPLY, "/api/drift/remediate", .project = PROJECT_NONE,
     .action = "drift.remediate", .handle = handle_remediate,
     FOLDED_BODY(remediate_fields, atlantis_check), .disabled_is_invalid = true},
    {METHOD_GET, ACCESS_READ, "/api/drift/remediate/",
     .handle = handle_remediate_unnamed},
    {METHOD_GET, ACCESS_READ, "/api/drift/remediate/{run}",
     .handle = handle_remediate_get},

    {METHOD_POST, ACCESS_CHECK, V1 "/projects/{id}/check", .project = PROJECT_PATH,
     .action = "project.check", .handle = handle_project_check, .fields = no_fields,
     .body_optional = true},
    {METHOD_GET, ACCESS_TOKEN, V1 "/projects/{id}/drift", .project = PROJECT_PATH,
     .handle = handle_project_drift},
    {METHOD_GET, ACCESS_READ, "/api/drift/status", .handle = handle_drift_status},
    {METHOD_GET, ACCESS_READ, "/api/drift/remediate", .handle = handle_remediate_list},
    {METHOD_GET, ACCESS_READ, "/api/locks", .handle = handle_locks},

    {METHOD_GET, ACCESS_TOKEN, V1 "/hooks", .project = PROJECT_QUERY,
     .handle = handle_hook_list},
    {METHOD_POST, ACCESS_ADMIN, V1 "/hooks", .project = PROJECT_BODY,
     .action = "hook.create", .handle = handle_hook_create, BODY(hook_create_fields),
     .check = hook_check_create},
    {METHOD_GET, ACCESS_TOKEN, V1 "/hooks/{run}", .project = PROJECT_FOUND,
     .handle = handle_hook_get},
    {METHOD_PUT, ACCESS_ADMIN, V1 "/hooks/{run}", .project = PROJECT_FOUND,
     .action = "hook.update", .handle = handle_hook_update, BODY(hook_update_fields)},
    {METHOD_DELETE, ACCESS_ADMIN, V1 "/hooks/{run}", .project = PROJECT_FOUND,
     .action = "hook.delete", .handle = handle_hook_delete},
    {METHOD_POST, ACCESS_ADMIN, V1 "/hooks/{run}/test", .project = PROJECT_FOUND,
     .action = "hook.test", .handle = handle_hook_test, .fields = no_fields,
     .body_optional = true},
    {METHOD_GET, ACCESS_TOKEN, V1 "/hooks/{run}/deliveries", .project = PROJECT_FOUND,
     .handle = handle_hook_deliveries},
    {METHOD_POST, ACCESS_ADMIN, V1 "/hooks/{run}/deliveries/{run}/replay",
     .project = PROJECT_FOUND, .action = "hook.replay", .handle = handle_hook_replay,
     .fields = no_fields, .body_optional = true},

    {METHOD_GET, ACCESS_OPEN, "/openapi.yaml", .handle = handle_openapi},
    /* Open here: where profiling is off there is nothing, whoever asks. */
    {METHOD_GET, ACCESS_OPEN, PPROF, .handle = handle_pprof_index},
    {METHOD_GET, ACCESS_OPEN, PPROF "/", .handle = handle_pprof_index},
    {METHOD_GET, ACCESS_OPEN, PPROF "/profile", .handle = handle_pprof_profile},
    {METHOD_GET, ACCESS_OPEN, PPROF "/heap", .handle = handle_pprof_heap},
    {METHOD_GET, ACCESS_OPEN, PPROF "/cmdline", .handle = handle_pprof_cmdline},
    {METHOD_GET, ACCESS_OPEN, "/healthz", .handle = handle_healthz},
    {METHOD_GET, ACCESS_OPEN, "/readyz", .handle = handle_readyz},
    {METHOD_GET, ACCESS_READ, "/status", .project = PROJECT_ANY, .handle = handle_status},
    {METHOD_GET, ACCESS_READ, "/metrics", .handle = handle_metrics},
};
const size_t routes_count = ARRAY_LEN(routes);
