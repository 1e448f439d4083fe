/* The result of a run: its parts, and result.json last. */
#include <string.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/base/zip.h"
#include "common/queue/target.h"
#include "worker/process/file.h"
#include "worker/runner/runner_parts.h"

#define RECORD_MAX_BYTES  ((size_t)64 * 1024)
#define SUMMARY_MAX_BYTES ((size_t)4 * 1024)
/* The userinfo of a URL may be shorter than its mask. */
#define MASKED_MORE_BYTES  ((size_t)256 * 1024)
#define METADATA_DEPTH_MAX 100

/* A zlib stream of incompressible bytes is a little longer than they are. */
#define ZIPPED_MAX(bytes) ((bytes) + (bytes) / 100 + 1024)

/* An apply is not done again when its result was lost with the power: its parts are on
 * the disk before result.json is. */
static int put_bytes(const struct runner *r, const char *name, const char *bytes,
                     size_t len, struct err *err)
{
    return run_kind_applies(r->order.spec.kind)
               ? file_put_durable(r->dir, name, bytes, len, 0600, err)
               : file_put(r->dir, name, bytes, len, 0600, err);
}

static int put(const struct runner *r, const char *name, const struct buf *bytes,
               struct err *err)
{
    return put_bytes(r, name, buf_text(bytes), bytes->len, err);
}

static int put_zipped(const struct runner *r, const char *name, const struct buf *text,
                      struct err *err)
{
    AUTO(buf_done) struct buf zipped = BUF_INIT(ZIPPED_MAX(text->len));

    zip_deflate(buf_text(text), text->len, &zipped);
    return put(r, name, &zipped, err);
}

/* Of the first bytes, as many as are whole characters of UTF-8. */
static size_t head_bytes(const struct buf *text)
{
    size_t len = text->len < QUEUE_HEAD_BYTES ? text->len : QUEUE_HEAD_BYTES;

    while (len > 0 && len < text->len && ((unsigned char)text->data[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static int write_output(struct runner *r, struct err *err)
{
    AUTO(buf_done)
    struct buf text = BUF_INIT(RUNNER_OUTPUT_BYTES + CAPTURE_MARK_BYTES);

    capture_text(&r->log.output, &text);
    r->outcome.output_truncated = r->log.output.left_out > 0;
    if (put_zipped(r, "output.z", &text, err) < 0)
        return -1;
    return put_bytes(r, "head", buf_text(&text), head_bytes(&text), err);
}

/* What terraform apply printed, if it was started. */
static int write_applied(struct runner *r, struct err *err)
{
    AUTO(buf_done)
    struct buf text = BUF_INIT(RUNNER_OUTPUT_BYTES + CAPTURE_MARK_BYTES);

    if (!r->applying)
        return 0;
    capture_text(&r->applied, &text);
    if (r->applied.left_out > 0)
        r->outcome.output_truncated = true;
    return put_zipped(r, "apply.z", &text, err);
}

static int write_log(struct runner *r, struct err *err)
{
    AUTO(auto_free) char *path = path_join(r->dir, "log");
    AUTO(buf_done) struct buf text = BUF_INIT(2 * RUNNER_LOG_BYTES);

    runner_log_close(&r->log);
    return path_read(path, &text, err) < 0 ? -1 : put_zipped(r, "log.z", &text, err);
}

/* ---- metadata ---- */

/* Its values are terraform's, and may hold what only we know to be secret. */
static int put_masked(const struct runner *r, const char *name, const struct buf *json,
                      struct err *err)
{
    AUTO(buf_done)
    struct buf masked = BUF_INIT(REPORT_METADATA_BYTES + MASKED_MORE_BYTES);
    AUTO(auto_json)
    cJSON *doc = json_parse(buf_text(json), json->len, METADATA_DEPTH_MAX, false, err);

    if (doc == NULL)
        return -1;
    runner_mask_tree(r->log.mask, doc);
    json_print(doc, &masked);
    return put(r, name, &masked, err);
}

static void get_facts(struct runner *r, struct report_facts *facts)
{
    *facts = (struct report_facts){
        .total_resources = r->total_resources,
        .timing_queued_ms = r->timings.queued_ms,
        .timing_checkout_ms = r->timings.checkout_ms,
        .timing_init_ms = r->timings.init_ms,
        .timing_plan_ms = r->timings.plan_ms,
        .timing_show_ms = r->timings.show_ms,
        .applied = r->applying,
        .timing_apply_ms = r->timings.apply_ms,
        .after = r->after,
        .after_changes = r->after_changes,
        .terraform_version = r->terraform ? terraform_version(r->terraform) : NULL,
        .peak_rss_bytes = r->peak_rss_bytes,
        .sandbox = r->terraform ? terraform_sandbox(r->terraform) : NULL,
        .state_lock = r->state_lock.id[0] != '\0' ? &r->state_lock : NULL,
    };
}

/* Of a run that has no report: what is known anyway. */
static void print_facts(const struct report_facts *facts, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    report_print_facts(&w, facts);
    json_object_end(&w);
}

static int write_metadata(struct runner *r, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(REPORT_METADATA_BYTES);
    struct report_facts facts;

    get_facts(r, &facts);
    if (r->report != NULL)
        report_print(r->report, &facts, &text);
    else
        print_facts(&facts, &text);
    return put_masked(r, "metadata.json", &text, err);
}

/* ---- what is read on every poll, and the drift record ---- */

static void add_counts(struct json_writer *w, const struct report *report)
{
    const struct report_counts none = {0};
    const struct report_counts *counts = report != NULL ? report_counts(report) : &none;
    AUTO(buf_done) struct buf line = BUF_INIT(SUMMARY_MAX_BYTES / 2);

    if (report != NULL)
        report_summary_line(report, &line);
    json_add_text(w, "summary", report != NULL ? buf_text(&line) : NULL);
    json_add_number(w, "toAdd", counts->to_add);
    json_add_number(w, "toChange", counts->to_change);
    json_add_number(w, "toDestroy", counts->to_destroy);
    json_add_number(w, "toImport", counts->to_import);
    json_add_boolean(w, "changesOutside", counts->changes_outside);
}

static char *summary_json(const struct runner *r)
{
    struct buf text = BUF_INIT(SUMMARY_MAX_BYTES);
    struct json_writer w;

    if (r->report == NULL)
        return NULL;
    json_open(&w, &text);
    json_object(&w);
    add_counts(&w, r->report);
    json_add_number(&w, "driftedCount", report_counts(r->report)->drifted);
    json_add_boolean(&w, "hasChanges", r->plan_changes);
    if (r->after != NULL) {
        json_key(&w, "driftAfter");
        json_object(&w);
        report_print_after(&w, r->after, r->after_changes);
        json_object_end(&w);
    }
    json_object_end(&w);
    return buf_take(&text);
}

/* What is known about the drift of the target once the run is over. */
struct finding {
    enum run_status status;      /* clean, drift_detected or error */
    const struct report *report; /* NULL: none */
    bool changes;
};

static enum run_status plan_status(const struct report *plan)
{
    return runner_has_drift(plan) ? RUN_DRIFT_DETECTED : RUN_CLEAN;
}

/* Of a run that applies, only a plan that nothing came after says what is there now; a
 * pull request's says nothing about its target, a cancelled run nothing at all. */
static bool find(const struct runner *r, struct finding *out)
{
    const struct run_spec *spec = &r->order.spec;
    enum run_status status = r->outcome.status;

    *out = (struct finding){status, r->report, r->report != NULL && r->plan_changes};
    if (spec->kind == RUN_RESOLVE || spec->pull_request > 0 || status == RUN_CANCELLED)
        return false;
    if (!run_kind_applies(spec->kind) || status == RUN_CLEAN)
        return true;
    if (runner_guard_refused(r)) {
        out->status = plan_status(r->report);
        return true;
    }
    if (r->after == NULL)
        return false;
    *out = (struct finding){plan_status(r->after), r->after, r->after_changes};
    return true;
}

/* What the next runs of the workspace are told was in the state. That it is empty is
 * believed only of an apply that was carried out: whoever only looks may be looking at a
 * state that somebody has lost. */
static int64_t known_resources(const struct runner *r)
{
    enum run_status status = r->outcome.status;

    if (r->applying)
        return status == RUN_APPLIED || r->after_resources > 0 ? r->after_resources : -1;
    if (status != RUN_CLEAN && status != RUN_DRIFT_DETECTED)
        return -1;
    return r->stored_resources > 0 ? r->stored_resources : -1;
}

static const char *project_name(const struct runner *r)
{
    return r->project_name != NULL ? r->project_name : r->order.spec.project_name;
}

static void print_record(const struct runner *r, const struct finding *found,
                         struct buf *out)
{
    const struct run_spec *spec = &r->order.spec;
    AUTO(auto_free) char *ref = ref_canonical(spec->ref);
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "status", run_status_name(found->status));
    if (project_name(r) != NULL)
        json_add_text(&w, "projectName", project_name(r));
    json_add_text(&w, "directory", spec->directory);
    json_add_text(&w, "workspace", spec->workspace);
    json_add_text(&w, "ref", ref);
    json_add_text(&w, "commit", r->commit[0] != '\0' ? r->commit : NULL);
    json_add_number(&w, "checkedAt", runner_now_ms(r));
    add_counts(&w, found->report);
    json_add_boolean(&w, "hasChanges", found->changes);
    json_add_text(&w, "runId", r->order.hold.run_id);
    if (found->status == RUN_ERROR)
        json_add_text(&w, "error", r->outcome.error_message);
    json_object_end(&w);
}

static char *drift_record(struct runner *r)
{
    struct buf text = BUF_INIT(RECORD_MAX_BYTES);
    struct finding found;

    if (!find(r, &found))
        return NULL;
    r->outcome.found = found.status != RUN_ERROR;
    print_record(r, &found, &text);
    return buf_take(&text);
}

/* Pushes ask for it, of the workspaces of projects. */
static char *what_it_reads(const struct runner *r)
{
    enum run_status status = r->outcome.status;

    if (r->order.spec.project_id == NULL || r->terraform == NULL ||
        (status != RUN_CLEAN && status != RUN_DRIFT_DETECTED))
        return NULL;
    return terraform_reads(r->terraform);
}

/* An error's sentence may quote terraform, and so a secret. */
static void mask_message(struct runner *r)
{
    struct buf masked = BUF_INIT(RECORD_MAX_BYTES / 2);
    AUTO(auto_free) char *message = TAKE(r->outcome.error_message);

    if (message == NULL)
        return;
    mask_text(r->log.mask, message, strlen(message), &masked);
    r->outcome.error_message = buf_take(&masked);
}

static bool found_something(enum run_status status)
{
    return status == RUN_CLEAN || status == RUN_DRIFT_DETECTED || status == RUN_APPLIED;
}

/* A resolve run, for which somebody waits, says nothing but in its log. */
static int write_parts(struct runner *r, struct err *err)
{
    if (r->order.spec.kind == RUN_RESOLVE)
        return write_log(r, err);
    if (write_output(r, err) < 0 || write_applied(r, err) < 0 || write_log(r, err) < 0)
        return -1;
    return write_metadata(r, err);
}

int runner_write_result(struct runner *r, struct err *err)
{
    /* An apply that failed has changed something of what its plan says, one that was
     * refused nothing. */
    if (!found_something(r->outcome.status) && !r->applying && !runner_guard_refused(r)) {
        report_free(r->report);
        r->report = NULL;
    }
    if (write_parts(r, err) < 0)
        return -1;
    mask_message(r);
    r->outcome.commit = r->commit[0] != '\0' ? mem_dup(r->commit) : NULL;
    r->outcome.summary = summary_json(r);
    r->outcome.drift_record = drift_record(r);
    r->outcome.reads = what_it_reads(r);
    r->outcome.resources = known_resources(r);
    return rundir_write_outcome(r->dir, &r->outcome, err);
}
