/* POST /api/v1/drift/{run}/ignore: a drifted resource shall not count. */
#include <string.h>

#include "api/handlers.h"
#include "api/registry/scoped.h"
#include "api/run/run_text.h"
#include "api/server/request.h"
#include "common/base/clock.h"
#include "common/base/mem.h"

static void check_scope(const cJSON *value, const char *at, struct problems *problems)
{
    if (strcmp(value->valuestring, "run") != 0 &&
        strcmp(value->valuestring, "workspace") != 0)
        problems_add(problems, at, "%s must be run or workspace", at);
}

const struct field ignore_fields[IGNORE_FIELDS] = {
    {"resourceAddress", .type = FIELD_TEXT, .required = true, .min = 1, .max = 1024},
    {"scope", .type = FIELD_TEXT, .min = 1, .max = 16, .check = check_scope},
    {"reason", .type = FIELD_TEXT, .min = 0, .max = 500},
    {"expiresAt", .type = FIELD_TIME},
};

struct ignore {
    struct scoped scoped; /* first */
    struct run_note note;
    /* Fingerprint of the resource's drift; "": nobody could know it again. */
    char drift[SIGN_ID_BYTES];
};

static void ignore_done(void *state)
{
    scoped_done(state);
}

static const char *address(const struct request *req)
{
    return json_string(req->json, "resourceAddress");
}

static void no_run(struct request *req)
{
    reply_error(req, REPLY_NOT_FOUND, "there is no run %s", req->match.params[0]);
}

/* ---- the answer: the metadata as it is now ---- */
static void got_metadata(struct request *req, const struct redisReply *reply)
{
    const struct ignore *ignore = req->state;
    AUTO(run_text_done) struct run_text text = {0};
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;
    struct err err;

    if (run_text_read(&text, reply, RESULT_METADATA, &ignore->note, &ignore->scoped.rules,
                      &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    json_open(&w, &body);
    run_json_metadata(&w, &ignore->note, &text.shown);
    reply_json(req, MHD_HTTP_OK, &body);
}

static void ask_metadata(struct request *req)
{
    const struct ignore *ignore = req->state;
    struct redis_cmd cmd;

    queue_get_result(&cmd, request_prefix(req), ignore->note.id, RESULT_METADATA);
    ask_one(req, &cmd, got_metadata);
}

/* ---- the rule ---- */
static void rule_put(struct request *req, const struct redisReply *reply)
{
    struct ignore *ignore = req->state;
    struct scoped *scoped = &ignore->scoped;
    enum registry_outcome outcome;
    struct err err;

    if (registry_reply(reply, &outcome, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (outcome == REGISTRY_UNKNOWN) {
        no_run(req);
        return;
    }
    if (outcome == REGISTRY_REFUSED) {
        reply_error(req, REPLY_CONFLICT,
                    "this workspace has as many ignore rules as it may have");
        return;
    }
    scoped->project_id = ignore->note.project_id;
    scoped->workspace_id = ignore->note.workspace_id;
    memcpy(scoped->scope, ignore->note.scope, sizeof scoped->scope);
    scoped->optional = true;
    scoped->then = ask_metadata;
    scoped_ask(req);
}

static bool for_workspace(const struct request *req)
{
    const char *scope = json_string(req->json, "scope");

    return scope != NULL && strcmp(scope, "workspace") == 0;
}

/* The address is that of one resource, not a pattern, even where it holds a '*'. */
static void write_rule(struct request *req, struct buf *out)
{
    const struct ignore *ignore = req->state;
    struct json_writer w;

    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "address", address(req));
    json_add_boolean(&w, "exact", true);
    if (!for_workspace(req))
        json_add_text(&w, "runId", ignore->note.id);
    if (!for_workspace(req) && ignore->drift[0] != '\0')
        json_add_text(&w, "drift", ignore->drift);
    if (json_string(req->json, "reason") != NULL)
        json_add_text(&w, "reason", json_string(req->json, "reason"));
    if (json_string(req->json, "expiresAt") != NULL)
        json_add_text(&w, "expiresAt", json_string(req->json, "expiresAt"));
    json_object_end(&w);
}

/* The same call twice is one rule. */
static void put_rule(struct request *req)
{
    const struct ignore *ignore = req->state;
    AUTO(buf_done) struct buf rule = BUF_INIT(REGISTRY_JSON_BYTES_MAX);
    const char *const parts[] = {address(req), for_workspace(req) ? "" : ignore->note.id};
    char rule_id[SIGN_ID_BYTES];
    struct redis_cmd cmd;

    write_rule(req, &rule);
    sign_id(parts, ARRAY_LEN(parts), rule_id);
    registry_put_ignore(&cmd, request_prefix(req),
                        &(struct registry_ignore){.scope = ignore->note.scope,
                                                  .id = rule_id,
                                                  .json = buf_text(&rule),
                                                  .run_id = ignore->note.id,
                                                  .by = req->token_name});
    ask_one(req, &cmd, rule_put);
}

/* ---- the run and its drift ---- */
/* Of that address there may be several, what is left of a replace that failed among them:
 * one that may be ignored, else any; NULL. */
static const cJSON *find_resource(const cJSON *metadata, const char *wanted)
{
    const cJSON *list = json_get(metadata, "driftedResources");
    const cJSON *refused = NULL;

    if (!cJSON_IsArray(list))
        return NULL;
    for (const cJSON *resource = list->child; resource != NULL;
         resource = resource->next) {
        const char *found = json_string(resource, "address");

        if (found == NULL || strcmp(found, wanted) != 0)
            continue;
        if (ignore_is_allowed(resource))
            return resource;
        refused = resource;
    }
    return refused;
}

static void got_drift(struct request *req, const struct redisReply *reply)
{
    struct ignore *ignore = req->state;
    AUTO(auto_json) cJSON *metadata = NULL;
    struct run_result result;
    const cJSON *resource;
    struct err err;

    if (queue_get_result_reply(reply, RESULT_METADATA, &result, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (result.metadata != NULL)
        metadata = json_parse(result.metadata, result.metadata_len,
                              RULES_METADATA_DEPTH_MAX, false, &err);
    resource = find_resource(metadata, address(req));
    if (resource == NULL) {
        reply_error(req, REPLY_NOT_FOUND, "%s did not drift in run %s", address(req),
                    ignore->note.id);
    } else if (!ignore_is_allowed(resource)) {
        reply_error(req, REPLY_CONFLICT,
                    "%s would be deleted or replaced: that cannot be ignored",
                    address(req));
    } else {
        if (ignore_has_drift_id(resource))
            ignore_drift_id(resource, ignore->drift);
        put_rule(req);
    }
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    struct ignore *ignore = req->state;
    struct run_record run;
    struct redis_cmd cmd;
    struct err err;

    if (queue_get_run_reply(reply, req->match.params[0], &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (run.id == NULL || !request_may_see(req, run.project_id)) {
        no_run(req);
        return;
    }
    run_note(&ignore->note, &run);
    queue_get_result(&cmd, request_prefix(req), ignore->note.id, RESULT_METADATA);
    ask_one(req, &cmd, got_drift);
}

void handle_ignore(struct request *req)
{
    struct redis_cmd cmd;

    request_state(req, sizeof(struct ignore), ignore_done);
    queue_get_run(&cmd, request_prefix(req), req->match.params[0]);
    ask_one(req, &cmd, got_run);
}
