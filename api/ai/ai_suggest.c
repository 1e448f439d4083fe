/* POST /api/v1/drift/ai-suggest: what to do about drift, in a model's words. */
#include <string.h>

#include "api/ai/ai.h"
#include "api/ai/ai_prompt.h"
#include "api/handlers.h"
#include "api/registry/scoped.h"
#include "api/run/run_text.h"
#include "api/server/field_check.h"
#include "api/server/request.h"
#include "common/base/mem.h"

/* ---- the body ---- */
static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* Resources as the API returns them: what else they have is passed over. */
static const struct {
    const char *name;
    bool required;
    const char *const *words; /* NULL: any */
    const char *sentence;
} texts[] = {
    {"address", true, NULL, NULL},
    {"type", false, NULL, NULL},
    {"name", false, NULL, NULL},
    {"provider", false, NULL, NULL},
    {"severity", false, (const char *const[]){"critical", "warning", "info", NULL},
     "critical, warning or info"},
    {"action", false,
     (const char *const[]){"update", "create", "delete", "replace", "forget", "import",
                           NULL},
     "update, create, delete, replace, forget or import"},
    {"origin", false, (const char *const[]){"outside", "code", "both", NULL},
     "outside, code or both"},
};

static void check_texts(const cJSON *resource, const char *inside,
                        struct problems *problems)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const cJSON *value = json_get(resource, texts[i].name);
        AUTO(auto_free) char *at = mem_fmt("%s%s", inside, texts[i].name);

        if (value == NULL || cJSON_IsNull(value)) {
            if (texts[i].required)
                problems_add_missing(problems, at);
        } else if (!cJSON_IsString(value)) {
            problems_add(problems, at, "%s must be a string", at);
        } else if (texts[i].required && value->valuestring[0] == '\0') {
            problems_add(problems, at, "%s must not be empty", at);
        } else if (texts[i].words != NULL &&
                   !is_one_of(value->valuestring, texts[i].words)) {
            problems_add(problems, at, "%s must be %s", at, texts[i].sentence);
        }
    }
}

static void check_changes(const cJSON *resource, const char *inside,
                          struct problems *problems)
{
    const cJSON *changes = json_get(resource, "changes");
    AUTO(auto_free) char *at = mem_fmt("%schanges", inside);
    bool holds = cJSON_IsArray(changes);

    if (changes == NULL || cJSON_IsNull(changes))
        return;
    for (const cJSON *one = changes->child; holds && one != NULL; one = one->next)
        holds = cJSON_IsObject(one);
    if (!holds)
        problems_add(problems, at, "%s must be a list of objects", at);
}

static void check_resources(const cJSON *list, const char *at, struct problems *problems)
{
    int i = 0;

    if (list->child == NULL)
        problems_add(problems, at, "%s must not be empty", at);
    for (const cJSON *one = list->child; one != NULL; one = one->next, i++) {
        AUTO(auto_free) char *inside = mem_fmt("%s[%d].", at, i);

        check_texts(one, inside, problems);
        check_changes(one, inside, problems);
    }
}

const struct field suggest_fields[SUGGEST_FIELDS] = {
    {"resources", .type = FIELD_LIST, .max = AI_RESOURCES_MAX, .check = check_resources},
    {"runId", .type = FIELD_TEXT, .min = 1, .max = 64, .check = field_check_run_id},
};

static bool is_given(const cJSON *body, const char *name)
{
    const cJSON *value = json_get(body, name);

    return value != NULL && !cJSON_IsNull(value);
}

void suggest_check(const cJSON *body, struct problems *problems)
{
    bool resources = is_given(body, "resources"), run_id = is_given(body, "runId");

    if (resources && run_id)
        problems_add(problems, "runId", "give resources or runId, not both");
    else if (!resources && !run_id)
        problems_add(problems, "resources",
                     "missing required parameter: resources, or runId");
}

/* ---- the question ---- */
/* False: there is nothing to ask about. */
static bool ask_about(struct request *req, const cJSON *resources, bool without_ignored)
{
    AUTO(buf_done) struct buf body = BUF_INIT(AI_PROMPT_BYTES_MAX);
    struct ai_prompt prompt = {.resources = resources,
                               .without_ignored = without_ignored,
                               .model = ai_model(req->api->ai)};
    struct err err;

    sign_nonce(prompt.marker);
    if (ai_prompt_write(&prompt, &body) == 0)
        return false;
    if (body.over) {
        err_set(&err, ERR_PERM, "a prompt exceeds %zu bytes", AI_PROMPT_BYTES_MAX);
        reply_failure(req, &err);
    } else {
        ai_ask(req, &body);
    }
    return true;
}

/* ---- of a run ---- */
struct suggest {
    struct scoped scoped; /* first */
    struct run_note note;
};

static void suggest_done(void *state)
{
    scoped_done(state);
}

static void got_metadata(struct request *req, const struct redisReply *reply)
{
    const struct suggest *suggest = req->state;
    AUTO(run_text_done) struct run_text text = {0};
    AUTO(auto_json) cJSON *metadata = NULL;
    struct err err;

    if (run_text_read(&text, reply, RESULT_METADATA, &suggest->note,
                      &suggest->scoped.rules, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (text.shown.metadata != NULL)
        metadata = json_parse(text.shown.metadata, text.shown.metadata_len,
                              RULES_METADATA_DEPTH_MAX, false, &err);
    if (!ask_about(req, json_get(metadata, "driftedResources"), true))
        reply_error(req, REPLY_CONFLICT,
                    "run %s has no drifted resource that is not ignored",
                    json_string(req->json, "runId"));
}

static void ask_metadata(struct request *req)
{
    const struct suggest *suggest = req->state;
    struct redis_cmd cmd;

    queue_get_result(&cmd, request_prefix(req), suggest->note.id, RESULT_METADATA);
    ask_one(req, &cmd, got_metadata);
}

static void got_run(struct request *req, const struct redisReply *reply)
{
    const char *run_id = json_string(req->json, "runId");
    struct suggest *suggest = req->state;
    struct scoped *scoped = &suggest->scoped;
    struct run_record run;
    struct err err;

    if (queue_get_run_reply(reply, run_id, &run, &err) < 0) {
        reply_failure(req, &err);
        return;
    }
    if (run.id == NULL || !request_may_see(req, run.project_id)) {
        reply_error(req, REPLY_NOT_FOUND, "there is no run %s", run_id);
        return;
    }
    run_note(&suggest->note, &run);
    scoped->project_id = suggest->note.project_id;
    scoped->workspace_id = suggest->note.workspace_id;
    memcpy(scoped->scope, suggest->note.scope, sizeof scoped->scope);
    scoped->optional = true;
    scoped->then = ask_metadata;
    scoped_ask(req);
}

void handle_ai_suggest(struct request *req)
{
    const char *run_id = json_string(req->json, "runId");
    struct redis_cmd cmd;

    if (!ai_is_set_up(req->api->ai)) {
        reply_error(req, REPLY_DISABLED,
                    "AI suggestions are not set up: set AZURE_OPENAI_ENDPOINT or "
                    "KEDGE_AI_URL");
    } else if (run_id != NULL) {
        request_state(req, sizeof(struct suggest), suggest_done);
        queue_get_run(&cmd, request_prefix(req), run_id);
        ask_one(req, &cmd, got_run);
    } else {
        request_filters(req); /* nothing of any project is read */
        ask_about(req, json_get(req->json, "resources"), false);
    }
}
