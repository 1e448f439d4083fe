/* Plan, show and report: from terraform's plan to what the run says about it. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/base/zip.h"
#include "worker/process/file.h"
#include "worker/runner/runner_parts.h"
#include "worker/text/terraform_words.h"

#define EXIT_CLEAN      0
#define EXIT_CHANGES    2
#define PLAN_DEPTH_MAX  500
#define MIB             (1024 * 1024)
#define STATE_MAX_BYTES ((size_t)512 * 1024 * 1024)

/* ---- what the plan file and its JSON say ---- */

/* Terraform has written it, but a program in the run may have put something else there.
 */
static bool is_plain(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int64_t count_in(const char *plan, const char *member)
{
    AUTO(buf_done) struct buf state = BUF_INIT(STATE_MAX_BYTES);
    struct err err;

    return zip_member(plan, member, &state, &err) == 0
               ? report_state_resources(buf_text(&state), state.len)
               : -1;
}

/* The plan has the state twice: as it was stored, and as the plan found the things to be,
 * where what is gone is missing and what is imported is there already. */
static void count_resources(struct runner *r)
{
    AUTO(auto_free) char *path = path_join(r->dir, TERRAFORM_PLAN_FILE);
    bool plain = is_plain(path);

    r->total_resources = plain ? count_in(path, "tfstate") : -1;
    r->stored_resources =
        plain && r->order.spec.project_id != NULL ? count_in(path, "tfstate-prev") : -1;
}

/* A provider that show has started may have put something else in its place. */
static int read_json(struct runner *r, struct buf *text, struct err *err)
{
    if (file_get_plain(r->dir, TERRAFORM_PLAN_JSON, text) > 0)
        return 0;
    return err_set(err, ERR_PERM, "the plan's JSON is not the file that show wrote");
}

static struct report *read_report(struct runner *r, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(REPORT_PLAN_JSON_BYTES + 1);
    AUTO(auto_json) cJSON *plan = NULL;

    if (read_json(r, &text, err) < 0)
        return NULL;
    plan = json_parse(buf_text(&text), text.len, PLAN_DEPTH_MAX, false, err);
    if (plan == NULL) {
        err_wrap(err, "the plan's JSON cannot be read");
        return NULL;
    }
    buf_done(&text);
    runner_sensitive_add(plan, r->log.mask);
    runner_guard_look(r, plan);
    return report_from_plan(plan, err);
}

static void set_report(struct runner *r, struct report *report)
{
    report_free(r->report);
    r->report = report;
}

/* Did the text still have its line of counts, or can it do without? */
static bool is_counted(const struct report_counts *counts)
{
    return counts->to_add + counts->to_change + counts->to_destroy + counts->to_import >
               0 ||
           (counts->drifted == 0 && counts->output_changes);
}

/* The counts, where the JSON is too large to be read. The text itself is not shown: what
 * in it is secret only the JSON says. */
static int read_text(struct runner *r)
{
    AUTO(buf_done) struct buf text = BUF_INIT(RUNNER_LOG_BYTES);

    capture_text(&r->log.held, &text);
    runner_log_drop(&r->log,
                    "The changes are not shown: there are too many to search them "
                    "for secrets.\n");
    set_report(r, report_from_text(buf_text(&text)));
    if (is_counted(report_counts(r->report)))
        return 0;
    return runner_fail(r, RUN_ERR_OUTPUT_TOO_LARGE,
                       "The plan is larger than %lld MiB, and its counts are not in what "
                       "is kept of its text: split the workspace.",
                       REPORT_PLAN_JSON_BYTES / MIB);
}

/* ---- show ---- */

static int show(struct runner *r)
{
    struct child_result result;
    struct report *report;
    bool over = false;
    struct err err;

    runner_step(r, "show");
    if (terraform_show(r->terraform, r->deadline_mono_ms, &over, &result, &err) < 0)
        return runner_fail_err(r, RUN_ERR_TERRAFORM_FAILED, &err);
    runner_log_flush(&r->log);
    r->timings.show_ms += result.elapsed_ms;
    if (runner_judge_end(r, "show", &result) < 0)
        return -1;
    if (result.code != 0)
        return runner_judge_show(r, &result);
    if (over)
        return read_text(r);
    report = read_report(r, &err);
    if (report == NULL)
        return runner_fail_err(r, RUN_ERR_TERRAFORM_FAILED, &err);
    set_report(r, report);
    return 0;
}

/* ---- plan ---- */

/* What it prints about changes is held until they have been read. */
static int plan_once(struct runner *r, bool locked, struct child_result *result)
{
    struct err err;
    int rc;

    runner_step(r, "plan");
    runner_log_step(&r->log);
    runner_log_hold(&r->log);
    if (terraform_plan(r->terraform, locked, r->deadline_mono_ms, result, &err) < 0)
        return runner_fail_err(r, RUN_ERR_TERRAFORM_FAILED, &err);
    runner_log_flush(&r->log);
    r->timings.plan_ms += result->elapsed_ms;
    r->outcome.exit_code = result->end == CHILD_EXITED ? result->code : -1;
    rc = runner_judge_end(r, "plan", result);
    if (rc < 0 || result->code != EXIT_CHANGES)
        runner_log_release(&r->log);
    return rc;
}

static bool failed(const struct child_result *result)
{
    return result->code != EXIT_CLEAN && result->code != EXIT_CHANGES;
}

/* Are policies to be asked about this plan? */
static bool has_policies(const struct runner *r)
{
    return r->order.spec.kind != RUN_DRIFT_CHECK && !r->applying &&
           runner_wants_policies(r);
}

/* Failing check blocks leave the exit status alone. */
static bool wants_show(const struct runner *r)
{
    AUTO(buf_done)
    struct buf text = BUF_INIT(RUNNER_OUTPUT_BYTES + CAPTURE_MARK_BYTES);

    capture_text(&r->log.output, &text);
    return r->plan_changes || has_policies(r) || words_check_failed(buf_text(&text));
}

bool runner_has_drift(const struct report *report)
{
    const struct report_counts *counts = report_counts(report);

    return counts->drifted > 0 || counts->to_add > 0 || counts->to_change > 0 ||
           counts->to_destroy > 0 || counts->to_import > 0;
}

/* The plan that is shown is the one that will be applied. */
static int seal(struct runner *r)
{
    struct err err;

    if (!run_kind_applies(r->order.spec.kind) || r->applying || !r->plan_changes)
        return 0;
    if (terraform_seal_plan(r->terraform, &err) < 0)
        return runner_fail_err(r, RUN_ERR_TERRAFORM_FAILED, &err);
    return 0;
}

static int read_plan(struct runner *r, const struct child_result *result)
{
    int rc;

    if (failed(result))
        return runner_judge_plan(r, result);
    r->plan_changes = result->code == EXIT_CHANGES;
    set_report(r, report_empty());
    count_resources(r);
    if (seal(r) < 0)
        return -1;
    if (wants_show(r)) {
        rc = show(r);
        runner_log_release(&r->log);
        if (rc < 0)
            return -1;
    }
    r->outcome.status = runner_has_drift(r->report) ? RUN_DRIFT_DETECTED : RUN_CLEAN;
    return 0;
}

static int plan(struct runner *r, bool locked)
{
    struct child_result result;

    if (plan_once(r, locked, &result) < 0)
        return -1;
    if (failed(&result) && r->init_skipped) {
        runner_log_line(&r->log, "The plan failed; once more, with init.");
        if (runner_init(r) < 0 || plan_once(r, locked, &result) < 0)
            return -1;
    }
    return read_plan(r, &result);
}

static bool wants_confirmation(const struct runner *r)
{
    return r->order.spec.confirm && !run_kind_applies(r->order.spec.kind) &&
           r->outcome.status == RUN_DRIFT_DETECTED;
}

int runner_plan(struct runner *r)
{
    struct child_result result;

    if (plan(r, run_kind_applies(r->order.spec.kind)) < 0)
        return -1;
    if (wants_confirmation(r)) {
        runner_log_line(&r->log, "Drift: once more, with the lock, to be sure.");
        if (plan_once(r, true, &result) < 0 || read_plan(r, &result) < 0)
            return -1;
    }
    return r->order.spec.kind == RUN_PLAN && has_policies(r) ? runner_require_policies(r)
                                                             : 0;
}

/* ---- the plan after an apply ---- */

static int plan_again(struct runner *r)
{
    struct child_result result;

    return plan_once(r, false, &result) < 0 ? -1 : read_plan(r, &result);
}

void runner_plan_after(struct runner *r)
{
    struct capture output;
    struct run_outcome outcome = r->outcome;
    struct report *report = TAKE(r->report);
    int64_t total_resources = r->total_resources, stored = r->stored_resources;
    bool changes = r->plan_changes;

    capture_init(&output, RUNNER_OUTPUT_BYTES / 2, RUNNER_OUTPUT_BYTES / 2);
    runner_log_swap(&r->log, &output);
    r->outcome = (struct run_outcome){.exit_code = -1, .resources = -1};
    if (plan_again(r) == 0) {
        r->after = TAKE(r->report);
        r->after_changes = r->plan_changes;
        r->after_resources = r->stored_resources;
    } else {
        runner_log_line(&r->log, "What the apply has left could not be planned: %s.",
                        r->outcome.status == RUN_ERROR ? run_error_name(r->outcome.error)
                                                       : "stopped");
    }
    runner_log_swap(&r->log, &output);
    capture_done(&output);
    run_outcome_done(&r->outcome);
    r->outcome = outcome;
    set_report(r, report);
    r->plan_changes = changes;
    r->total_resources = total_resources;
    r->stored_resources = stored;
}
