/* What of a repository a workspace is about, compared with what a push touched. */
#include "api/webhook/push_scope.h"

#include <string.h>
#include <strings.h>

#include "common/base/json.h"
#include "common/base/mem.h"

/* Of a run in another directory it says nothing about this one. */
static bool is_known(const char *directory, const char *reads)
{
    size_t len = strlen(directory);

    return reads != NULL && strncmp(reads, directory, len) == 0 &&
           (reads[len] == '\n' || reads[len] == '\0');
}

bool push_scope_touched(const struct push *push, const char *directory, const char *reads)
{
    return push->everything || push_touches(push, directory) ||
           !is_known(directory, reads) || push_touches_any(push, reads);
}

/* ---- what is stored ---- */
static cJSON *read_object(const char *json)
{
    struct err err;

    return json_parse(json, strlen(json), JSON_DEPTH_MAX, false, &err);
}

bool push_scope_is_of(const struct push *push, const char *project_json, bool *tracks)
{
    AUTO(auto_json) cJSON *project = read_object(project_json);
    const char *type_name = json_string(project, "type");
    const char *repository = json_string(project, "repository");
    const char *ref = json_string(project, "ref");
    enum vcs_type type;

    if (type_name == NULL || repository == NULL || ref == NULL ||
        vcs_type_parse(type_name, &type) < 0 || type != push->type ||
        strcasecmp(repository, push->repository) != 0)
        return false;
    *tracks = push_is_of(push, ref);
    return true;
}

bool push_scope_has_ref(const char *workspace_json)
{
    return strstr(workspace_json, "\"ref\"") != NULL;
}
