/* Askpass: the script and its variables. */
#include "worker/vcs/askpass.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/mem.h"

struct account {
    const char *base_url, *token;
    const char *user; /* what that kind of server wants beside a token */
    const char *variable;
};

/* Nothing that means something to a shell between double quotes. */
static bool is_plain(const char *origin)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.:/-_[]";

    return origin[strspn(origin, allowed)] == '\0';
}

/* "https://host:port" of a base URL in two parts; false for file: and what is odd. */
static bool split_origin(const char *url, char **scheme, char **host)
{
    const char *colon = strstr(url, "://");

    if (colon == NULL ||
        (strncmp(url, "https:", 6) != 0 && strncmp(url, "http:", 5) != 0))
        return false;
    *scheme = mem_dup_n(url, (size_t)(colon - url));
    *host = mem_dup_n(colon + 3, strcspn(colon + 3, "/"));
    return **host != '\0' && is_plain(*host);
}

static void add_account(const struct account *account, struct buf *script,
                        struct strings *env)
{
    AUTO(auto_free) char *scheme = NULL;
    AUTO(auto_free) char *host = NULL;

    if (account->base_url == NULL || account->token == NULL ||
        !split_origin(account->base_url, &scheme, &host))
        return;
    if (script->len == 0)
        buf_str(script, "#!/bin/sh\ncase \"$1\" in\n");
    buf_fmt(script, "\"Username for '%s://%s': \") echo %s ;;\n", scheme, host,
            account->user);
    buf_fmt(script, "\"Password for '%s://%s@%s': \") printf '%%s\\n' \"$%s\" ;;\n",
            scheme, account->user, host, account->variable);
    strings_set(env, account->variable, account->token);
}

void askpass_make(const struct conf *conf, struct buf *script, struct strings *env)
{
    const struct account accounts[] = {
        {conf->github_url, conf->github_token, "x-access-token", "KEDGE_ASKPASS_GITHUB"},
        {conf->gitlab_url, conf->gitlab_token, "oauth2", "KEDGE_ASKPASS_GITLAB"},
        {conf->git_url, conf->git_token, "git", "KEDGE_ASKPASS_GIT"},
    };

    for (size_t i = 0; i < ARRAY_LEN(accounts); i++)
        add_account(&accounts[i], script, env);
    if (script->len > 0)
        buf_str(script, "*) exit 1 ;;\nesac\n");
}
