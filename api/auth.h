/* Who asks: the token of a request against those of the settings. Pure. */
#ifndef KEDGE_API_AUTH_H
#define KEDGE_API_AUTH_H

#include <stdbool.h>

#include "api/reply.h"
#include "api/route.h"
#include "common/conf.h"

struct auth_given {
    const char *atlantis_token; /* X-Atlantis-Token; NULL: none */
    const char *authorization;  /* Authorization; NULL: none */
};

enum auth_result { AUTH_OK, AUTH_DISABLED, AUTH_MISSING, AUTH_WRONG, AUTH_READ_ONLY };

/* The token that was given, "" when there is none. "Bearer" matches in any letter case.
 */
const char *auth_token(const struct auth_given *given);
/* May a request with that token do `method` on a route with that access? On AUTH_OK
 * *name is the token's name, or NULL when none was needed. Tokens are compared in
 * constant time. */
enum auth_result auth_check(const struct conf *conf, enum route_access access,
                            enum method method, const struct auth_given *given,
                            const char **name);
/* Is that the name of a token that may only read, or nobody's (NULL)? */
bool auth_reads_only(const char *name);
/* Does the token belong to anybody? For what shows more to those who have one. */
bool auth_known(const struct conf *conf, const struct auth_given *given);

#endif
