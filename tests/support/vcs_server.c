/* The stand-in for the APIs, as a process. */
#include "tests/support/vcs_server.h"

#include <stdlib.h>

#include "common/base/mem.h"

void vcs_server_start(struct vcs_server *server)
{
    static const char *const argv[] = {"tests/support/vcs_api.py", NULL};

    script_server_start(&server->script, argv);
}

void vcs_server_stop(struct vcs_server *server)
{
    script_server_stop(&server->script);
}

void vcs_server_be(const struct vcs_server *server, const char *json)
{
    AUTO(auto_free) char *body = mem_dup(json);
    AUTO(auto_free) char *answer = NULL;

    for (char *at = body; *at; at++)
        if (*at == '\'')
            *at = '"';
    answer = script_server_ask(&server->script, "/_control", body);
}

char *vcs_server_log(const struct vcs_server *server)
{
    return script_server_ask(&server->script, "/_log", NULL);
}

void vcs_server_use(const struct vcs_server *server, struct conf *conf)
{
    free(conf->github_api_url);
    free(conf->gitlab_api_url);
    conf->github_api_url = script_server_url(&server->script, "");
    conf->gitlab_api_url = script_server_url(&server->script, "/api/v4");
}
