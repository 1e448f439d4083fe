/* Who asks, and whether he may. */
#include "api/server/auth.h"

#include <string.h>
#include <strings.h>

const char *auth_token(const struct auth_given *given)
{
    static const char scheme[] = "Bearer ";
    const char *token = given->authorization;

    if (given->atlantis_token != NULL)
        return given->atlantis_token;
    if (token == NULL || strncasecmp(token, scheme, sizeof scheme - 1) != 0)
        return "";
    token += sizeof scheme - 1;
    return token + strspn(token, " ");
}

/* ---- scopes ---- */
static const struct {
    enum token_scope scope;
    const char *message;
} needs[] = {
    [ACCESS_OPEN] = {SCOPE_READ, "this needs a token of scope read"},
    [ACCESS_READ] = {SCOPE_READ, "this needs a token of scope read"},
    [ACCESS_TOKEN] = {SCOPE_READ, "this needs a token of scope read"},
    [ACCESS_CHECK] = {SCOPE_CHECK, "this needs a token of scope check"},
    [ACCESS_APPLY] = {SCOPE_APPLY, "this needs a token of scope apply"},
    [ACCESS_ADMIN] = {SCOPE_ADMIN, "this needs a token of scope admin"},
};

bool auth_has_access(const struct token *token, enum route_access access)
{
    return token->scope >= needs[access].scope;
}

const char *auth_scope_message(enum route_access access)
{
    return needs[access].message;
}

enum auth_result auth_check(const struct tokens *tokens, bool auth_reads,
                            enum route_access access, const struct auth_given *given,
                            const struct token **token)
{
    const char *text;

    *token = NULL;
    if (access == ACCESS_OPEN || (access == ACCESS_READ && !auth_reads))
        return AUTH_OK;
    if (!tokens_enabled(tokens))
        return AUTH_DISABLED;
    text = auth_token(given);
    if (text[0] == '\0')
        return AUTH_MISSING;
    *token = tokens_find(tokens, text);
    if (*token == NULL)
        return AUTH_WRONG;
    return auth_has_access(*token, access) ? AUTH_OK : AUTH_SCOPE;
}

bool auth_known(const struct tokens *tokens, const struct auth_given *given)
{
    const char *text = auth_token(given);

    return tokens_enabled(tokens) && text[0] != '\0' && tokens_find(tokens, text) != NULL;
}

/* ---- projects ---- */
static const char *check_named(const struct token *token, const char *project_id,
                               const char *missing)
{
    if (project_id == NULL)
        return missing;
    return token_may_see(token, project_id) ? NULL : "this token is not for that project";
}

const char *auth_check_project(const struct token *token, enum route_project project,
                               const char *project_id)
{
    if (token == NULL || token->projects == NULL)
        return NULL;
    switch (project) {
    case PROJECT_NONE:
        return "this is not for a token that is limited to projects";
    case PROJECT_ANY:
    case PROJECT_FOUND:
        return NULL;
    case PROJECT_PATH:
        return check_named(token, project_id, "the path names no project");
    case PROJECT_QUERY:
        return check_named(token, project_id,
                           "this token is limited to projects: the query must have "
                           "projectId");
    case PROJECT_BODY:
        return check_named(token, project_id,
                           "this token is limited to projects: the body must have "
                           "projectId");
    }
    return "this is not for a token that is limited to projects";
}
