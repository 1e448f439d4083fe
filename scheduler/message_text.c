/* The words of a message: what is said of one event, and of many. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "scheduler/message_parts.h"

/* Longest texts, in bytes. */
#define NAME_BYTES    150
#define MESSAGE_BYTES 1000
#define COMMIT_BYTES  12

#define RED    "\xF0\x9F\x94\xB4"
#define ORANGE "\xF0\x9F\x9F\xA0"
#define BLUE   "\xF0\x9F\x94\xB5"
#define GREEN  "\xF0\x9F\x9F\xA2"
#define CUT    "\xE2\x80\xA6"

static const struct words {
    const char *title; /* of a message about one */
    const char *count; /* in the title of a digest: "3 drifted" */
    int rank;          /* in a digest: lower is worse; of drift the severity counts too */
    const char *mark;  /* NULL: that of the severity */
} words[HOOK_EVENTS] = {
    [EVENT_DRIFT_DETECTED] = {"Drift detected", "drifted", 20, NULL},
    [EVENT_DRIFT_CHANGED] = {"Drift changed", "changed", 20, NULL},
    [EVENT_DRIFT_RESOLVED] = {"Drift resolved", "resolved", 60, GREEN},
    [EVENT_DRIFT_REMINDER] = {"Still drifted", "still drifted", 24, NULL},
    [EVENT_CHECK_FAILED] = {"Check failed", "failed", 21, RED},
    [EVENT_CHECK_RECOVERED] = {"Check recovered", "recovered", 50, GREEN},
    [EVENT_RECONCILE_SUCCEEDED] = {"Reconciled", "reconciled", 61, GREEN},
    [EVENT_RECONCILE_FAILED] = {"Reconcile failed", "not reconciled", 11, RED},
    [EVENT_RUN_ORPHANED] = {"Apply interrupted", "interrupted", 10, RED},
    [EVENT_TEST] = {"Test message", "test", 70, BLUE},
};
static const struct severity {
    const char *name;
    int rank; /* added to that of the event */
    const char *mark;
} severities[] = {{"critical", 0, RED}, {"warning", 10, ORANGE}, {"info", 20, BLUE}};

/* ---- an event ---- */

static enum hook_event type_of(const cJSON *doc)
{
    const char *name = json_string(doc, "type");

    for (int i = 0; name && i < HOOK_EVENTS; i++)
        if (strcmp(name, hook_event_name((enum hook_event)i)) == 0)
            return (enum hook_event)i;
    return EVENT_TEST;
}

static const struct severity *severity_of(const cJSON *object)
{
    const char *name = json_string(object, "severity");

    for (size_t i = 0; name && i < ARRAY_LEN(severities); i++)
        if (strcmp(severities[i].name, name) == 0)
            return &severities[i];
    return NULL;
}

static bool is_drift(enum hook_event type)
{
    return words[type].mark == NULL;
}

static int rank_of(const cJSON *doc)
{
    enum hook_event type = type_of(doc);
    const struct severity *severity = severity_of(json_get(doc, "data"));

    return words[type].rank + (is_drift(type) && severity ? severity->rank : 0);
}

static const char *mark_of(const cJSON *doc)
{
    enum hook_event type = type_of(doc);
    const struct severity *severity = severity_of(json_get(doc, "data"));

    if (!is_drift(type))
        return words[type].mark;
    return severity ? severity->mark : ORANGE;
}

/* ---- texts ---- */

/* Control characters, and those that turn the direction of a text or do not show. */
static bool is_hidden(const unsigned char *at, size_t len)
{
    if (len == 1)
        return at[0] < ' ' || at[0] == 0x7F;
    if (len == 2)
        return at[0] == 0xC2 && at[1] < 0xA0;
    if (len != 3 || at[0] != 0xE2)
        return false;
    return (at[1] == 0x80 &&
            (at[2] <= 0x8F ? at[2] >= 0x8B : at[2] >= 0xA8 && at[2] <= 0xAE)) ||
           (at[1] == 0x81 && at[2] >= 0xA0 && at[2] <= 0xAF);
}

/* One line of at most `max` bytes, cut at a character; the caller frees. NULL is "". */
static char *clean(const char *text, size_t max)
{
    struct buf out = BUF_INIT(max + strlen(CUT));
    size_t left = text ? strlen(text) : 0;

    while (left > 0) {
        size_t len = parse_utf8_char(text, left);

        if (out.len + (len ? len : 1) > max) {
            buf_str(&out, CUT);
            break;
        }
        if (len == 0 || is_hidden((const unsigned char *)text, len))
            buf_char(&out, ' ');
        else
            buf_append(&out, text, len);
        text += len ? len : 1;
        left -= len ? len : 1;
    }
    return buf_take(&out);
}

/* "project/workspace", else "owner/repo directory workspace". */
static char *place(const cJSON *data)
{
    const char *project = json_string(data, "projectId");
    const char *workspace = json_string(data, "workspaceId");
    AUTO(auto_free) char *text = NULL;

    if (project && workspace)
        text = mem_fmt("%s/%s", project, workspace);
    else if (json_string(data, "repository"))
        text =
            mem_fmt("%s %s %s", json_string(data, "repository"),
                    json_string(data, "directory") ? json_string(data, "directory") : ".",
                    json_string(data, "workspace") ? json_string(data, "workspace") : "");
    return clean(text, NAME_BYTES);
}

static char *count_text(const cJSON *data)
{
    int64_t count = json_int(data, "driftedCount", -1);
    const struct severity *severity = severity_of(data);

    if (count < 0)
        return mem_dup("");
    return mem_fmt("%lld resource%s%s%s", (long long)count, count == 1 ? "" : "s",
                   severity ? ", " : "", severity ? severity->name : "");
}

/* ---- one event ---- */

static void add_resource(struct message *message, const cJSON *resource)
{
    const struct severity *severity = severity_of(resource);
    AUTO(auto_free) char *action = clean(json_string(resource, "action"), NAME_BYTES);

    message->lines[message->line_count++] = (struct message_line){
        .mark = severity ? severity->mark : ORANGE,
        .code = clean(json_string(resource, "address"), NAME_BYTES),
        .words = mem_fmt("%s, %s", action, severity ? severity->name : "warning"),
    };
}

static void add_resources(struct message *message, const cJSON *data)
{
    const cJSON *list = json_get(data, "resources");

    message->more = json_int(data, "more", 0);
    if (!cJSON_IsArray(list))
        return;
    for (const cJSON *one = list->child; one; one = one->next)
        if (message->line_count < MESSAGE_RESOURCES_MAX)
            add_resource(message, one);
        else
            message->more++;
}

static void add_fact(struct message *message, const char *label, char *value)
{
    if (value[0] == '\0') {
        free(value);
        return;
    }
    message->facts[message->fact_count++] =
        (struct message_fact){.label = label, .value = value};
}

static char *ref_text(const cJSON *data)
{
    AUTO(auto_free) char *ref = clean(json_string(data, "ref"), NAME_BYTES);
    const char *commit = json_string(data, "commit");

    if (!commit)
        return TAKE(ref);
    return mem_fmt("%s @ %.*s", ref, COMMIT_BYTES, commit);
}

static void add_facts(struct message *message, const cJSON *data)
{
    static const struct {
        const char *label, *key;
    } rows[] = {{"Project", "projectId"},
                {"Workspace", "workspaceId"},
                {"Repository", "repository"},
                {"Directory", "directory"},
                {"Terraform workspace", "workspace"}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        add_fact(message, rows[i].label,
                 clean(json_string(data, rows[i].key), NAME_BYTES));
    add_fact(message, "Ref", ref_text(data));
}

/* What is said before the resources. */
static char *lead_of(const cJSON *data)
{
    const cJSON *error = json_get(data, "error");
    /* A test has no more than a message. */
    const char *said = json_string(data, "summary") ? json_string(data, "summary")
                                                    : json_string(data, "message");
    AUTO(auto_free) char *summary = clean(said, NAME_BYTES);
    AUTO(auto_free) char *counts = count_text(data);

    if (cJSON_IsObject(error)) {
        AUTO(auto_free) char *code = clean(json_string(error, "code"), NAME_BYTES);
        AUTO(auto_free) char *text = clean(json_string(error, "message"), MESSAGE_BYTES);

        return mem_fmt("%s: %s", code, text);
    }
    return mem_fmt("%s%s%s", counts, counts[0] && summary[0] ? ". " : "", summary);
}

static void read_since(struct message *message, const cJSON *data)
{
    const char *since = json_string(data, "since");

    if (since && parse_rfc3339_ms(since, &message->since_ms) < 0)
        message->since_ms = 0;
}

void message_text_one(const cJSON *doc, struct message *out)
{
    const cJSON *data = json_get(doc, "data");
    AUTO(auto_free) char *where = place(data);

    *out = (struct message){
        .title = mem_fmt("%s %s%s%s", mark_of(doc), words[type_of(doc)].title,
                         where[0] ? ": " : "", where),
        .lead = lead_of(data),
        .url = mem_dup(json_string(data, "url")),
    };
    add_resources(out, data);
    add_facts(out, data);
    read_since(out, data);
}

/* ---- a digest ---- */

static int by_rank(const void *left, const void *right)
{
    const cJSON *const *a = left;
    const cJSON *const *b = right;
    int order = rank_of(*a) - rank_of(*b);
    AUTO(auto_free) char *place_a = place(json_get(*a, "data"));
    AUTO(auto_free) char *place_b = place(json_get(*b, "data"));

    return order ? order : strcmp(place_a, place_b);
}

static char *digest_title(const cJSON *const *docs, size_t count)
{
    struct buf title = BUF_INIT(256);
    size_t counts[HOOK_EVENTS] = {0};
    bool first = true;

    for (size_t i = 0; i < count; i++)
        counts[type_of(docs[i])]++;
    buf_fmt(&title, "%s ", count > 0 ? mark_of(docs[0]) : BLUE);
    for (size_t i = 0; i < HOOK_EVENTS; i++) {
        if (counts[i] == 0)
            continue;
        buf_fmt(&title, "%s%zu %s", first ? "" : ", ", counts[i], words[i].count);
        first = false;
    }
    return buf_take(&title);
}

static void add_event(struct message *message, const cJSON *doc)
{
    enum hook_event type = type_of(doc);
    const cJSON *data = json_get(doc, "data");
    AUTO(auto_free) char *counts = is_drift(type) ? count_text(data) : mem_dup("");
    AUTO(auto_free)
    char *code = clean(json_string(json_get(data, "error"), "code"), NAME_BYTES);

    message->lines[message->line_count++] = (struct message_line){
        .mark = mark_of(doc),
        .code = place(data),
        .words = mem_fmt("%s%s%s%s%s", words[type].title, counts[0] ? ": " : "", counts,
                         code[0] ? ": " : "", code),
        .url = mem_dup(json_string(data, "url")),
    };
}

void message_text_digest(const cJSON *const *docs, size_t count, struct message *out)
{
    AUTO(auto_free) const cJSON **sorted = mem_new(count + 1, sizeof(cJSON *));

    for (size_t i = 0; i < count; i++)
        sorted[i] = docs[i];
    if (count > 0)
        qsort(sorted, count, sizeof(cJSON *), by_rank);
    *out = (struct message){.title = digest_title(sorted, count), .lead = mem_dup("")};
    for (size_t i = 0; i < count && i < MESSAGE_DIGEST_LINES; i++)
        add_event(out, sorted[i]);
    out->more = (int64_t)(count - out->line_count);
}

void message_done(struct message *message)
{
    free(message->title);
    free(message->lead);
    free(message->url);
    for (size_t i = 0; i < message->line_count; i++) {
        free(message->lines[i].code);
        free(message->lines[i].words);
        free(message->lines[i].url);
    }
    for (size_t i = 0; i < message->fact_count; i++)
        free(message->facts[i].value);
    *message = (struct message){0};
}
