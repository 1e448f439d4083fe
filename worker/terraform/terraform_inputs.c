/* What terraform reads besides the checkout, written into the run directory: variables,
 * backend settings, askpass. None of it is ever in an argv. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/process/file.h"
#include "worker/terraform/terraform_parts.h"
#include "worker/vcs/askpass.h"

#define ASKPASS_MAX_BYTES ((size_t)16 * 1024)

/* A JSON object as a file in `in`; *out is its path. */
static int make_json(const struct terraform *t, const char *name, const char *json,
                     char **out, struct err *err)
{
    if (json == NULL)
        return 0;
    if (file_put(t->in, name, json, strlen(json), 0600, err) < 0)
        return -1;
    *out = path_join(t->in, name);
    return 0;
}

static int make_askpass(struct terraform *t, struct err *err)
{
    AUTO(buf_done) struct buf script = BUF_INIT(ASKPASS_MAX_BYTES);
    AUTO(auto_free) char *path = path_join(t->in, "askpass");

    askpass_make(t->conf, &script, &t->init_env);
    if (script.len == 0)
        return 0;
    if (file_put(t->in, "askpass", script.data, script.len, 0700, err) < 0)
        return -1;
    strings_set(&t->init_env, "GIT_ASKPASS", path);
    return 0;
}

static int check_var_file(const struct terraform *t, const char *name, struct err *err)
{
    AUTO(auto_free) char *path = path_join(t->cwd, name);
    AUTO(auto_free) char *real = realpath(path, NULL);
    AUTO(auto_free) char *top = realpath(t->src, NULL);
    size_t len = top != NULL ? strlen(top) : 0;

    if (name[0] == '/')
        return err_set(err, ERR_PERM, "var file %s must be relative", name);
    if (real == NULL || top == NULL)
        return err_set(err, ERR_PERM, "var file %s is not in the repository", name);
    if (strncmp(real, top, len) != 0 || real[len] != '/')
        return err_set(err, ERR_PERM, "var file %s leaves the repository", name);
    return 0;
}

int inputs_make(struct terraform *t, struct err *err)
{
    for (size_t i = 0; i < t->spec->var_file_count; i++)
        if (check_var_file(t, t->spec->var_files[i], err) < 0)
            return -1;
    if (make_json(t, "variables.tfvars.json", t->spec->variables, &t->variables, err) < 0)
        return -1;
    if (make_json(t, "backend.json", t->spec->backend_config, &t->backend, err) < 0)
        return -1;
    return make_askpass(t, err);
}
