/* The fields of a workspace: what types and limits cannot say. */
#include <string.h>

#include "api/handlers.h"
#include "api/server/field_check.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"

/* What names a directory of installed versions: digits, dots, and a suffix as in
 * 1.6.0-beta1. */
static void check_version(const cJSON *value, const char *at, struct problems *problems)
{
    const char *text = value->valuestring;
    bool begins_well = text[0] >= '0' && text[0] <= '9';

    if (!begins_well || !parse_is_id(text) || strstr(text, "..") != NULL)
        problems_add(problems, at, "%s must be a version such as 1.11.4", at);
}

/* Relative, inside the checkout as far as the text tells; the worker follows links. */
static void check_var_files(const cJSON *value, const char *at, struct problems *problems)
{
    int i = 0;

    for (const cJSON *file = value->child; file != NULL; file = file->next, i++) {
        AUTO(auto_free) char *normal = NULL;
        struct err err;

        if (file->valuestring[0] == '\0' || file->valuestring[0] == '-')
            problems_add(problems, at, "%s[%d] must be the name of a file", at, i);
        else if (path_normalize_dir(file->valuestring, &normal, &err) < 0)
            problems_add(problems, at, "%s[%d]: %s", at, i, err.message);
    }
}

/* A name that Terraform takes: it becomes an argument "name=value". */
static bool is_identifier(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789-";

    return name[0] != '\0' && strchr("0123456789-", name[0]) == NULL &&
           strspn(name, letters) == strlen(name);
}

static void check_names(const cJSON *value, const char *at, struct problems *problems)
{
    for (const cJSON *item = value->child; item != NULL; item = item->next)
        if (!is_identifier(item->string))
            problems_add(problems, at, "%s: \"%s\" is not a name Terraform takes", at,
                         item->string);
}

static void check_protected(const cJSON *value, const char *at, struct problems *problems)
{
    for (const cJSON *glob = value->child; glob != NULL; glob = glob->next)
        if (glob->valuestring[0] == '\0') {
            problems_add(problems, at, "%s must not hold an empty pattern", at);
            return;
        }
}

static const struct field rule_fields[] = {
    {"address", .type = FIELD_TEXT, .required = true, .min = 1, .max = 1024},
    {"attribute", .type = FIELD_TEXT, .min = 1, .max = 1024},
    {"reason", .type = FIELD_TEXT, .min = 0, .max = 500},
    {"expiresAt", .type = FIELD_TIME},
};

static void check_rules(const cJSON *value, const char *at, struct problems *problems)
{
    int i = 0;

    for (const cJSON *rule = value->child; rule != NULL; rule = rule->next, i++) {
        AUTO(auto_free) char *inside = mem_fmt("%s[%d].", at, i);

        body_check(rule, rule_fields, ARRAY_LEN(rule_fields), inside, problems);
    }
}

const struct field workspace_fields[WORKSPACE_FIELDS] = {
    {"directory", .type = FIELD_TEXT, .required = true, .min = 1, .max = 1024,
     .check = field_check_directory},
    {"workspace", .type = FIELD_TEXT, .min = 1, .max = 90,
     .check = field_check_workspace},
    {"terraformVersion", .type = FIELD_TEXT, .min = 1, .max = 64, .check = check_version},
    {"varFiles", .type = FIELD_TEXTS, .max = 50, .check = check_var_files},
    {"variables", .type = FIELD_TEXT_MAP, .max = 200, .check = check_names},
    {"backendConfig", .type = FIELD_TEXT_MAP, .max = 50, .check = check_names},
    {"ref", .type = FIELD_TEXT, .min = 1, .max = 255, .check = field_check_ref},
    {"autoReconcile", .type = FIELD_BOOLEAN},
    {"confirm", .type = FIELD_BOOLEAN},
    {"createWorkspace", .type = FIELD_BOOLEAN},
    {"maxDestroy", .type = FIELD_INTEGER, .min = 0, .max = 100000},
    {"protected", .type = FIELD_TEXTS, .max = 100, .check = check_protected},
    {"ignore", .type = FIELD_LIST, .max = 200, .check = check_rules},
};
