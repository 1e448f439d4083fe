/* What the files of the queue share: a script's arguments, its outcome, stored fields.
 * For common/queue/queue_*.c and the stores beside them only. */
#ifndef KEDGE_COMMON_QUEUE_QUEUE_INTERNAL_H
#define KEDGE_COMMON_QUEUE_QUEUE_INTERNAL_H

#include "common/queue/queue.h"
#include "common/redis/scripts.h"

/* The index in `words` of the reply's text. ERR_PERM for another text, or none. */
int queue_word(const struct redisReply *reply, const char *const *words, size_t count,
               size_t *index, struct err *err);
/* A name after the prefix, as an argument. */
void queue_key(struct redis_cmd *cmd, const char *prefix, const char *name,
               const char *id);
/* At most `max` bytes of the text. */
void queue_arg_cut(struct redis_cmd *cmd, const char *text, size_t max);
/* The registry's key of a project; "" for none. */
void queue_arg_project(struct redis_cmd *cmd, const char *project_id);
/* The fields of a run that queue_get_run_reply reads; a script answers with them and the
 * spec. */
void queue_arg_run_fields(struct redis_cmd *cmd);
/* A script whose first arguments are a hold. */
void queue_hold_script(struct redis_cmd *cmd, const char *name, const char *prefix,
                       const struct queue_hold *hold);

/* A field of a stored hash: where it goes in the record, and the number when it is not
 * there. */
struct queue_field {
    const char *name;
    size_t offset; /* of a const char *, int64_t or bool */
    enum { FIELD_TEXT, FIELD_NUMBER, FIELD_BOOLEAN } form;
    int64_t missing;
};
/* Text that is not there is "". */
void queue_field_read(const struct redisReply *value, const struct queue_field *field,
                      void *record);
/* XREAD up to its streams: their keys come next, then where to read on in each. */
void queue_cmd_xread(struct redis_cmd *cmd, int64_t block_ms, int64_t count);

#endif
