/* What a run that is over becomes. */
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/supervisor/supervisor_internal.h"
#include "worker/terraform/state_lock.h"

void ending_done(struct ending *ending)
{
    result_done(&ending->result);
    expansion_done(&ending->expansion);
}

static char *death_sentence(const struct held *run)
{
    if (run->signal > 0)
        return mem_fmt("The run was killed by signal %d (%s); if it was not stopped by a "
                       "person, memory may be too small for it.",
                       run->signal, strsignal(run->signal));
    if (run->exit_code >= 0)
        return mem_fmt("The run's process ended with status %d before it had a result.",
                       run->exit_code);
    return mem_dup("The run's process was killed before it had a result.");
}

/* The runner left no result: say why, as far as it is known. */
static void judge_silence(const struct held *run, struct result *result)
{
    AUTO(auto_free) char *death = death_sentence(run);

    result_none(result, run->trouble ? run->trouble : RUN_ERR_TERRAFORM_KILLED,
                run->trouble_text ? run->trouble_text : death);
    if (run->cancel_level > 0)
        result->outcome.status = RUN_CANCELLED;
}

/* The lock file that terraform has left beside a local state: it was killed, too. */
static char *lock_sentence(const struct held *run)
{
    AUTO(auto_free)
    char *work = journal_work_dir(&run->supervisor->journal, run->target);
    AUTO(run_order_done) struct run_order order = {0};
    AUTO(auto_free) char *tf = NULL;
    char id[SIGN_UUID_BYTES];
    struct err err;

    if (rundir_read_order(run->dir, &order, &err) < 0)
        return mem_dup("");
    tf = path_join(work, order.spec.pull_request > 0 ? "pr/tf" : "tf");
    if (!state_lock_left(tf, order.spec.workspace, id))
        return mem_dup("");
    return mem_fmt(" Terraform has left its lock file of the state, lock %s.", id);
}

static void judge_orphan(const struct held *run, struct result *result)
{
    AUTO(auto_free) char *lock = lock_sentence(run);
    AUTO(auto_free)
    char *message = mem_fmt("The runner died while it applied.%s Look at what it did, "
                            "then resolve the run.",
                            lock);

    result_none(result, RUN_ERR_INTERRUPTED, message);
}

/* Did it stop because we told it to, with nothing to show? */
static bool interrupted(const struct held *run, const struct result *result)
{
    if (!run->interrupt || run->cancel_level > 0)
        return false;
    return !result->present || result->outcome.status == RUN_CANCELLED ||
           result->outcome.error == RUN_ERR_INTERRUPTED;
}

static void judge_broken(const struct held *run, struct ending *out,
                         const struct err *err)
{
    log_error("result_broken", "run_id=%s error=%s", run->hold.run_id, err->message);
    ending_done(out);
    result_none(&out->result, RUN_ERR_TERRAFORM_KILLED, err->message);
    out->verdict = VERDICT_FINISH;
}

/* May have begun to apply, and left no word of it. Of one that was lost the word is a
 * note that a person reads. */
static bool is_orphan(const struct held *run, const struct result *result)
{
    return run->begun && !run->lost && !result->present;
}

static bool may_return(const struct held *run)
{
    return !run->exhausted && !run->begun;
}

static enum verdict choose(const struct held *run, struct result *result)
{
    const struct run_outcome *outcome = &result->outcome;

    if (is_orphan(run, result)) {
        judge_orphan(run, result);
        return VERDICT_ORPHAN;
    }
    if (may_return(run) && interrupted(run, result))
        return VERDICT_RELEASE;
    if (!result->present) {
        judge_silence(run, result);
        return VERDICT_FINISH;
    }
    if (outcome->retry && may_return(run) && run->cancel_level == 0)
        return VERDICT_RETRY;
    if (!outcome->expand)
        return VERDICT_FINISH;
    if (run->cancel_level == 0)
        return VERDICT_EXPAND;
    result->outcome.status = RUN_CANCELLED;
    return VERDICT_FINISH;
}

void supervisor_judge(struct held *run, struct ending *out)
{
    struct err err;

    if (run->refused) {
        result_none(&out->result, RUN_ERR_INTERRUPTED, run->trouble_text);
        out->verdict = VERDICT_FINISH;
    } else if (run->give_back && may_return(run)) {
        result_none(&out->result, RUN_ERR_NONE, NULL);
        out->verdict = VERDICT_RELEASE;
    } else if (result_read(run->supervisor->conf, run->dir, &out->result, &err) < 0) {
        judge_broken(run, out, &err);
    } else {
        out->verdict = choose(run, &out->result);
        if (out->verdict == VERDICT_EXPAND &&
            expansion_read(run->dir, &out->expansion, &err) < 0)
            judge_broken(run, out, &err);
    }
}
