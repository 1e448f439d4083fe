/* An event as JSON. */
#include "scheduler/news_event.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

/* Longest texts, in bytes; a control byte takes six in JSON. Together, and with what has
 * a bound of its own, they leave most of an event to its resources. */
#define LINE_BYTES    512
#define MESSAGE_BYTES 1000
/* For what stands between the two parts, and a longer name of a repeated event. */
#define SPARE_BYTES 64

/* The longest beginning that has at most `max` bytes and ends with a whole character. */
static size_t whole_len(const char *text, size_t max)
{
    size_t len = strlen(text);

    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
        max--;
    return max;
}

static void add_line(struct json_writer *w, const char *key, const char *text, size_t max)
{
    json_key(w, key);
    if (text && text[0] != '\0')
        json_text_n(w, text, whole_len(text, max));
    else
        json_null(w);
}

/* ---- the parts of data ---- */

static void print_where(struct json_writer *w, const struct outbox_entry *entry)
{
    static const char *const keys[] = {"repository", "directory", "workspace"};
    AUTO(auto_json) cJSON *spec = NULL;
    struct err err;

    spec = json_parse(entry->spec, strlen(entry->spec), JSON_DEPTH_MAX, false, &err);
    add_line(w, "projectId", entry->run.project_id, LINE_BYTES);
    add_line(w, "workspaceId", entry->run.workspace_id, LINE_BYTES);
    add_line(w, keys[0], json_string(spec, keys[0]), LINE_BYTES);
    add_line(w, "ref", entry->run.ref, LINE_BYTES);
    add_line(w, keys[1], json_string(spec, keys[1]), LINE_BYTES);
    add_line(w, keys[2], json_string(spec, keys[2]), LINE_BYTES);
}

static void print_run(struct json_writer *w, const struct run_record *run)
{
    json_add_text(w, "runId", run->id);
    add_line(w, "kind", run_kind_name(run->kind), LINE_BYTES);
    add_line(w, "trigger", run->trigger, LINE_BYTES);
    add_line(w, "scheduleId", run->schedule_id, LINE_BYTES);
    add_line(w, "commit", run->commit, LINE_BYTES);
}

static void print_summary(struct json_writer *w, const struct news_words *words)
{
    const char *stored = words->entry->run.summary;
    AUTO(auto_json) cJSON *summary = NULL;
    const cJSON *now;
    struct err err;

    summary = json_parse(stored, strlen(stored), JSON_DEPTH_MAX, false, &err);
    now = json_get(summary, "driftAfter");
    if (words->type != EVENT_DRIFT_RESOLVED || !cJSON_IsObject(now))
        now = summary;
    add_line(w, "summary", json_string(now, "summary"), LINE_BYTES);
    if (!words->set) {
        json_add_null(w, "driftedCount");
        json_add_null(w, "severity");
        return;
    }
    json_add_number(w, "driftedCount", words->set->counted);
    add_line(w, "severity", drift_set_severity(words->set), LINE_BYTES);
}

static void print_previous(struct json_writer *w, const char *event)
{
    AUTO(auto_json) cJSON *doc = NULL;
    const cJSON *data;
    struct err err;

    if (event[0] == '\0')
        return;
    doc = json_parse(event, strlen(event), JSON_DEPTH_MAX, false, &err);
    data = json_get(doc, "data");
    if (!data)
        return;
    json_key(w, "previous");
    json_object(w);
    json_add_node(w, "driftedCount", json_get(data, "driftedCount"));
    json_add_node(w, "severity", json_get(data, "severity"));
    add_line(w, "runId", json_string(data, "runId"), LINE_BYTES);
    json_object_end(w);
}

/* An orphan has no error yet: it is shown as what it will be. */
static void print_error(struct json_writer *w, const struct outbox_entry *entry)
{
    bool orphaned = entry->status == RUN_ORPHANED;
    const char *code =
        orphaned ? run_error_name(RUN_ERR_INTERRUPTED) : entry->run.error_code;
    const char *message =
        orphaned ? run_error_hint(RUN_ERR_INTERRUPTED) : entry->run.error_message;

    json_key(w, "error");
    if (entry->status != RUN_ERROR && !orphaned) {
        json_null(w);
        return;
    }
    json_object(w);
    add_line(w, "code", code, LINE_BYTES);
    add_line(w, "message", message, MESSAGE_BYTES);
    json_object_end(w);
}

static void print_url(struct json_writer *w, const struct news_words *words)
{
    AUTO(auto_free)
    char *url = words->public_url ? mem_fmt("%s/api/v1/runs/%s", words->public_url,
                                            words->entry->run.id)
                                  : NULL;

    json_add_text(w, "url", url);
}

/* ---- the list ---- */

static void print_resource(const cJSON *resource, struct buf *out)
{
    static const char *const keys[] = {"address", "type", "action", "severity", "origin"};
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        json_add_text(&w, keys[i], json_string(resource, keys[i]));
    json_object_end(&w);
}

/* As many as fit. Returns how many. */
static size_t print_list(const struct drift_set *set, struct buf *list)
{
    AUTO(buf_done) struct buf one = BUF_INIT(list->max);
    size_t count = 0;

    for (; set && count < set->count && count < NEWS_RESOURCES_MAX; count++) {
        buf_reset(&one);
        print_resource(set->list[count], &one);
        if (one.over || list->len + one.len + 1 > list->max)
            break;
        if (count > 0)
            buf_char(list, ',');
        buf_append(list, one.data, one.len);
    }
    return count;
}

/* ---- the whole ---- */

static void print_head(const struct news_words *words, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "type", hook_event_name(words->type));
    json_add_time(&w, "timestamp", words->at_ms);
    json_key(&w, "data");
    json_object(&w);
    print_where(&w, words->entry);
    print_run(&w, &words->entry->run);
    print_summary(&w, words);
    json_key(&w, "resources");
}

/* Begins with a comma, ends the event. */
static void print_tail(const struct news_words *words, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    w.comma = true;
    json_add_time(&w, "since", words->since_ms);
    print_previous(&w, words->before);
    print_error(&w, words->entry);
    print_url(&w, words);
    json_object_end(&w);
    json_object_end(&w);
}

void news_event_print(const struct news_words *words, struct buf *out)
{
    AUTO(buf_done) struct buf tail = BUF_INIT(OUTBOX_EVENT_BYTES);
    AUTO(buf_done) struct buf list = BUF_INIT(0);
    size_t taken, listed;

    print_head(words, out);
    print_tail(words, &tail);
    taken = out->len + tail.len + SPARE_BYTES;
    buf_init(&list, taken < OUTBOX_EVENT_BYTES ? OUTBOX_EVENT_BYTES - taken : 0);
    listed = print_list(words->set, &list);
    buf_fmt(out, "[%s],\"more\":%lld", buf_text(&list),
            words->set ? (long long)(words->set->counted - (int64_t)listed) : 0LL);
    buf_append(out, tail.data, tail.len);
}

void news_event_repeat(const char *json, enum hook_event type, int64_t at_ms,
                       struct buf *out)
{
    char time[CLOCK_RFC3339_BYTES];
    AUTO(auto_json) cJSON *doc = NULL;
    struct err err;

    doc = json_parse(json, strlen(json), JSON_DEPTH_MAX, false, &err);
    if (!cJSON_IsObject(doc))
        return;
    cJSON_ReplaceItemInObjectCaseSensitive(doc, "type",
                                           cJSON_CreateString(hook_event_name(type)));
    cJSON_ReplaceItemInObjectCaseSensitive(
        doc, "timestamp", cJSON_CreateString(clock_rfc3339(at_ms, time)));
    json_print(doc, out);
}
