/* The runner: one run, from spec.json to result.json. */
#include "worker/runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/process/file.h"
#include "worker/runner/runner_parts.h"
#include "worker/text/terraform_words.h"

#define EXIT_NO_RESULT   1
#define EXIT_INTERRUPTED 75 /* EX_TEMPFAIL of sysexits(3) */

/* ---- wishes, from ctl ---- */

static void obey(struct runner *r, const char *line)
{
    if (strcmp(line, "cancel 1") == 0 && r->cancel_level < 1)
        r->cancel_level = 1;
    else if (strcmp(line, "cancel 2") == 0)
        r->cancel_level = 2;
    else if (strcmp(line, "interrupt") == 0)
        r->interrupted = true;
    else
        runner_ask_answered(r, line);
}

/* Whole lines only; what follows the last one is kept for the next time. */
static void obey_lines(struct runner *r)
{
    char *line = r->ctl_text, *end;

    r->ctl_text[r->ctl_len] = '\0';
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        obey(r, line);
    }
    r->ctl_len -= (size_t)(line - r->ctl_text);
    memmove(r->ctl_text, line, r->ctl_len);
    if (r->ctl_len == sizeof r->ctl_text - 1) /* no line of ours */
        r->ctl_len = 0;
}

static void read_wishes(struct runner *r)
{
    ssize_t got;

    do {
        got = read(r->ctl_fd, r->ctl_text + r->ctl_len,
                   sizeof r->ctl_text - 1 - r->ctl_len);
        if (got > 0) {
            r->ctl_len += (size_t)got;
            obey_lines(r);
        }
    } while (got > 0);
}

int runner_stop_wanted(void *arg)
{
    struct runner *r = arg;

    read_wishes(r);
    if (r->looking)
        return 0;
    if (r->cancel_level > 1)
        return 2;
    return r->cancel_level > 0 || r->interrupted;
}

int64_t runner_now_ms(const struct runner *r)
{
    return r->order.started_at_ms + clock_mono_ms() - r->started_mono_ms;
}

/* ---- ends ---- */

int runner_fail(struct runner *r, enum run_error error, const char *format, ...)
{
    va_list args;

    r->outcome.status = RUN_ERROR;
    r->outcome.error = error;
    free(TAKE(r->outcome.error_message));
    va_start(args, format);
    if (vasprintf(&r->outcome.error_message, format, args) < 0)
        abort();
    va_end(args);
    return -1;
}

int runner_fail_err(struct runner *r, enum run_error error, const struct err *err)
{
    bool full = words_disk_full(err->message);

    return runner_fail(r, full ? RUN_ERR_DISK_FULL : error, "%s", err->message);
}

void runner_retry(struct runner *r, enum retry_reason reason)
{
    r->outcome.retry = true;
    r->outcome.retry_reason = reason;
}

void runner_step(struct runner *r, const char *step)
{
    struct err err;

    (void)file_put(r->dir, "started", step, strlen(step), 0600, &err);
    /* Not into the middle of what is held. */
    if (!r->log.holding)
        runner_log_line(&r->log, "==> %s", step);
}

/* ---- the process ---- */

/* What is meant for the worker does not concern its runs. */
static void stand_alone(void)
{
    static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)setsid(); /* fails when the worker has done it */
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        sigaction(ignored[i], &ignore, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    umask(077);
}

/* w<n>/runs/<id> -> w<n>/work/<target>; below that a place of its own for pull requests,
 * whose code has not been looked at by anybody. */
static char *work_dir(const char *dir, const struct run_order *order)
{
    AUTO(auto_free) char *copy = mem_dup(dir);

    return mem_fmt("%s/work/%s%s", dirname(dirname(copy)), order->target,
                   order->spec.pull_request > 0 ? "/pr" : "");
}

/* Each run of a pull request begins with nothing. */
static int fresh_work(const struct runner *r, struct err *err)
{
    if (r->order.spec.pull_request > 0 && path_remove_tree(r->work, err) < 0)
        return -1;
    return r->order.spec.kind == RUN_RESOLVE ? 0 : path_mkdirs(r->work, 0700, err);
}

static int open_ctl(struct runner *r, struct err *err)
{
    AUTO(auto_free) char *path = path_join(r->dir, "ctl");

    r->ctl_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    return r->ctl_fd >= 0 ? 0 : err_sys(err, ERR_PERM, errno, "open %s", path);
}

static int open_run(struct runner *r, struct err *err)
{
    if (rundir_read_order(r->dir, &r->order, err) < 0 || open_ctl(r, err) < 0 ||
        runner_log_open(&r->log, r->dir, err) < 0)
        return -1;
    if (!parse_is_id(r->order.target))
        return err_set(err, ERR_PERM, "spec.json: the target is not an id");
    r->work = work_dir(r->dir, &r->order);
    r->timings.queued_ms = r->order.started_at_ms - r->order.queued_at_ms;
    r->started_mono_ms = clock_mono_ms();
    r->deadline_mono_ms = r->started_mono_ms + r->conf->run_timeout_ms;
    return fresh_work(r, err);
}

static void close_run(struct runner *r)
{
    terraform_free(r->terraform);
    report_free(r->report);
    report_free(r->after);
    free(r->touches.protected);
    capture_done(&r->applied);
    runner_log_done(&r->log);
    run_outcome_done(&r->outcome);
    run_order_done(&r->order);
    auto_close(&r->ctl_fd);
    auto_close(&r->lock_fd);
    free(r->project_name);
    free(r->work);
    free(r->dir);
}

static void remove_tree(const struct runner *r, const char *path)
{
    struct err err;

    if (path_remove_tree(path, &err) < 0)
        log_error("run_files", "run_id=%s error=%s", r->order.hold.run_id, err.message);
}

/* Plan and JSON hold secrets in clear, so do what terraform read and what it said; a pull
 * request's directory is nobody else's. */
static void remove_secrets(const struct runner *r)
{
    static const char *const names[] = {"out", "in", "sealed", TERRAFORM_APPLY_LOG};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(auto_free) char *path = path_join(r->dir, names[i]);

        remove_tree(r, path);
    }
    if (r->order.spec.pull_request > 0)
        remove_tree(r, r->work);
}

/* However it ended: nobody wants to know any more. */
static void cancel_outcome(struct run_outcome *outcome)
{
    outcome->status = RUN_CANCELLED;
    outcome->error = RUN_ERR_NONE;
    outcome->retry = false;
    outcome->expand = false;
    free(TAKE(outcome->error_message));
}

/* It was stopped before anything was applied. A run that the worker has marked cannot be
 * given back: it ends here. */
static bool gives_back(struct runner *r)
{
    if (!r->interrupted || r->cancel_level > 0 || r->outcome.status != RUN_CANCELLED)
        return false;
    if (!rundir_is_marked(r->dir))
        return true;
    runner_fail(r, RUN_ERR_INTERRUPTED,
                "The worker was stopped before the apply began: nothing was changed.");
    return false;
}

static int conclude(struct runner *r, struct err *err)
{
    remove_secrets(r);
    read_wishes(r);
    if (gives_back(r))
        return EXIT_INTERRUPTED;
    /* What was applied stays, whatever anybody wants or the log has come to. */
    if (r->cancel_level > 0 && !r->applying)
        cancel_outcome(&r->outcome);
    else if (r->log.errnum == ENOSPC && !r->applying)
        runner_fail(r, RUN_ERR_DISK_FULL, "No space left on the worker's disk.");
    return runner_write_result(r, err) < 0 ? -1 : 0;
}

static int run(struct runner *r, struct err *err)
{
    r->lock_fd = rundir_lock(r->dir, err);
    if (r->lock_fd < 0)
        return -1;
    if (rundir_has_outcome(r->dir))
        return 0;
    if (open_run(r, err) < 0)
        return -1;
    runner_work(r);
    return conclude(r, err);
}

int runner_main(const struct conf *conf, const char *dir)
{
    struct runner r = {
        .conf = conf,
        .dir = realpath(dir, NULL),
        .lock_fd = -1,
        .ctl_fd = -1,
        .log.fd = -1,
        .total_resources = -1,
        .stored_resources = -1,
        .after_resources = -1,
        .outcome.exit_code = -1,
        .outcome.resources = -1,
    };
    struct err err;
    int rc;

    stand_alone();
    if (r.dir == NULL) {
        log_error("runner_failed", "dir=%s error=%s", dir, strerrordesc_np(errno));
        return EXIT_NO_RESULT;
    }
    rc = run(&r, &err);
    if (rc < 0)
        log_error("runner_failed", "run_id=%s error=%s", r.order.hold.run_id,
                  err.message);
    close_run(&r);
    return rc < 0 ? EXIT_NO_RESULT : rc;
}
