/* The run spec that a project and one of its workspaces, as stored, amount to. */
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/registry/registry.h"

static int read_document(const char *json, const char *what, cJSON **out, struct err *err)
{
    AUTO(auto_json)
    cJSON *doc = json_parse(json, strlen(json), JSON_DEPTH_MAX, false, err);

    if (doc == NULL) {
        err->kind = ERR_PERM;
        return err_wrap(err, "stored %s", what);
    }
    if (!cJSON_IsObject(doc))
        return err_set(err, ERR_PERM, "stored %s is not an object", what);
    *out = TAKE(doc);
    return 0;
}

/* An optional member: NULL when it is not there or null. */
static const cJSON *member(const cJSON *doc, const char *key)
{
    const cJSON *node = json_get(doc, key);

    return cJSON_IsNull(node) ? NULL : node;
}

static int set_text(char **out, const cJSON *doc, const char *key, const char *fallback,
                    struct err *err)
{
    const cJSON *node = member(doc, key);

    if (node != NULL && !cJSON_IsString(node))
        return err_set(err, ERR_PERM, "stored %s is not a string", key);
    *out = mem_dup(node != NULL ? node->valuestring : fallback);
    return 0;
}

static int set_object(char **out, const cJSON *doc, const char *key, struct err *err)
{
    const cJSON *node = member(doc, key);
    struct buf text = BUF_INIT(2 * REGISTRY_JSON_BYTES_MAX);

    if (node == NULL)
        return 0;
    if (!cJSON_IsObject(node))
        return err_set(err, ERR_PERM, "stored %s is not an object", key);
    json_print(node, &text);
    if (text.over) {
        buf_done(&text);
        return err_set(err, ERR_PERM, "stored %s is too long", key);
    }
    *out = buf_take(&text);
    return 0;
}

static int set_flag(bool *out, const cJSON *doc, const char *key, struct err *err)
{
    const cJSON *node = member(doc, key);

    if (node != NULL && !cJSON_IsBool(node))
        return err_set(err, ERR_PERM, "stored %s is not a boolean", key);
    *out = cJSON_IsTrue(node);
    return 0;
}

static int set_texts(char ***list, size_t *count, const cJSON *doc, const char *key,
                     struct err *err)
{
    const cJSON *texts = member(doc, key);

    if (texts == NULL)
        return 0;
    if (!cJSON_IsArray(texts))
        return err_set(err, ERR_PERM, "stored %s is not an array", key);
    *list = mem_new((size_t)cJSON_GetArraySize(texts), sizeof(char *));
    for (const cJSON *text = texts->child; text != NULL; text = text->next) {
        if (!cJSON_IsString(text))
            return err_set(err, ERR_PERM, "stored %s has a member that is no string",
                           key);
        (*list)[(*count)++] = mem_dup(text->valuestring);
    }
    return 0;
}

static int set_count(int64_t *out, const cJSON *doc, const char *key, struct err *err)
{
    const cJSON *node = member(doc, key);
    double number;

    if (node == NULL)
        return 0;
    number = cJSON_IsNumber(node) ? node->valuedouble : -1;
    if (!(number >= 0 && number <= INT32_MAX) || number > floor(number))
        return err_set(err, ERR_PERM, "stored %s is not a count", key);
    *out = (int64_t)number;
    return 0;
}

/* What the project says: the repository, and the ref unless the workspace has its own. */
static int set_source(struct run_spec *spec, const cJSON *project, const cJSON *workspace,
                      struct err *err)
{
    const char *type = json_string(project, "type");
    const cJSON *own_ref = member(workspace, "ref");

    if (type == NULL || vcs_type_parse(type, &spec->type) < 0)
        return err_set(err, ERR_PERM, "stored project has no known type");
    if (set_text(&spec->repository, project, "repository", NULL, err) < 0 ||
        set_text(&spec->ref, own_ref != NULL ? workspace : project, "ref", NULL, err) < 0)
        return -1;
    if (spec->repository == NULL || spec->ref == NULL)
        return err_set(err, ERR_PERM, "stored project has no repository or no ref");
    return 0;
}

static int set_directory(struct run_spec *spec, const cJSON *workspace, struct err *err)
{
    AUTO(auto_free) char *text = NULL;

    if (set_text(&text, workspace, "directory", ".", err) < 0)
        return -1;
    if (path_normalize_dir(text, &spec->directory, err) < 0) {
        err->kind = ERR_PERM;
        return err_wrap(err, "stored directory");
    }
    return 0;
}

static int set_terraform(struct run_spec *spec, const cJSON *workspace, struct err *err)
{
    bool may_create = spec->kind == RUN_APPLY || spec->kind == RUN_RECONCILE;

    if (set_text(&spec->workspace, workspace, "workspace", "default", err) < 0 ||
        set_text(&spec->terraform_version, workspace, "terraformVersion", NULL, err) <
            0 ||
        set_object(&spec->variables, workspace, "variables", err) < 0 ||
        set_object(&spec->backend_config, workspace, "backendConfig", err) < 0 ||
        set_flag(&spec->confirm, workspace, "confirm", err) < 0 ||
        set_flag(&spec->create_workspace, workspace, "createWorkspace", err) < 0)
        return -1;
    spec->create_workspace = spec->create_workspace && may_create;
    return 0;
}

/* Nobody looks at the plan of a reconcile: these do. The specs of other kinds are as they
 * would be without them, and so are their fingerprints. */
static int set_guards(struct run_spec *spec, const cJSON *workspace, struct err *err)
{
    if (spec->kind != RUN_RECONCILE)
        return 0;
    if (set_count(&spec->max_destroy, workspace, "maxDestroy", err) < 0)
        return -1;
    return set_texts(&spec->protected, &spec->protected_count, workspace, "protected",
                     err);
}

int registry_spec(const char *project_json, const char *workspace_json,
                  enum run_kind kind, const char *project_id, const char *workspace_id,
                  struct run_spec *out, struct err *err)
{
    AUTO(run_spec_done) struct run_spec spec = {.kind = kind};
    AUTO(auto_json) cJSON *project = NULL;
    AUTO(auto_json) cJSON *workspace = NULL;

    if (read_document(project_json, "project", &project, err) < 0 ||
        read_document(workspace_json, "workspace", &workspace, err) < 0 ||
        set_source(&spec, project, workspace, err) < 0 ||
        set_directory(&spec, workspace, err) < 0 ||
        set_terraform(&spec, workspace, err) < 0 ||
        set_texts(&spec.var_files, &spec.var_file_count, workspace, "varFiles", err) <
            0 ||
        set_guards(&spec, workspace, err) < 0)
        return -1;
    spec.project_id = mem_dup(project_id);
    spec.workspace_id = mem_dup(workspace_id);
    *out = spec;
    spec = (struct run_spec){0};
    return 0;
}
