/* A run of a batch, as far as its batch's answer tells of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/atlantis/batch_json.h"
#include "common/base/mem.h"

#define SUMMARY_DEPTH_MAX 4

void batch_project_done(struct batch_project *project)
{
    free(project->name);
    free(project->directory);
    free(project->workspace);
    free(project->message);
    cJSON_Delete(project->counts);
    *project = (struct batch_project){.outcome = PROJECT_PENDING};
}

/* Was it forbidden, rather than broken? */
static bool is_failure(enum run_error error)
{
    return error == RUN_ERR_REQUIREMENT_UNMET || error == RUN_ERR_FROZEN ||
           error == RUN_ERR_DESTROY_REFUSED || error == RUN_ERR_PROTECTED;
}

static enum project_outcome outcome_of(enum run_status status, enum run_error error)
{
    switch (status) {
    case RUN_QUEUED:
    case RUN_DELAYED:
        return PROJECT_PENDING;
    case RUN_RUNNING:
        return PROJECT_RUNNING;
    case RUN_CLEAN:
    case RUN_DRIFT_DETECTED:
    case RUN_APPLIED:
        return PROJECT_SUCCESS;
    case RUN_ORPHANED:
    case RUN_ERROR:
    case RUN_CANCELLED:
    case RUN_SKIPPED:
    case RUN_STATUSES:
        break;
    }
    return is_failure(error) ? PROJECT_FAILED : PROJECT_ERROR;
}

static char *message_of(const struct run_record *run, enum run_error error)
{
    if (run->status == RUN_ORPHANED)
        return mem_fmt("%s: %s", run_error_name(RUN_ERR_INTERRUPTED),
                       run_error_hint(RUN_ERR_INTERRUPTED));
    if (run->error_message[0] != '\0')
        return mem_dup(run->error_message);
    if (run->status == RUN_CANCELLED)
        return mem_dup("the run was cancelled");
    return mem_dup(error != RUN_ERR_NONE ? run_error_hint(error)
                                         : "the run did not come to an end");
}

static void fill(const struct run_record *run, const struct run_spec *spec,
                 struct batch_project *out)
{
    enum run_error error = RUN_ERR_NONE;
    struct err unreadable;

    run_error_parse(run->error_code, &error);
    *out = (struct batch_project){
        .outcome = outcome_of(run->status, error),
        .drifted = run->status == RUN_DRIFT_DETECTED,
        .name = mem_dup(spec->project_name != NULL ? spec->project_name : ""),
        .directory = mem_dup(spec->directory),
        .workspace = mem_dup(spec->workspace),
        .counts = json_parse(run->summary, strlen(run->summary), SUMMARY_DEPTH_MAX, false,
                             &unreadable),
        .ended_at_ms = run->ended_at_ms,
    };
    if (out->outcome == PROJECT_FAILED || out->outcome == PROJECT_ERROR)
        out->message = message_of(run, error);
    snprintf(out->run_id, sizeof out->run_id, "%s", run->id);
    snprintf(out->workspace_id, sizeof out->workspace_id, "%s", run->workspace_id);
}

int batch_project_read(const struct run_record *run, struct batch_project *out,
                       struct err *err)
{
    AUTO(run_spec_done) struct run_spec spec = {.kind = RUN_PLAN};

    if (run->id == NULL) {
        batch_project_refuse(out, "", "", "the run is no longer kept", 0);
        return 0;
    }
    if (run_spec_parse(run->spec, strlen(run->spec), &spec, err) < 0)
        return err_wrap(err, "run %s", run->id);
    fill(run, &spec, out);
    return 0;
}

void batch_project_refuse(struct batch_project *out, const char *directory,
                          const char *workspace, const char *message, int64_t at_ms)
{
    *out = (struct batch_project){
        .outcome = PROJECT_ERROR,
        .name = mem_dup(""),
        .directory = mem_dup(directory),
        .workspace = mem_dup(workspace),
        .message = mem_dup(message),
        .ended_at_ms = at_ms,
    };
}
