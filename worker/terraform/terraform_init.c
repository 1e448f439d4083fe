/* terraform init: its lock file, the shared plugin cache, and whether the Terraform
 * workspace is there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/process/file.h"
#include "worker/terraform/terraform_parts.h"
#include "worker/text/terraform_words.h"

#define LOCK_MAX_BYTES      ((size_t)4 * 1024 * 1024)
#define WORKSPACE_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define CACHE_WAIT_MS       50

/* ---- the dependency lock file ----
 * <work>/lock.hcl is what init wrote; lock.commit the digest of the commit's own lock
 * file then ("": it had none). */

int lock_file_restore(struct terraform *t, struct err *err)
{
    AUTO(buf_done) struct buf committed = BUF_INIT(LOCK_MAX_BYTES);
    AUTO(buf_done) struct buf then = BUF_INIT(SIGN_HEX_BYTES);
    AUTO(buf_done) struct buf kept = BUF_INIT(LOCK_MAX_BYTES);
    int found = file_get_plain(t->cwd, LOCK_FILE, &committed);

    if (found < 0)
        return err_set(err, ERR_PERM, "%s of the repository is not a plain file",
                       LOCK_FILE);
    if (found > 0)
        sign_sha256_hex(buf_text(&committed), committed.len, t->commit_lock);
    if (file_get_plain(t->work, "lock.commit", &then) <= 0 ||
        strcmp(buf_text(&then), t->commit_lock) != 0 ||
        file_get_plain(t->work, "lock.hcl", &kept) <= 0)
        return 0;
    return file_put(t->cwd, LOCK_FILE, kept.data, kept.len, 0600, err);
}

int lock_file_keep(const struct terraform *t, struct err *err)
{
    AUTO(buf_done) struct buf written = BUF_INIT(LOCK_MAX_BYTES);

    /* A configuration without providers has none. */
    if (file_get_plain(t->cwd, LOCK_FILE, &written) <= 0)
        return 0;
    if (file_put(t->work, "lock.hcl", written.data, written.len, 0600, err) < 0)
        return -1;
    return file_put(t->work, "lock.commit", t->commit_lock, strlen(t->commit_lock), 0600,
                    err);
}

/* ---- the shared plugin cache: parallel inits corrupt it ---- */

static int open_cache_lock(const struct terraform *t, struct err *err)
{
    AUTO(auto_free) char *path = mem_fmt("%s.lock", t->plugins);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    return fd >= 0 ? fd : err_sys(err, ERR_PERM, errno, "open %s", path);
}

/* Waits its turn; a stop or the deadline show in *out. */
static int lock_cache(const struct terraform *t, int fd, int64_t deadline_mono_ms,
                      struct child_result *out, struct err *err)
{
    struct pollfd wish = {.fd = t->io.poll_fd, .events = POLLIN};

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_sys(err, ERR_PERM, errno, "lock the plugin cache");
        out->stopped = t->io.stop_wanted(t->io.arg) > 0;
        out->timed_out = !out->stopped && clock_mono_ms() >= deadline_mono_ms;
        if (out->stopped || out->timed_out)
            return 0;
        poll(&wish, 1, CACHE_WAIT_MS);
    }
    return 0;
}

/* ---- init ---- */

/* Terraform takes providers from terraform.d/plugins of the directory it works in, under
 * whatever names they claim there. In the cache they would be everybody's: who has any
 * has a place of his own for all. */
static int choose_plugins(struct terraform *t, struct err *err)
{
    AUTO(auto_free) char *own = path_join(t->cwd, "terraform.d");
    AUTO(auto_free) char *installed = path_join(t->tf, "providers");
    struct stat st;

    t->own_plugins = lstat(own, &st) == 0;
    /* Links into the cache: never to be written through. */
    return t->own_plugins ? path_remove_tree(installed, err) : 0;
}

/* What the run's earlier commands have left there may name programs to be started, and
 * init has the tokens. */
static int clean_home(const struct terraform *t, struct err *err)
{
    return path_remove_tree(t->home, err) < 0 ? -1 : path_mkdirs(t->home, 0700, err);
}

static void init_command(struct terraform *t, struct command *command)
{
    strings_set(&t->init_env, "TF_PLUGIN_CACHE_DIR", t->own_plugins ? "" : t->plugins);
    if (t->commit_lock[0] == '\0')
        strings_set(&t->init_env, "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE", "1");
    strings_add(&command->argv, "init");
    strings_add(&command->argv, "-input=false");
    strings_add(&command->argv, "-reconfigure");
    strings_add(&command->argv, "-no-color");
    if (t->backend != NULL)
        strings_addf(&command->argv, "-backend-config=%s", t->backend);
}

int terraform_init(struct terraform *t, int64_t deadline_mono_ms,
                   struct child_result *out, struct err *err)
{
    AUTO(auto_close) int cache = open_cache_lock(t, err);
    /* With TF_WORKSPACE naming one that is missing, init would make it. */
    struct command command = {
        .init = true, .any_workspace = true, .deadline_mono_ms = deadline_mono_ms};
    int rc;

    *out = (struct child_result){.code = -1};
    if (cache < 0 || lock_cache(t, cache, deadline_mono_ms, out, err) < 0)
        return -1;
    if (out->stopped || out->timed_out)
        return 0;
    init_forget(t);
    if (choose_plugins(t, err) < 0 || clean_home(t, err) < 0)
        return -1;
    init_command(t, &command);
    rc = command_run(t, &command, out, err);
    strings_done(&command.argv);
    if (rc < 0)
        return -1;
    return out->end == CHILD_EXITED && out->code == 0 ? lock_file_keep(t, err) : 0;
}

bool terraform_remote_execution(const struct terraform *t)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SETTINGS_MAX_BYTES);
    AUTO(auto_json) cJSON *doc = NULL;
    const char *type;
    struct err err;

    if (file_get_plain(t->tf, "terraform.tfstate", &text) <= 0)
        return false;
    doc = json_parse(buf_text(&text), text.len, JSON_DEPTH_MAX, false, &err);
    type = json_string(json_get(doc, "backend"), "type");
    return type != NULL && (strcmp(type, "remote") == 0 || strcmp(type, "cloud") == 0);
}

/* ---- the Terraform workspace ---- */

static void take_list(void *arg, const char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
}

static int ask_workspaces(struct terraform *t, int64_t deadline_mono_ms, bool *exists,
                          struct child_result *out, struct err *err)
{
    AUTO(buf_done) struct buf list = BUF_INIT(WORKSPACE_MAX_BYTES);
    struct command command = {.any_workspace = true,
                              .deadline_mono_ms = deadline_mono_ms,
                              .output = take_list,
                              .arg = &list};
    int rc;

    strings_add(&command.argv, "workspace");
    strings_add(&command.argv, "list");
    rc = command_run(t, &command, out, err);
    strings_done(&command.argv);
    if (rc == 0 && out->end == CHILD_EXITED && out->code == 0)
        *exists = words_has_workspace(buf_text(&list), t->spec->workspace);
    else if (rc == 0)
        t->io.output(t->io.arg, buf_text(&list), list.len);
    return rc;
}

int terraform_workspace_exists(struct terraform *t, int64_t deadline_mono_ms,
                               bool *exists, struct child_result *out, struct err *err)
{
    *out = (struct child_result){.end = CHILD_EXITED};
    *exists = strcmp(t->spec->workspace, "default") == 0;
    if (!*exists && ask_workspaces(t, deadline_mono_ms, exists, out, err) < 0)
        return -1;
    if (*exists)
        init_remember(t);
    return 0;
}
