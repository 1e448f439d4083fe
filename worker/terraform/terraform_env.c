/* The environment of a run: what of the worker's own it may see, the env files, and what
 * Kedge sets itself, later ones over earlier ones. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/queue/target.h"
#include "worker/terraform/env_file.h"
#include "worker/terraform/terraform_parts.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DEFAULT_LANG "C.UTF-8"

/* Variables of the worker that are secrets, and names that look like it but hold the
 * path of one. */
static const char *const secret_names[] = {
    "*SECRET*",    "*TOKEN*",  "*PASSWORD*",    "*PRIVATE_KEY*",
    "*ACCESS_KEY", "*API_KEY", "*CREDENTIALS*",
};
static const char *const not_secret_names[] = {"*_FILE", "*_PATH", "*_DIR", "*_URL"};

static bool matches(const char *const *patterns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (parse_glob(patterns[i], name, true))
            return true;
    return false;
}

static bool is_secret(const char *name)
{
    return matches(secret_names, ARRAY_LEN(secret_names), name) &&
           !matches(not_secret_names, ARRAY_LEN(not_secret_names), name);
}

/* A pattern as wide as `*` must not pass what would be refused, nor our own settings. */
static bool passes(char **patterns, size_t count, const char *name)
{
    if (env_refused(name) || strncmp(name, "KEDGE_", 6) == 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (parse_glob(patterns[i], name, false))
            return true;
    return false;
}

static void pass(struct terraform *t, const char *variable, char **patterns, size_t count)
{
    const char *equals = strchr(variable, '=');
    AUTO(auto_free) char *name = NULL;

    if (equals == NULL)
        return;
    name = mem_dup_n(variable, (size_t)(equals - variable));
    if (!passes(patterns, count, name))
        return;
    strings_set(&t->env, name, equals + 1);
    if (is_secret(name))
        strings_add(&t->secrets, equals + 1);
}

static const char *own(char **environ_list, const char *name, const char *fallback)
{
    size_t len = strlen(name);

    for (; *environ_list != NULL; environ_list++)
        if (strncmp(*environ_list, name, len) == 0 && (*environ_list)[len] == '=')
            return *environ_list + len + 1;
    return fallback;
}

static void pass_own(struct terraform *t, char **environ_list)
{
    size_t count = 0;
    char **patterns = parse_list(t->conf->env_pass ? t->conf->env_pass : "", ',', &count);

    strings_set(&t->env, "PATH", own(environ_list, "PATH", DEFAULT_PATH));
    strings_set(&t->env, "LANG", own(environ_list, "LANG", DEFAULT_LANG));
    for (char **variable = environ_list; *variable != NULL; variable++)
        pass(t, *variable, patterns, count);
    parse_list_free(patterns, count);
}

static int set_from_file(void *arg, const char *key, const char *value, struct err *err)
{
    struct terraform *t = arg;

    if (env_refused(key))
        return err_set(
            err, ERR_PERM,
            "%s must not be set there: it would change how Kedge runs terraform", key);
    strings_set(&t->env, key, value);
    strings_add(&t->secrets, value);
    return 0;
}

static int read_files(struct terraform *t, struct err *err)
{
    const char *dir = t->conf->env_dir;
    const char *project = t->spec->project_id, *workspace = t->spec->workspace_id;
    AUTO(auto_free) char *of_project = NULL;
    AUTO(auto_free) char *of_workspace = NULL;

    if (dir == NULL)
        return 0;
    if (env_file_read(dir, "default.env", set_from_file, t, err) < 0)
        return -1;
    if (project == NULL || workspace == NULL)
        return 0;
    if (!parse_is_id(project) || !parse_is_id(workspace))
        return err_set(err, ERR_PERM, "projectId or workspaceId is not an id");
    of_project = mem_fmt("%s.env", project);
    of_workspace = mem_fmt("%s/%s.env", project, workspace);
    if (env_file_read(dir, of_project, set_from_file, t, err) < 0)
        return -1;
    return env_file_read(dir, of_workspace, set_from_file, t, err);
}

static void set_ours(struct terraform *t)
{
    strings_set(&t->env, "TF_DATA_DIR", t->tf);
    strings_set(&t->env, "HOME", t->home);
    strings_set(&t->env, "TMPDIR", t->tmp);
    strings_set(&t->env, "TF_IN_AUTOMATION", "1");
    strings_set(&t->env, "TF_INPUT", "0");
    strings_set(&t->env, "CHECKPOINT_DISABLE", "1");
    strings_set(&t->env, "GIT_TERMINAL_PROMPT", "0");
    strings_set(&t->env, "GIT_CONFIG_GLOBAL", "/dev/null");
    strings_set(&t->env, "GIT_CONFIG_SYSTEM", "/dev/null");
    strings_set(&t->env, "GIT_CONFIG_NOSYSTEM", "1");
}

static void note_token(struct terraform *t, const char *token)
{
    if (token != NULL)
        strings_add(&t->secrets, token);
}

int environment_make(struct terraform *t, char **environ_list, struct err *err)
{
    pass_own(t, environ_list);
    if (read_files(t, err) < 0)
        return -1;
    set_ours(t);
    note_token(t, t->conf->github_token);
    note_token(t, t->conf->gitlab_token);
    note_token(t, t->conf->git_token);
    return 0;
}
