/* A body of the Atlantis family as a batch's request. */
#include <stdlib.h>
#include <string.h>

#include "api/atlantis/atlantis.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/queue/target.h"

#define RECORD_DEPTH_MAX 8

const cJSON *atlantis_first(const cJSON *body, const char *name)
{
    const cJSON *list = json_get(body, name);

    return cJSON_IsArray(list) ? list->child : NULL;
}

int atlantis_path(const cJSON *path, char **directory, const char **workspace)
{
    const char *given_directory = json_string(path, "directory");
    const char *given_workspace = json_string(path, "workspace");
    struct err err;

    *workspace = given_workspace != NULL ? given_workspace : "default";
    return path_normalize_dir(given_directory != NULL ? given_directory : ".", directory,
                              &err);
}

static void read_names(const cJSON *body, const char *key, struct batch_names *out)
{
    for (const cJSON *name = atlantis_first(body, key); name != NULL; name = name->next)
        batch_names_add(out, name->valuestring);
}

static void read_paths(const cJSON *body, struct batch_paths *out)
{
    for (const cJSON *path = atlantis_first(body, "paths"); path != NULL;
         path = path->next) {
        AUTO(auto_free) char *directory = NULL;
        const char *workspace;

        if (atlantis_path(path, &directory, &workspace) == 0)
            batch_paths_add(out, directory, workspace);
    }
}

void atlantis_request(const cJSON *body, enum batch_kind kind, struct batch_request *out)
{
    const char *action = json_string(body, "action");

    *out = (struct batch_request){
        .kind = kind,
        .apply = action != NULL && strcmp(action, "apply") == 0,
        .repository = mem_dup(json_string(body, "repository")),
        .ref = mem_dup(json_string(body, "ref")),
        .pull_request = json_int(body, "pr", 0),
        .drifted_only = json_bool(body, "drift_only", false),
    };
    vcs_type_parse(json_string(body, "type"), &out->type);
    read_names(body, "projects", &out->names);
    read_paths(body, &out->paths);
    read_names(body, "workspaces", &out->workspaces);
}

/* ---- what the store knows of drift ---- */
bool atlantis_wants_drifted(const struct batch_request *request)
{
    return request->kind == BATCH_REMEDIATE &&
           (request->names.count == 0 || request->drifted_only);
}

/* Is the field that of a target without a backend configuration of its own? */
static bool is_plain_target(const char *field, const struct batch_request *request,
                            const char *host, const cJSON *record)
{
    AUTO(run_spec_done)
    struct run_spec spec = {
        .type = request->type,
        .repository = mem_dup(request->repository),
        .directory = mem_dup(json_string(record, "directory")),
        .workspace = mem_dup(json_string(record, "workspace")),
    };
    char target[SIGN_ID_BYTES];

    if (spec.directory == NULL || spec.workspace == NULL)
        return false;
    target_id(host, &spec, target);
    return strncmp(field, target, sizeof target - 1) == 0;
}

static bool is_drifted(const cJSON *record)
{
    const char *status = json_string(record, "status");

    return status != NULL && strcmp(status, run_status_name(RUN_DRIFT_DETECTED)) == 0;
}

void atlantis_add_drifted(struct batch_request *request, const char *host,
                          const char *field, const char *record_json, size_t record_len)
{
    AUTO(auto_json) cJSON *record = NULL;
    AUTO(auto_free) char *wanted = ref_canonical(request->ref);
    const char *ref = strchr(field, '|');
    struct err err;

    if (ref == NULL || strcmp(ref + 1, wanted) != 0)
        return;
    record = json_parse(record_json, record_len, RECORD_DEPTH_MAX, false, &err);
    if (is_drifted(record) && is_plain_target(field, request, host, record))
        batch_paths_add(&request->drifted, json_string(record, "directory"),
                        json_string(record, "workspace"));
}

static int by_directory(const void *a_path, const void *b_path)
{
    const struct batch_path *a = a_path, *b = b_path;
    int order = strcmp(a->directory, b->directory);

    return order != 0 ? order : strcmp(a->workspace, b->workspace);
}

void atlantis_take_drifted(struct batch_request *request)
{
    AUTO(batch_request_done) struct batch_request found = {.kind = request->kind};

    if (request->drifted.count > 0)
        qsort(request->drifted.list, request->drifted.count,
              sizeof *request->drifted.list, by_directory);
    if (request->names.count > 0)
        return;
    found.paths = request->drifted;
    request->drifted = (struct batch_paths){0};
    request->drifted_only = false;
    for (size_t i = 0; i < found.paths.count; i++) {
        const struct batch_path *path = &found.paths.list[i];

        if (request->workspaces.count == 0 ||
            batch_names_have(&request->workspaces, path->workspace))
            batch_paths_add(&request->paths, path->directory, path->workspace);
    }
}
