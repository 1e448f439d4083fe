/* The tokens the API knows: the two of the settings and those of KEDGE_TOKENS_FILE.
 *
 *     {"tokens": [{"name": "ci", "sha256": "<64 hex digits>", "scopes": ["check"],
 *                  "projects": ["network-*"]}]}
 *
 * The file has digests, so that reading it lets nobody in. A set is counted: who goes on
 * with a token of it after the file was read again holds it. One thread. */
#ifndef KEDGE_COMMON_CONF_TOKENS_H
#define KEDGE_COMMON_CONF_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"

#define TOKENS_MAX       1000
#define TOKENS_FILE_MAX  ((size_t)1 << 20)
#define TOKEN_NAME_BYTES 65
#define TOKEN_NAME_API   "api"  /* of KEDGE_API_SECRET */
#define TOKEN_NAME_READ  "read" /* of KEDGE_READ_TOKEN */

/* What a token is good for; each includes those before it. */
enum token_scope { SCOPE_READ, SCOPE_CHECK, SCOPE_APPLY, SCOPE_ADMIN, SCOPES };
const char *token_scope_name(enum token_scope scope);

struct token {
    char name[TOKEN_NAME_BYTES];
    enum token_scope scope;
    char **projects; /* globs over project ids; NULL: every project and all else */
    size_t project_count;
    char *secret; /* of the settings; NULL: the digest counts */
    unsigned char digest[32];
};

struct tokens;
/* Those of the settings; each may be NULL. */
struct tokens *tokens_new(const char *api_secret, const char *read_token);
/* Adds those of the file. What is wrong with it goes to problems and what is unwise to
 * warnings, a line each that begins with KEDGE_TOKENS_FILE. Returns the number of
 * problems; with one or more the set is of no use. */
int tokens_load(struct tokens *tokens, const char *path, struct buf *problems,
                struct buf *warnings);
struct tokens *tokens_hold(struct tokens *tokens);
void tokens_drop(struct tokens *tokens); /* frees with the last hold; NULL is fine */

size_t tokens_count(const struct tokens *tokens);
/* Is there a secret in the settings, or a file? Else nobody can have a token. */
bool tokens_enabled(const struct tokens *tokens);
/* The token that was given, NULL when it is nobody's. Compared with all of them in
 * constant time. */
const struct token *tokens_find(const struct tokens *tokens, const char *given);
/* NULL or "": what belongs to no project, which a limited token may not see. */
bool token_may_see(const struct token *token, const char *project_id);

#endif
