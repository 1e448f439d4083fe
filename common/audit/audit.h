/* The audit: who did what. Records are added and read, and never changed; the stream
 * `audit` has them, several to an entry, until they are KEDGE_AUDIT_DAYS old.
 *
 * A record is a JSON object in a line, as GET /api/v1/audit shows it but for its time,
 * which is that of its entry: the server's, when it was stored. */
#ifndef KEDGE_COMMON_AUDIT_AUDIT_H
#define KEDGE_COMMON_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/redis/redis.h"

#define AUDIT_TEXT_MAX ((size_t)512) /* of one text of a record; the rest is cut off */
/* Twice what a record can be, whatever has to be escaped in it. */
#define AUDIT_BATCH_MAX ((size_t)128 << 10)

/* Text that is NULL is left out. */
struct audit_record {
    const char *token, *address, *forwarded_for;
    const char *action, *method, *path;
    const char *project_id, *workspace_id, *object_id; /* a run, hook or schedule */
    const char *repository, *ref;
    int64_t pull_request; /* 0: none */
    const char *request_id;
    unsigned status; /* of an answer that refused it; 0: it was accepted */
};
/* Appends the record's line. */
void audit_write(const struct audit_record *record, struct buf *out);

/* ---- storing ---- */
struct audit_batch {
    const char *nonce; /* of the process */
    int64_t number;    /* from 1 */
    int64_t oldest;    /* of its batches that are not known to be stored */
    int64_t days;      /* to keep, > 0 */
    int64_t count;     /* records */
    const struct buf *lines;
};
enum audit_outcome {
    AUDIT_DONE,
    AUDIT_HAD, /* it was stored when it came before */
    AUDIT_GAP, /* the one before it has not come: send both again, in order */
};
void audit_append(struct redis_cmd *cmd, const char *prefix,
                  const struct audit_batch *batch);
int audit_append_reply(const struct redisReply *reply, enum audit_outcome *out,
                       struct err *err);

/* ---- reading ---- */
/* Newest first: all of an older time than `before_ms`, but of its entries of that very
 * millisecond those up to the number before_seq. Times from since_ms on. */
struct audit_range {
    int64_t since_ms;
    int64_t before_ms, before_seq;
    int64_t entries; /* at most */
};
void audit_list(struct redis_cmd *cmd, const char *prefix,
                const struct audit_range *range);

struct audit_entry {
    int64_t at_ms, seq; /* its id */
    const char *lines;  /* records, oldest first, each ended by a line feed */
    size_t len;
};
/* The entry at that place of the reply, which owns the text. -1: it is none. */
int audit_entry_at(const struct redisReply *reply, size_t index, struct audit_entry *out);
/* Has the line that value? `member` is a key with its quotes and colon and the value as
 * JSON text: "\"token\":\"ci\"". */
bool audit_line_has(const char *line, size_t len, const struct buf *member);

#endif
