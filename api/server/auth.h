/* Who asks, and whether he may: the token of a request against the access and the project
 * of its route. Pure. */
#ifndef KEDGE_API_SERVER_AUTH_H
#define KEDGE_API_SERVER_AUTH_H

#include <stdbool.h>

#include "api/server/route.h"
#include "common/conf/tokens.h"

struct auth_given {
    const char *atlantis_token; /* X-Atlantis-Token; NULL: none */
    const char *authorization;  /* Authorization; NULL: none */
};

enum auth_result {
    AUTH_OK,
    AUTH_DISABLED, /* nobody can have a token */
    AUTH_MISSING,
    AUTH_WRONG,
    AUTH_SCOPE, /* a token, but it is not good for that: auth_scope_message says for what
                 */
};

/* The token that was given, "" when there is none. "Bearer" matches in any letter case.
 */
const char *auth_token(const struct auth_given *given);
/* May a request with that token have a route of that access? *token is whose it is: set
 * on AUTH_OK and AUTH_SCOPE; NULL when none was needed. `auth_reads` as the setting. It
 * is borrowed from the set. */
enum auth_result auth_check(const struct tokens *tokens, bool auth_reads,
                            enum route_access access, const struct auth_given *given,
                            const struct token **token);
bool auth_has_access(const struct token *token, enum route_access access);
/* "this needs a token of scope apply" */
const char *auth_scope_message(enum route_access access);
/* Does the token belong to anybody? For what shows more to those who have one. */
bool auth_known(const struct tokens *tokens, const struct auth_given *given);

/* May that token have a route that concerns `project_id` (NULL: none was named)? NULL, or
 * the sentence that refuses it. Where the project is found by the handler: yes. */
const char *auth_check_project(const struct token *token, enum route_project project,
                               const char *project_id);

#endif
