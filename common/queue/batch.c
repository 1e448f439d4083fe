/* Batches: names of kinds and states, and the request as JSON. */
#include "common/queue/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"

static const char *const kind_names[BATCH_KINDS] = {
    [BATCH_PLAN] = "plan",           [BATCH_APPLY] = "apply", [BATCH_DETECT] = "detect",
    [BATCH_REMEDIATE] = "remediate", [BATCH_CHECK] = "check",
};

static const struct {
    const char *name;
    bool ended;
} statuses[BATCH_STATUSES] = {
    [BATCH_QUEUED] = {"queued", false},      [BATCH_RUNNING] = {"running", false},
    [BATCH_SUCCESS] = {"success", true},     [BATCH_PARTIAL] = {"partial", true},
    [BATCH_FAILED] = {"failed", true},       [BATCH_ERROR] = {"error", true},
    [BATCH_CANCELLED] = {"cancelled", true},
};

const char *batch_kind_name(enum batch_kind kind)
{
    assert(kind < BATCH_KINDS);
    return kind_names[kind];
}

int batch_kind_parse(const char *text, enum batch_kind *out)
{
    for (unsigned i = 0; i < BATCH_KINDS; i++) {
        if (strcmp(text, kind_names[i]) == 0) {
            *out = (enum batch_kind)i;
            return 0;
        }
    }
    return -1;
}

const char *batch_status_name(enum batch_status status)
{
    assert(status < BATCH_STATUSES);
    return statuses[status].name;
}

int batch_status_parse(const char *text, enum batch_status *out)
{
    for (unsigned i = 0; i < BATCH_STATUSES; i++) {
        if (strcmp(text, statuses[i].name) == 0) {
            *out = (enum batch_status)i;
            return 0;
        }
    }
    return -1;
}

bool batch_status_ended(enum batch_status status)
{
    assert(status < BATCH_STATUSES);
    return statuses[status].ended;
}

enum run_kind batch_run_kind(const struct batch_request *request)
{
    switch (request->kind) {
    case BATCH_PLAN:
        return RUN_PLAN;
    case BATCH_APPLY:
        return RUN_APPLY;
    case BATCH_REMEDIATE:
        return request->apply ? RUN_APPLY : RUN_PLAN;
    case BATCH_DETECT:
    case BATCH_CHECK:
    case BATCH_KINDS:
        break;
    }
    return RUN_DRIFT_CHECK;
}

void batch_run_id(const char *batch_id, int64_t index, char id[SIGN_UUID_BYTES])
{
    sign_uuid7_derived(batch_id, index, id);
}

/* ---- lists ---- */

void batch_paths_add(struct batch_paths *paths, const char *directory,
                     const char *workspace)
{
    paths->list = mem_grow(paths->list, paths->count + 1, sizeof *paths->list);
    paths->list[paths->count++] =
        (struct batch_path){mem_dup(directory), mem_dup(workspace)};
}

bool batch_paths_have(const struct batch_paths *paths, const char *directory,
                      const char *workspace)
{
    for (size_t i = 0; i < paths->count; i++)
        if (strcmp(paths->list[i].directory, directory) == 0 &&
            strcmp(paths->list[i].workspace, workspace) == 0)
            return true;
    return false;
}

static void paths_done(struct batch_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->list[i].directory);
        free(paths->list[i].workspace);
    }
    free(paths->list);
}

void batch_names_add(struct batch_names *names, const char *name)
{
    names->list = mem_grow(names->list, names->count + 1, sizeof *names->list);
    names->list[names->count++] = mem_dup(name);
}

bool batch_names_have(const struct batch_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->list[i], name) == 0)
            return true;
    return false;
}

static void names_done(struct batch_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i]);
    free(names->list);
}

void batch_request_done(struct batch_request *request)
{
    free(request->repository);
    free(request->ref);
    free(request->project_id);
    names_done(&request->names);
    names_done(&request->workspaces);
    paths_done(&request->paths);
    paths_done(&request->drifted);
    *request = (struct batch_request){0};
}

/* ---- writing ---- */

static void print_names(struct json_writer *w, const char *key,
                        const struct batch_names *names)
{
    if (names->count == 0)
        return;
    json_key(w, key);
    json_array(w);
    for (size_t i = 0; i < names->count; i++)
        json_text(w, names->list[i]);
    json_array_end(w);
}

static void print_paths(struct json_writer *w, const char *key,
                        const struct batch_paths *paths)
{
    if (paths->count == 0)
        return;
    json_key(w, key);
    json_array(w);
    for (size_t i = 0; i < paths->count; i++) {
        json_object(w);
        json_add_text(w, "directory", paths->list[i].directory);
        json_add_text(w, "workspace", paths->list[i].workspace);
        json_object_end(w);
    }
    json_array_end(w);
}

void batch_request_print(const struct batch_request *request, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "id", request->id);
    json_add_text(&w, "kind", batch_kind_name(request->kind));
    if (request->apply)
        json_add_boolean(&w, "apply", true);
    json_add_text(&w, "type", vcs_type_name(request->type));
    json_add_text(&w, "repository", request->repository);
    json_add_text(&w, "ref", request->ref);
    if (request->pull_request > 0)
        json_add_number(&w, "pullRequest", request->pull_request);
    print_names(&w, "names", &request->names);
    print_paths(&w, "paths", &request->paths);
    print_names(&w, "workspaces", &request->workspaces);
    if (request->drifted_only)
        json_add_boolean(&w, "driftedOnly", true);
    print_paths(&w, "drifted", &request->drifted);
    if (request->project_id != NULL)
        json_add_text(&w, "projectId", request->project_id);
    json_object_end(&w);
}

/* ---- reading ---- */

static int bad(const char *member, struct err *err)
{
    return err_set(err, ERR_PERM, "batch request: bad value of %s", member);
}

static int read_names(const cJSON *doc, const char *key, struct batch_names *out,
                      struct err *err)
{
    const cJSON *array = json_get(doc, key);

    if (array == NULL)
        return 0;
    if (!cJSON_IsArray(array))
        return bad(key, err);
    for (const cJSON *item = array->child; item != NULL; item = item->next) {
        if (!cJSON_IsString(item))
            return bad(key, err);
        batch_names_add(out, item->valuestring);
    }
    return 0;
}

static int read_paths(const cJSON *doc, const char *key, struct batch_paths *out,
                      struct err *err)
{
    const cJSON *array = json_get(doc, key);

    if (array == NULL)
        return 0;
    if (!cJSON_IsArray(array))
        return bad(key, err);
    for (const cJSON *item = array->child; item != NULL; item = item->next) {
        const char *directory = json_string(item, "directory");
        const char *workspace = json_string(item, "workspace");

        if (directory == NULL || workspace == NULL)
            return bad(key, err);
        batch_paths_add(out, directory, workspace);
    }
    return 0;
}

static int read_text(const cJSON *doc, const char *key, char **out, struct err *err)
{
    const char *text = json_string(doc, key);

    if (text == NULL)
        return bad(key, err);
    *out = mem_dup(text);
    return 0;
}

static int read_head(const cJSON *doc, struct batch_request *out, struct err *err)
{
    const char *id = json_string(doc, "id");
    const char *kind = json_string(doc, "kind");
    const char *type = json_string(doc, "type");

    if (id == NULL || strlen(id) != sizeof out->id - 1)
        return bad("id", err);
    memcpy(out->id, id, sizeof out->id);
    if (kind == NULL || batch_kind_parse(kind, &out->kind) < 0)
        return bad("kind", err);
    if (type == NULL || vcs_type_parse(type, &out->type) < 0)
        return bad("type", err);
    out->apply = json_bool(doc, "apply", false);
    out->drifted_only = json_bool(doc, "driftedOnly", false);
    out->pull_request = json_int(doc, "pullRequest", 0);
    if (json_string(doc, "projectId") != NULL)
        out->project_id = mem_dup(json_string(doc, "projectId"));
    return 0;
}

static int read_request(const cJSON *doc, struct batch_request *out, struct err *err)
{
    if (read_head(doc, out, err) < 0 ||
        read_text(doc, "repository", &out->repository, err) < 0 ||
        read_text(doc, "ref", &out->ref, err) < 0 ||
        read_names(doc, "names", &out->names, err) < 0 ||
        read_names(doc, "workspaces", &out->workspaces, err) < 0 ||
        read_paths(doc, "paths", &out->paths, err) < 0)
        return -1;
    return read_paths(doc, "drifted", &out->drifted, err);
}

int batch_request_parse(const char *json, size_t len, struct batch_request *out,
                        struct err *err)
{
    AUTO(batch_request_done) struct batch_request request = {.kind = BATCH_PLAN};
    AUTO(auto_json) cJSON *doc = json_parse(json, len, JSON_DEPTH_MAX, false, err);

    if (doc == NULL) {
        err->kind = ERR_PERM;
        return err_wrap(err, "batch request");
    }
    if (read_request(doc, &request, err) < 0)
        return -1;
    *out = request;
    request = (struct batch_request){.kind = BATCH_PLAN};
    return 0;
}
