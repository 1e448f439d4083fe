/* Checks of fields that several bodies have. */
#include "api/server/field_check.h"

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "common/queue/target.h"

void field_check_type(const cJSON *value, const char *at, struct problems *problems)
{
    enum vcs_type type;

    if (vcs_type_parse(value->valuestring, &type) < 0)
        problems_add(problems, at, "%s must be Github, Gitlab or Git", at);
}

void field_check_ref(const cJSON *value, const char *at, struct problems *problems)
{
    struct err err;

    if (ref_check(value->valuestring, &err) < 0)
        problems_add(problems, at, "%s", err.message);
}

void field_check_directory(const cJSON *value, const char *at, struct problems *problems)
{
    AUTO(auto_free) char *normal = NULL;
    struct err err;

    if (path_normalize_dir(value->valuestring, &normal, &err) < 0)
        problems_add(problems, at, "%s: %s", at, err.message);
}

void field_check_run_id(const cJSON *value, const char *at, struct problems *problems)
{
    if (!parse_is_uuid(value->valuestring))
        problems_add(problems, at, "%s must be the id of a run", at);
}

void field_check_workspace(const cJSON *value, const char *at, struct problems *problems)
{
    if (!parse_is_tf_workspace(value->valuestring))
        problems_add(problems, at,
                     "%s must be 1 to 90 of A-Z a-z 0-9 . _ - and not begin with -", at);
}
