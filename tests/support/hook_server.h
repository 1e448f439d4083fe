/* tests/support/hook_receiver.py, for unit tests: a receiver of hooks. What does not go
 * well fails the test. */
#ifndef KEDGE_TESTS_SUPPORT_HOOK_SERVER_H
#define KEDGE_TESTS_SUPPORT_HOOK_SERVER_H

#include <stdint.h>

#include "common/base/json.h"
#include "tests/support/script_server.h"

struct hook_server {
    struct script_server script;
};

void hook_server_start(struct hook_server *server);
void hook_server_stop(struct hook_server *server);
/* "http://127.0.0.1:<port><path>"; the caller frees. */
char *hook_server_url(const struct hook_server *server, const char *path);
/* The requests so far, an array; the caller frees with cJSON_Delete. */
cJSON *hook_server_log(const struct hook_server *server);
/* How many requests were open at once, at most. */
int64_t hook_server_peak(const struct hook_server *server);

#endif
