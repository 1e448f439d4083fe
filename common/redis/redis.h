/* Redis, the blocking client: one connection, one thread, every rule of a call to Redis.
 *
 * - Connects with a time-out; then SO_RCVTIMEO, SO_SNDTIMEO, keepalive and
 *   TCP_USER_TIMEOUT are set on the socket. A context that broke or timed out is freed
 *   and a new one made (redisReconnect forgets the time-outs); between two attempts it
 *   waits 50 ms, doubling up to 2 s, until a command has succeeded.
 * - A missing reply says nothing about whether the command ran. Scripts are replayable:
 *   redis_call sends a script again on a new connection until its budget is used up;
 *   plain commands are sent once unless the caller marks them repeatable. What certainly
 *   did not run (no connection, LOADING, READONLY) is tried again whatever it is.
 * - LOADING, MASTERDOWN, TRYAGAIN, NOREPLICAS, BUSY, MISCONF: try again, then ERR_TEMP;
 *   READONLY, UNBLOCKED: the connection is dropped, then as above; OOM: ERR_TEMP at
 *   once; MOVED, ASK: ERR_PERM "Redis Cluster is not supported"; NOSCRIPT: EVAL, once;
 *   anything else: ERR_PERM, and a bug.
 *
 * Where the address has sentinels, each new connection asks them anew who is the master,
 * and ROLE whether it is (redis_sentinel.h has the rules). NOREPLICAS then also drops a
 * connection that is older than 5 s: its server may be cut off, and the master no more.
 *
 * SIGPIPE must be ignored (stop_open does that). Commands are built once (struct
 * redis_cmd) and sent by either client; see redis_link.h for the one that never blocks.
 */
#ifndef KEDGE_COMMON_REDIS_REDIS_H
#define KEDGE_COMMON_REDIS_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/redis/redis_address.h"

struct redisReply; /* hiredis */

/* ---- commands ---- */
/* A Lua script, embedded at build time (common/redis/scripts.h has them all). */
struct redis_script {
    const char *name;
    const unsigned char *text; /* starts with "#!lua"; len bytes */
    size_t len;
    const char *sha1; /* 40 hex digits, from the build */
};

/* The arguments are put down in the protocol's form (RESP) as they come, so that sending
 * is one copy. Only redis_cmd.c and the two clients look inside. */
struct redis_cmd {
    const struct redis_script *script; /* borrowed; NULL: a plain command */
    bool repeatable;                   /* may be sent again when no reply came */
    size_t count;                      /* arguments in body */
    struct buf body;
};
void redis_cmd_init(struct redis_cmd *cmd); /* plain; add the command's name first */
/* EVALSHA of the script with KEYS = {prefix}; args follow as ARGV. Repeatable. */
void redis_cmd_script(struct redis_cmd *cmd, const struct redis_script *script,
                      const char *prefix);
void redis_cmd_done(struct redis_cmd *cmd);                  /* the releaser for AUTO */
void redis_cmd_arg(struct redis_cmd *cmd, const char *text); /* NULL is "" */
void redis_cmd_bytes(struct redis_cmd *cmd, const void *bytes, size_t len);
void redis_cmd_int(struct redis_cmd *cmd, int64_t number);
void redis_cmd_fmt(struct redis_cmd *cmd, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- replies ---- */
/* hiredis has a macro REDIS_OK of the same value; its header may come before or after. */
#undef REDIS_OK
enum redis_reply_kind {
    REDIS_OK,
    REDIS_RETRY,    /* not ready for now, and did nothing: LOADING, BUSY, … */
    REDIS_DROP,     /* not the master any more: reconnect */
    REDIS_OOM,      /* memory is full: writes that add are refused */
    REDIS_NOSCRIPT, /* replay it as EVAL */
    REDIS_BUG,      /* anything else */
};
/* Sorts a reply; for all but REDIS_OK *err says what it means for the caller: ERR_PERM
 * for REDIS_BUG, else ERR_TEMP. */
enum redis_reply_kind redis_reply_kind(const struct redisReply *reply, struct err *err);
void redis_reply_free(struct redisReply **reply); /* releaser for AUTO */
/* Element access that never fails: NULL, 0 or fallback when it is not there or of another
 * type. Pointers live as long as the reply. */
size_t redis_reply_count(const struct redisReply *reply); /* of an array, else 0 */
const struct redisReply *redis_reply_at(const struct redisReply *reply, size_t index);
/* String or status; nil: NULL. */
const char *redis_reply_text(const struct redisReply *reply);
size_t redis_reply_len(const struct redisReply *reply); /* bytes of redis_reply_text */
/* Also decimal text. */
int64_t redis_reply_int(const struct redisReply *reply, int64_t fallback);

/* ---- the connection ---- */
struct redis;

/* Does not connect yet. `scripts`: NULL-terminated, loaded at each connect; may be NULL.
 * All is borrowed. `timeout_ms` is for the connect and for each wait for a reply; give it
 * more than a blocking command's own time-out. */
struct redis *redis_new(const struct redis_address *address, const char *prefix,
                        const struct redis_script *const *scripts, int64_t timeout_ms);
void redis_free(struct redis *redis);
const char *redis_prefix(const struct redis *redis);
/* Sends and waits, replaying as said above; no attempt starts later than `budget_ms` from
 * now (0: one attempt, and none while the pause before a reconnect lasts). On success
 * *reply is the caller's, and never an error reply. Blocks for at most the budget and
 * three time-outs: connect, greeting, reply; and 1.6 s where sentinels do not answer. A
 * host name is resolved at each connect. */
int redis_call(struct redis *redis, const struct redis_cmd *cmd, int64_t budget_ms,
               struct redisReply **reply, struct err *err);
#define REDIS_CALL_MAX 128 /* commands in one write */
/* Several in one write, then as many replies, each the caller's; they may be of anything,
 * and what others do may come between two of them. Replayed together, so repeatable only
 * when all are. When one of them fails all replies are NULL, whatever the others did.
 * count ≤ REDIS_CALL_MAX; 0 asks nothing. */
int redis_call_all(struct redis *redis, const struct redis_cmd *cmds, size_t count,
                   int64_t budget_ms, struct redisReply **replies, struct err *err);
/* The same of two. When one of them fails there is no reply of either. */
int redis_call2(struct redis *redis, const struct redis_cmd *first,
                const struct redis_cmd *second, int64_t budget_ms,
                struct redisReply **reply1, struct redisReply **reply2, struct err *err);
bool redis_connected(const struct redis *redis);
/* Grows by one at each new connection: whoever must act after a reconnect compares. */
uint64_t redis_generation(const struct redis *redis);
/* The server's run id as of the last connect ("" before): it changes when Redis restarts
 * or fails over. */
const char *redis_server_id(const struct redis *redis);

/* ---- is this Redis fit to hold runs? ---- */
#define REDIS_SCHEMA_VERSION 1
struct redis_fitness {
    bool fit;   /* nothing wrong */
    bool fatal; /* no setting makes it usable: version, cluster, newer schema */
    char reason[ERR_MESSAGE_BYTES]; /* all that is wrong; "" when fit */
    char advice[ERR_MESSAGE_BYTES]; /* what could be lost for all its fitness, or "" */
    int64_t clock_skew_ms;          /* the server's clock minus ours */
    int64_t replicas;               /* connected to it */
};
/* Version ≥ 7.0, noeviction, append-only on, role master, clock within 5 s, schema
 * version (a newer one is fatal). For start, every minute, and after a reconnect. Writes
 * the schema version where there is none. ERR_TEMP when Redis is away. */
int redis_check(struct redis *redis, struct redis_fitness *out, struct err *err);

#endif
