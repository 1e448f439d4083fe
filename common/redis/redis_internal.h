/* What the two Redis clients share: the form of a command on the wire, the socket's
 * settings, the pause between attempts, and what is said first on each connection (whom
 * to connect to: redis_sentinel.h). For common/redis/redis*.c only. */
#ifndef KEDGE_COMMON_REDIS_REDIS_INTERNAL_H
#define KEDGE_COMMON_REDIS_REDIS_INTERNAL_H

#include "common/redis/redis.h"
#include "common/redis/redis_sentinel.h"

struct redisContext; /* hiredis */

#define REDIS_COMMAND_MAX   ((size_t)64 << 20) /* bytes */
#define REDIS_NAME_BYTES    128
#define REDIS_ID_BYTES      48
#define REDIS_PAUSE_MIN_MS  50
#define REDIS_PAUSE_MAX_MS  2000 /* the grace of the reaper counts on it */
#define REDIS_CONNECT_MS    3000 /* an attempt, with whatever sentinels it asks */
#define REDIS_KEEP_IDLE_S   10
#define REDIS_KEEP_EVERY_S  5
#define REDIS_KEEP_PROBES   3
#define REDIS_TCP_UNACKED_S 10

/* Appends the whole command; a script as EVAL with its text, else as EVALSHA. */
void redis_cmd_write(const struct redis_cmd *cmd, bool as_eval, struct buf *out);
/* The same of a plain command that is one to three words; those that are NULL are left
 * out. */
void redis_words_write(struct buf *out, const char *word, const char *arg1,
                       const char *arg2);
/* An upper bound of the bytes that redis_cmd_write appends, unless as_eval. */
size_t redis_cmd_bound(const struct redis_cmd *cmd);

/* "host:port" or the socket's path, for messages. `to` as below. */
const char *redis_address_name(const struct redis_address *address,
                               const struct redis_host *to, char name[REDIS_NAME_BYTES]);

/* A new socket to `to`, close-on-exec, keepalive and the like; NULL: to the address
 * itself, which then has no sentinels. With timeout_ms 0 it does not block: it may be
 * connected later, and redis_secure is still to be called then. Else it is connected, TLS
 * included. The caller's, with redisFree; NULL: ERR_TEMP. */
struct redisContext *redis_dial(const struct redis_address *address,
                                const struct redis_host *to, int64_t timeout_ms,
                                struct err *err);
/* TLS where the address asks for it, else nothing. ERR_TEMP. */
int redis_secure(const struct redis_address *address, const struct redis_host *to,
                 struct redisContext *context, struct err *err);

/* The value of `field` in the text of INFO; "" when it is not there. Cut to size. */
const char *redis_info_field(const char *info, const char *field, char *value,
                             size_t size);
/* Its mode (standalone, sentinel, cluster), which Valkey gives another name. */
const char *redis_info_mode(const char *info, char *value, size_t size);

struct redis_backoff {
    int64_t pause_ms;      /* 0: all is well */
    int64_t until_mono_ms; /* no attempt before */
};
void redis_backoff_grow(struct redis_backoff *backoff);
void redis_backoff_reset(struct redis_backoff *backoff);

/* What is said first, in one write. To a sentinel: its question. To Redis: AUTH, INFO
 * server, ROLE if sentinels named it, SELECT, and one SCRIPT LOAD per script. */
struct redis_greeting {
    struct redis_lookup *lookup;
    const struct redis_script *const *scripts; /* may be NULL */
    size_t asked, answered;
    size_t info_at, role_at, first_script; /* which reply; SIZE_MAX: not asked */
    char server_id[REDIS_ID_BYTES];        /* set by the reply to INFO */
    bool unsupported;                      /* so is this: a cluster, a Sentinel */
};
void redis_greeting_write(struct redis_greeting *greeting, struct buf *out);
/* Takes the replies in their order; the last one that is good settles the lookup, or
 * tells it the master. ERR_PERM when Redis refuses, else ERR_TEMP. */
int redis_greeting_read(struct redis_greeting *greeting, const struct redisReply *reply,
                        struct err *err);
/* One SCRIPT LOAD per script; returns how many. */
size_t redis_scripts_write(const struct redis_script *const *scripts, struct buf *out);

/* ---- the blocking client ---- */
struct redis {
    const struct redis_address *address;
    const char *prefix;
    const struct redis_script *const *scripts;
    int64_t timeout_ms;
    struct redis_lookup lookup;
    struct redisContext *context; /* NULL: not connected */
    struct redis_backoff backoff;
    struct err last;  /* why there is no connection */
    bool unsupported; /* what was connected to last is a cluster or a Sentinel */
    uint64_t generation;
    char server_id[REDIS_ID_BYTES];
};

/* Connects when there is no connection and the pause is over; ERR_PERM when Redis refuses
 * us for good. */
int redis_connect(struct redis *redis, struct err *err);
/* Frees the connection, remembers why, and lengthens the pause, unless another sentinel
 * is to be asked. Returns -1. */
int redis_drop(struct redis *redis, struct err *err);
/* Frees the connection; the next call connects anew, at once. */
void redis_leave(struct redis *redis);
void redis_append(struct redis *redis, const struct buf *bytes);
/* Sends what was appended, and waits. On failure the connection is gone. */
int redis_receive(struct redis *redis, struct redisReply **reply, struct err *err);

#endif
