/* tests/support/vcs_api.py, for unit tests: a stand-in for the APIs of GitHub and GitLab.
 * What does not go well fails the test. */
#ifndef KEDGE_TESTS_SUPPORT_VCS_SERVER_H
#define KEDGE_TESTS_SUPPORT_VCS_SERVER_H

#include "common/conf/conf.h"
#include "tests/support/script_server.h"

struct vcs_server {
    struct script_server script;
};

void vcs_server_start(struct vcs_server *server);
void vcs_server_stop(struct vcs_server *server);
/* What it is from now on: a JSON object, as vcs_api.py says; ' stands for ". */
void vcs_server_be(const struct vcs_server *server, const char *json);
/* The requests since then, a line each; the caller frees. */
char *vcs_server_log(const struct vcs_server *server);
/* Makes it the API of both. */
void vcs_server_use(const struct vcs_server *server, struct conf *conf);

#endif
