/* Fuzzes request bodies against every table of fields: whatever passes the checks can be
 * read without asking again, and problems stay within their limits. The first byte, as a
 * digit, picks the table. */
#include <string.h>

#include "api/atlantis/atlantis.h"
#include "api/handlers.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/base/sign.h"
#include "tests/fuzz/fuzz.h"

static const struct {
    const struct field *fields;
    size_t count;
    /* Of those whose keys are folded; NULL: they are exact. */
    void (*check)(const cJSON *body, struct problems *problems);
    enum batch_kind kind;
} tables[] = {
    {project_fields, PROJECT_FIELDS, NULL, BATCH_KINDS},
    {workspace_fields, WORKSPACE_FIELDS, NULL, BATCH_KINDS},
    {trigger_fields, TRIGGER_FIELDS, NULL, BATCH_KINDS},
    {ignore_fields, IGNORE_FIELDS, NULL, BATCH_KINDS},
    {cancel_fields, CANCEL_FIELDS, NULL, BATCH_KINDS},
    {resolve_fields, RESOLVE_FIELDS, NULL, BATCH_KINDS},
    {pause_fields, SWITCH_FIELDS, NULL, BATCH_KINDS},
    {plan_fields, PLAN_FIELDS, atlantis_check_named, BATCH_PLAN},
    {detect_fields, DETECT_FIELDS, atlantis_check, BATCH_DETECT},
    {remediate_fields, REMEDIATE_FIELDS, atlantis_check, BATCH_REMEDIATE},
    {freeze_fields, SWITCH_FIELDS, NULL, BATCH_KINDS},
    {reconcile_fields, RECONCILE_FIELDS, NULL, BATCH_KINDS},
    {suggest_fields, SUGGEST_FIELDS, NULL, BATCH_KINDS},
};

/* What has passed becomes a request that a worker can read. */
static void must_be_a_request(const cJSON *body, enum batch_kind kind)
{
    AUTO(batch_request_done) struct batch_request request = {.kind = kind};
    AUTO(batch_request_done) struct batch_request again = {.kind = kind};
    AUTO(buf_done) struct buf text = BUF_INIT(1 << 20);
    struct err err;

    atlantis_request(body, kind, &request);
    sign_uuid4(request.id);
    batch_request_print(&request, &text);
    must(!text.over);
    must(batch_request_parse(buf_text(&text), text.len, &again, &err) == 0);
    must(again.paths.count == request.paths.count);
    must(again.names.count == request.names.count);
}

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
    bool folds;

    if (size == 0)
        return 0;
    table = (uint8_t)(data[0] - '0') % ARRAY_LEN(tables);
    folds = tables[table].check != NULL;
    body = json_parse((const char *)data + 1, size - 1, JSON_DEPTH_MAX, folds, &err);
    if (body == NULL)
        return 0;
    if (folds)
        body_fold(body, tables[table].fields, tables[table].count);
    body_check(body, tables[table].fields, tables[table].count, "", &problems);
    if (folds && cJSON_IsObject(body))
        tables[table].check(body, &problems);
    check_problems(&problems);
    if (problems.count > 0)
        return 0;
    check_good(body, tables[table].fields, tables[table].count);
    if (folds)
        must_be_a_request(body, tables[table].kind);
    return 0;
}
