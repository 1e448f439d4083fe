/* Runs: the names of kinds, triggers, states and errors, and which moves a run may make.
 */
#include "common/queue/run.h"

#include <assert.h>
#include <string.h>

#include "common/base/mem.h"

#define CREDIT_STEP_MS (10 * 60 * 1000)

static const char *const kind_names[RUN_KINDS] = {
    [RUN_DRIFT_CHECK] = "drift_check", [RUN_PLAN] = "plan",       [RUN_APPLY] = "apply",
    [RUN_RECONCILE] = "reconcile",     [RUN_RESOLVE] = "resolve",
};

static const struct {
    const char *name;
    int64_t credit_ms;
} triggers[TRIGGERS] = {
    [TRIGGER_API] = {"api", 2 * CREDIT_STEP_MS},
    [TRIGGER_WEBHOOK] = {"webhook", CREDIT_STEP_MS},
    [TRIGGER_SCHEDULE] = {"schedule", 0},
};

static const struct {
    const char *name, *shown;
    bool ended;
} statuses[RUN_STATUSES] = {
    [RUN_QUEUED] = {"queued", "queued", false},
    [RUN_DELAYED] = {"delayed", "queued", false},
    [RUN_RUNNING] = {"running", "running", false},
    [RUN_ORPHANED] = {"orphaned", "error", false},
    [RUN_CLEAN] = {"clean", "clean", true},
    [RUN_DRIFT_DETECTED] = {"drift_detected", "drift_detected", true},
    [RUN_APPLIED] = {"applied", "applied", true},
    [RUN_ERROR] = {"error", "error", true},
    [RUN_CANCELLED] = {"cancelled", "cancelled", true},
    [RUN_SKIPPED] = {"skipped", "skipped", true},
};

static const struct {
    const char *from, *by, *to;
} moves[] = {
#define MOVE(from, by, to) {#from, #by, #to},
#include "common/queue/run_moves.def"
#undef MOVE
};

static const struct {
    const char *name, *hint;
} errors[RUN_ERRORS] = {
    [RUN_ERR_NONE] = {"", ""},
    [RUN_ERR_REPOSITORY_NOT_FOUND] =
        {"REPOSITORY_NOT_FOUND",
         "Check the repository's name, and that the worker's token may read it."},
    [RUN_ERR_REPOSITORY_NOT_ALLOWED] = {"REPOSITORY_NOT_ALLOWED",
                                        "Add the repository to KEDGE_REPO_ALLOWLIST of "
                                        "the api and of every worker."},
    [RUN_ERR_REF_NOT_FOUND] = {"REF_NOT_FOUND",
                               "Name a branch, a tag, or a commit that is reachable "
                               "from one on the remote."},
    [RUN_ERR_DIRECTORY_NOT_FOUND] = {"DIRECTORY_NOT_FOUND",
                                     "Correct the directory: it must exist in the "
                                     "repository at this commit."},
    [RUN_ERR_WORKSPACE_NOT_FOUND] = {"WORKSPACE_NOT_FOUND",
                                     "Create the Terraform workspace, or set "
                                     "createWorkspace and apply once."},
    [RUN_ERR_BACKEND_UNSUPPORTED] = {"BACKEND_UNSUPPORTED",
                                     "Use a backend that only stores state: remote "
                                     "execution cannot save a plan."},
    [RUN_ERR_LOCAL_STATE] = {"LOCAL_STATE",
                             "Configure a shared backend: a state file that stays on one "
                             "worker cannot be applied safely."},
    [RUN_ERR_EMPTY_STATE] = {"EMPTY_STATE",
                             "Check the backend's settings and restore the state; if it "
                             "is meant to be empty, apply it with POST /api/apply."},
    [RUN_ERR_TERRAFORM_FAILED] = {"TERRAFORM_FAILED",
                                  "Read the output for Terraform's own message and fix "
                                  "what it names."},
    [RUN_ERR_TERRAFORM_KILLED] = {"TERRAFORM_KILLED",
                                  "Terraform was killed by a signal: look for a lack of "
                                  "memory and raise KEDGE_RUN_MEMORY."},
    [RUN_ERR_STATE_LOCKED] = {"STATE_LOCKED",
                              "Wait for the owner of the state lock, or remove it with "
                              "terraform force-unlock."},
    [RUN_ERR_TIMEOUT] = {"TIMEOUT",
                         "Raise KEDGE_RUN_TIMEOUT, or split the workspace into smaller "
                         "ones."},
    [RUN_ERR_WORKER_LOST] =
        {"WORKER_LOST", "Workers died again and again during this run: look at their "
                        "logs and memory, then start it again."},
    [RUN_ERR_INTERRUPTED] = {"INTERRUPTED",
                             "The worker went away during the apply: check what it "
                             "changed, then resolve the run."},
    [RUN_ERR_STILL_DRIFTED] = {"STILL_DRIFTED",
                               "Look at metadata.driftAfter: the code asks for what does "
                               "not stay, or somebody else changes it too."},
    [RUN_ERR_DESTROY_REFUSED] = {"DESTROY_REFUSED",
                                 "Review what would be destroyed, then reconcile with "
                                 "allowDestroy, or raise maxDestroy."},
    [RUN_ERR_PROTECTED] = {"PROTECTED",
                           "The plan touches what the workspace protects: apply it "
                           "yourself, or take the pattern off protected."},
    [RUN_ERR_DRIFT_MOVED] = {"DRIFT_MOVED",
                             "Nothing was applied: look at what has drifted now, then "
                             "reconcile that."},
    [RUN_ERR_REQUIREMENT_UNMET] = {"REQUIREMENT_UNMET",
                                   "Meet the requirement that the message names, then "
                                   "start the run again."},
    [RUN_ERR_FROZEN] = {"FROZEN", "Applies are frozen: start it again when the freeze is "
                                  "over."},
    [RUN_ERR_DISK_FULL] = {"DISK_FULL",
                           "Free space in the worker's KEDGE_DATA_DIR, or lower "
                           "KEDGE_DATA_MAX, then start the run again."},
    [RUN_ERR_OUTPUT_TOO_LARGE] = {"OUTPUT_TOO_LARGE",
                                  "Split the workspace: its plan is larger than a worker "
                                  "reads."},
    [RUN_ERR_REQUEST_INVALID] = {"REQUEST_INVALID",
                                 "Name projects that atlantis.yaml has, and each once."},
    [RUN_ERR_CONFIG_INVALID] = {"CONFIG_INVALID", "Correct the repository's "
                                                  "atlantis.yaml."},
    [RUN_ERR_VCS_UNAVAILABLE] = {"VCS_UNAVAILABLE",
                                 "Check that the worker reaches the VCS's API and that "
                                 "its token may read the repository, then start the run "
                                 "again."},
};

const char *run_kind_name(enum run_kind kind)
{
    assert(kind < RUN_KINDS);
    return kind_names[kind];
}

bool run_kind_applies(enum run_kind kind)
{
    return kind == RUN_APPLY || kind == RUN_RECONCILE;
}

int run_kind_parse(const char *text, enum run_kind *out)
{
    for (unsigned i = 0; i < RUN_KINDS; i++) {
        if (strcmp(text, kind_names[i]) == 0) {
            *out = (enum run_kind)i;
            return 0;
        }
    }
    return -1;
}

const char *run_trigger_name(enum run_trigger trigger)
{
    assert(trigger < TRIGGERS);
    return triggers[trigger].name;
}

int64_t run_trigger_credit_ms(enum run_trigger trigger)
{
    assert(trigger < TRIGGERS);
    return triggers[trigger].credit_ms;
}

const char *run_status_name(enum run_status status)
{
    assert(status < RUN_STATUSES);
    return statuses[status].name;
}

const char *run_status_shown(enum run_status status)
{
    assert(status < RUN_STATUSES);
    return statuses[status].shown;
}

int run_status_parse(const char *text, enum run_status *out)
{
    for (unsigned i = 0; i < RUN_STATUSES; i++) {
        if (strcmp(text, statuses[i].name) == 0) {
            *out = (enum run_status)i;
            return 0;
        }
    }
    return -1;
}

bool run_status_ended(enum run_status status)
{
    assert(status < RUN_STATUSES);
    return statuses[status].ended;
}

bool run_may_move(enum run_status from, const char *by, enum run_status to)
{
    for (size_t i = 0; i < ARRAY_LEN(moves); i++) {
        if (strcmp(moves[i].from, run_status_name(from)) == 0 &&
            strcmp(moves[i].by, by) == 0 && strcmp(moves[i].to, run_status_name(to)) == 0)
            return true;
    }
    return false;
}

const char *run_error_name(enum run_error error)
{
    assert(error < RUN_ERRORS);
    return errors[error].name;
}

const char *run_error_hint(enum run_error error)
{
    assert(error < RUN_ERRORS);
    return errors[error].hint;
}

int run_error_parse(const char *text, enum run_error *out)
{
    for (unsigned i = 0; i < RUN_ERRORS; i++) {
        if (strcmp(text, errors[i].name) == 0) {
            *out = (enum run_error)i;
            return 0;
        }
    }
    return -1;
}
