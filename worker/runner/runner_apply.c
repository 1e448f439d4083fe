/* From a sealed plan to a changed world, and a look at what that came to. */
#include "common/base/mem.h"
#include "worker/runner/runner_parts.h"

#define LINE_BYTES 256

/* What it prints goes to the log as it comes: the plan has told the mask which values are
 * secret. */
static int apply(struct runner *r, struct child_result *result)
{
    struct err err;

    runner_step(r, "apply");
    r->applying = true;
    if (terraform_apply(r->terraform, r->deadline_mono_ms, result, &err) < 0) {
        r->applying = false; /* it was not started */
        return runner_fail_err(r, RUN_ERR_TERRAFORM_FAILED, &err);
    }
    runner_log_flush(&r->log);
    r->timings.apply_ms = result->elapsed_ms;
    r->outcome.exit_code = result->end == CHILD_EXITED ? result->code : -1;
    return runner_judge_apply(r, result);
}

/* The run has two outputs: the plan's stays the first. */
static int apply_with_output(struct runner *r)
{
    struct child_result result;
    int rc;

    capture_init(&r->applied, RUNNER_OUTPUT_BYTES / 2, RUNNER_OUTPUT_BYTES / 2);
    runner_log_swap(&r->log, &r->applied);
    rc = apply(r, &result);
    runner_log_swap(&r->log, &r->applied);
    return rc;
}

/* Of a reconcile nobody looks at what it left: it has done its work when nothing drifts
 * any more. */
static int judge_after(struct runner *r)
{
    AUTO(buf_done) struct buf line = BUF_INIT(LINE_BYTES);

    if (r->order.spec.kind != RUN_RECONCILE || r->after == NULL ||
        !runner_has_drift(r->after))
        return 0;
    report_summary_line(r->after, &line);
    return runner_fail(r, RUN_ERR_STILL_DRIFTED,
                       "The apply went through, and the plan after it still differs: %s "
                       "metadata.driftAfter has the counts.",
                       buf_text(&line));
}

int runner_apply(struct runner *r)
{
    if (runner_require_policies(r) < 0 || runner_require_apply(r) < 0)
        return -1;
    runner_step(r, "mark");
    if (runner_ask(r) < 0 || apply_with_output(r) < 0)
        return -1;
    r->outcome.status = RUN_APPLIED;
    /* It was done before it could be stopped. */
    if (runner_stop_wanted(r) > 0)
        runner_log_line(&r->log, "What the apply has left is not planned: stopped.");
    else
        runner_plan_after(r);
    return judge_after(r);
}
