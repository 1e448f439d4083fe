/* A run as the v1 API shows it. */
#include "api/run/run_json.h"

#include <stdio.h>
#include <string.h>

void run_note(struct run_note *note, const struct run_record *run)
{
    *note = (struct run_note){
        .kind = run->kind,
        .status = run->status,
        .cancel_requested = run->cancel_level > 0,
        .output_truncated = run->output_truncated || run->output_dropped,
        .ended_at_ms = run->ended_at_ms,
    };
    snprintf(note->id, sizeof note->id, "%s", run->id);
    snprintf(note->version, sizeof note->version, "%s", run->version);
    snprintf(note->scope, sizeof note->scope, "%s", run->scope);
    snprintf(note->project_id, sizeof note->project_id, "%s", run->project_id);
    snprintf(note->workspace_id, sizeof note->workspace_id, "%s", run->workspace_id);
}

void run_json_error(struct json_writer *w, const struct run_record *run)
{
    const char *code = run->error_code;
    const char *message = run->error_message;
    enum run_error error;

    if (run->status == RUN_ORPHANED)
        code = run_error_name(RUN_ERR_INTERRUPTED);
    if (code[0] == '\0') {
        json_null(w);
        return;
    }
    if (message[0] == '\0' && run_error_parse(code, &error) == 0)
        message = run_error_hint(error);
    json_object(w);
    json_add_text(w, "code", code);
    json_add_text(w, "message", message);
    json_object_end(w);
}

void run_json_open(struct json_writer *w, const struct run_record *run)
{
    json_object(w);
    json_add_text(w, "id", run->id);
    json_add_stored(w, "projectId", run->project_id);
    json_add_stored(w, "workspaceId", run->workspace_id);
    json_add_text(w, "kind", run_kind_name(run->kind));
    json_add_text(w, "status", run_status_shown(run->status));
    json_add_stored(w, "trigger", run->trigger);
    json_add_stored(w, "scheduleId", run->schedule_id);
    json_add_stored(w, "ref", run->ref);
    json_add_stored(w, "commit", run->commit);
    json_key(w, "error");
    run_json_error(w, run);
    json_add_time(w, "queuedAt", run->queued_at_ms);
    json_add_time(w, "startedAt", run->started_at_ms);
    json_add_time(w, "endedAt", run->ended_at_ms);
    json_add_number(w, "attempts", run->attempts);
    if (run->batch[0] != '\0')
        json_add_text(w, "batchId", run->batch);
}

#define CANCEL_REQUESTED "{\"cancelRequested\":true"

/* The stored object with one member put in front. */
static void cancelled_metadata(struct json_writer *w, const struct run_shown *shown)
{
    const char *rest = shown->metadata + 1;
    size_t len = shown->metadata_len - 1;

    while (len > 0 && strchr(" \t\r\n", *rest) != NULL) {
        rest++;
        len--;
    }
    json_raw(w, CANCEL_REQUESTED, sizeof CANCEL_REQUESTED - 1);
    if (len > 0 && *rest != '}')
        buf_char(w->out, ',');
    buf_append(w->out, rest, len);
}

void run_json_metadata(struct json_writer *w, const struct run_note *note,
                       const struct run_shown *shown)
{
    bool present =
        shown->metadata != NULL && shown->metadata_len > 1 && shown->metadata[0] == '{';

    if (present && note->cancel_requested)
        cancelled_metadata(w, shown);
    else if (present)
        json_raw(w, shown->metadata, shown->metadata_len);
    else if (note->cancel_requested)
        json_raw(w, CANCEL_REQUESTED "}", sizeof CANCEL_REQUESTED);
    else
        json_null(w);
}

void run_json_close(struct json_writer *w, const struct run_note *note,
                    const struct run_shown *shown)
{
    json_key(w, "output");
    if (shown->output != NULL)
        json_text_n(w, shown->output, shown->output_len);
    else
        json_null(w);
    json_add_boolean(w, "outputTruncated", note->output_truncated || shown->output_cut);
    json_key(w, "metadata");
    run_json_metadata(w, note, shown);
    json_object_end(w);
}
