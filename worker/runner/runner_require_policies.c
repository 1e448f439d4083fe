/* policies_passed: KEDGE_POLICY_COMMAND, called with the path of the plan's JSON.
 *
 * It is started like terraform: its own process group, the run's deadline and wishes to
 * stop, the sandbox where there is one. It may read the system and the plan's JSON, and
 * write its working directory, which is empty, its own, and removed afterwards. Its
 * environment is PATH and LANG of the worker, HOME and TMPDIR (that directory), and
 *
 *     KEDGE_RUN_ID KEDGE_KIND (plan, apply, reconcile)
 *     KEDGE_REPOSITORY KEDGE_REF KEDGE_COMMIT KEDGE_PULL_REQUEST (unless there is none)
 *     KEDGE_PROJECT (of atlantis.yaml, or empty) KEDGE_DIRECTORY KEDGE_WORKSPACE
 *
 * Exit status 0 passes. Anything else is REQUIREMENT_UNMET, with what it printed. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/process/confine.h"
#include "worker/process/own_variable.h"
#include "worker/process/strings.h"
#include "worker/runner/runner_parts.h"

/* Below the run directory, where everything is removed at the end of a run. */
#define POLICY_DIR     "in/policy"
#define OUTPUT_BYTES   ((size_t)64 * 1024)
#define SENTENCE_BYTES ((size_t)4 * 1024)
/* The userinfo of a URL may be shorter than its mask. */
#define MASKED_BYTES (2 * OUTPUT_BYTES)

struct policy {
    struct runner *r;
    char *dir, *json; /* absolute, owned */
    struct strings env;
    struct capture output;
};

static void policy_done(struct policy *policy)
{
    struct err ignored;

    if (policy->dir)
        (void)path_remove_tree(policy->dir, &ignored);
    auto_free(&policy->dir);
    auto_free(&policy->json);
    strings_done(&policy->env);
    capture_done(&policy->output);
}

static int unmet(struct runner *r, const char *why)
{
    return runner_fail(r, RUN_ERR_REQUIREMENT_UNMET,
                       "Requirement policies_passed is not met: %s", why);
}

/* ---- what it is given ---- */

static void set(struct policy *policy, const char *name, const char *value)
{
    strings_set(&policy->env, name, value ? value : "");
}

static void make_environment(struct policy *policy)
{
    static const char *const passed[] = {"PATH", "LANG"};
    const struct runner *r = policy->r;
    const struct run_spec *spec = &r->order.spec;
    AUTO(auto_free) char *pull = mem_fmt("%" PRId64, spec->pull_request);

    for (size_t i = 0; i < ARRAY_LEN(passed); i++)
        if (own_variable(passed[i]))
            set(policy, passed[i], own_variable(passed[i]));
    set(policy, "HOME", policy->dir);
    set(policy, "TMPDIR", policy->dir);
    set(policy, "KEDGE_RUN_ID", r->order.hold.run_id);
    set(policy, "KEDGE_KIND", run_kind_name(spec->kind));
    set(policy, "KEDGE_REPOSITORY", spec->repository);
    set(policy, "KEDGE_REF", spec->ref);
    set(policy, "KEDGE_COMMIT", r->commit);
    set(policy, "KEDGE_PROJECT", r->project_name);
    set(policy, "KEDGE_DIRECTORY", spec->directory);
    set(policy, "KEDGE_WORKSPACE", spec->workspace);
    if (spec->pull_request > 0)
        set(policy, "KEDGE_PULL_REQUEST", pull);
}

static int make_directory(const struct policy *policy, struct err *err)
{
    if (path_remove_tree(policy->dir, err) < 0)
        return -1;
    return path_mkdirs(policy->dir, 0700, err);
}

/* A provider may have put something else in its place; and of a larger one only the
 * beginning is there. */
static bool is_whole_json(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0 && S_ISREG(info.st_mode) &&
           (size_t)info.st_size < REPORT_PLAN_JSON_BYTES;
}

static int confine(const struct policy *policy, struct sandbox *sandbox, struct err *err)
{
    const struct conf *conf = policy->r->conf;

    if (!confine_wanted(conf))
        return 0;
    if (confine_start(conf, sandbox, err) < 0 ||
        sandbox_allow_read(sandbox, conf->policy_command, err) < 0 ||
        sandbox_allow_read(sandbox, policy->json, err) < 0)
        return -1;
    return sandbox_allow_write(sandbox, policy->dir, err);
}

/* ---- running it ---- */

static void take_output(void *arg, const char *bytes, size_t len)
{
    struct policy *policy = arg;

    capture_feed(&policy->output, bytes, len);
}

static int stop_wanted(void *arg)
{
    const struct policy *policy = arg;

    return runner_stop_wanted(policy->r);
}

static int run(struct policy *policy, struct child_result *result, struct err *err)
{
    const struct runner *r = policy->r;
    AUTO(strings_done) struct strings argv = {0};
    AUTO(sandbox_done) struct sandbox sandbox = SANDBOX_INIT;
    struct child_spec spec = {
        .path = r->conf->policy_command,
        .envp = policy->env.list,
        .cwd = policy->dir,
        .sandbox = &sandbox,
        .keep_fd = r->lock_fd,
        .deadline_mono_ms = r->deadline_mono_ms,
        .grace_ms = r->conf->cancel_grace_ms,
        .memory_bytes = terraform_memory_bytes(r->conf),
        .die_with_parent = true,
        .output = take_output,
        .stop_wanted = stop_wanted,
        .poll_fd = r->ctl_fd,
        .arg = policy,
    };

    if (confine(policy, &sandbox, err) < 0)
        return -1;
    strings_add(&argv, r->conf->policy_command);
    strings_add(&argv, policy->json);
    spec.argv = argv.list;
    return child_run(&spec, result, err);
}

/* ---- what came of it ---- */

static void masked_output(const struct policy *policy, struct buf *out)
{
    AUTO(buf_done) struct buf text = BUF_INIT(OUTPUT_BYTES + CAPTURE_MARK_BYTES);

    capture_text(&policy->output, &text);
    mask_text(policy->r->log.mask, buf_text(&text), text.len, out);
}

/* A line at a time, as the log takes them. */
static void log_output(struct runner *r, const char *text)
{
    for (size_t len; *text; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        runner_log_line(&r->log, "%.*s", (int)len, text);
    }
}

/* Without the blanks at its end, and not in the middle of a character. */
static size_t sentence_bytes(const struct buf *text)
{
    size_t len = text->len < SENTENCE_BYTES ? text->len : SENTENCE_BYTES;

    while (len > 0 && len < text->len && ((unsigned char)text->data[len] & 0xc0) == 0x80)
        len--;
    while (len > 0 && strchr(" \t\r\n", text->data[len - 1]))
        len--;
    return len;
}

static int refused(const struct policy *policy, const struct child_result *result,
                   const struct buf *text)
{
    AUTO(auto_free) char *why = NULL;
    size_t len = sentence_bytes(text);

    if (result->end == CHILD_SIGNALED)
        why = mem_fmt("KEDGE_POLICY_COMMAND was killed by SIG%s.",
                      sigabbrev_np(result->code));
    else if (len == 0)
        why = mem_fmt("KEDGE_POLICY_COMMAND ended with status %d and said nothing.",
                      result->code);
    else
        why = mem_dup_n(buf_text(text), len);
    return unmet(policy->r, why);
}

static int judge(const struct policy *policy, const struct child_result *result)
{
    AUTO(buf_done) struct buf text = BUF_INIT(MASKED_BYTES);
    struct runner *r = policy->r;

    masked_output(policy, &text);
    log_output(r, buf_text(&text));
    if (result->stopped || r->cancel_level > 0 || r->interrupted) {
        r->outcome.status = RUN_CANCELLED;
        return -1;
    }
    if (result->timed_out)
        return runner_fail(r, RUN_ERR_TIMEOUT,
                           "KEDGE_POLICY_COMMAND was stopped: the run took longer than "
                           "%" PRId64 " s (KEDGE_RUN_TIMEOUT).",
                           r->conf->run_timeout_ms / 1000);
    if (result->end == CHILD_EXITED && result->code == 0)
        return 0;
    return refused(policy, result, &text);
}

static int could_not_run(struct runner *r, const struct err *err)
{
    AUTO(auto_free)
    char *why = mem_fmt("KEDGE_POLICY_COMMAND could not be run: %s.", err->message);

    return unmet(r, why);
}

int runner_require_policies(struct runner *r)
{
    AUTO(policy_done) struct policy policy = {.r = r};
    struct child_result result;
    struct err err;

    if (!runner_wants_policies(r))
        return 0;
    if (!r->conf->policy_command)
        return unmet(r, "no program is there to check it: set KEDGE_POLICY_COMMAND.");
    policy.dir = path_join(r->dir, POLICY_DIR);
    policy.json = path_join(r->dir, TERRAFORM_PLAN_JSON);
    capture_init(&policy.output, OUTPUT_BYTES / 2, OUTPUT_BYTES / 2);
    if (!is_whole_json(policy.json))
        return unmet(r, "the plan's JSON is too large, or not the file that Terraform "
                        "wrote.");
    runner_step(r, "policies");
    make_environment(&policy);
    if (make_directory(&policy, &err) < 0 || run(&policy, &result, &err) < 0)
        return could_not_run(r, &err);
    return judge(&policy, &result);
}
