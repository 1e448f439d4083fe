/* GET /api/drift/status: how the projects of a repository stood when they were last
 * looked at. */
#include <stdlib.h>
#include <string.h>

#include "api/atlantis/drift_json.h"
#include "api/atlantis/repository.h"
#include "api/handlers.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/queue/queue_batch.h"

#define RECORD_MAX_AGE_MS (INT64_C(90) * 24 * 60 * 60 * 1000)

/* What is known of one target at one ref. */
struct entry {
    char target[SIGN_ID_BYTES];
    cJSON *good;    /* the last record that is no failure; NULL: none */
    cJSON *failure; /* the check that failed since; NULL: none */
};

struct drift_status {
    struct repository repository;
    const char *project, *workspace; /* NULL: all */
    struct entry *entries;           /* owned */
    size_t count, cap;
    int64_t with_drift, without_drift, with_errors;
};

static void clear(struct drift_status *status)
{
    for (size_t i = 0; i < status->count; i++) {
        cJSON_Delete(status->entries[i].good);
        cJSON_Delete(status->entries[i].failure);
    }
    status->count = 0;
}

static void status_done(void *state)
{
    struct drift_status *status = state;

    clear(status);
    free(status->entries);
}

/* ---- order ---- */
static const cJSON *any(const struct entry *entry)
{
    return entry->good != NULL ? entry->good : entry->failure;
}

static const char *text(const cJSON *record, const char *key, const char *fallback)
{
    const char *value = json_string(record, key);

    return value != NULL ? value : fallback;
}

/* The target parts records of one place with different backends. */
static int by_place(const void *a_entry, const void *b_entry)
{
    const struct entry *a = a_entry, *b = b_entry;
    static const char *const keys[] = {"directory", "workspace", "ref"};

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        int order = strcmp(text(any(a), keys[i], ""), text(any(b), keys[i], ""));

        if (order != 0)
            return order;
    }
    return strcmp(a->target, b->target);
}

/* A failure and the good record before it, which are two fields, become one entry. */
static void join_failures(struct drift_status *status)
{
    size_t kept = 0;

    for (size_t i = 0; i < status->count; i++) {
        struct entry *entry = &status->entries[i];
        struct entry *last = kept > 0 ? &status->entries[kept - 1] : NULL;

        if (last == NULL || by_place(last, entry) != 0) {
            status->entries[kept++] = *entry;
        } else if (last->good == NULL && entry->good != NULL) {
            last->good = entry->good;
        } else if (last->failure == NULL && entry->failure != NULL) {
            last->failure = entry->failure;
        } else {
            cJSON_Delete(entry->good);
            cJSON_Delete(entry->failure);
        }
    }
    status->count = kept;
}

/* ---- records ---- */
static bool is_wanted(const struct drift_status *status, const cJSON *record)
{
    int64_t checked_ms = json_int(record, "checkedAt", 0);

    if (checked_ms > 0 && checked_ms < clock_wall_ms() - RECORD_MAX_AGE_MS)
        return false;
    return status->workspace == NULL ||
           strcmp(status->workspace, text(record, "workspace", "default")) == 0;
}

static void add_record(struct drift_status *status, const char *field, cJSON *record)
{
    bool is_failure = strcmp(text(record, "status", ""), run_status_name(RUN_ERROR)) == 0;
    size_t target_len = strcspn(field, "|");
    struct entry *entry;

    if (status->count == status->cap) {
        status->cap = status->cap > 0 ? 2 * status->cap : 16;
        status->entries = mem_grow(status->entries, status->cap, sizeof *status->entries);
    }
    entry = &status->entries[status->count++];
    *entry = (struct entry){.good = is_failure ? NULL : record,
                            .failure = is_failure ? record : NULL};
    if (target_len < sizeof entry->target)
        memcpy(entry->target, field, target_len);
}

static void read_records(struct drift_status *status, const struct redisReply *reply)
{
    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        const char *field = redis_reply_text(redis_reply_at(reply, i));
        const struct redisReply *value = redis_reply_at(reply, i + 1);
        AUTO(auto_json) cJSON *record = NULL;
        struct err err;

        if (field == NULL || redis_reply_text(value) == NULL)
            continue;
        record = json_parse(redis_reply_text(value), redis_reply_len(value),
                            JSON_DEPTH_MAX, false, &err);
        if (cJSON_IsObject(record) && is_wanted(status, record))
            add_record(status, field, TAKE(record));
    }
}

/* ---- the answer ---- */
static void write_entry(struct json_writer *w, struct drift_status *status,
                        const struct entry *entry)
{
    const cJSON *record = any(entry);
    bool has_drift =
        entry->good != NULL && (drift_json_total(entry->good) > 0 ||
                                strcmp(text(entry->good, "status", ""),
                                       run_status_name(RUN_DRIFT_DETECTED)) == 0);

    json_object(w);
    json_add_text(w, "project_name", text(record, "projectName", ""));
    json_add_text(w, "directory", text(record, "directory", "."));
    json_add_text(w, "workspace", text(record, "workspace", "default"));
    json_add_text(w, "ref", text(record, "ref", ""));
    json_add_boolean(w, "has_drift", has_drift);
    if (has_drift)
        drift_json_add(w, "drift", entry->good);
    json_add_time(w, "last_checked", json_int(record, "checkedAt", 0));
    if (entry->failure != NULL)
        json_add_text(w, "error", text(entry->failure, "error", "the check failed"));
    json_object_end(w);
    if (entry->failure != NULL)
        status->with_errors++;
    else if (has_drift)
        status->with_drift++;
    else
        status->without_drift++;
}

static bool is_project(const struct drift_status *status, const struct entry *entry)
{
    return status->project == NULL ||
           strcmp(status->project, text(any(entry), "projectName", "")) == 0;
}

static void answer(struct request *req)
{
    struct drift_status *status = req->state;
    struct buf data = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &data);
    json_object(&w);
    json_add_text(&w, "repository", status->repository.name);
    json_key(&w, "projects");
    json_array(&w);
    for (size_t i = 0; i < status->count; i++)
        if (is_project(status, &status->entries[i]))
            write_entry(&w, status, &status->entries[i]);
    json_array_end(&w);
    json_add_time(&w, "checked_at", clock_wall_ms());
    drift_json_add_summary(&w, status->with_drift, status->without_drift,
                           status->with_errors);
    json_object_end(&w);
    reply_data(req, MHD_HTTP_OK, &data);
}

static void got_records(struct request *req, const struct redisReply *reply)
{
    struct drift_status *status = req->state;

    if (ask_index(req) == 0)
        clear(status);
    read_records(status, reply);
    if (ask_index(req) + 1 < status->repository.count)
        return;
    if (status->count > 0)
        qsort(status->entries, status->count, sizeof *status->entries, by_place);
    join_failures(status);
    answer(req);
}

/* A parameter without a value filters nothing. */
static const char *filter(const struct request *req, const char *name)
{
    const char *value = request_query(req, name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

void handle_drift_status(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct drift_status *status = request_state(req, sizeof *status, status_done);

    repository_read(req, &status->repository, &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    if (!repository_has_drift(req))
        return;
    status->project = filter(req, "project");
    status->workspace = filter(req, "workspace");
    for (size_t i = 0; i < status->repository.count; i++) {
        struct redis_cmd cmd;

        queue_get_drift(&cmd, request_prefix(req), status->repository.ids[i]);
        ask(req, &cmd, got_records);
    }
    ask_go(req);
}
