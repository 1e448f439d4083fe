/* What the end of a program means for the run. */
#include <inttypes.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/runner/runner_parts.h"
#include "worker/text/terraform_words.h"

#define MIB                  (1024 * 1024)
#define ERROR_SENTENCE_BYTES 600

static char *output_text(const struct runner *r)
{
    struct buf text = BUF_INIT(RUNNER_OUTPUT_BYTES + CAPTURE_MARK_BYTES);

    capture_text(&r->log.output, &text);
    return buf_take(&text);
}

static int fail_killed(struct runner *r, const char *step,
                       const struct child_result *result)
{
    return runner_fail(r, RUN_ERR_TERRAFORM_KILLED,
                       "terraform %s was killed by SIG%s; its largest process had "
                       "%" PRId64 " MiB. If nobody killed it, memory is too small.",
                       step, sigabbrev_np(result->code), result->peak_rss_bytes / MIB);
}

int runner_judge_end(struct runner *r, const char *step,
                     const struct child_result *result)
{
    if (result->peak_rss_bytes > r->peak_rss_bytes)
        r->peak_rss_bytes = result->peak_rss_bytes;
    if (result->stopped || r->cancel_level > 0 || r->interrupted) {
        r->outcome.status = RUN_CANCELLED;
        return -1;
    }
    if (result->timed_out)
        return runner_fail(r, RUN_ERR_TIMEOUT,
                           "terraform %s was stopped: the run took longer than %" PRId64
                           " s (KEDGE_RUN_TIMEOUT).",
                           step, r->conf->run_timeout_ms / 1000);
    return result->end == CHILD_SIGNALED ? fail_killed(r, step, result) : 0;
}

static int fail_with_text(struct runner *r, const char *step, int code, const char *text)
{
    char sentence[ERROR_SENTENCE_BYTES];

    if (words_out_of_memory(text))
        return runner_fail(
            r, RUN_ERR_TERRAFORM_KILLED,
            "terraform %s ran out of memory: one process of a run may have "
            "%" PRId64 " MiB.",
            step, terraform_memory_bytes(r->conf) / MIB);
    if (words_disk_full(text))
        return runner_fail(r, RUN_ERR_DISK_FULL,
                           "terraform %s: no space left on the worker's disk.", step);
    words_first_error(text, sentence, sizeof sentence);
    if (sentence[0] == '\0')
        return runner_fail(r, RUN_ERR_TERRAFORM_FAILED,
                           "terraform %s ended with status %d.", step, code);
    return runner_fail(r, RUN_ERR_TERRAFORM_FAILED, "terraform %s failed: %s", step,
                       sentence);
}

static int fail_remote(struct runner *r)
{
    return runner_fail(r, RUN_ERR_BACKEND_UNSUPPORTED,
                       "The configuration is run remotely (a remote or cloud backend): "
                       "such plans cannot be saved and checked here.");
}

int runner_judge_init(struct runner *r, const struct child_result *result)
{
    AUTO(auto_free) char *text = output_text(r);

    if (words_remote(text))
        return fail_remote(r);
    fail_with_text(r, "init", result->code, text);
    if (r->outcome.error == RUN_ERR_TERRAFORM_FAILED && words_infrastructure(text))
        runner_retry(r, RETRY_INFRASTRUCTURE);
    return -1;
}

/* A plan that dies of a lack of memory ends with the status that means changes. */
int runner_judge_show(struct runner *r, const struct child_result *result)
{
    AUTO(auto_free) char *text = NULL;

    runner_log_release(&r->log);
    text = output_text(r);
    if (words_out_of_memory(text))
        return fail_with_text(r, "plan", result->code, text);
    return runner_fail(r, RUN_ERR_TERRAFORM_FAILED,
                       "terraform show of the plan ended with status %d.", result->code);
}

static int fail_locked(struct runner *r, const struct words_lock *lock)
{
    r->state_lock = *lock;
    return runner_fail(r, RUN_ERR_STATE_LOCKED,
                       "The state is locked: lock %s, held by %s since %s (%s).",
                       lock->id, lock->who[0] != '\0' ? lock->who : "somebody",
                       lock->created[0] != '\0' ? lock->created : "an unknown time",
                       lock->operation[0] != '\0' ? lock->operation
                                                  : "unknown operation");
}

int runner_judge_plan(struct runner *r, const struct child_result *result)
{
    AUTO(auto_free) char *text = output_text(r);
    struct words_lock lock;

    if (words_remote(text))
        return fail_remote(r);
    if (!words_state_locked(text, &lock))
        return fail_with_text(r, "plan", result->code, text);
    fail_locked(r, &lock);
    runner_retry(r, RETRY_STATE_LOCKED);
    return -1;
}

static int fail_stopped(struct runner *r, const struct child_result *result)
{
    const char *left = result->end == CHILD_SIGNALED
                           ? "It was killed: what it had just made may be missing in the "
                             "state, and the state may be locked."
                           : "What it had done until then is in the state.";

    if (result->timed_out)
        return runner_fail(
            r, RUN_ERR_TIMEOUT,
            "terraform apply was stopped: the run took longer than %" PRId64
            " s (KEDGE_RUN_TIMEOUT). %s",
            r->conf->run_timeout_ms / 1000, left);
    return runner_fail(r, RUN_ERR_INTERRUPTED,
                       "terraform apply was stopped on request. %s", left);
}

static int fail_apply(struct runner *r, const struct child_result *result,
                      const char *text)
{
    struct words_lock lock;

    if (result->stopped || result->timed_out)
        return fail_stopped(r, result);
    if (result->end == CHILD_SIGNALED)
        return fail_killed(r, "apply", result);
    return words_state_locked(text, &lock)
               ? fail_locked(r, &lock)
               : fail_with_text(r, "apply", result->code, text);
}

int runner_judge_apply(struct runner *r, const struct child_result *result)
{
    AUTO(auto_free) char *text = NULL;

    if (result->peak_rss_bytes > r->peak_rss_bytes)
        r->peak_rss_bytes = result->peak_rss_bytes;
    /* It may have been done when it was asked to stop. */
    if (result->end == CHILD_EXITED && result->code == 0)
        return 0;
    text = output_text(r);
    fail_apply(r, result, text);
    /* It has not tidied up behind it, or says that it could not. */
    return result->end == CHILD_SIGNALED || words_unlock_failed(text)
               ? runner_lock_left(r)
               : -1;
}
