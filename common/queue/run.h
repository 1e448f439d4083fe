/* A run: one terraform job on one target. Its kinds, states, moves and specification.
 *
 * - queued: waits for its target and a worker; delayed: waits for a time first
 * - running: a worker holds its lease
 * - orphaned: an apply that had begun and lost its worker; a late finish or a person
 *   ends it
 * - clean, drift_detected, applied, error, cancelled: ends, never left again
 * - skipped: an end too; a tick of a schedule that got no run begins as that
 *
 * The moves between them stand in run_moves.def and nowhere else. The only writers of a
 * status are the scripts in common/lua. Pure; no I/O. */
#ifndef KEDGE_COMMON_QUEUE_RUN_H
#define KEDGE_COMMON_QUEUE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"

enum run_kind {
    RUN_DRIFT_CHECK,
    RUN_PLAN,
    RUN_APPLY,
    RUN_RECONCILE,
    RUN_RESOLVE, /* finds the projects of a batch; of no target's history */
    RUN_KINDS
};
/* May it change the world: an apply or a reconcile? */
bool run_kind_applies(enum run_kind kind);
enum run_trigger { TRIGGER_API, TRIGGER_WEBHOOK, TRIGGER_SCHEDULE, TRIGGERS };
enum run_status {
    RUN_QUEUED,
    RUN_DELAYED, /* waits for its due time; shown as queued */
    RUN_RUNNING,
    RUN_ORPHANED, /* a marked apply whose worker is gone; shown as error INTERRUPTED */
    RUN_CLEAN,    /* this and what follows are ends */
    RUN_DRIFT_DETECTED,
    RUN_APPLIED,
    RUN_ERROR,
    RUN_CANCELLED,
    RUN_SKIPPED,
    RUN_STATUSES
};

const char *run_kind_name(enum run_kind kind);
int run_kind_parse(const char *text, enum run_kind *out);
const char *run_trigger_name(enum run_trigger trigger);
/* Time credit of the trigger in ready's score, ms: people before webhooks before
 * schedules. */
int64_t run_trigger_credit_ms(enum run_trigger trigger);
const char *run_status_name(enum run_status status); /* as stored */
const char *
run_status_shown(enum run_status status); /* as answered: delayed is "queued" */
int run_status_parse(const char *text, enum run_status *out);
bool run_status_ended(enum run_status status);
bool run_may_move(enum run_status from, const char *by, enum run_status to);

/* Why a run ended in error. The name is the API's code, the hint says what to do. */
enum run_error {
    RUN_ERR_NONE,
    RUN_ERR_REPOSITORY_NOT_FOUND,
    RUN_ERR_REPOSITORY_NOT_ALLOWED,
    RUN_ERR_REF_NOT_FOUND,
    RUN_ERR_DIRECTORY_NOT_FOUND,
    RUN_ERR_WORKSPACE_NOT_FOUND,
    RUN_ERR_BACKEND_UNSUPPORTED,
    RUN_ERR_LOCAL_STATE,
    RUN_ERR_EMPTY_STATE,
    RUN_ERR_TERRAFORM_FAILED,
    RUN_ERR_TERRAFORM_KILLED,
    RUN_ERR_STATE_LOCKED,
    RUN_ERR_TIMEOUT,
    RUN_ERR_WORKER_LOST,
    RUN_ERR_INTERRUPTED,
    RUN_ERR_STILL_DRIFTED,
    RUN_ERR_DESTROY_REFUSED,
    RUN_ERR_PROTECTED,
    RUN_ERR_DRIFT_MOVED, /* a reconcile of a drift that is not there as it was seen */
    RUN_ERR_REQUIREMENT_UNMET,
    RUN_ERR_FROZEN,
    RUN_ERR_DISK_FULL,
    RUN_ERR_OUTPUT_TOO_LARGE,
    RUN_ERR_REQUEST_INVALID, /* resolve: it names what is not there, or a target twice */
    RUN_ERR_CONFIG_INVALID,  /* resolve: atlantis.yaml */
    RUN_ERR_VCS_UNAVAILABLE, /* a requirement that could not be asked about */
    RUN_ERRORS
};
const char *run_error_name(enum run_error error);
const char *run_error_hint(enum run_error error);
int run_error_parse(const char *text, enum run_error *out); /* "" is RUN_ERR_NONE */

/* ---- the specification: what to do, as it travels from the api to the runner ---- */
enum vcs_type { VCS_GITHUB, VCS_GITLAB, VCS_GIT, VCS_TYPES };
const char *vcs_type_name(enum vcs_type type);            /* "Github", "Gitlab", "Git" */
int vcs_type_parse(const char *text, enum vcs_type *out); /* without regard to case */

#define RUN_DESTROY_ANY ((int64_t)-1)

/* Strings are owned; NULL where optional and not given. The two JSON texts must be
 * objects; members in another order, and {} for NULL, make an equal spec. */
struct run_spec {
    enum run_kind kind;
    enum vcs_type type;
    char *repository; /* owner/repo as the user wrote it */
    char *ref;
    char *commit;            /* NULL: resolve ref on the remote */
    char *directory;         /* normalised, "." for the top */
    char *workspace;         /* Terraform workspace, "default" */
    char *terraform_version; /* NULL: the worker's default */
    char **var_files;        /* relative to directory */
    size_t var_file_count;
    char *variables;                 /* JSON object as text, NULL: none */
    char *backend_config;            /* JSON object as text, NULL: none */
    char *project_id, *workspace_id; /* v1 family; NULL else */
    bool confirm;
    bool create_workspace;
    int64_t pull_request; /* 0: none; then `ref` is the branch it is to be merged into */
    char *project_name;   /* of atlantis.yaml; NULL: none or not known yet */
    /* "approved,mergeable,undiverged,policies_passed" or part of it, from atlantis.yaml;
     * NULL: none. What the worker's settings require comes on top. */
    char *plan_requirements, *apply_requirements;
    /* When GET /api/locks shows it: NULL always, "on_apply" an apply only, "disabled"
     * never (repo_locks of atlantis.yaml). */
    char *lock_mode;
    char *batch; /* resolve: the batch_request, a JSON object as text; NULL else */
    /* Reconcile: how many resources it may delete or replace (RUN_DESTROY_ANY: any
     * number), and globs over the addresses of what it may not change, destroy or forget.
     * 0 and none else. */
    int64_t max_destroy;
    char **protected;
    size_t protected_count;
    /* Reconcile of what a person has seen: the fingerprint of the drift (driftFingerprint
     * of a run's metadata, 32 hex digits) and the commit it was seen at. The run ends in
     * DRIFT_MOVED when ref or drift is another by now. NULL: not asked for. */
    char *expected_drift, *expected_commit;
};
void run_spec_done(struct run_spec *spec);
/* Canonical JSON: a fixed order, objects sorted, nothing that is not set. */
void run_spec_print(const struct run_spec *spec, struct buf *out);
/* ERR_PERM, naming the field. Fields of a newer version are passed over. */
int run_spec_parse(const char *json, size_t len, struct run_spec *out, struct err *err);
/* Equal fingerprints: the same check would be made. SHA-256-based id over every field. */
void run_spec_fingerprint(const struct run_spec *spec, char id[33]);

#endif
