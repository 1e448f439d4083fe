/* An errand to the checkout's child, confined to what it needs. */
#include "worker/checkout/checkout_errand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/queue/target.h"
#include "worker/process/child.h"
#include "worker/process/confine.h"
#include "worker/process/own_variable.h"

/* The targets of a batch, each with its names. */
#define ANSWER_BYTES ((size_t)8 * 1024 * 1024)
/* The kernel takes 128 KiB in a variable, and 2 MiB in all. */
#define PIECE_BYTES ((size_t)64 * 1024)
#define LONG_BYTES  ((size_t)3 * 512 * 1024)
/* It has nothing to tidy: what it leaves half done, the next one repairs. */
#define GRACE_MS 1000
#define SELF     "/proc/self/exe"
/* libgit2 holds objects in memory, however large a pack says they are. */
#ifdef __SANITIZE_ADDRESS__
#define MEMORY_BYTES 0 /* its own map is larger than any limit */
#else
#define MEMORY_BYTES (INT64_C(2) * 1024 * 1024 * 1024)
#endif

void errand_done(struct errand *errand)
{
    auto_free(&errand->url);
    auto_free(&errand->host);
    auto_free(&errand->cache);
    auto_free(&errand->lock);
    strings_done(&errand->env);
    buf_done(&errand->answer);
}

/* ---- what the child is told ---- */

/* The names that servers know for a token in basic authentication; the token is the
 * password. */
static const char *const users[VCS_TYPES] = {
    [VCS_GITHUB] = "x-access-token", [VCS_GITLAB] = "oauth2", [VCS_GIT] = "git"};

void errand_tell(struct errand *errand, const char *name, const char *value)
{
    if (value)
        strings_addf(&errand->env, "KEDGE_CHECKOUT_%s=%s", name, value);
}

int errand_tell_long(struct errand *errand, const char *name, const char *text,
                     struct err *err)
{
    size_t len = strlen(text), at = 0;

    if (len > LONG_BYTES)
        return err_set(err, ERR_PERM, "the request is larger than %zu KiB",
                       LONG_BYTES / 1024);
    for (unsigned i = 0; at < len || i == 0; i++, at += PIECE_BYTES)
        strings_addf(&errand->env, "KEDGE_CHECKOUT_%s_%u=%.*s", name, i, (int)PIECE_BYTES,
                     text + at);
    return 0;
}

/* What the remote calls the head of a pull request. */
static void tell_pull(struct errand *errand)
{
    const struct run_spec *spec = errand->checkout->spec;
    const long long number = spec->pull_request;
    char text[64];

    if (number <= 0)
        return;
    snprintf(text, sizeof text, "%lld", number);
    errand_tell(errand, "PULL", text);
    snprintf(text, sizeof text,
             spec->type == VCS_GITLAB ? "refs/merge-requests/%lld/head"
                                      : "refs/pull/%lld/head",
             number);
    errand_tell(errand, "PULL_REF", text);
}

static void tell_all(struct errand *errand)
{
    static const char *const proxies[] = {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY",
                                          "http_proxy",  "NO_PROXY",    "no_proxy"};
    const struct run_spec *spec = errand->checkout->spec;

    errand_tell(errand, "URL", errand->url);
    errand_tell(errand, "HOST", errand->host);
    errand_tell(errand, "USER", users[spec->type]);
    errand_tell(errand, "TOKEN", vcs_token(errand->checkout->conf, spec->type));
    errand_tell(errand, "REPOSITORY", spec->repository);
    errand_tell(errand, "CACHE", errand->cache);
    errand_tell(errand, "CERT_FILE", errand->cert_file);
    tell_pull(errand);
    for (size_t i = 0; i < ARRAY_LEN(proxies); i++)
        if (own_variable(proxies[i]))
            strings_set(&errand->env, proxies[i], own_variable(proxies[i]));
}

static int find_remote(struct errand *errand, struct err *err)
{
    const struct run_spec *spec = errand->checkout->spec;
    const char *base_url = vcs_base_url(errand->checkout->conf, spec->type);

    if (!base_url)
        return err_set(err, ERR_PERM, "no URL is set for repositories of type %s",
                       vcs_type_name(spec->type));
    if (repository_check(spec->type, spec->repository, err) < 0) {
        err->kind = ERR_PERM;
        return -1;
    }
    errand->url = repository_url(base_url, spec->repository);
    errand->host = vcs_base_host(base_url);
    errand->cert_file = own_variable("SSL_CERT_FILE");
    return 0;
}

/* ---- its directories ---- */

/* Made here, because the sandbox can only name what exists. */
static int make_cache(struct errand *errand, struct err *err)
{
    const struct conf *conf = errand->checkout->conf;
    AUTO(auto_free) char *relative = path_join(conf->data_dir, "git");
    AUTO(auto_free) char *git = NULL;
    AUTO(auto_close) int lock_fd = -1;
    char id[SIGN_ID_BYTES];

    if (path_mkdirs(relative, 0700, err) < 0)
        return -1;
    git = realpath(relative, NULL);
    if (!git)
        return err_sys(err, ERR_TEMP, errno, "%s", relative);
    repository_id(errand->host, errand->checkout->spec->repository, id);
    errand->cache = path_join(git, id);
    errand->lock = mem_fmt("%s.lock", errand->cache);
    lock_fd = open(errand->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd < 0)
        return err_sys(err, ERR_TEMP, errno, "%s", errand->lock);
    return path_mkdirs(errand->cache, 0700, err);
}

/* ---- the sandbox ---- */

/* Where a file: URL points to; NULL for others. */
static const char *local_path(const char *url)
{
    return strncasecmp(url, "file://", 7) == 0 ? strchr(url + 7, '/') : NULL;
}

static int allow_own(const struct errand *errand, struct sandbox *sandbox,
                     struct err *err)
{
    const char *const written[] = {errand->cache, errand->lock, errand->work_tree};
    const char *const read[] = {SELF, local_path(errand->url), errand->cert_file};
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(written) && rc == 0; i++)
        rc = written[i] ? sandbox_allow_write(sandbox, written[i], err) : 0;
    for (size_t i = 0; i < ARRAY_LEN(read) && rc == 0; i++)
        rc = read[i] ? sandbox_allow_read(sandbox, read[i], err) : 0;
    return rc;
}

static int confine(const struct errand *errand, struct sandbox *sandbox, struct err *err)
{
    const struct conf *conf = errand->checkout->conf;

    if (!confine_wanted(conf))
        return 0;
    return confine_start(conf, sandbox, err) < 0 ? -1 : allow_own(errand, sandbox, err);
}

/* ---- the child ---- */

static void take_answer(void *arg, const char *bytes, size_t len)
{
    struct errand *errand = arg;

    buf_append(&errand->answer, bytes, len);
}

/* It says everything on standard output; what a library prints is not for a log. */
static void drop_errors(void *arg, const char *bytes, size_t len)
{
    (void)arg;
    (void)bytes;
    (void)len;
}

static int stop_wanted(void *arg)
{
    const struct errand *errand = arg;

    return errand->checkout->stop_wanted
               ? errand->checkout->stop_wanted(errand->checkout->arg)
               : 0;
}

static int run_child(struct errand *errand, const struct sandbox *sandbox,
                     struct child_result *result, struct err *err)
{
    char name[] = "kedge-worker", option[] = "--checkout";
    char *argv[] = {name, option, NULL};
    const struct child_spec spec = {
        .path = SELF,
        .argv = argv,
        .envp = errand->env.list,
        .cwd = "/",
        .sandbox = sandbox,
        .keep_fd = errand->checkout->keep_fd,
        .deadline_mono_ms = errand->checkout->deadline_mono_ms,
        .grace_ms = GRACE_MS,
        .memory_bytes = MEMORY_BYTES,
        .die_with_parent = true,
        .output = take_answer,
        .errors = drop_errors,
        .stop_wanted = stop_wanted,
        .poll_fd = errand->checkout->poll_fd,
        .arg = errand,
    };

    return child_run(&spec, result, err);
}

/* ---- the answer ---- */

static cJSON *read_answer(const struct errand *errand, struct checked_out *out,
                          struct err *err)
{
    struct err ignored;
    AUTO(auto_json)
    cJSON *answer = json_parse(buf_text(&errand->answer), errand->answer.len,
                               JSON_DEPTH_MAX, false, &ignored);
    const char *commit = json_string(answer, "commit");
    const char *message = json_string(answer, "message");
    const char *error = json_string(answer, "error");

    if (commit && strlen(commit) == sizeof(out->commit) - 1)
        return TAKE(answer);
    if (!error || run_error_parse(error, &out->error) < 0)
        out->error = RUN_ERR_NONE;
    err_set(err, json_bool(answer, "temporary", true) ? ERR_TEMP : ERR_PERM, "%s",
            message ? message : "the checkout gave no answer");
    return NULL;
}

/* It did not come to its end. */
static void judge(const struct errand *errand, const struct child_result *result,
                  struct checked_out *out, struct err *err)
{
    out->stopped = result->stopped;
    if (result->stopped)
        err_set(err, ERR_TEMP, "the checkout was stopped");
    else if (result->timed_out)
        err_set(err, ERR_TEMP, "the checkout of %s from %s took too long",
                errand->checkout->spec->repository, errand->host);
    else
        err_set(err, ERR_TEMP, "the checkout ended with %s %d",
                result->end == CHILD_SIGNALED ? "signal" : "status", result->code);
}

int errand_prepare(struct errand *errand, const struct checkout *checkout,
                   struct err *err)
{
    *errand = (struct errand){.checkout = checkout, .answer = BUF_INIT(ANSWER_BYTES)};
    if (find_remote(errand, err) < 0 || make_cache(errand, err) < 0)
        return -1;
    tell_all(errand);
    return 0;
}

cJSON *errand_run(struct errand *errand, struct checked_out *out, struct err *err)
{
    AUTO(sandbox_done) struct sandbox sandbox = SANDBOX_INIT;
    struct child_result result;

    if (confine(errand, &sandbox, err) < 0 ||
        run_child(errand, &sandbox, &result, err) < 0)
        return NULL;
    if (result.end == CHILD_EXITED && result.code == 0)
        return read_answer(errand, out, err);
    judge(errand, &result, out, err);
    return NULL;
}
