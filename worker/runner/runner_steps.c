/* The steps of a run, up to its plan. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/queue/target.h"
#include "worker/checkout/checkout.h"
#include "worker/runner/runner_parts.h"

/* ---- checkout ---- */

static int judge_checkout(struct runner *r, const struct checked_out *got,
                          const struct err *err)
{
    if (got->stopped || r->cancel_level > 0 || r->interrupted) {
        r->outcome.status = RUN_CANCELLED;
        return -1;
    }
    if (clock_mono_ms() >= r->deadline_mono_ms)
        return runner_fail(r, RUN_ERR_TIMEOUT, "The checkout took too long: %s",
                           err->message);
    runner_fail_err(
        r, got->error != RUN_ERR_NONE ? got->error : RUN_ERR_REPOSITORY_NOT_FOUND, err);
    if (err->kind == ERR_TEMP && r->outcome.error != RUN_ERR_DISK_FULL)
        runner_retry(r, RETRY_INFRASTRUCTURE);
    return -1;
}

/* The api has asked its own list; this host may be for fewer repositories. */
static int check_allowed(struct runner *r)
{
    const struct run_spec *spec = &r->order.spec;
    const char *base_url = vcs_base_url(r->conf, spec->type);
    AUTO(auto_free) char *host = base_url != NULL ? vcs_base_host(base_url) : NULL;

    if (host == NULL) /* the checkout says so */
        return 0;
    if (repository_allowed(r->conf->repo_allowlist, host, spec->repository))
        return 0;
    return runner_fail(r, RUN_ERR_REPOSITORY_NOT_ALLOWED,
                       "%s/%s is not allowed by KEDGE_REPO_ALLOWLIST of this worker.",
                       host, spec->repository);
}

/* The checkout itself. A run with a batch request lays nothing out. */
static int checkout(struct runner *r, const char *tree, struct checked_out *got,
                    struct err *err)
{
    const struct checkout checkout = {
        .conf = r->conf,
        .spec = &r->order.spec,
        .work_tree = tree,
        .deadline_mono_ms = r->deadline_mono_ms,
        .stop_wanted = runner_stop_wanted,
        .poll_fd = r->ctl_fd,
        .arg = r,
        .keep_fd = r->lock_fd,
        .batch = r->order.spec.batch,
    };
    int64_t started_ms = clock_mono_ms();
    int rc = checkout_run(&checkout, got, err);

    r->timings.checkout_ms = clock_mono_ms() - started_ms;
    return rc;
}

int runner_checkout(struct runner *r, struct checked_out *got)
{
    AUTO(auto_free) char *tree = path_join(r->work, "src");
    const struct run_spec *spec = &r->order.spec;
    struct err err = {.kind = ERR_NONE};

    *got = (struct checked_out){.error = RUN_ERR_NONE};
    runner_step(r, "checkout");
    if (check_allowed(r) < 0)
        return -1;
    if (checkout(r, tree, got, &err) < 0)
        return judge_checkout(r, got, &err);
    memcpy(r->commit, got->commit, sizeof r->commit);
    if (spec->pull_request > 0)
        runner_log_line(&r->log, "pull request %" PRId64 " at %s", spec->pull_request,
                        r->commit);
    else
        runner_log_line(&r->log, "%s at %s", spec->ref, r->commit);
    return 0;
}

static int step_checkout(struct runner *r)
{
    AUTO(checked_out_done) struct checked_out got = {.error = RUN_ERR_NONE};

    if (runner_checkout(r, &got) < 0)
        return -1;
    r->project_name = TAKE(got.project_name);
    return 0;
}

static int check_directory(struct runner *r)
{
    const char *directory = r->order.spec.directory;
    AUTO(auto_free) char *tree = path_join(r->work, "src");
    struct err err;
    int fd = path_open_beneath(tree, directory, &err);

    if (fd >= 0) {
        close(fd);
        return 0;
    }
    if (err.kind == ERR_INPUT)
        return runner_fail(r, RUN_ERR_DIRECTORY_NOT_FOUND,
                           "Directory %s leaves the repository.", directory);
    return runner_fail(r, RUN_ERR_DIRECTORY_NOT_FOUND,
                       "There is no directory %s in %s at %s.", directory,
                       r->order.spec.repository, r->commit);
}

/* ---- terraform, ready to run ---- */

static void feed(void *arg, const char *bytes, size_t len)
{
    struct runner *r = arg;

    runner_log_feed(&r->log, bytes, len);
}

static void add_secret(void *arg, const char *secret)
{
    mask_add(arg, secret);
}

static int prepare(struct runner *r)
{
    const struct terraform_io io = {
        .output = feed,
        .stop_wanted = runner_stop_wanted,
        .poll_fd = r->ctl_fd,
        .lock_fd = r->lock_fd,
        .arg = r,
        .environ_list = environ,
    };
    struct err err;

    r->terraform = terraform_new(r->conf, &r->order.spec, r->work, r->dir, &io, &err);
    if (r->terraform == NULL)
        return runner_fail_err(r, RUN_ERR_TERRAFORM_FAILED, &err);
    terraform_secrets(r->terraform, add_secret, r->log.mask);
    return 0;
}

/* ---- init ---- */

static int run_init(struct runner *r)
{
    struct child_result result;
    struct err err;

    if (terraform_init(r->terraform, r->deadline_mono_ms, &result, &err) < 0)
        return runner_fail_err(r, RUN_ERR_TERRAFORM_FAILED, &err);
    runner_log_flush(&r->log);
    if (runner_judge_end(r, "init", &result) < 0)
        return -1;
    if (result.code != 0)
        return runner_judge_init(r, &result);
    if (terraform_remote_execution(r->terraform))
        return runner_fail(r, RUN_ERR_BACKEND_UNSUPPORTED,
                           "The configuration has a remote or cloud backend, which makes "
                           "its plans elsewhere.");
    return 0;
}

/* What is applied must be found by whoever plans next. */
static int check_state(struct runner *r)
{
    if (!run_kind_applies(r->order.spec.kind) || terraform_shared_state(r->terraform))
        return 0;
    return runner_fail(
        r, RUN_ERR_LOCAL_STATE,
        "The state would be a file beside the configuration, where no other "
        "worker finds it: nothing is applied without a backend that "
        "all of them share.");
}

static bool may_create_workspace(const struct run_spec *spec)
{
    return spec->create_workspace && spec->kind != RUN_DRIFT_CHECK;
}

static int prove_workspace(struct runner *r)
{
    const struct run_spec *spec = &r->order.spec;
    struct child_result result;
    bool exists = false;
    struct err err;

    if (terraform_workspace_exists(r->terraform, r->deadline_mono_ms, &exists, &result,
                                   &err) < 0)
        return runner_fail_err(r, RUN_ERR_TERRAFORM_FAILED, &err);
    runner_log_flush(&r->log);
    if (runner_judge_end(r, "workspace list", &result) < 0)
        return -1;
    if (result.code != 0)
        return runner_judge_init(r, &result);
    if (exists || may_create_workspace(spec))
        return 0;
    return runner_fail(r, RUN_ERR_WORKSPACE_NOT_FOUND,
                       "The state backend has no Terraform workspace %s.",
                       spec->workspace);
}

int runner_init(struct runner *r)
{
    int64_t started_ms = clock_mono_ms();
    int rc;

    r->init_skipped = false;
    runner_step(r, "init");
    runner_log_step(&r->log);
    rc = run_init(r);
    if (rc == 0)
        rc = prove_workspace(r);
    r->timings.init_ms += clock_mono_ms() - started_ms;
    return rc;
}

/* ---- all of them ---- */

static int ready(struct runner *r)
{
    if (step_checkout(r) < 0 || runner_guard_commit(r) < 0 || check_directory(r) < 0)
        return -1;
    if (r->order.spec.kind != RUN_DRIFT_CHECK && runner_require_plan(r) < 0)
        return -1;
    if (prepare(r) < 0)
        return -1;
    r->init_skipped = terraform_init_current(r->terraform);
    if (!r->init_skipped && runner_init(r) < 0)
        return -1;
    return check_state(r);
}

void runner_work(struct runner *r)
{
    if (r->order.spec.kind == RUN_RESOLVE) {
        runner_resolve(r);
        return;
    }
    if (ready(r) < 0 || runner_plan(r) < 0 || runner_guard(r) < 0)
        return;
    if (run_kind_applies(r->order.spec.kind) && r->plan_changes && runner_apply(r) < 0)
        return;
    runner_step(r, "report");
}
