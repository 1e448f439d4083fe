/* What the files of the queue share: reading a script's outcome. For common/queue_*.c
 * only. */
#ifndef KEDGE_COMMON_QUEUE_INTERNAL_H
#define KEDGE_COMMON_QUEUE_INTERNAL_H

#include "common/queue.h"
#include "common/scripts.h"

/* The index in `words` of the reply's text. ERR_PERM for another text, or none. */
int queue_word(const struct redisReply *reply, const char *const *words, size_t count,
               size_t *index, struct err *err);
/* A name after the prefix, as an argument. */
void queue_key(struct redis_cmd *cmd, const char *prefix, const char *name,
               const char *id);
/* At most `max` bytes of the text. */
void queue_arg_cut(struct redis_cmd *cmd, const char *text, size_t max);

#endif
