/* KEDGE_TOKENS_FILE: reading it, and everything that can be wrong with it. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "common/base/sign.h"
#include "common/conf/tokens_internal.h"

#define SETTING       "KEDGE_TOKENS_FILE"
#define PROJECTS_MAX  1000 /* globs of one token */
#define AT_BYTES      32
#define SHOWN         "%.80s" /* of a name that somebody else has written */
#define PROJECT_BYTES 64

struct reading {
    struct tokens *tokens;
    struct buf *problems;
    int count;
    char at[AT_BYTES]; /* "tokens[3]" */
};

static void __attribute__((format(printf, 2, 3)))
add_problem(struct reading *reading, const char *format, ...)
{
    va_list args;

    buf_str(reading->problems, SETTING ": ");
    va_start(args, format);
    buf_vfmt(reading->problems, format, args);
    va_end(args);
    buf_char(reading->problems, '\n');
    reading->count++;
}

/* ---- one token ---- */
/* As a request id: it goes into logs, locks and the audit as it is. */
static void read_name(struct reading *reading, const char *name, struct token *token)
{
    if (name == NULL || !parse_is_request_id(name)) {
        add_problem(reading, "%s.name must be 1 to 64 of A-Z a-z 0-9 . _ -", reading->at);
        return;
    }
    if (strcmp(name, TOKEN_NAME_API) == 0 || strcmp(name, TOKEN_NAME_READ) == 0 ||
        strcmp(name, "github") == 0 || strcmp(name, "gitlab") == 0)
        add_problem(reading, "%s.name: %s is Kedge's own", reading->at, name);
    for (size_t i = 0; i + 1 < reading->tokens->count; i++)
        if (i >= reading->tokens->of_settings &&
            strcmp(reading->tokens->list[i].name, name) == 0)
            add_problem(reading, "%s.name: %s is there twice", reading->at, name);
    memcpy(token->name, name, strlen(name) + 1);
}

static bool is_used(const struct tokens *tokens, const struct token *token)
{
    for (size_t i = 0; i + 1 < tokens->count; i++) {
        const struct token *other = &tokens->list[i];
        unsigned char digest[sizeof other->digest];

        if (other->secret != NULL)
            sign_sha256(other->secret, strlen(other->secret), digest);
        else
            memcpy(digest, other->digest, sizeof digest);
        if (memcmp(digest, token->digest, sizeof digest) == 0)
            return true;
    }
    return false;
}

/* One token with two meanings would quietly be the stronger one. */
static void read_digest(struct reading *reading, const char *hex, struct token *token)
{
    unsigned char empty[sizeof token->digest];

    if (hex == NULL || sign_hex_parse(hex, token->digest, sizeof token->digest) < 0) {
        add_problem(reading, "%s.sha256 must be the token's SHA-256 in 64 hex digits",
                    reading->at);
        return;
    }
    sign_sha256("", 0, empty);
    if (memcmp(empty, token->digest, sizeof empty) == 0)
        add_problem(reading, "%s.sha256 is the digest of nothing", reading->at);
    else if (is_used(reading->tokens, token))
        add_problem(reading, "%s.sha256 is that of another token too", reading->at);
}

static int scope_parse(const char *name, enum token_scope *out)
{
    for (enum token_scope scope = 0; scope < SCOPES; scope++) {
        if (strcmp(token_scope_name(scope), name) != 0)
            continue;
        *out = scope;
        return 0;
    }
    return -1;
}

/* The highest one counts, because it includes the others. */
static void read_scopes(struct reading *reading, const cJSON *list, struct token *token)
{
    const cJSON *item = cJSON_IsArray(list) ? list->child : NULL;
    bool good = item != NULL;

    for (; item != NULL; item = item->next) {
        enum token_scope scope;

        if (!cJSON_IsString(item) || scope_parse(item->valuestring, &scope) < 0)
            good = false;
        else if (scope > token->scope)
            token->scope = scope;
    }
    if (!good)
        add_problem(reading,
                    "%s.scopes must be a list of one or more of read, check, apply, "
                    "admin",
                    reading->at);
}

static bool is_project_glob(const cJSON *item)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789._-*?";
    const char *text = cJSON_IsString(item) ? item->valuestring : "";
    size_t len = strlen(text);

    return len > 0 && len <= PROJECT_BYTES && strspn(text, allowed) == len;
}

/* Nothing named would be a token for nothing: rather a mistake. */
static void read_projects(struct reading *reading, const cJSON *list, struct token *token)
{
    size_t count = cJSON_IsArray(list) ? (size_t)cJSON_GetArraySize(list) : 0;
    bool good = count > 0 && count <= PROJECTS_MAX;

    if (list == NULL)
        return;
    if (good)
        token->projects = mem_new(count, sizeof *token->projects);
    for (const cJSON *item = list->child; good && item != NULL; item = item->next) {
        good = is_project_glob(item);
        if (good)
            token->projects[token->project_count++] = mem_dup(item->valuestring);
    }
    if (!good)
        add_problem(reading,
                    "%s.projects must be a list of 1 to %d ids of projects, where * and "
                    "? stand for other characters; leave it out for all projects",
                    reading->at, PROJECTS_MAX);
}

static void check_keys(struct reading *reading, const cJSON *object,
                       const char *const known[], size_t count)
{
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        bool is_known = false;

        for (size_t i = 0; i < count; i++)
            is_known = is_known || strcmp(item->string, known[i]) == 0;
        if (!is_known)
            add_problem(reading, "%s: there is no \"" SHOWN "\" here", reading->at,
                        item->string);
    }
}

static void read_token(struct reading *reading, const cJSON *object)
{
    static const char *const known[] = {"name", "sha256", "scopes", "projects"};
    struct token *token;

    if (!cJSON_IsObject(object)) {
        add_problem(reading, "%s must be an object", reading->at);
        return;
    }
    check_keys(reading, object, known, ARRAY_LEN(known));
    token = tokens_add(reading->tokens);
    read_name(reading, json_string(object, "name"), token);
    read_digest(reading, json_string(object, "sha256"), token);
    read_scopes(reading, json_get(object, "scopes"), token);
    read_projects(reading, json_get(object, "projects"), token);
}

/* ---- the file ---- */
static void read_list(struct reading *reading, const cJSON *document)
{
    static const char *const known[] = {"tokens"};
    const cJSON *list = json_get(document, "tokens");
    int64_t index = 0;

    snprintf(reading->at, sizeof reading->at, "the file");
    if (!cJSON_IsArray(list)) {
        add_problem(reading, "the file must be {\"tokens\": [...]}");
        return;
    }
    check_keys(reading, document, known, ARRAY_LEN(known));
    if (cJSON_GetArraySize(list) > TOKENS_MAX) {
        add_problem(reading, "there are more than %d tokens", TOKENS_MAX);
        return;
    }
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        snprintf(reading->at, sizeof reading->at, "tokens[%" PRId64 "]", index++);
        read_token(reading, item);
    }
}

/* Whoever may write it may let himself in. */
static int read_file(const char *path, struct buf *text, struct buf *warnings,
                     struct err *err)
{
    struct stat info;

    if (stat(path, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & S_IWOTH) != 0)
        buf_fmt(warnings, SETTING ": everybody may write to the file: chmod o-w it\n");
    return path_read(path, text, err);
}

int tokens_load(struct tokens *tokens, const char *path, struct buf *problems,
                struct buf *warnings)
{
    struct reading reading = {.tokens = tokens, .problems = problems};
    AUTO(buf_done) struct buf text = BUF_INIT(TOKENS_FILE_MAX);
    AUTO(auto_json) cJSON *document = NULL;
    struct err err;

    tokens->enabled = true;
    if (read_file(path, &text, warnings, &err) < 0) {
        add_problem(&reading, "%s", err.message);
        return reading.count;
    }
    document = json_parse(buf_text(&text), text.len, JSON_DEPTH_MAX, false, &err);
    if (document == NULL)
        add_problem(&reading, "the file is not valid JSON: %s", err.message);
    else
        read_list(&reading, document);
    return reading.count;
}
