/* /api/v1/projects: the repositories whose workspaces are checked. */
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/registry/document.h"
#include "api/server/field_check.h"
#include "api/server/page.h"
#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/queue/target.h"
#include "common/registry/registry.h"

/* ---- fields ---- */
const struct field project_fields[PROJECT_FIELDS] = {
    {"repository", .type = FIELD_TEXT, .required = true, .min = 1, .max = 512},
    {"type", .type = FIELD_TEXT, .required = true, .min = 1, .max = 16,
     .check = field_check_type},
    {"ref", .type = FIELD_TEXT, .required = true, .min = 1, .max = 255,
     .check = field_check_ref},
    {"name", .type = FIELD_TEXT, .min = 0, .max = 200},
};

/* ---- the object as it is shown ---- */
static void write_project(struct json_writer *w, const struct registry_project *project)
{
    document_write(w, project->json, project->id, NULL);
    json_add_time(w, "createdAt", project->created_ms);
    json_add_time(w, "updatedAt", project->updated_ms);
    json_object_end(w);
}

static void show(struct request *req, unsigned status, const struct redisReply *reply)
{
    struct buf body = REPLY_BODY_INIT;
    struct registry_project project;
    struct json_writer w;
    struct err err;

    if (registry_get_project_reply(reply, &project, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (project.id == NULL) {
        reply_error(req, REPLY_NOT_FOUND, "there is no project %s", req->match.params[0]);
        return;
    }
    json_open(&w, &body);
    write_project(&w, &project);
    reply_json(req, status, &body);
}

/* ---- PUT ---- */
/* Where the allowlist would have it: the base URL's host, then the repository. */
static bool is_allowed(struct request *req, enum vcs_type type, const char *repository)
{
    const struct conf *conf = req->api->conf;
    const char *base = vcs_base_url(conf, type);
    AUTO(auto_free) char *host = NULL;

    if (base == NULL) {
        reply_error(req, REPLY_BAD_REQUEST,
                    "type %s is not set up: KEDGE_GIT_URL is not set",
                    vcs_type_name(type));
        return false;
    }
    host = vcs_base_host(base);
    if (repository_allowed(conf->repo_allowlist, host, repository))
        return true;
    reply_error(req, REPLY_FORBIDDEN,
                "repository %s/%s is not allowed by KEDGE_REPO_ALLOWLIST", host,
                repository);
    return false;
}

/* Stored with the type's own spelling. */
static void write_document(const cJSON *json, enum vcs_type type, struct buf *out)
{
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "repository", json_string(json, "repository"));
    json_add_text(&w, "type", vcs_type_name(type));
    json_add_text(&w, "ref", json_string(json, "ref"));
    json_add_text(&w, "name", json_string(json, "name"));
    json_object_end(&w);
}

static void got_project(struct request *req, const struct redisReply *reply)
{
    const enum registry_outcome *outcome = req->state;

    show(req, *outcome == REGISTRY_CREATED ? MHD_HTTP_CREATED : MHD_HTTP_OK, reply);
}

static void put_done(struct request *req, const struct redisReply *reply)
{
    enum registry_outcome *outcome = req->state;
    struct redis_cmd cmd;
    struct err err;

    if (registry_reply(reply, outcome, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    registry_get_project(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_project);
}

void handle_project_put(struct request *req)
{
    const char *repository = json_string(req->json, "repository");
    AUTO(buf_done) struct buf document = BUF_INIT(REGISTRY_JSON_BYTES_MAX);
    struct redis_cmd cmd;
    enum vcs_type type;
    struct err err;

    vcs_type_parse(json_string(req->json, "type"), &type);
    if (repository_check(type, repository, &err) < 0) {
        AUTO(problems_done) struct problems problems = {0};

        problems_add(&problems, "repository", "%s", err.message);
        reply_problems(req, &problems);
        return;
    }
    if (!is_allowed(req, type, repository))
        return;
    write_document(req->json, type, &document);
    request_state(req, sizeof(enum registry_outcome), NULL);
    registry_put_project(&cmd, request_prefix(req), req->match.params[0],
                         buf_text(&document));
    ask_one(req, &cmd, put_done);
}

/* ---- GET one ---- */
static void got_one(struct request *req, const struct redisReply *reply)
{
    show(req, MHD_HTTP_OK, reply);
}

void handle_project_get(struct request *req)
{
    struct redis_cmd cmd;

    registry_get_project(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_one);
}

/* ---- GET list ---- */
static void write_list(struct request *req, const struct redisReply *reply,
                       const struct page *page)
{
    struct buf body = REPLY_BODY_INIT;
    size_t count = redis_reply_count(reply);
    struct json_writer w;

    json_open(&w, &body);
    json_array(&w);
    for (size_t i = 0; i < count; i++) {
        struct registry_project project;
        struct err err;

        if (registry_get_project_reply(redis_reply_at(reply, i), &project, &err) == 0 &&
            project.id != NULL && request_may_see(req, project.id))
            write_project(&w, &project);
    }
    json_array_end(&w);
    if (count == (size_t)page->limit)
        page_link(req, &(struct page_cursor){.at = page->after.at + page->limit});
    reply_json(req, MHD_HTTP_OK, &body);
}

static void got_list(struct request *req, const struct redisReply *reply)
{
    write_list(req, reply, req->state);
}

void handle_project_list(struct request *req)
{
    AUTO(problems_done) struct problems problems = {0};
    struct page *page = request_state(req, sizeof *page, NULL);
    struct redis_cmd cmd;

    request_filters(req);
    page_read(req, PAGE_LIMIT_MAX, page, &problems);
    if (problems.count > 0) {
        reply_problems(req, &problems);
        return;
    }
    registry_list_projects(&cmd, request_prefix(req), page->after.at, page->limit);
    ask_one(req, &cmd, got_list);
}
