/* A hook, and what was sent to it, as they are shown. */
#include "api/hook/hook_json.h"

#include <string.h>

#include "common/base/mem.h"

static const char *unless_empty(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

/* ---- a hook ---- */
static void add_url(struct json_writer *w, const struct hook *hook, bool mask_url)
{
    AUTO(auto_free) char *masked = NULL;

    if (mask_url)
        masked = hook_url_masked(hook->url);
    json_add_text(w, "url", mask_url ? masked : hook->url);
}

static void add_events(struct json_writer *w, uint32_t events)
{
    json_key(w, "events");
    json_array(w);
    for (enum hook_event event = 0; event < EVENT_TEST; event++)
        if ((events >> event & 1) != 0)
            json_text(w, hook_event_name(event));
    json_array_end(w);
}

void hook_json(struct json_writer *w, const struct hook *hook, bool mask_url,
               int64_t now_ms)
{
    bool is_signed = hook->secret[0] != '\0';
    bool is_rotating =
        is_signed && hook->old_secret[0] != '\0' && hook->old_secret_until_ms > now_ms;

    json_object(w);
    json_add_text(w, "id", hook->id);
    json_add_text(w, "kind", hook_kind_name(hook->kind));
    add_url(w, hook, mask_url);
    add_events(w, hook->events);
    json_add_text(w, "projectId", unless_empty(hook->project_id));
    json_add_text(w, "workspaceId", unless_empty(hook->workspace_id));
    json_add_boolean(w, "secretSet", is_signed);
    json_add_time(w, "oldSecretUntil", is_rotating ? hook->old_secret_until_ms : 0);
    json_add_boolean(w, "enabled", hook->enabled);
    json_add_text(w, "disabledReason", unless_empty(hook->disabled_reason));
    json_add_time(w, "createdAt", hook->created_ms);
    json_add_time(w, "updatedAt", hook->updated_ms);
    json_object_end(w);
}

/* ---- a delivery ---- */
static void write_attempt(struct json_writer *w, const cJSON *attempt)
{
    int64_t status = json_int(attempt, "status", 0);
    const char *note = json_string(attempt, "note");

    json_object(w);
    json_add_time(w, "at", json_int(attempt, "at", 0));
    if (status > 0)
        json_add_number(w, "status", status);
    else
        json_add_null(w, "status");
    json_add_number(w, "tookMs", json_int(attempt, "tookMs", 0));
    json_add_text(w, "note", note != NULL ? unless_empty(note) : NULL);
    json_object_end(w);
}

static void add_log(struct json_writer *w, const char *text)
{
    AUTO(auto_json) cJSON *log = NULL;
    struct err err;

    log = json_parse(text, strlen(text), JSON_DEPTH_MAX, false, &err);
    json_key(w, "log");
    json_array(w);
    if (cJSON_IsArray(log))
        for (const cJSON *attempt = log->child; attempt != NULL; attempt = attempt->next)
            write_attempt(w, attempt);
    json_array_end(w);
}

void delivery_json(struct json_writer *w, const struct delivery *delivery,
                   bool with_event)
{
    json_object(w);
    json_add_text(w, "id", delivery->id);
    json_add_text(w, "eventId", delivery->event_id);
    json_add_text(w, "type", delivery->type);
    json_add_text(w, "state", delivery->state);
    json_add_number(w, "attempts", delivery->attempts);
    json_add_time(w, "createdAt", delivery->created_ms);
    json_add_time(w, "nextAttemptAt", delivery->due_ms);
    json_add_time(w, "endedAt", delivery->ended_ms);
    add_log(w, delivery->log);
    if (with_event && delivery->event[0] != '\0')
        json_add_raw(w, "event", delivery->event, strlen(delivery->event));
    else if (with_event)
        json_add_null(w, "event");
    json_object_end(w);
}

/* ---- the event of a test ---- */
void hook_test_json(struct json_writer *w, const char *hook_id, const char *public_url,
                    int64_t now_ms)
{
    json_object(w);
    json_add_text(w, "type", hook_event_name(EVENT_TEST));
    json_add_time(w, "timestamp", now_ms);
    json_key(w, "data");
    json_object(w);
    json_add_text(w, "hookId", hook_id);
    json_add_text(w, "message", "This is a test: the hook works.");
    if (public_url != NULL)
        json_add_text(w, "url", public_url);
    json_object_end(w);
    json_object_end(w);
}
