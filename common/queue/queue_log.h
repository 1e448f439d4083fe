/* The live log of a run, log:<run>, as who reads it sees it (queue.h has the appending).
 *
 * An entry is a piece of the log file of one attempt; its id is <attempt>-<offset>, so
 * that a place in the log is a place in the stream. Entries follow one another without a
 * hole, except where the oldest were dropped for want of room or a piece could not be
 * stored. The entries of an attempt go when the one after the next begins. */
#ifndef KEDGE_COMMON_QUEUE_QUEUE_LOG_H
#define KEDGE_COMMON_QUEUE_QUEUE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/redis/redis.h"

/* After so many bytes of that attempt's log. {0, 0}: before everything. */
struct log_place {
    int64_t attempt, offset;
};
/* As memcmp: <, =, > 0. */
int log_place_compare(const struct log_place *a, const struct log_place *b);

struct log_entry {
    struct log_place at; /* of its first byte */
    const char *bytes;   /* live as long as the reply */
    size_t len;
};
/* False: it is not an entry. */
bool queue_log_entry(const struct redisReply *entry, struct log_entry *out);

/* XREVRANGE: the last entry of that attempt which begins at `place` or before it, if any:
 * the place may lie within it. */
void queue_get_log_at(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                      const struct log_place *place);
/* XRANGE: entries that begin at `from` or after it. */
void queue_get_log_from(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                        const struct log_place *from, int64_t count);

struct log_cursor {
    const char *run_id;
    struct log_place from; /* entries that begin there or later */
};
/* XREAD BLOCK of several logs. The reply is nil, or an array of one [key, entries] for
 * each log that has news. */
void queue_read_logs(struct redis_cmd *cmd, const char *prefix,
                     const struct log_cursor *cursors, size_t cursor_count,
                     int64_t block_ms, int64_t count);
/* The run's id in such a key; NULL: it is none. */
const char *queue_log_run_id(const char *prefix, const char *key);

#endif
