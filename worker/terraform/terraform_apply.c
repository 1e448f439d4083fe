/* Terraform apply: whether the state is where it must be, the plan out of reach, and the
 * apply of exactly that plan. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/process/file.h"
#include "worker/terraform/terraform_parts.h"

#define PLAN_NAME "plan"

/* ---- the state ---- */

static bool is_absolute(const char *path)
{
    return path != NULL && path[0] == '/';
}

bool terraform_shared_state(const struct terraform *t)
{
    AUTO(buf_done) struct buf text = BUF_INIT(SETTINGS_MAX_BYTES);
    AUTO(auto_json) cJSON *doc = NULL;
    const char *type;
    bool is_default = strcmp(t->spec->workspace, "default") == 0;
    struct err err;

    if (file_get_plain(t->tf, "terraform.tfstate", &text) <= 0)
        return false;
    doc = json_parse(buf_text(&text), text.len, JSON_DEPTH_MAX, false, &err);
    type = json_string(json_get(doc, "backend"), "type");
    if (type == NULL || strcmp(type, "local") != 0)
        return type != NULL;
    return is_absolute(json_string(json_get(json_get(doc, "backend"), "config"),
                                   is_default ? "path" : "workspace_dir"));
}

/* ---- the plan, sealed ---- */

char *plan_path(const struct terraform *t)
{
    return t->sealed_digest[0] != '\0' ? path_join(t->sealed, PLAN_NAME)
                                       : path_join(t->dir, TERRAFORM_PLAN_FILE);
}

/* A plain file of at least a byte, or -1. */
static int open_plain(const char *path, off_t *bytes, struct err *err)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return err_sys(err, ERR_PERM, errno, "open %s", path);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
        *bytes = st.st_size;
        return fd;
    }
    close(fd);
    return err_set(err, ERR_PERM, "the plan is not the file that terraform wrote");
}

static int digest_of(const char *path, char digest[SIGN_HEX_BYTES], struct err *err)
{
    off_t bytes = 0;
    AUTO(auto_close) int fd = open_plain(path, &bytes, err);
    void *at;

    if (fd < 0)
        return -1;
    at = mmap(NULL, (size_t)bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED)
        return err_sys(err, ERR_TEMP, errno, "read %s", path);
    sign_sha256_hex(at, (size_t)bytes, digest);
    munmap(at, (size_t)bytes);
    return 0;
}

static int copy_bytes(int from, int to, off_t bytes, struct err *err)
{
    while (bytes > 0) {
        ssize_t put = sendfile(to, from, NULL, (size_t)bytes);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return err_sys(err, ERR_TEMP, put < 0 ? errno : EIO, "copy the plan");
        bytes -= put;
    }
    return 0;
}

/* A copy, not a rename: the run may have kept another name of the file it wrote. */
static int copy_plan(const char *from, const char *to, struct err *err)
{
    off_t bytes = 0;
    AUTO(auto_close) int in = open_plain(from, &bytes, err);
    AUTO(auto_close) int out = -1;

    if (in < 0)
        return -1;
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (out < 0)
        return err_sys(err, ERR_PERM, errno, "make %s", to);
    return copy_bytes(in, out, bytes, err);
}

int terraform_seal_plan(struct terraform *t, struct err *err)
{
    AUTO(auto_free) char *from = path_join(t->dir, TERRAFORM_PLAN_FILE);
    AUTO(auto_free) char *to = path_join(t->sealed, PLAN_NAME);

    t->sealed_digest[0] = '\0';
    if (path_remove_tree(t->sealed, err) < 0 || path_mkdirs(t->sealed, 0700, err) < 0 ||
        copy_plan(from, to, err) < 0 || path_remove_tree(from, err) < 0)
        return -1;
    return digest_of(to, t->sealed_digest, err);
}

/* ---- apply ---- */

static int check_seal(const struct terraform *t, const char *plan, struct err *err)
{
    char digest[SIGN_HEX_BYTES];

    if (t->sealed_digest[0] == '\0')
        return err_set(err, ERR_PERM, "no plan was sealed");
    if (digest_of(plan, digest, err) < 0)
        return -1;
    if (strcmp(digest, t->sealed_digest) != 0)
        return err_set(err, ERR_PERM, "the sealed plan has been changed: not applied");
    return 0;
}

int terraform_apply(struct terraform *t, int64_t deadline_mono_ms,
                    struct child_result *out, struct err *err)
{
    AUTO(auto_free) char *plan = path_join(t->sealed, PLAN_NAME);
    struct command command = {.lasting = true, .deadline_mono_ms = deadline_mono_ms};
    int rc;

    if (check_seal(t, plan, err) < 0)
        return -1;
    strings_add(&command.argv, "apply");
    strings_add(&command.argv, "-input=false");
    strings_add(&command.argv, "-no-color");
    strings_add(&command.argv, LOCK_TIMEOUT_OPTION);
    strings_add(&command.argv, plan);
    rc = command_run(t, &command, out, err);
    strings_done(&command.argv);
    return rc;
}

/* A resource that is not there is not tainted either; terraform looks after it has taken
 * the lock, and reads no configuration for it. */
int terraform_try_lock(struct terraform *t, int64_t deadline_mono_ms,
                       struct child_result *out, struct err *err)
{
    struct command command = {.locks = true, .deadline_mono_ms = deadline_mono_ms};
    int rc;

    strings_add(&command.argv, "untaint");
    strings_add(&command.argv, "-no-color");
    strings_add(&command.argv, "-lock-timeout=0s");
    strings_add(&command.argv, "terraform_data.is_the_state_locked");
    rc = command_run(t, &command, out, err);
    strings_done(&command.argv);
    return rc;
}
