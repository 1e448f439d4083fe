/* What the files of the queue share. */
#include "common/queue_internal.h"

#include <string.h>

int queue_word(const struct redisReply *reply, const char *const *words, size_t count,
               size_t *index, struct err *err)
{
    const char *text = redis_reply_text(reply);

    for (size_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            *index = i;
            return 0;
        }
    }
    return err_set(err, ERR_PERM, "a script answered %s%s",
                   text ? "the unknown word " : "", text ? text : "without an outcome");
}

void queue_key(struct redis_cmd *cmd, const char *prefix, const char *name,
               const char *id)
{
    redis_cmd_fmt(cmd, "%s%s%s", prefix, name, id);
}

void queue_arg_cut(struct redis_cmd *cmd, const char *text, size_t max)
{
    redis_cmd_bytes(cmd, text != NULL ? text : "", text != NULL ? strnlen(text, max) : 0);
}
