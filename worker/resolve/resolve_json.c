/* What a batch was resolved into, as JSON. It comes from a child that has read a hostile
 * repository, so each value is checked as if nobody had. */
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/resolve/atlantis_yaml_parts.h"
#include "worker/resolve/resolve_parts.h"

static bool is_directory(const char *text)
{
    AUTO(auto_free) char *normal = NULL;
    struct err ignored = {0};

    return path_normalize_dir(text, &normal, &ignored) == 0 && strcmp(normal, text) == 0;
}

static const struct text_member {
    const char *key;
    size_t at;
    bool required;
    bool (*is_valid)(const char *text);
} members[] = {
    {"project", offsetof(struct resolved_target, project_name), false, atlantis_is_name},
    {"directory", offsetof(struct resolved_target, directory), true, is_directory},
    {"workspace", offsetof(struct resolved_target, workspace), true,
     parse_is_tf_workspace},
    {"terraformVersion", offsetof(struct resolved_target, terraform_version), false,
     atlantis_is_version},
    {"planRequirements", offsetof(struct resolved_target, plan_requirements), false,
     atlantis_are_requirements},
    {"applyRequirements", offsetof(struct resolved_target, apply_requirements), false,
     atlantis_are_requirements},
};

static const char *const lock_modes[] = {"on_apply", "disabled"};

static char **text_at(const struct resolved_target *target,
                      const struct text_member *member)
{
    return (char **)((uintptr_t)target + member->at);
}

/* ---- writing ---- */

static void print_target(struct json_writer *w, const struct resolved_target *target)
{
    json_object(w);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (*text_at(target, &members[i]) != NULL)
            json_add_text(w, members[i].key, *text_at(target, &members[i]));
    if (target->lock_mode != NULL)
        json_add_text(w, "lockMode", target->lock_mode);
    json_add_number(w, "stage", target->stage);
    json_add_text(w, "deps", target->deps);
    json_object_end(w);
}

void resolved_print(const struct resolved *resolved, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    json_key(&w, "targets");
    json_array(&w);
    for (size_t i = 0; i < resolved->count; i++)
        print_target(&w, &resolved->list[i]);
    json_array_end(&w);
    json_add_boolean(&w, "abortOnFailure", resolved->abort_on_failure);
    json_object_end(&w);
}

/* ---- reading ---- */

static int bad(const char *member, struct err *err)
{
    return err_set(err, ERR_PERM, "resolved projects: bad value of %s", member);
}

static int read_text(const cJSON *item, const struct text_member *member,
                     struct resolved_target *out, struct err *err)
{
    const char *text = json_string(item, member->key);

    if (json_get(item, member->key) == NULL && !member->required)
        return 0;
    if (text == NULL || !member->is_valid(text))
        return bad(member->key, err);
    *text_at(out, member) = mem_dup(text);
    return 0;
}

static int read_lock_mode(const cJSON *item, const char **out, struct err *err)
{
    const char *mode = json_string(item, "lockMode");

    if (json_get(item, "lockMode") == NULL)
        return 0;
    for (size_t i = 0; mode != NULL && i < ARRAY_LEN(lock_modes); i++) {
        if (strcmp(mode, lock_modes[i]) == 0) {
            *out = lock_modes[i];
            return 0;
        }
    }
    return bad("lockMode", err);
}

static int read_target(const cJSON *item, struct resolved_target *out, struct err *err)
{
    const char *deps = json_string(item, "deps");

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (read_text(item, &members[i], out, err) < 0)
            return -1;
    if (deps == NULL)
        return bad("deps", err);
    out->deps = mem_dup(deps);
    out->stage = json_int(item, "stage", -1);
    return read_lock_mode(item, &out->lock_mode, err);
}

static int read_targets(const cJSON *array, struct resolved *out, struct err *err)
{
    int count = cJSON_GetArraySize(array);

    if (!cJSON_IsArray(array) || count > BATCH_RUNS_MAX)
        return bad("targets", err);
    out->list = mem_new((size_t)count, sizeof *out->list);
    for (const cJSON *item = array->child; item != NULL; item = item->next)
        if (read_target(item, &out->list[out->count++], err) < 0)
            return -1;
    return 0;
}

/* Every number up to the largest occurs. */
static int check_stages(const struct resolved *resolved, struct err *err)
{
    AUTO(auto_free) bool *seen = mem_new(resolved->count, sizeof *seen);
    int64_t largest = -1;

    for (size_t i = 0; i < resolved->count; i++) {
        int64_t stage = resolved->list[i].stage;

        if (stage < 0 || stage >= (int64_t)resolved->count)
            return bad("stage", err);
        seen[stage] = true;
        largest = stage > largest ? stage : largest;
    }
    for (int64_t stage = 0; stage <= largest; stage++)
        if (!seen[stage])
            return bad("stage", err);
    return 0;
}

/* "3,7": targets of earlier stages. */
static int check_deps(const struct resolved *resolved,
                      const struct resolved_target *target, struct err *err)
{
    const char *at = target->deps;

    while (*at != '\0') {
        size_t len = strcspn(at, ",");
        AUTO(auto_free) char *number = mem_dup_n(at, len);
        int64_t index;

        if (parse_int64(number, 0, (int64_t)resolved->count - 1, &index) < 0 ||
            resolved->list[index].stage >= target->stage)
            return bad("deps", err);
        at += len;
        if (*at == ',' && *++at == '\0')
            return bad("deps", err);
    }
    return 0;
}

static int read_resolved(const cJSON *doc, struct resolved *out, struct err *err)
{
    if (read_targets(json_get(doc, "targets"), out, err) < 0 ||
        check_stages(out, err) < 0)
        return -1;
    for (size_t i = 0; i < out->count; i++)
        if (check_deps(out, &out->list[i], err) < 0)
            return -1;
    out->abort_on_failure = json_bool(doc, "abortOnFailure", false);
    return 0;
}

int resolved_parse(const char *json, size_t len, struct resolved *out, struct err *err)
{
    AUTO(resolved_done) struct resolved resolved = {0};
    AUTO(auto_json) cJSON *doc = json_parse(json, len, JSON_DEPTH_MAX, false, err);

    if (doc == NULL) {
        err->kind = ERR_PERM;
        return err_wrap(err, "resolved projects");
    }
    if (read_resolved(doc, &resolved, err) < 0)
        return -1;
    *out = resolved;
    resolved = (struct resolved){0};
    return 0;
}
