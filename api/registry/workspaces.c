/* /api/v1/projects/{id}/workspaces: put, get, list. */
#include <stdlib.h>
#include <string.h>

#include "api/drift/ignore_json.h"
#include "api/handlers.h"
#include "api/registry/document.h"
#include "api/registry/scoped.h"
#include "api/server/page.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/registry/registry.h"

static void no_project(struct request *req)
{
    reply_error(req, REPLY_NOT_FOUND, "there is no project %s", req->match.params[0]);
}

static void show(struct request *req, unsigned status, const char *json)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    document_write(&w, json, req->match.params[1], req->match.params[0]);
    json_object_end(&w);
    reply_json(req, status, &body);
}

/* ---- PUT ---- */
static void add_flag(struct json_writer *w, const cJSON *json, const char *key)
{
    json_add_boolean(w, key, json_bool(json, key, false));
}

static void add_node(struct json_writer *w, const cJSON *json, const char *key,
                     const char *when_missing)
{
    const cJSON *node = json_get(json, key);

    if (node == NULL || cJSON_IsNull(node))
        json_add_raw(w, key, when_missing, strlen(when_missing));
    else
        json_add_node(w, key, node);
}

/* Stored whole: every field with its default, the directory in its normal form. */
static void write_document(const cJSON *json, struct buf *out)
{
    AUTO(auto_free) char *directory = NULL;
    const char *workspace = json_string(json, "workspace");
    struct json_writer w;
    struct err err;

    path_normalize_dir(json_string(json, "directory"), &directory, &err);
    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "directory", directory);
    json_add_text(&w, "workspace", workspace != NULL ? workspace : "default");
    json_add_text(&w, "terraformVersion", json_string(json, "terraformVersion"));
    add_node(&w, json, "varFiles", "[]");
    add_node(&w, json, "variables", "{}");
    add_node(&w, json, "backendConfig", "{}");
    json_add_text(&w, "ref", json_string(json, "ref"));
    add_flag(&w, json, "autoReconcile");
    add_flag(&w, json, "confirm");
    add_flag(&w, json, "createWorkspace");
    json_add_number(&w, "maxDestroy", json_int(json, "maxDestroy", 0));
    add_node(&w, json, "protected", "[]");
    add_node(&w, json, "ignore", "[]");
    json_object_end(&w);
}

static void free_text(void *state)
{
    free(*(char **)state);
}

static void put_done(struct request *req, const struct redisReply *reply)
{
    char **document = req->state;
    enum registry_outcome outcome;
    struct err err;

    if (registry_reply(reply, &outcome, &err) < 0)
        reply_failure(req, &err);
    else if (outcome == REGISTRY_UNKNOWN)
        no_project(req);
    else
        show(req, outcome == REGISTRY_CREATED ? MHD_HTTP_CREATED : MHD_HTTP_OK,
             *document);
}

void handle_workspace_put(struct request *req)
{
    AUTO(buf_done) struct buf text = BUF_INIT(REGISTRY_JSON_BYTES_MAX);
    struct redis_cmd cmd;
    char **document;

    write_document(req->json, &text);
    if (text.over) {
        reply_error(req, REPLY_TOO_LARGE, "a workspace may have %d bytes in all",
                    REGISTRY_JSON_BYTES_MAX);
        return;
    }
    document = request_state(req, sizeof *document, free_text);
    *document = buf_take(&text);
    registry_put_workspace(&cmd, request_prefix(req), req->match.params[0],
                           req->match.params[1], *document);
    ask_one(req, &cmd, put_done);
}

/* ---- GET one ---- */
struct workspace_get {
    struct scoped scoped; /* first */
    char *json;           /* the document; owned */
};

static void get_done(void *state)
{
    struct workspace_get *get = state;

    scoped_done(&get->scoped);
    free(get->json);
}

static void got_ignored(struct request *req, const struct redisReply *reply)
{
    const struct workspace_get *get = req->state;
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    document_write(&w, get->json, req->match.params[1], req->match.params[0]);
    json_key(&w, "ignoreRules");
    ignore_json_write(&w, &get->scoped.rules, reply, clock_wall_ms());
    json_object_end(&w);
    reply_json(req, MHD_HTTP_OK, &body);
}

static void ask_ignored(struct request *req)
{
    const struct workspace_get *get = req->state;
    struct redis_cmd cmd;

    registry_get_ignored(&cmd, request_prefix(req), get->scoped.scope);
    ask_one(req, &cmd, got_ignored);
}

static void keep_document(struct request *req, const struct registry_pair *pair)
{
    struct workspace_get *get = req->state;

    free(get->json);
    get->json = mem_dup(pair->workspace_json);
}

void handle_workspace_get(struct request *req)
{
    struct workspace_get *get = request_state(req, sizeof *get, get_done);
    struct scoped *scoped = &get->scoped;

    scoped->project_id = req->match.params[0];
    scoped->workspace_id = req->match.params[1];
    registry_scope(scoped->project_id, scoped->workspace_id, scoped->scope);
    scoped->look = keep_document;
    scoped->then = ask_ignored;
    scoped_ask(req);
}

/* ---- GET list ---- */
/* By id: the order they were made in is not kept. */
struct row {
    const char *id, *json;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->id, ((const struct row *)b)->id);
}

static size_t read_rows(const struct redisReply *reply, struct row *rows)
{
    size_t count = 0;

    for (size_t i = 0; i + 1 < redis_reply_count(reply); i += 2) {
        struct row row = {redis_reply_text(redis_reply_at(reply, i)),
                          redis_reply_text(redis_reply_at(reply, i + 1))};

        if (row.id != NULL && row.json != NULL)
            rows[count++] = row;
    }
    qsort(rows, count, sizeof *rows, by_id);
    return count;
}

static void got_list(struct request *req, const struct redisReply *reply)
{
    const struct page *page = req->state;
    AUTO(auto_free)
    struct row *rows = mem_new(redis_reply_count(reply) / 2, sizeof *rows);
    size_t count = read_rows(reply, rows);
    size_t from = (size_t)page->after.at, to = from + (size_t)page->limit;
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    json_array(&w);
    for (size_t i = from; i < count && i < to; i++) {
        document_write(&w, rows[i].json, rows[i].id, req->match.params[0]);
        json_object_end(&w);
    }
    json_array_end(&w);
    if (to < count)
        page_link(req, &(struct page_cursor){.at = (int64_t)to});
    reply_json(req, MHD_HTTP_OK, &body);
}

static void got_project(struct request *req, const struct redisReply *reply)
{
    struct registry_project project;
    struct err err;

    if (registry_get_project_reply(reply, &project, &err) < 0)
        reply_failure(req, &err);
    else if (project.id == NULL)
        no_project(req);
}

void handle_workspace_list(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct redis_cmd cmd;

    page_read(req, PAGE_LIMIT_MAX, request_state(req, sizeof(struct page), NULL),
              &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    registry_get_project(&cmd, request_prefix(req), req->match.params[0]);
    ask(req, &cmd, got_project);
    registry_list_workspaces(&cmd, request_prefix(req), req->match.params[0]);
    ask(req, &cmd, got_list);
    ask_go(req);
}
