/* The bodies of POST /api/plan, /api/apply, /api/drift/detect and /api/drift/remediate:
 * names as the drift endpoints spell them; letter case does not matter. */
#include <stdio.h>
#include <string.h>

#include "api/atlantis/atlantis.h"
#include "api/handlers.h"
#include "api/server/field_check.h"
#include "common/base/mem.h"
#include "common/queue/target.h"

#define NAME_BYTES_MAX 255

/* ---- single fields ---- */
static void check_names(const cJSON *value, const char *at, struct problems *problems)
{
    int i = 0;

    for (const cJSON *name = value->child; name != NULL; name = name->next, i++) {
        size_t len = strlen(name->valuestring);

        if (len == 0 || len > NAME_BYTES_MAX)
            problems_add(problems, at, "%s[%d] must have 1 to %d bytes", at, i,
                         NAME_BYTES_MAX);
    }
}

static void check_workspaces(const cJSON *value, const char *at,
                             struct problems *problems)
{
    for (const cJSON *name = value->child; name != NULL; name = name->next)
        field_check_workspace(name, at, problems);
}

static void check_action(const cJSON *value, const char *at, struct problems *problems)
{
    if (strcmp(value->valuestring, "plan") != 0 &&
        strcmp(value->valuestring, "apply") != 0)
        problems_add(problems, at, "%s must be plan or apply", at);
}

static const struct field path_fields[] = {
    {"directory", .type = FIELD_TEXT, .max = 1024, .check = field_check_directory},
    {"workspace", .type = FIELD_TEXT, .max = 90, .check = field_check_workspace},
};

#define OBJECTS(table) .inner = (table), .inner_count = ARRAY_LEN(table)

const struct field plan_fields[PLAN_FIELDS] = {
    {"repository", .type = FIELD_TEXT, .required = true, .max = 512},
    {"ref", .type = FIELD_TEXT, .required = true, .max = 255, .check = field_check_ref},
    {"type", .type = FIELD_TEXT, .required = true, .max = 16, .check = field_check_type},
    {"projects", .type = FIELD_TEXTS, .max = BATCH_RUNS_MAX, .check = check_names},
    {"paths", .type = FIELD_LIST, .max = BATCH_RUNS_MAX, OBJECTS(path_fields)},
    {"pr", .type = FIELD_INTEGER, .min = 0, .max = INT32_MAX},
};

const struct field detect_fields[DETECT_FIELDS] = {
    {"repository", .type = FIELD_TEXT, .required = true, .max = 512},
    {"ref", .type = FIELD_TEXT, .required = true, .max = 255, .check = field_check_ref},
    {"type", .type = FIELD_TEXT, .required = true, .max = 16, .check = field_check_type},
    {"projects", .type = FIELD_TEXTS, .max = BATCH_RUNS_MAX, .check = check_names},
    {"paths", .type = FIELD_LIST, .max = BATCH_RUNS_MAX, OBJECTS(path_fields)},
};

const struct field remediate_fields[REMEDIATE_FIELDS] = {
    {"repository", .type = FIELD_TEXT, .required = true, .max = 512},
    {"ref", .type = FIELD_TEXT, .required = true, .max = 255, .check = field_check_ref},
    {"type", .type = FIELD_TEXT, .required = true, .max = 16, .check = field_check_type},
    {"projects", .type = FIELD_TEXTS, .max = BATCH_RUNS_MAX, .check = check_names},
    {"action", .type = FIELD_TEXT, .max = 16, .check = check_action},
    {"workspaces", .type = FIELD_TEXTS, .max = BATCH_RUNS_MAX, .check = check_workspaces},
    {"drift_only", .type = FIELD_BOOLEAN},
};

/* ---- what concerns several ---- */
static void check_repository(const cJSON *body, struct problems *problems)
{
    const char *repository = json_string(body, "repository");
    const char *type_text = json_string(body, "type");
    enum vcs_type type = VCS_GITLAB; /* its form takes in the others' */
    struct err err;

    if (type_text != NULL)
        vcs_type_parse(type_text, &type);
    if (repository != NULL && repository_check(type, repository, &err) < 0)
        problems_add(problems, "repository", "%s", err.message);
}

/* Each is compared with all before it: of a list that is too long anyway only as many as
 * are allowed. */
static void check_unique_names(const cJSON *body, struct problems *problems)
{
    AUTO(batch_request_done) struct batch_request seen = {.kind = BATCH_PLAN};

    for (const cJSON *name = atlantis_first(body, "projects");
         name != NULL && seen.names.count < BATCH_RUNS_MAX; name = name->next) {
        if (!cJSON_IsString(name))
            return;
        if (batch_names_have(&seen.names, name->valuestring))
            problems_add(problems, "projects", "project \"%s\" is named twice",
                         name->valuestring);
        batch_names_add(&seen.names, name->valuestring);
    }
}

static void check_unique_paths(const cJSON *body, struct problems *problems)
{
    AUTO(batch_request_done) struct batch_request seen = {.kind = BATCH_PLAN};

    for (const cJSON *path = atlantis_first(body, "paths");
         path != NULL && seen.paths.count < BATCH_RUNS_MAX; path = path->next) {
        AUTO(auto_free) char *directory = NULL;
        const char *workspace;

        if (!cJSON_IsObject(path) || atlantis_path(path, &directory, &workspace) < 0)
            continue;
        if (batch_paths_have(&seen.paths, directory, workspace))
            problems_add(problems, "paths",
                         "directory \"%.60s\" with workspace \"%s\" is named twice",
                         directory, workspace);
        batch_paths_add(&seen.paths, directory, workspace);
    }
}

static bool is_set(const cJSON *object, const char *name)
{
    const cJSON *value = json_get(object, name);

    return value != NULL && !cJSON_IsNull(value);
}

static void check_no_empty_path(const cJSON *body, struct problems *problems)
{
    int i = 0;

    for (const cJSON *path = atlantis_first(body, "paths"); path != NULL;
         path = path->next, i++) {
        char at[PROBLEM_FIELD_BYTES];

        if (!cJSON_IsObject(path) || is_set(path, "directory") ||
            is_set(path, "workspace"))
            continue;
        snprintf(at, sizeof at, "paths[%d]", i);
        problems_add(problems, at,
                     "at least one of 'Directory' or 'Workspace' must be specified");
    }
}

void atlantis_check(const cJSON *body, struct problems *problems)
{
    check_repository(body, problems);
    check_unique_names(body, problems);
    check_no_empty_path(body, problems);
    check_unique_paths(body, problems);
}

/* What is no list has its own problem. */
static bool is_given(const cJSON *body, const char *name)
{
    const cJSON *list = json_get(body, name);

    return list != NULL && !cJSON_IsNull(list) &&
           (!cJSON_IsArray(list) || list->child != NULL);
}

void atlantis_check_named(const cJSON *body, struct problems *problems)
{
    atlantis_check(body, problems);
    if (!is_given(body, "projects") && !is_given(body, "paths"))
        problems_add(problems, "projects",
                     "at least one of 'Projects' or 'Paths' must be specified");
}
