/* A queue for a test: a redis-server of its own, and scripts whose clock the test sets.
 *
 * The scripts are the embedded ones with two expressions replaced by text: the read of
 * TIME and the read of INFO (for Redis' uptime). What the programs load has no such
 * switch. */
#ifndef KEDGE_TESTS_SUPPORT_QUEUE_FIXTURE_H
#define KEDGE_TESTS_SUPPORT_QUEUE_FIXTURE_H

#include "common/queue/queue.h"
#include "tests/support/redis_server.h"

#define FIXTURE_PREFIX "{test}:"

struct queue_fixture {
    struct redis_server server;
    struct redis *redis;
    int64_t now_ms;  /* what the scripts take for the time */
    int64_t told_ms; /* what they know of it so far */
};

void queue_fixture_start(struct queue_fixture *fixture);
void queue_fixture_stop(struct queue_fixture *fixture);
/* Empties Redis; the clock stands at some day and Redis is up for an hour. */
void queue_fixture_reset(struct queue_fixture *fixture);
void queue_fixture_advance(struct queue_fixture *fixture, int64_t ms);
void queue_fixture_uptime(struct queue_fixture *fixture, int64_t seconds);
/* Sends it at the fixture's time and frees the command. The reply is the caller's; an
 * error aborts the test. */
struct redisReply *queue_fixture_call(struct queue_fixture *fixture,
                                      struct redis_cmd *cmd);
/* As queue_fixture_call, but keeps the command, so that it can be sent again. */
struct redisReply *queue_fixture_send(struct queue_fixture *fixture,
                                      const struct redis_cmd *cmd);
/* As redis_call_all, at the fixture's time. */
int queue_fixture_call_all(struct queue_fixture *fixture, const struct redis_cmd *cmds,
                           size_t count, struct redisReply **replies, struct err *err);
/* The error a command is refused with; "" when it is not. Frees the command. */
const char *queue_fixture_refusal(struct queue_fixture *fixture, struct redis_cmd *cmd,
                                  struct err *err);
/* A plain command of words parted by blanks, the key (the second word) without prefix. */
struct redisReply *queue_fixture_plain(struct queue_fixture *fixture, const char *words);
/* Its reply as text or decimal number in a buffer that the next call reuses; "" for nil.
 */
const char *queue_fixture_ask(struct queue_fixture *fixture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
