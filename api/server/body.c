/* Request bodies: checking an object against a table of fields. */
#include "api/server/body.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/base/parse.h"

#define INTEGER_MAX 9007199254740991.0 /* 2^53 - 1: beyond it a double skips numbers */

/* ---- problems ---- */
void problems_done(struct problems *problems)
{
    free(problems->list);
    *problems = (struct problems){0};
}

void problems_add(struct problems *problems, const char *field, const char *format, ...)
{
    struct problem *problem;
    va_list args;

    if (problems->count == PROBLEMS_MAX)
        return;
    problems->list =
        mem_grow(problems->list, problems->count + 1, sizeof *problems->list);
    problem = &problems->list[problems->count++];
    snprintf(problem->field, sizeof problem->field, "%s", field);
    va_start(args, format);
    vsnprintf(problem->message, sizeof problem->message, format, args);
    va_end(args);
}

void problems_add_missing(struct problems *problems, const char *field)
{
    problems_add(problems, field, "missing required parameter: %s", field);
}

/* ---- types ---- */
static void check_text(const struct field *field, const cJSON *value, const char *at,
                       struct problems *problems)
{
    int64_t len;

    if (!cJSON_IsString(value)) {
        problems_add(problems, at, "%s must be a string", at);
        return;
    }
    len = (int64_t)strlen(value->valuestring);
    if (len < field->min && field->min == 1)
        problems_add(problems, at, "%s must not be empty", at);
    else if (len < field->min || len > field->max)
        problems_add(problems, at, "%s must have %" PRId64 " to %" PRId64 " bytes", at,
                     field->min, field->max);
}

static void check_integer(const struct field *field, const cJSON *value, const char *at,
                          struct problems *problems)
{
    double number;

    if (!cJSON_IsNumber(value)) {
        problems_add(problems, at, "%s must be a number", at);
        return;
    }
    number = value->valuedouble;
    if (!(fabs(number) <= INTEGER_MAX) || floor(number) < number ||
        number < (double)field->min || number > (double)field->max)
        problems_add(problems, at,
                     "%s must be a whole number from %" PRId64 " to %" PRId64, at,
                     field->min, field->max);
}

static void check_time(const cJSON *value, const char *at, struct problems *problems)
{
    int64_t ms;

    if (!cJSON_IsString(value) || parse_rfc3339_ms(value->valuestring, &ms) < 0)
        problems_add(problems, at, "%s must be a time such as 2025-01-21T10:30:00Z", at);
}

static bool holds_only(const cJSON *list, cJSON_bool (*is_type)(const cJSON *))
{
    for (const cJSON *item = list->child; item != NULL; item = item->next)
        if (!is_type(item))
            return false;
    return true;
}

static void check_entries(const struct field *field, const cJSON *list, const char *at,
                          struct problems *problems)
{
    int i = 0;

    for (const cJSON *item = list->child; item != NULL; item = item->next, i++) {
        AUTO(auto_free) char *inside = mem_fmt("%s[%d].", at, i);

        body_check(item, field->inner, field->inner_count, inside, problems);
    }
}

static void check_many(const struct field *field, const cJSON *value, const char *at,
                       struct problems *problems)
{
    bool is_map = field->type == FIELD_TEXT_MAP;
    cJSON_bool (*is_type)(const cJSON *) =
        field->type == FIELD_LIST ? cJSON_IsObject : cJSON_IsString;

    if (!(is_map ? cJSON_IsObject(value) : cJSON_IsArray(value)) ||
        !holds_only(value, is_type))
        problems_add(problems, at, "%s must be %s of %s", at,
                     is_map ? "an object" : "a list",
                     field->type == FIELD_LIST ? "objects" : "strings");
    else if (cJSON_GetArraySize(value) > field->max)
        problems_add(problems, at, "%s must have at most %" PRId64 " entries", at,
                     field->max);
    else if (field->inner != NULL)
        check_entries(field, value, at, problems);
}

static void check_type(const struct field *field, const cJSON *value, const char *at,
                       struct problems *problems)
{
    switch (field->type) {
    case FIELD_TEXT:
        check_text(field, value, at, problems);
        break;
    case FIELD_INTEGER:
        check_integer(field, value, at, problems);
        break;
    case FIELD_BOOLEAN:
        if (!cJSON_IsBool(value))
            problems_add(problems, at, "%s must be true or false", at);
        break;
    case FIELD_TIME:
        check_time(value, at, problems);
        break;
    case FIELD_TEXTS:
    case FIELD_TEXT_MAP:
    case FIELD_LIST:
        check_many(field, value, at, problems);
        break;
    }
}

/* ---- the table ---- */
static bool is_known(const char *name, const struct field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, fields[i].name) == 0)
            return true;
    return false;
}

static void check_field(const cJSON *body, const struct field *field, const char *inside,
                        struct problems *problems)
{
    const cJSON *value = json_get(body, field->name);
    char at[PROBLEM_FIELD_BYTES];
    size_t before = problems->count;

    snprintf(at, sizeof at, "%s%s", inside, field->name);
    if (value == NULL || cJSON_IsNull(value)) {
        if (field->required)
            problems_add_missing(problems, at);
        return;
    }
    check_type(field, value, at, problems);
    if (field->check != NULL && problems->count == before)
        field->check(value, at, problems);
}

void body_check(const cJSON *body, const struct field *fields, size_t count,
                const char *inside, struct problems *problems)
{
    if (!cJSON_IsObject(body)) {
        problems_add(problems, "", "the body must be a JSON object");
        return;
    }
    for (size_t i = 0; i < count; i++)
        check_field(body, &fields[i], inside, problems);
    for (const cJSON *item = body->child; item != NULL; item = item->next) {
        char at[PROBLEM_FIELD_BYTES];

        if (is_known(item->string, fields, count))
            continue;
        snprintf(at, sizeof at, "%s%s", inside, item->string);
        problems_add(problems, at, "unknown parameter: %s", at);
    }
}

/* ---- leniency ---- */
static const struct field *find_folded(const char *name, const struct field *fields,
                                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(name, fields[i].name) == 0)
            return &fields[i];
    return NULL;
}

static bool is_empty_text(const cJSON *value)
{
    return cJSON_IsString(value) && value->valuestring[0] == '\0';
}

static void fold_member(cJSON *value, const struct field *field)
{
    memcpy(value->string, field->name, strlen(field->name));
    if (field->inner == NULL || !cJSON_IsArray(value))
        return;
    for (cJSON *item = value->child; item != NULL; item = item->next)
        body_fold(item, field->inner, field->inner_count);
}

void body_fold(cJSON *body, const struct field *fields, size_t count)
{
    cJSON *next;

    if (!cJSON_IsObject(body))
        return;
    for (cJSON *item = body->child; item != NULL; item = next) {
        const struct field *field = find_folded(item->string, fields, count);

        next = item->next;
        if (field == NULL || is_empty_text(item))
            cJSON_Delete(cJSON_DetachItemViaPointer(body, item));
        else
            fold_member(item, field);
    }
}
