/* The run specification: its canonical JSON, written and read from one table. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/canonical.h"
#include "common/base/mem.h"
#include "common/base/sign.h"
#include "common/queue/run.h"

#define SPEC_BYTES_MAX (4 * 1024 * 1024)

static const char *const type_names[VCS_TYPES] = {
    [VCS_GITHUB] = "Github",
    [VCS_GITLAB] = "Gitlab",
    [VCS_GIT] = "Git",
};

enum form {
    FORM_KIND,
    FORM_TYPE,
    FORM_TEXT,
    FORM_PATHS,  /* the var files, an array of strings */
    FORM_GLOBS,  /* what is protected, the same */
    FORM_OBJECT, /* JSON text of an object */
    FORM_FLAG,
    FORM_NUMBER,
    FORM_LIMIT, /* a number, or RUN_DESTROY_ANY */
};

/* The members in the order in which they are printed. Fingerprints depend on it, and on
 * leaving out what is not set: a field that is added later changes no stored one. */
static const struct field {
    const char *key;
    enum form form;
    bool required;
    size_t offset; /* of a char *, bool or int64_t in struct run_spec */
} fields[] = {
    {"kind", FORM_KIND, true, 0},
    {"type", FORM_TYPE, true, 0},
    {"repository", FORM_TEXT, true, offsetof(struct run_spec, repository)},
    {"ref", FORM_TEXT, true, offsetof(struct run_spec, ref)},
    {"commit", FORM_TEXT, false, offsetof(struct run_spec, commit)},
    {"directory", FORM_TEXT, true, offsetof(struct run_spec, directory)},
    {"workspace", FORM_TEXT, true, offsetof(struct run_spec, workspace)},
    {"terraformVersion", FORM_TEXT, false, offsetof(struct run_spec, terraform_version)},
    {"varFiles", FORM_PATHS, false, 0},
    {"variables", FORM_OBJECT, false, offsetof(struct run_spec, variables)},
    {"backendConfig", FORM_OBJECT, false, offsetof(struct run_spec, backend_config)},
    {"projectId", FORM_TEXT, false, offsetof(struct run_spec, project_id)},
    {"workspaceId", FORM_TEXT, false, offsetof(struct run_spec, workspace_id)},
    {"confirm", FORM_FLAG, false, offsetof(struct run_spec, confirm)},
    {"createWorkspace", FORM_FLAG, false, offsetof(struct run_spec, create_workspace)},
    {"pullRequest", FORM_NUMBER, false, offsetof(struct run_spec, pull_request)},
    {"projectName", FORM_TEXT, false, offsetof(struct run_spec, project_name)},
    {"planRequirements", FORM_TEXT, false, offsetof(struct run_spec, plan_requirements)},
    {"applyRequirements", FORM_TEXT, false,
     offsetof(struct run_spec, apply_requirements)},
    {"lockMode", FORM_TEXT, false, offsetof(struct run_spec, lock_mode)},
    {"batch", FORM_OBJECT, false, offsetof(struct run_spec, batch)},
    {"maxDestroy", FORM_LIMIT, false, offsetof(struct run_spec, max_destroy)},
    {"protected", FORM_GLOBS, false, 0},
    {"expectedDrift", FORM_TEXT, false, offsetof(struct run_spec, expected_drift)},
    {"expectedCommit", FORM_TEXT, false, offsetof(struct run_spec, expected_commit)},
};

const char *vcs_type_name(enum vcs_type type)
{
    assert(type < VCS_TYPES);
    return type_names[type];
}

int vcs_type_parse(const char *text, enum vcs_type *out)
{
    for (unsigned i = 0; i < VCS_TYPES; i++) {
        if (strcasecmp(text, type_names[i]) == 0) {
            *out = (enum vcs_type)i;
            return 0;
        }
    }
    return -1;
}

static char **text_slot(struct run_spec *spec, const struct field *field)
{
    return (void *)((char *)spec + field->offset);
}

static const char *text_of(const struct run_spec *spec, const struct field *field)
{
    char *const *slot = (const void *)((const char *)spec + field->offset);

    return *slot;
}

static bool *flag_slot(struct run_spec *spec, const struct field *field)
{
    return (void *)((char *)spec + field->offset);
}

static bool flag_of(const struct run_spec *spec, const struct field *field)
{
    const bool *slot = (const void *)((const char *)spec + field->offset);

    return *slot;
}

static int64_t *number_slot(struct run_spec *spec, const struct field *field)
{
    return (void *)((char *)spec + field->offset);
}

static int64_t number_of(const struct run_spec *spec, const struct field *field)
{
    const int64_t *slot = (const void *)((const char *)spec + field->offset);

    return *slot;
}

static bool is_text(const struct field *field)
{
    return field->form == FORM_TEXT || field->form == FORM_OBJECT;
}

static void free_texts(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

void run_spec_done(struct run_spec *spec)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (is_text(&fields[i]))
            free(*text_slot(spec, &fields[i]));
    }
    free_texts(spec->var_files, spec->var_file_count);
    free_texts(spec->protected, spec->protected_count);
    *spec = (struct run_spec){0};
}

/* ---- writing ---- */

static void print_text(struct json_writer *w, const struct field *field, const char *text)
{
    assert(text != NULL || !field->required);
    if (text != NULL)
        json_add_text(w, field->key, text);
}

static void print_texts(struct json_writer *w, const char *key, char *const *list,
                        size_t count)
{
    if (count == 0)
        return;
    json_key(w, key);
    json_array(w);
    for (size_t i = 0; i < count; i++)
        json_text(w, list[i]);
    json_array_end(w);
}

static void print_object(struct json_writer *w, const char *key, const char *text)
{
    AUTO(buf_done) struct buf object = BUF_INIT(SPEC_BYTES_MAX);

    canonical_print_object(text, &object);
    assert(!object.over);
    if (object.len > 0)
        json_add_raw(w, key, object.data, object.len);
}

static void print_field(struct json_writer *w, const struct field *field,
                        const struct run_spec *spec)
{
    switch (field->form) {
    case FORM_KIND:
        json_add_text(w, field->key, run_kind_name(spec->kind));
        break;
    case FORM_TYPE:
        json_add_text(w, field->key, vcs_type_name(spec->type));
        break;
    case FORM_TEXT:
        print_text(w, field, text_of(spec, field));
        break;
    case FORM_PATHS:
        print_texts(w, field->key, spec->var_files, spec->var_file_count);
        break;
    case FORM_GLOBS:
        print_texts(w, field->key, spec->protected, spec->protected_count);
        break;
    case FORM_OBJECT:
        print_object(w, field->key, text_of(spec, field));
        break;
    case FORM_FLAG:
        if (flag_of(spec, field))
            json_add_boolean(w, field->key, true);
        break;
    case FORM_NUMBER:
    case FORM_LIMIT:
        if (number_of(spec, field) != 0)
            json_add_number(w, field->key, number_of(spec, field));
        break;
    }
}

void run_spec_print(const struct run_spec *spec, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        print_field(&w, &fields[i], spec);
    json_object_end(&w);
}

void run_spec_fingerprint(const struct run_spec *spec, char id[33])
{
    AUTO(buf_done) struct buf text = BUF_INIT(SPEC_BYTES_MAX);
    const char *parts[1];

    run_spec_print(spec, &text);
    assert(!text.over);
    parts[0] = buf_text(&text);
    sign_id(parts, ARRAY_LEN(parts), id);
}

/* ---- reading ---- */

static int read_texts(char ***list, size_t *count, const cJSON *array)
{
    if (!cJSON_IsArray(array))
        return -1;
    *list = mem_new((size_t)cJSON_GetArraySize(array), sizeof(char *));
    for (const cJSON *item = array->child; item != NULL; item = item->next) {
        if (!cJSON_IsString(item))
            return -1;
        (*list)[(*count)++] = mem_dup(item->valuestring);
    }
    return 0;
}

static int read_object(char **out, const cJSON *node)
{
    struct buf text = BUF_INIT(SPEC_BYTES_MAX);

    if (!cJSON_IsObject(node))
        return -1;
    canonical_print(node, &text);
    *out = buf_take(&text);
    return 0;
}

static int read_text(char **out, const cJSON *node)
{
    if (!cJSON_IsString(node))
        return -1;
    *out = mem_dup(node->valuestring);
    return 0;
}

static int read_number(int64_t *out, const cJSON *node, double least)
{
    double number = cJSON_IsNumber(node) ? node->valuedouble : least - 1;

    if (!(number >= least && number <= INT32_MAX) || number > floor(number))
        return -1;
    *out = (int64_t)number;
    return 0;
}

static int read_field(struct run_spec *spec, const struct field *field, const cJSON *node)
{
    switch (field->form) {
    case FORM_KIND:
        return cJSON_IsString(node) ? run_kind_parse(node->valuestring, &spec->kind) : -1;
    case FORM_TYPE:
        return cJSON_IsString(node) ? vcs_type_parse(node->valuestring, &spec->type) : -1;
    case FORM_TEXT:
        return read_text(text_slot(spec, field), node);
    case FORM_PATHS:
        return read_texts(&spec->var_files, &spec->var_file_count, node);
    case FORM_GLOBS:
        return read_texts(&spec->protected, &spec->protected_count, node);
    case FORM_OBJECT:
        return read_object(text_slot(spec, field), node);
    case FORM_FLAG:
        *flag_slot(spec, field) = cJSON_IsTrue(node);
        return cJSON_IsBool(node) ? 0 : -1;
    case FORM_NUMBER:
        return read_number(number_slot(spec, field), node, 0);
    case FORM_LIMIT:
        return read_number(number_slot(spec, field), node, RUN_DESTROY_ANY);
    }
    return -1;
}

static int read_fields(struct run_spec *spec, const cJSON *doc, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct field *field = &fields[i];
        const cJSON *node = json_get(doc, field->key);

        if (node == NULL && field->required)
            return err_set(err, ERR_PERM, "run spec has no %s", field->key);
        if (node != NULL && read_field(spec, field, node) < 0)
            return err_set(err, ERR_PERM, "run spec: bad value of %s", field->key);
    }
    return 0;
}

int run_spec_parse(const char *json, size_t len, struct run_spec *out, struct err *err)
{
    AUTO(run_spec_done) struct run_spec spec = {0};
    AUTO(auto_json) cJSON *doc = NULL;

    doc = json_parse(json, len, JSON_DEPTH_MAX, false, err);
    if (doc == NULL) {
        err->kind = ERR_PERM;
        return err_wrap(err, "run spec");
    }
    if (!cJSON_IsObject(doc))
        return err_set(err, ERR_PERM, "run spec is not an object");
    if (read_fields(&spec, doc, err) < 0)
        return -1;
    *out = spec;
    spec = (struct run_spec){0};
    return 0;
}
