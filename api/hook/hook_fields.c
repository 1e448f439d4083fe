/* The fields of a hook's bodies, and what they make of a hook. */
#include "api/hook/hook_fields.h"

#include <string.h>

#include "api/handlers.h"
#include "common/base/buf.h"
#include "common/base/mem.h"

#define EVENTS_MAX  64 /* of a body; named twice is named once */
#define NAMES_BYTES ((size_t)PROBLEM_BYTES)

const struct hook hook_defaults = {
    .kind = HOOK_GENERIC,
    .url = "",
    .project_id = "",
    .workspace_id = "",
    .secret = "",
    .old_secret = "",
    .enabled = true,
    .disabled_reason = "",
};

/* ---- checks ---- */
static void check_kind(const cJSON *value, const char *at, struct problems *problems)
{
    enum hook_kind kind;

    if (hook_kind_parse(value->valuestring, &kind) < 0)
        problems_add(problems, at, "%s must be slack, teams or generic", at);
}

/* Whether it may be a private address only the settings know: the handler looks. */
static void check_url(const cJSON *value, const char *at, struct problems *problems)
{
    struct err err;

    if (hook_url_check(value->valuestring, true, &err) < 0)
        problems_add(problems, at, "%s %s", at, err.message);
}

static void list_events(struct buf *out)
{
    for (enum hook_event event = 0; event < EVENT_TEST; event++)
        buf_fmt(out, "%s%s", event > 0 ? ", " : "", hook_event_name(event));
}

static void check_events(const cJSON *value, const char *at, struct problems *problems)
{
    AUTO(buf_done) struct buf known = BUF_INIT(NAMES_BYTES);
    enum hook_event event;
    int i = 0;

    list_events(&known);
    for (const cJSON *item = value->child; item != NULL; item = item->next, i++)
        if (hook_event_parse(item->valuestring, &event) < 0)
            problems_add(problems, at, "%s[%d] must be one of %s", at, i,
                         buf_text(&known));
}

static void check_secret(const cJSON *value, const char *at, struct problems *problems)
{
    struct err err;

    if (value->valuestring[0] != '\0' && hook_secret_check(value->valuestring, &err) < 0)
        problems_add(problems, at, "%s: %s", at, err.message);
}

/* ---- the tables ---- */
/* clang-format off */
#define FIELDS(is_create)                                                                \
    {"kind", .type = FIELD_TEXT, .required = (is_create), .min = 1, .max = 16,           \
     .check = check_kind},                                                               \
    {"url", .type = FIELD_TEXT, .required = (is_create), .min = 1, .max = HOOK_URL_MAX,  \
     .check = check_url},                                                                \
    {"events", .type = FIELD_TEXTS, .max = EVENTS_MAX, .check = check_events},           \
    {"projectId", .type = FIELD_TEXT, .min = 0, .max = 64},                              \
    {"workspaceId", .type = FIELD_TEXT, .min = 0, .max = 64},                            \
    {"secret", .type = FIELD_TEXT, .min = 0, .max = HOOK_SECRET_MAX,                     \
     .check = check_secret},                                                             \
    {"enabled", .type = FIELD_BOOLEAN}
/* clang-format on */

const struct field hook_create_fields[HOOK_FIELDS] = {FIELDS(true)};
const struct field hook_update_fields[HOOK_FIELDS] = {FIELDS(false)};

/* ---- several fields ---- */
void hook_check_whole(const struct hook *hook, struct problems *problems)
{
    if (hook->workspace_id[0] != '\0' && hook->project_id[0] == '\0')
        problems_add(problems, "workspaceId", "workspaceId needs projectId");
    if (hook->secret[0] != '\0' && hook->kind != HOOK_GENERIC)
        problems_add(problems, "secret", "secret is for hooks of kind generic only");
}

void hook_check_create(const cJSON *body, struct problems *problems)
{
    struct hook hook = hook_defaults;
    const char *kind = json_string(body, "kind");

    if (kind != NULL)
        hook_kind_parse(kind, &hook.kind);
    hook_edit(body, &hook);
    hook_check_whole(&hook, problems);
}

/* ---- a body into a hook ---- */
static bool take(const char *text, const char **out)
{
    if (text == NULL || strcmp(text, *out) == 0)
        return false;
    *out = text;
    return true;
}

static bool take_text(const cJSON *body, const char *key, const char **out)
{
    return take(json_string(body, key), out);
}

/* Shown as null when there is none, and understood so. */
static bool take_place(const cJSON *body, const char *key, const char **out)
{
    return cJSON_IsNull(json_get(body, key)) ? take("", out) : take_text(body, key, out);
}

static bool take_events(const cJSON *body, struct hook *hook)
{
    const cJSON *list = json_get(body, "events");
    uint32_t events = 0;
    bool is_other;

    if (!cJSON_IsArray(list) && !cJSON_IsNull(list))
        return false;
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        enum hook_event event;

        if (cJSON_IsString(item) && hook_event_parse(item->valuestring, &event) == 0)
            events |= UINT32_C(1) << event;
    }
    is_other = events != hook->events;
    hook->events = events;
    return is_other;
}

static bool take_enabled(const cJSON *body, struct hook *hook)
{
    bool before = hook->enabled;

    hook->enabled = json_bool(body, "enabled", before);
    return hook->enabled != before;
}

bool hook_edit(const cJSON *body, struct hook *hook)
{
    bool edited = take_text(body, "url", &hook->url);

    edited = take_place(body, "projectId", &hook->project_id) || edited;
    edited = take_place(body, "workspaceId", &hook->workspace_id) || edited;
    edited = take_text(body, "secret", &hook->secret) || edited;
    edited = take_events(body, hook) || edited;
    return take_enabled(body, hook) || edited;
}
