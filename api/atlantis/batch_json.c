/* A batch as JSON: the shapes of its kinds. */
#include "api/atlantis/batch_json.h"

#include "api/atlantis/drift_json.h"
#include "api/atlantis/remediate_json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

static const char *const outcome_names[] = {
    [PROJECT_PENDING] = "pending", [PROJECT_RUNNING] = "running",
    [PROJECT_SUCCESS] = "success", [PROJECT_FAILED] = "failed",
    [PROJECT_ERROR] = "error",
};

static void add_place(struct json_writer *w, const struct batch_project *project)
{
    json_add_text(w, "project_name", project->name);
    json_add_text(w, "directory", project->directory);
    json_add_text(w, "workspace", project->workspace);
}

/* ---- plan, apply ---- */
static void add_plan(struct json_writer *w, const cJSON *counts)
{
    const char *summary = json_string(counts, "summary");

    json_key(w, "plan");
    json_object(w);
    json_add_boolean(w, "has_changes", json_bool(counts, "hasChanges", false));
    json_add_number(w, "to_add", json_int(counts, "toAdd", 0));
    json_add_number(w, "to_change", json_int(counts, "toChange", 0));
    json_add_number(w, "to_destroy", json_int(counts, "toDestroy", 0));
    json_add_number(w, "to_import", json_int(counts, "toImport", 0));
    json_add_text(w, "summary", summary != NULL ? summary : "");
    json_object_end(w);
}

static void write_command(struct json_writer *w, const struct batch_request *request,
                          const struct batch_project *project,
                          const struct batch_texts *texts)
{
    const char *output = texts->apply != NULL ? texts->apply : texts->plan;

    add_place(w, project);
    json_add_text(w, "command", batch_kind_name(request->kind));
    json_add_text(w, "status", outcome_names[project->outcome]);
    if (project->outcome == PROJECT_SUCCESS)
        json_add_text(w, "output", output != NULL ? output : "");
    if (project->outcome == PROJECT_SUCCESS && request->kind == BATCH_PLAN)
        add_plan(w, project->counts);
    if (project->outcome == PROJECT_ERROR)
        json_add_text(w, "error", project->message);
    if (project->outcome == PROJECT_FAILED)
        json_add_text(w, "failure", project->message);
}

static void close_command(struct json_writer *w, int64_t at_ms,
                          const struct batch_tally *tally)
{
    json_add_number(w, "total_projects", tally->total);
    json_add_number(w, "success_count", tally->ok);
    json_add_number(w, "failure_count", tally->failed);
    json_add_time(w, "executed_at", at_ms);
}

/* ---- detect ---- */
static void write_detected(struct json_writer *w, const struct batch_request *request,
                           const struct batch_project *project)
{
    add_place(w, project);
    json_add_text(w, "ref", request->ref);
    json_add_boolean(w, "has_drift", project->drifted);
    if (project->drifted)
        drift_json_add(w, "drift", project->counts);
    if (project->message != NULL)
        json_add_text(w, "error", project->message);
    json_add_time(w, "last_checked", project->ended_at_ms);
}

static void close_detected(struct json_writer *w, int64_t at_ms,
                           const struct batch_tally *tally)
{
    json_add_time(w, "detected_at", at_ms);
    drift_json_add_summary(w, tally->drifted, tally->ok - tally->drifted, tally->failed);
}

/* ---- remediate ---- */
static void add_drift(struct json_writer *w, const struct batch_request *request,
                      const cJSON *counts)
{
    const cJSON *after = request->apply ? json_get(counts, "driftAfter") : counts;

    if (!json_bool(counts, "hasChanges", false))
        return;
    drift_json_add(w, "drift_before", counts);
    if (after != NULL)
        drift_json_add(w, "drift_after", after);
}

static void write_remediated(struct json_writer *w, const struct batch_request *request,
                             const struct batch_project *project,
                             const struct batch_texts *texts)
{
    bool is_bad = project->outcome == PROJECT_ERROR;

    add_place(w, project);
    json_add_text(w, "status", outcome_names[is_bad ? PROJECT_FAILED : project->outcome]);
    if (project->message != NULL)
        json_add_text(w, "error", project->message);
    if (project->outcome != PROJECT_SUCCESS)
        return;
    json_add_text(w, "plan_output", texts->plan != NULL ? texts->plan : "");
    if (texts->apply != NULL)
        json_add_text(w, "apply_output", texts->apply);
    add_drift(w, request, project->counts);
}

static void close_remediated(struct json_writer *w, const char *error,
                             const struct batch_tally *tally)
{
    const struct batch_record counts = {
        .total = tally->total, .ok = tally->ok, .failed = tally->failed};

    if (error != NULL)
        json_add_text(w, "error", error);
    remediate_json_close(w, &counts);
}

/* ---- check ---- */
static void write_checked(struct json_writer *w, const struct batch_project *project)
{
    static const char *const counts[] = {"driftedCount", "toAdd", "toChange", "toDestroy",
                                         "toImport"};

    json_add_text(w, "workspaceId", project->workspace_id);
    json_add_text(w, "runId", project->run_id);
    if (project->outcome == PROJECT_SUCCESS)
        json_add_text(w, "status", project->drifted ? "drift_detected" : "clean");
    else
        json_add_text(w, "status", outcome_names[project->outcome]);
    json_add_text(w, "error", project->message);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        json_add_number(w, counts[i], json_int(project->counts, counts[i], 0));
    json_add_text(w, "summary", json_string(project->counts, "summary"));
    json_add_time(w, "lastCheckedAt", project->ended_at_ms);
}

static void close_checked(struct json_writer *w, int64_t at_ms,
                          const struct batch_tally *tally)
{
    json_add_time(w, "checkedAt", at_ms);
    json_key(w, "summary");
    json_object(w);
    json_add_number(w, "total", tally->total);
    json_add_number(w, "drifted", tally->drifted);
    json_add_number(w, "clean", tally->ok - tally->drifted);
    json_add_number(w, "errors", tally->failed);
    json_object_end(w);
}

/* ---- all of them ---- */
int batch_json_open(struct json_writer *w, const struct batch_record *batch,
                    const struct batch_request *request, struct err *err)
{
    if (request->kind == BATCH_REMEDIATE) {
        if (remediate_json_open(w, batch, err) < 0)
            return -1;
    } else {
        json_object(w);
    }
    if (request->kind == BATCH_PLAN || request->kind == BATCH_APPLY)
        json_add_text(w, "command", batch_kind_name(request->kind));
    if (request->kind == BATCH_DETECT)
        json_add_text(w, "repository", request->repository);
    if (request->kind == BATCH_CHECK)
        json_add_text(w, "projectId", batch->project_id);
    json_key(w, request->kind == BATCH_CHECK ? "workspaces" : "projects");
    json_array(w);
    return 0;
}

static void count(const struct batch_project *project, struct batch_tally *tally)
{
    tally->total++;
    tally->ok += project->outcome == PROJECT_SUCCESS;
    tally->failed +=
        project->outcome == PROJECT_FAILED || project->outcome == PROJECT_ERROR;
    tally->drifted += project->drifted;
}

void batch_json_project(struct json_writer *w, const struct batch_request *request,
                        const struct batch_project *project,
                        const struct batch_texts *texts, struct batch_tally *tally)
{
    count(project, tally);
    json_object(w);
    switch (request->kind) {
    case BATCH_PLAN:
    case BATCH_APPLY:
        write_command(w, request, project, texts);
        break;
    case BATCH_DETECT:
        write_detected(w, request, project);
        break;
    case BATCH_REMEDIATE:
        write_remediated(w, request, project, texts);
        break;
    case BATCH_CHECK:
    case BATCH_KINDS:
        write_checked(w, project);
        break;
    }
    json_object_end(w);
}

void batch_json_close(struct json_writer *w, enum batch_kind kind, const char *error,
                      int64_t at_ms, const struct batch_tally *tally)
{
    json_array_end(w);
    if (kind == BATCH_REMEDIATE) {
        close_remediated(w, error, tally);
        return;
    }
    if (kind == BATCH_PLAN || kind == BATCH_APPLY)
        close_command(w, at_ms, tally);
    if (kind == BATCH_DETECT)
        close_detected(w, at_ms, tally);
    if (kind == BATCH_CHECK)
        close_checked(w, at_ms, tally);
    json_object_end(w);
}

/* ---- texts ---- */
/* Bytes of a character in a JSON string; broken ones become U+FFFD. */
static size_t quoted_bytes(const char *at, size_t len)
{
    if (len == 0)
        return 3;
    if (*at == '"' || *at == '\\' || *at == '\n' || *at == '\r' || *at == '\t')
        return 2;
    return (unsigned char)*at < ' ' || *at == '\x7f' ? 6 : len;
}

void batch_text_cut(struct buf *text, size_t room, const char *where)
{
    const char *bytes = buf_text(text);
    size_t at = 0, used = 0;

    while (at < text->len) {
        size_t len = parse_utf8_char(bytes + at, text->len - at);

        used += quoted_bytes(bytes + at, len);
        if (used > room)
            break;
        at += len > 0 ? len : 1;
    }
    if (at == text->len)
        return;
    text->data[text->len = at] = '\0';
    buf_fmt(text, "\n[cut: the whole output is at %s]\n", where);
}
