/* A server of tests/support that is a Python script, for unit tests: it prints its port
 * as its first line and ends when its standard input does. What does not go well fails
 * the test. */
#ifndef KEDGE_TESTS_SUPPORT_SCRIPT_SERVER_H
#define KEDGE_TESTS_SUPPORT_SCRIPT_SERVER_H

#include <stdint.h>
#include <sys/types.h>

struct script_server {
    pid_t pid; /* 0: not started */
    int in;    /* it ends when this is closed */
    int64_t port;
};

/* argv: the script, its arguments, NULL. */
void script_server_start(struct script_server *server, const char *const *argv);
void script_server_stop(struct script_server *server);
/* "http://127.0.0.1:<port><path>"; the caller frees. */
char *script_server_url(const struct script_server *server, const char *path);
/* The body of its answer to a GET, or to a PUT of `body` unless that is NULL; the caller
 * frees. */
char *script_server_ask(const struct script_server *server, const char *path,
                        const char *body);

#endif
