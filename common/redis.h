/* Redis, the blocking client: one connection, one thread, every rule of "a call to
 * Redis".
 *
 * - Connects with a time-out; then SO_RCVTIMEO, SO_SNDTIMEO, keepalive and
 *   TCP_USER_TIMEOUT are set on the socket. A context that broke or timed out is freed
 * and a new one made (never redisReconnect); backoff doubles from 50 ms to 2 s.
 * - A missing reply says nothing about whether the command ran. Scripts are replayable:
 *   redis_call sends a script again on a new connection until `deadline_ms`; plain
 * commands are sent once unless the caller marks them safe to repeat.
 * - LOADING, MASTERDOWN, TRYAGAIN, NOREPLICAS, BUSY, MISCONF: ERR_TEMP after backing off;
 *   READONLY, UNBLOCKED: the connection is dropped, then as above; OOM: ERR_TEMP with
 *   redis_reply_kind REDIS_OOM; MOVED, ASK: ERR_PERM "Redis Cluster is not supported";
 *   NOSCRIPT: EVAL once; anything else: ERR_PERM.
 * Commands are built once (struct redis_cmd) and sent by either client; see
 * redis_link.h for the one that never blocks. */
#ifndef KEDGE_COMMON_REDIS_H
#define KEDGE_COMMON_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct redisReply; /* hiredis */

/* ---- where Redis is ---- */
struct redis_address {
    char *host; /* NULL for a unix socket */
    int port;
    char *socket_path;
    char *user, *password; /* NULL: no AUTH */
    int db;
};
/* redis://[user:password@]host[:port][/db], unix:///path[?db=N][&password=…]. rediss://
 * and redis+sentinel:// are refused with a sentence that says what is missing. ERR_INPUT.
 */
int redis_address_parse(const char *url, struct redis_address *out, struct err *err);
void redis_address_done(struct redis_address *address);

/* ---- commands ---- */
/* A Lua script, embedded at build time (common/scripts.h has them all). */
struct redis_script {
    const char *name;
    const unsigned char *text; /* starts with "#!lua"; len bytes */
    size_t len;
    const char *sha1; /* 40 hex digits, from the build */
};

struct redis_cmd {
    const struct redis_script *script; /* NULL: a plain command */
    bool repeatable;                   /* may be sent again when no reply came */
    char **args;                       /* owned; sizes beside */
    size_t *lens;
    size_t count, cap;
};
void redis_cmd_init(struct redis_cmd *cmd); /* plain; add the command's name first */
/* EVALSHA of the script with KEYS = {prefix}; args follow as ARGV. */
void redis_cmd_script(struct redis_cmd *cmd, const struct redis_script *script,
                      const char *prefix);
void redis_cmd_done(struct redis_cmd *cmd);
void redis_cmd_arg(struct redis_cmd *cmd, const char *text); /* NULL is "" */
void redis_cmd_bytes(struct redis_cmd *cmd, const void *bytes, size_t len);
void redis_cmd_int(struct redis_cmd *cmd, int64_t number);
void redis_cmd_fmt(struct redis_cmd *cmd, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ---- replies ---- */
enum redis_reply_kind {
    REDIS_OK,
    REDIS_RETRY, /* not ready for now: LOADING, BUSY, … */
    REDIS_DROP,  /* not the master any more: reconnect */
    REDIS_OOM,   /* memory is full: writes that add are refused */
    REDIS_NOSCRIPT,
    REDIS_BUG, /* anything else */
};
/* Sorts a reply; for all but REDIS_OK *err says what it means for the caller. */
enum redis_reply_kind redis_reply_kind(const struct redisReply *reply, struct err *err);
void redis_reply_free(struct redisReply **reply); /* releaser for AUTO */
/* Element access that never fails: NULL, "" or fallback when it is not there or of
 * another type. */
size_t redis_reply_count(const struct redisReply *reply); /* of an array, else 0 */
const struct redisReply *redis_reply_at(const struct redisReply *reply, size_t index);
const char *
redis_reply_text(const struct redisReply *reply); /* string or status; nil: NULL */
size_t redis_reply_len(const struct redisReply *reply);
int64_t redis_reply_int(const struct redisReply *reply,
                        int64_t fallback); /* also decimal text */

/* ---- the connection ---- */
struct redis;

/* Does not connect yet. `scripts`: NULL-terminated, loaded at each connect; may be NULL.
 * All is borrowed. */
struct redis *redis_new(const struct redis_address *address, const char *prefix,
                        const struct redis_script *const *scripts, int64_t timeout_ms);
void redis_free(struct redis *redis);
const char *redis_prefix(const struct redis *redis);
/* Sends and waits, replaying as said above for at most `budget_ms` (0: one attempt).
 * On success *reply is the caller's. Blocks. */
int redis_call(struct redis *redis, const struct redis_cmd *cmd, int64_t budget_ms,
               struct redisReply **reply, struct err *err);
/* Two in one write, both replies awaited; replayed as a pair. */
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
    char reason[ERR_MESSAGE_BYTES];
    int64_t clock_skew_ms;
};
/* Version ≥ 7.0, noeviction, append-only on, role master, clock within 5 s, schema
 * version. For start, every minute, and after a reconnect. ERR_TEMP when Redis is away.
 * Writes the schema version where there is none. */
int redis_check(struct redis *redis, struct redis_fitness *out, struct err *err);

#endif
