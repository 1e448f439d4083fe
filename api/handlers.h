/* The table of routes and the handlers it names, one file per group of endpoints. */
#ifndef KEDGE_API_HANDLERS_H
#define KEDGE_API_HANDLERS_H

#include "api/server/body.h"
#include "api/server/route.h"

extern const struct route routes[];
extern const size_t routes_count;

/* projects.c */
#define PROJECT_FIELDS 4
extern const struct field project_fields[PROJECT_FIELDS];
void handle_project_put(struct request *req);
void handle_project_get(struct request *req);
void handle_project_list(struct request *req);
void handle_project_delete(struct request *req);

/* workspaces.c, workspace_delete.c, workspace_fields.c */
#define WORKSPACE_FIELDS 13
extern const struct field workspace_fields[WORKSPACE_FIELDS];
void handle_workspace_put(struct request *req);
void handle_workspace_get(struct request *req);
void handle_workspace_list(struct request *req);
void handle_workspace_delete(struct request *req);

/* drift_trigger.c */
#define TRIGGER_FIELDS 2
extern const struct field trigger_fields[TRIGGER_FIELDS];
void handle_drift_trigger(struct request *req);

/* reconcile.c */
#define RECONCILE_FIELDS 5
extern const struct field reconcile_fields[RECONCILE_FIELDS];
void reconcile_check(const cJSON *body, struct problems *problems);
void handle_reconcile(struct request *req);

/* drift_summary.c */
void handle_drift_summary(struct request *req);

/* schedules.c, schedule_put.c, schedule_fields.c */
#define SCHEDULE_CREATE_FIELDS 9
#define SCHEDULE_UPDATE_FIELDS 6
extern const struct field schedule_create_fields[SCHEDULE_CREATE_FIELDS];
extern const struct field schedule_update_fields[SCHEDULE_UPDATE_FIELDS];
void handle_schedule_list(struct request *req);
void handle_schedule_create(struct request *req);
void handle_schedule_get(struct request *req);
void handle_schedule_update(struct request *req);
void handle_schedule_delete(struct request *req);

/* run_get.c, runs.c, run_log.c */
void handle_run_get(struct request *req);
void handle_run_list(struct request *req);
void handle_drift_history(struct request *req);
void handle_run_log(struct request *req);

/* ignore_handler.c, unignore.c */
#define IGNORE_FIELDS 4
extern const struct field ignore_fields[IGNORE_FIELDS];
void handle_ignore(struct request *req);
void handle_unignore(struct request *req);

/* cancel.c */
#define CANCEL_FIELDS 1
extern const struct field cancel_fields[CANCEL_FIELDS];
void handle_cancel(struct request *req);
#define RESOLVE_FIELDS 3
extern const struct field resolve_fields[RESOLVE_FIELDS];
void handle_resolve(struct request *req);

/* ai_suggest.c */
#define SUGGEST_FIELDS 2
extern const struct field suggest_fields[SUGGEST_FIELDS];
void suggest_check(const struct cJSON *body, struct problems *problems);
void handle_ai_suggest(struct request *req);

/* atlantis_fields.c, atlantis_post.c */
#define PLAN_FIELDS      6
#define DETECT_FIELDS    5
#define REMEDIATE_FIELDS 7
extern const struct field plan_fields[PLAN_FIELDS]; /* of apply too */
extern const struct field detect_fields[DETECT_FIELDS];
extern const struct field remediate_fields[REMEDIATE_FIELDS];
void handle_plan(struct request *req);
void handle_apply(struct request *req);
void handle_detect(struct request *req);
void handle_remediate(struct request *req);

/* batch_get.c */
void handle_remediate_get(struct request *req);
void handle_remediate_unnamed(struct request *req);

/* audit_handler.c */
void handle_audit(struct request *req);

/* workers.c */
void handle_workers(struct request *req);

/* switches.c */
#define SWITCH_FIELDS 2
extern const struct field pause_fields[SWITCH_FIELDS];
extern const struct field freeze_fields[SWITCH_FIELDS];
void handle_pause_get(struct request *req);
void handle_pause_put(struct request *req);
void handle_freeze_get(struct request *req);
void handle_freeze_put(struct request *req);

/* drift_status.c, remediate_list.c, locks.c */
void handle_drift_status(struct request *req);
void handle_remediate_list(struct request *req);
void handle_locks(struct request *req);

/* project_check.c, project_drift.c */
void handle_project_check(struct request *req);
void handle_project_drift(struct request *req);

/* hooks.c, hook_put.c, hook_fields.c, hook_deliveries.c */
#define HOOK_FIELDS 7
extern const struct field hook_create_fields[HOOK_FIELDS];
extern const struct field hook_update_fields[HOOK_FIELDS];
void handle_hook_list(struct request *req);
void handle_hook_create(struct request *req);
void handle_hook_get(struct request *req);
void handle_hook_update(struct request *req);
void handle_hook_delete(struct request *req);
void handle_hook_deliveries(struct request *req);
void handle_hook_test(struct request *req);
void handle_hook_replay(struct request *req);

/* webhook_github.c, webhook_gitlab.c */
void admit_webhook_github(struct request *req);
void handle_webhook_github(struct request *req);
void admit_webhook_gitlab(struct request *req);
void handle_webhook_gitlab(struct request *req);

/* health_handler.c, metrics_handler.c */
void handle_healthz(struct request *req);
void handle_readyz(struct request *req);
void handle_status(struct request *req);
void handle_metrics(struct request *req);

#endif
