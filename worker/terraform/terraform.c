/* Terraform: one run's use of it, and its commands. */
#include "worker/terraform/terraform.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/process/confine.h"
#include "worker/report/report.h"
#include "worker/terraform/terraform_parts.h"

#define VERSION_MAX_BYTES ((size_t)64 * 1024)
#define VERSION_LIMIT_MS  20000
/* Providers make sockets in TMPDIR; unix(7) wants their paths shorter than 108 bytes. */
#define SOCKET_DIR_MAX_BYTES 90

/* ---- a run's use of it ---- */

static void set_paths(struct terraform *t, const char *work, const char *dir)
{
    t->work = mem_dup(work);
    t->dir = mem_dup(dir);
    t->src = path_join(work, "src");
    t->cwd = strcmp(t->spec->directory, ".") == 0 ? mem_dup(t->src)
                                                  : path_join(t->src, t->spec->directory);
    t->tf = path_join(work, "tf");
    t->home = path_join(work, "home");
    t->tmp = path_join(work, "tmp");
    t->in = path_join(dir, "in");
    t->out = path_join(dir, "out");
    t->sealed = path_join(dir, "sealed");
}

/* What an earlier run left in HOME is not this one's configuration. */
static int make_empty(const char *path, struct err *err)
{
    return path_remove_tree(path, err) < 0 ? -1 : path_mkdirs(path, 0700, err);
}

static int make_tmp(struct terraform *t, struct err *err)
{
    char elsewhere[] = "/tmp/kedge-XXXXXX";

    if (strlen(t->tmp) <= SOCKET_DIR_MAX_BYTES)
        return make_empty(t->tmp, err);
    if (mkdtemp(elsewhere) == NULL)
        return err_sys(err, ERR_TEMP, errno, "make %s", elsewhere);
    free(t->tmp);
    t->tmp = mem_dup(elsewhere);
    t->tmp_elsewhere = true;
    return 0;
}

static int make_dirs(struct terraform *t, struct err *err)
{
    AUTO(auto_free) char *plugins = path_join(t->conf->data_dir, "plugins");

    if (make_empty(t->home, err) < 0 || make_tmp(t, err) < 0 ||
        path_mkdirs(t->tf, 0700, err) < 0 || path_mkdirs(t->in, 0700, err) < 0 ||
        path_mkdirs(t->out, 0700, err) < 0 || path_mkdirs(plugins, 0700, err) < 0)
        return -1;
    t->plugins = realpath(plugins, NULL);
    return t->plugins != NULL ? 0 : err_sys(err, ERR_PERM, errno, "find %s", plugins);
}

static int choose_sandbox(struct terraform *t, struct err *err)
{
    t->sandboxed = t->conf->sandbox != SANDBOX_NONE && sandbox_abi() > 0;
    if (!t->sandboxed && t->conf->sandbox == SANDBOX_LANDLOCK)
        return err_set(err, ERR_PERM, "KEDGE_SANDBOX=landlock, but this kernel has none");
    return 0;
}

static int choose_binary(struct terraform *t, struct err *err)
{
    const char *wanted = t->spec->terraform_version;
    bool pinned;

    if (binary_find(t->conf, wanted, strings_value(&t->env, "PATH"), &t->binary, &pinned,
                    err) < 0)
        return -1;
    if (wanted == NULL || pinned || strcmp(terraform_version(t), wanted) == 0)
        return 0;
    return binary_missing(t->conf, wanted, err);
}

static int set_up(struct terraform *t, struct err *err)
{
    if (make_dirs(t, err) < 0 || choose_sandbox(t, err) < 0 ||
        environment_make(t, t->io.environ_list, err) < 0 || choose_binary(t, err) < 0 ||
        inputs_make(t, err) < 0)
        return -1;
    return lock_file_restore(t, err);
}

struct terraform *terraform_new(const struct conf *conf, const struct run_spec *spec,
                                const char *work, const char *dir,
                                const struct terraform_io *io, struct err *err)
{
    struct terraform *t = mem_new(1, sizeof *t);

    assert(work[0] == '/' && dir[0] == '/');
    t->conf = conf;
    t->spec = spec;
    t->io = *io;
    set_paths(t, work, dir);
    confine_hidden(conf, io->environ_list, &t->hidden);
    if (set_up(t, err) == 0)
        return t;
    terraform_free(t);
    return NULL;
}

void terraform_free(struct terraform *t)
{
    struct err err;

    if (t == NULL)
        return;
    if (t->tmp_elsewhere)
        (void)path_remove_tree(t->tmp, &err);
    char *const owned[] = {t->work,    t->dir,    t->src,       t->cwd,    t->tf,
                           t->home,    t->tmp,    t->in,        t->out,    t->sealed,
                           t->plugins, t->binary, t->variables, t->backend};

    for (size_t i = 0; i < ARRAY_LEN(owned); i++)
        free(owned[i]);
    strings_done(&t->env);
    strings_done(&t->init_env);
    strings_done(&t->secrets);
    strings_done(&t->hidden);
    free(t);
}

void terraform_secrets(const struct terraform *t,
                       void (*add)(void *arg, const char *secret), void *arg)
{
    for (size_t i = 0; i < t->secrets.count; i++)
        add(arg, t->secrets.list[i]);
}

const char *terraform_sandbox(const struct terraform *t)
{
    return t->sandboxed ? "landlock" : "none";
}

bool terraform_init_current(struct terraform *t)
{
    return init_current(t);
}

/* ---- version ---- */

static void take_text(void *arg, const char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
}

static void ask_version(struct terraform *t)
{
    AUTO(buf_done) struct buf text = BUF_INIT(VERSION_MAX_BYTES);
    AUTO(auto_json) cJSON *doc = NULL;
    struct command command = {.any_workspace = true,
                              .deadline_mono_ms = clock_mono_ms() + VERSION_LIMIT_MS,
                              .output = take_text,
                              .arg = &text};
    struct child_result result;
    const char *version;
    struct err err;
    int rc;

    strings_add(&command.argv, "version");
    strings_add(&command.argv, "-json");
    rc = command_run(t, &command, &result, &err);
    strings_done(&command.argv);
    if (rc < 0 || result.end != CHILD_EXITED || result.code != 0)
        return;
    doc = json_parse(buf_text(&text), text.len, JSON_DEPTH_MAX, false, &err);
    version = json_string(doc, "terraform_version");
    if (version == NULL || strlen(version) >= sizeof t->version)
        return;
    memcpy(t->version, version, strlen(version) + 1);
    binary_remember(t->conf, t->binary, version);
}

const char *terraform_version(struct terraform *t)
{
    if (t->version[0] == '\0' && !binary_version(t->conf, t->binary, t->version))
        ask_version(t);
    return t->version;
}

/* ---- plan ---- */

int terraform_plan(struct terraform *t, bool locked, int64_t deadline_mono_ms,
                   struct child_result *out, struct err *err)
{
    struct command command = {.locks = locked, .deadline_mono_ms = deadline_mono_ms};
    int rc;

    t->sealed_digest[0] = '\0'; /* what is sealed is not this plan */
    strings_add(&command.argv, "plan");
    strings_add(&command.argv, "-detailed-exitcode");
    strings_add(&command.argv, "-input=false");
    strings_add(&command.argv, "-no-color");
    strings_add(&command.argv, locked ? LOCK_TIMEOUT_OPTION : "-lock=false");
    for (size_t i = 0; i < t->spec->var_file_count; i++)
        strings_addf(&command.argv, "-var-file=%s", t->spec->var_files[i]);
    if (t->variables != NULL)
        strings_addf(&command.argv, "-var-file=%s", t->variables);
    strings_addf(&command.argv, "-out=%s/%s", t->dir, TERRAFORM_PLAN_FILE);
    rc = command_run(t, &command, out, err);
    strings_done(&command.argv);
    return rc;
}

/* ---- show ---- */

struct spill {
    int fd;
    int64_t bytes;
    bool over;
    int errnum; /* of the first write that failed */
};

static void spill_write(void *arg, const char *bytes, size_t len)
{
    struct spill *spill = arg;

    spill->bytes += (int64_t)len;
    spill->over = spill->bytes > REPORT_PLAN_JSON_BYTES;
    while (len > 0 && !spill->over && spill->errnum == 0) {
        ssize_t put = write(spill->fd, bytes, len);

        if (put < 0 && errno != EINTR)
            spill->errnum = errno;
        if (put > 0) {
            bytes += put;
            len -= (size_t)put;
        }
    }
}

/* Made anew: the plan may have left a link of that name. */
static int open_spill(const char *path, struct spill *spill, struct err *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        spill->fd =
            open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return spill->fd >= 0 ? 0 : err_sys(err, ERR_PERM, errno, "make %s", path);
}

int terraform_show(struct terraform *t, int64_t deadline_mono_ms, bool *over,
                   struct child_result *out, struct err *err)
{
    AUTO(auto_free) char *path = path_join(t->dir, TERRAFORM_PLAN_JSON);
    AUTO(auto_free) char *plan = plan_path(t);
    struct spill spill = {.fd = -1};
    struct command command = {
        .deadline_mono_ms = deadline_mono_ms, .output = spill_write, .arg = &spill};
    int rc;

    if (open_spill(path, &spill, err) < 0)
        return -1;
    strings_add(&command.argv, "show");
    strings_add(&command.argv, "-json");
    strings_add(&command.argv, "-no-color");
    strings_add(&command.argv, plan);
    rc = command_run(t, &command, out, err);
    strings_done(&command.argv);
    close(spill.fd);
    *over = spill.over;
    if (rc == 0 && spill.errnum != 0)
        return err_sys(err, ERR_TEMP, spill.errnum, "write %s", path);
    return rc;
}
