/* The fields of a schedule's bodies, and what they make of a schedule. */
#include "api/schedule/schedule_fields.h"

#include <string.h>

#include "api/handlers.h"
#include "common/base/mem.h"

const struct schedule schedule_defaults = {
    .cron = "",
    .timezone = "UTC",
    .label = "",
    .missed = SCHEDULE_MISSED_ONE,
};

/* ---- checks ---- */
static void check_type(const cJSON *value, const char *at, struct problems *problems)
{
    enum schedule_type type;

    if (schedule_type_parse(value->valuestring, &type) < 0)
        problems_add(problems, at,
                     "%s must be drift, drift_check, drift_detection or reconcile", at);
}

static void check_cron(const cJSON *value, const char *at, struct problems *problems)
{
    struct cron cron;
    struct err err;

    if (cron_parse(value->valuestring, &cron, &err) < 0)
        problems_add(problems, at, "%s: %s", at, err.message);
}

static void free_zone(struct zone **zone)
{
    zone_free(*zone);
}

/* A zone that cannot be read for now is not the request's fault: whoever needs it says so
 * then. */
static void check_timezone(const cJSON *value, const char *at, struct problems *problems)
{
    AUTO(free_zone) struct zone *zone = NULL;
    struct err err, none;

    if (zone_load(value->valuestring, &zone, &err) == 0 || err.kind != ERR_INPUT)
        return;
    /* Where no name is known it is not this one that is wrong. */
    problems_add(problems, at, "%s: %s", at,
                 zone_check_installed(&none) < 0 ? none.message : err.message);
}

static void check_missed(const cJSON *value, const char *at, struct problems *problems)
{
    enum schedule_missed missed;

    if (schedule_missed_parse(value->valuestring, &missed) < 0)
        problems_add(problems, at, "%s must be one, skip or all", at);
}

/* ---- the tables ---- */
/* What both bodies have, without braces: rows that differ in what is required. */
#define CRON                                                                             \
    "cron", .type = FIELD_TEXT, .min = 1, .max = CRON_TEXT_MAX, .check = check_cron
#define LABEL   "label", .type = FIELD_TEXT, .min = 0, .max = SCHEDULE_LABEL_MAX
#define ENABLED "enabled", .type = FIELD_BOOLEAN
#define TIMEZONE                                                                         \
    "timezone", .type = FIELD_TEXT, .min = 1, .max = ZONE_NAME_MAX,                      \
                .check = check_timezone
#define JITTER                                                                           \
    "jitterSeconds", .type = FIELD_INTEGER, .min = 0, .max = SCHEDULE_JITTER_MAX_S
#define MISSED                                                                           \
    "missedPolicy", .type = FIELD_TEXT, .min = 1, .max = 16, .check = check_missed

const struct field schedule_create_fields[SCHEDULE_CREATE_FIELDS] = {
    {"workspaceId", .type = FIELD_TEXT, .required = true, .min = 1, .max = 64},
    {"projectId", .type = FIELD_TEXT, .required = true, .min = 1, .max = 64},
    {"scheduleType", .type = FIELD_TEXT, .required = true, .min = 1, .max = 32,
     .check = check_type},
    {CRON, .required = true},
    {LABEL},
    {ENABLED},
    {TIMEZONE},
    {JITTER},
    {MISSED},
};

const struct field schedule_update_fields[SCHEDULE_UPDATE_FIELDS] = {
    {CRON}, {LABEL}, {ENABLED}, {TIMEZONE}, {JITTER}, {MISSED},
};

/* ---- a body into a schedule ---- */
static bool take_text(const cJSON *body, const char *key, const char **out)
{
    const char *text = json_string(body, key);

    if (text == NULL || strcmp(text, *out) == 0)
        return false;
    *out = text;
    return true;
}

static bool take_enabled(const cJSON *body, struct schedule *schedule)
{
    bool before = schedule->enabled;

    schedule->enabled = json_bool(body, "enabled", before);
    return schedule->enabled != before;
}

static bool take_label(const cJSON *body, struct schedule *schedule)
{
    if (!cJSON_IsNull(json_get(body, "label")))
        return take_text(body, "label", &schedule->label);
    if (schedule->label[0] == '\0')
        return false;
    schedule->label = "";
    return true;
}

static bool take_jitter(const cJSON *body, struct schedule *schedule)
{
    int64_t before_s = schedule->jitter_s;

    schedule->jitter_s = json_int(body, "jitterSeconds", before_s);
    return schedule->jitter_s != before_s;
}

static bool take_missed(const cJSON *body, struct schedule *schedule)
{
    enum schedule_missed before = schedule->missed;
    const char *name = json_string(body, "missedPolicy");

    if (name != NULL)
        schedule_missed_parse(name, &schedule->missed);
    return schedule->missed != before;
}

enum schedule_edit schedule_edit(const cJSON *body, struct schedule *schedule)
{
    bool retimed = take_text(body, "cron", &schedule->cron);
    bool edited = take_label(body, schedule);

    retimed = take_text(body, "timezone", &schedule->timezone) || retimed;
    retimed = take_enabled(body, schedule) || retimed;
    edited = take_jitter(body, schedule) || edited;
    edited = take_missed(body, schedule) || edited;
    if (retimed)
        return SCHEDULE_RETIMED;
    return edited ? SCHEDULE_EDITED : SCHEDULE_SAME;
}
