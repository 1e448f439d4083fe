/* The tokens the API knows: the set, its look-ups. The file is read in tokens_file.c. */
#include "common/conf/tokens_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/sign.h"

static const char *const scope_names[SCOPES] = {
    [SCOPE_READ] = "read",
    [SCOPE_CHECK] = "check",
    [SCOPE_APPLY] = "apply",
    [SCOPE_ADMIN] = "admin",
};

const char *token_scope_name(enum token_scope scope)
{
    return scope_names[scope];
}

/* ---- the set ---- */
struct token *tokens_add(struct tokens *tokens)
{
    /* Room for 1, 2, 4, …: the count is the capacity whenever it is a power of two. */
    if ((tokens->count & (tokens->count - 1)) == 0)
        tokens->list = mem_grow(tokens->list, tokens->count > 0 ? 2 * tokens->count : 1,
                                sizeof *tokens->list);
    tokens->list[tokens->count] = (struct token){0};
    return &tokens->list[tokens->count++];
}

static void add_secret(struct tokens *tokens, const char *name, enum token_scope scope,
                       const char *secret)
{
    struct token *token;

    if (secret == NULL)
        return;
    token = tokens_add(tokens);
    memcpy(token->name, name, strlen(name) + 1);
    token->scope = scope;
    token->secret = mem_dup(secret);
}

struct tokens *tokens_new(const char *api_secret, const char *read_token)
{
    struct tokens *tokens = mem_new(1, sizeof *tokens);

    tokens->holds = 1;
    tokens->enabled = api_secret != NULL;
    add_secret(tokens, TOKEN_NAME_API, SCOPE_ADMIN, api_secret);
    add_secret(tokens, TOKEN_NAME_READ, SCOPE_READ, read_token);
    tokens->of_settings = tokens->count;
    return tokens;
}

struct tokens *tokens_hold(struct tokens *tokens)
{
    tokens->holds++;
    return tokens;
}

void tokens_drop(struct tokens *tokens)
{
    if (tokens == NULL || --tokens->holds > 0)
        return;
    for (size_t i = 0; i < tokens->count; i++) {
        struct token *token = &tokens->list[i];

        parse_list_free(token->projects, token->project_count);
        if (token->secret != NULL)
            explicit_bzero(token->secret, strlen(token->secret));
        free(token->secret);
    }
    free(tokens->list);
    free(tokens);
}

size_t tokens_count(const struct tokens *tokens)
{
    return tokens->count;
}

bool tokens_enabled(const struct tokens *tokens)
{
    return tokens->enabled;
}

/* ---- look-ups ---- */
const struct token *tokens_find(const struct tokens *tokens, const char *given)
{
    const struct token *found = NULL;
    unsigned char digest[sizeof found->digest] = {0};

    if (tokens->count > tokens->of_settings)
        sign_sha256(given, strlen(given), digest);
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token *token = &tokens->list[i];
        bool is_equal = token->secret != NULL
                            ? sign_equal(token->secret, given)
                            : sign_bytes_equal(token->digest, digest, sizeof digest);

        if (is_equal)
            found = token;
    }
    return found;
}

bool token_may_see(const struct token *token, const char *project_id)
{
    if (token->projects == NULL)
        return true;
    if (project_id == NULL || project_id[0] == '\0')
        return false;
    for (size_t i = 0; i < token->project_count; i++)
        if (parse_glob(token->projects[i], project_id, false))
            return true;
    return false;
}
