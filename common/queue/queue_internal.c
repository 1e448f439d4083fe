/* What the files of the queue share. */
#include "common/queue/queue_internal.h"

#include <string.h>

#include "common/registry/registry.h"

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

void queue_arg_project(struct redis_cmd *cmd, const char *project_id)
{
    char key[SIGN_ID_BYTES] = "";

    if (project_id != NULL && project_id[0] != '\0')
        registry_project_key(project_id, key);
    redis_cmd_arg(cmd, key);
}

void queue_hold_script(struct redis_cmd *cmd, const char *name, const char *prefix,
                       const struct queue_hold *hold)
{
    redis_cmd_script(cmd, script(name), prefix);
    redis_cmd_arg(cmd, hold->run_id);
    redis_cmd_arg(cmd, hold->fence);
    redis_cmd_arg(cmd, hold->nonce);
}

void queue_field_read(const struct redisReply *value, const struct queue_field *field,
                      void *record)
{
    void *member = (char *)record + field->offset;
    const char *text = redis_reply_text(value);

    switch (field->form) {
    case FIELD_TEXT:
        *(const char **)member = text != NULL ? text : "";
        break;
    case FIELD_NUMBER:
        *(int64_t *)member = redis_reply_int(value, field->missing);
        break;
    case FIELD_BOOLEAN:
        *(bool *)member = redis_reply_int(value, 0) != 0;
        break;
    }
}

void queue_cmd_xread(struct redis_cmd *cmd, int64_t block_ms, int64_t count)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "XREAD");
    redis_cmd_arg(cmd, "COUNT");
    redis_cmd_int(cmd, count);
    redis_cmd_arg(cmd, "BLOCK");
    redis_cmd_int(cmd, block_ms);
    redis_cmd_arg(cmd, "STREAMS");
}
