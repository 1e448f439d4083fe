/* Who asks: the token of a request against those of the settings. */
#include "api/auth.h"

#include <string.h>
#include <strings.h>

#include "common/mem.h"
#include "common/sign.h"

/* Names of the tokens, as they are shown in locks. */
#define NAME_API  "api"
#define NAME_READ "read"

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

/* The name of a token, NULL for one nobody has. Both are compared whatever the first
 * comparison says. */
static const char *token_name(const struct conf *conf, const char *token)
{
    bool is_api = sign_equal(conf->api_secret, token);
    bool is_read = sign_equal(conf->read_token, token);

    if (is_api)
        return NAME_API;
    return is_read ? NAME_READ : NULL;
}

bool auth_reads_only(const char *name)
{
    return name == NULL || strcmp(name, NAME_READ) == 0;
}

enum auth_result auth_check(const struct conf *conf, enum route_access access,
                            enum method method, const struct auth_given *given,
                            const char **name)
{
    const char *token;

    *name = NULL;
    if (access == ACCESS_OPEN || (access == ACCESS_READ && !conf->auth_reads))
        return AUTH_OK;
    if (conf->api_secret == NULL)
        return AUTH_DISABLED;
    token = auth_token(given);
    if (token[0] == '\0')
        return AUTH_MISSING;
    *name = token_name(conf, token);
    if (*name == NULL)
        return AUTH_WRONG;
    if (auth_reads_only(*name) && method != METHOD_GET)
        return AUTH_READ_ONLY;
    return AUTH_OK;
}

bool auth_known(const struct conf *conf, const struct auth_given *given)
{
    const char *token = auth_token(given);

    return conf->api_secret != NULL && token[0] != '\0' &&
           token_name(conf, token) != NULL;
}
