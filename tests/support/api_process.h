/* A kedge-api in a process of its own, with a redis-server of its own, and a small HTTP
 * client for it.
 *
 *     struct api_process api;
 *     api_process_start(&api);
 *     status = api_call(&api, "GET", "/readyz", NULL, NULL, &text);
 *     api_process_stop(&api);
 *
 * Whatever does not work prints a sentence and aborts the test. */
#ifndef KEDGE_TESTS_SUPPORT_API_PROCESS_H
#define KEDGE_TESTS_SUPPORT_API_PROCESS_H

#include <sys/types.h>

#include "common/base/buf.h"
#include "tests/support/redis_server.h"

#define API_PROCESS_TOKEN "the-secret-of-this-test"

struct api_process {
    struct redis_server redis;
    pid_t pid; /* 0: not running */
    int port;
};

/* Redis first, then the api: it is ready. */
void api_process_start(struct api_process *api);
/* The same with other settings: `adjust` is called in the api's process. */
struct conf;
void api_process_start_as(struct api_process *api,
                          void (*adjust)(const struct api_process *api,
                                         struct conf *conf));
/* SIGTERM; returns the exit status. */
int api_process_terminate(struct api_process *api);
/* Both, whatever runs of them. */
void api_process_stop(struct api_process *api);

/* Waits until its log has that text. */
void api_process_await_log(const struct api_process *api, const char *wanted);

/* A connection with nothing on it; the caller closes it. */
int api_connect(const struct api_process *api);
/* A connection with a request on it; more header lines may be given ("A: b\r\n"), NULL:
 * none. body NULL: none. The caller closes the descriptor. */
int api_send(const struct api_process *api, const char *method, const char *path,
             const char *headers, const char *body);
/* With another token; "": none. */
int api_call_as(const struct api_process *api, const char *token, const char *method,
                const char *path, const char *body, struct buf *text);
/* Reads the answer until its end into `text` (head and body) and closes. Returns the
 * status; -1: the connection was closed without an answer. Waits at most 30 s. */
int api_receive(int fd, struct buf *text);
/* Both; text may be NULL. */
int api_call(const struct api_process *api, const char *method, const char *path,
             const char *headers, const char *body, struct buf *text);
/* The value of a header in an answer; the caller frees. NULL: not there. */
char *api_header(const struct buf *text, const char *name);
/* The body of an answer; lives as long as text. */
const char *api_body(const struct buf *text);

#endif
