/* Fuzzes request bodies against every table of fields: whatever passes the checks can be
 * read without asking again, and problems stay within their limits. The first byte picks
 * the table. */
#include <string.h>

#include "api/handlers.h"
#include "common/mem.h"
#include "common/path.h"
#include "tests/fuzz/fuzz.h"

static const struct {
    const struct field *fields;
    size_t count;
} tables[] = {
    {project_fields, PROJECT_FIELDS}, {workspace_fields, WORKSPACE_FIELDS},
    {trigger_fields, TRIGGER_FIELDS}, {ignore_fields, IGNORE_FIELDS},
    {cancel_fields, CANCEL_FIELDS},   {resolve_fields, RESOLVE_FIELDS},
    {pause_fields, PAUSE_FIELDS},
};

static void must_have_type(const struct field *field, const cJSON *value)
{
    switch (field->type) {
    case FIELD_TEXT:
        must(cJSON_IsString(value));
        must((int64_t)strlen(value->valuestring) >= field->min);
        must((int64_t)strlen(value->valuestring) <= field->max);
        break;
    case FIELD_TIME:
        must(cJSON_IsString(value));
        break;
    case FIELD_INTEGER:
        must(cJSON_IsNumber(value));
        must(value->valuedouble >= (double)field->min);
        must(value->valuedouble <= (double)field->max);
        break;
    case FIELD_BOOLEAN:
        must(cJSON_IsBool(value));
        break;
    case FIELD_TEXTS:
    case FIELD_LIST:
        must(cJSON_IsArray(value));
        break;
    case FIELD_TEXT_MAP:
        must(cJSON_IsObject(value));
        break;
    }
}

static void check_good(const cJSON *body, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const cJSON *value = json_get(body, fields[i].name);

        if (value != NULL && !cJSON_IsNull(value))
            must_have_type(&fields[i], value);
        else
            must(!fields[i].required);
    }
}

static void check_problems(const struct problems *problems)
{
    must(problems->count <= PROBLEMS_MAX);
    for (size_t i = 0; i < problems->count; i++) {
        must(strlen(problems->list[i].field) < PROBLEM_FIELD_BYTES);
        must(problems->list[i].message[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(problems_done) struct problems problems = {0};
    AUTO(auto_json) cJSON *body = NULL;
    struct err err;
    size_t table;

    if (size == 0)
        return 0;
    table = data[0] % ARRAY_LEN(tables);
    body = json_parse((const char *)data + 1, size - 1, JSON_DEPTH_MAX, false, &err);
    if (body == NULL)
        return 0;
    body_check(body, tables[table].fields, tables[table].count, "", &problems);
    check_problems(&problems);
    if (problems.count == 0)
        check_good(body, tables[table].fields, tables[table].count);
    return 0;
}
