/* A private redis-server for a test, on a unix socket in a temporary directory of its
 * own.
 *
 *     struct redis_server server;
 *     redis_server_start(&server, REDIS_SERVER_MEMORY, NULL);
 *     redis = redis_new(&server.address, …);
 *     redis_server_kill(&server);      what a power cut does
 *     redis_server_restart(&server);   same directory, same options, another run id
 *     redis_server_stop(&server);
 *
 * Whatever does not work prints a sentence and aborts the test. The server dies with the
 * process that started it. Each call returns when what it says is true. SIGPIPE is
 * ignored from then on, as every program does. */
#ifndef KEDGE_TESTS_SUPPORT_REDIS_SERVER_H
#define KEDGE_TESTS_SUPPORT_REDIS_SERVER_H

#include <sys/types.h>

#include "common/redis/redis.h"

enum redis_server_disk {
    REDIS_SERVER_MEMORY,      /* appendonly no: a restart forgets everything */
    REDIS_SERVER_APPEND_ONLY, /* appendonly yes, fsync always: a kill loses nothing */
};

struct redis_server {
    char dir[64];         /* holds the socket, redis.log and the append-only files */
    char socket_path[96]; /* dir/redis.sock */
    enum redis_server_disk disk;
    const char *const *options;   /* borrowed until stop; see redis_server_start */
    struct redis_address address; /* for redis_new; do not call redis_address_done */
    pid_t pid;                    /* 0: not running */
};

/* `options`: NULL, or a NULL-terminated list of more of redis-server's arguments:
 * {"--requirepass", "x", NULL}. It is ready when it answers anything, be it NOAUTH. */
void redis_server_start(struct redis_server *server, enum redis_server_disk disk,
                        const char *const *options);
void redis_server_stop(struct redis_server *server); /* kills; removes the directory */
void redis_server_kill(struct redis_server *server); /* SIGKILL, and waits for the end */
void redis_server_restart(struct redis_server *server); /* kills it first if it runs */
void redis_server_freeze(
    struct redis_server *server);                    /* SIGSTOP: accepts, never answers */
void redis_server_thaw(struct redis_server *server); /* SIGCONT */

#endif
