/* The live log of a run, read. */
#include "common/queue/queue_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/queue/queue_internal.h"

#define KEY_NAME "log:"

int log_place_compare(const struct log_place *a, const struct log_place *b)
{
    if (a->attempt != b->attempt)
        return a->attempt < b->attempt ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* "<attempt>-<offset>", as Redis prints it. */
static bool read_id(const char *id, struct log_place *out)
{
    char *end;

    if (id == NULL)
        return false;
    out->attempt = strtoll(id, &end, 10);
    if (*end != '-')
        return false;
    out->offset = strtoll(end + 1, &end, 10);
    return *end == '\0';
}

bool queue_log_entry(const struct redisReply *entry, struct log_entry *out)
{
    const struct redisReply *fields = redis_reply_at(entry, 1);

    *out = (struct log_entry){0};
    if (!read_id(redis_reply_text(redis_reply_at(entry, 0)), &out->at))
        return false;
    for (size_t i = 0; i + 1 < redis_reply_count(fields); i += 2) {
        const char *name = redis_reply_text(redis_reply_at(fields, i));

        if (name == NULL || strcmp(name, "bytes") != 0)
            continue;
        out->bytes = redis_reply_text(redis_reply_at(fields, i + 1));
        out->len = redis_reply_len(redis_reply_at(fields, i + 1));
    }
    return out->bytes != NULL;
}

static void arg_place(struct redis_cmd *cmd, const struct log_place *place)
{
    redis_cmd_fmt(cmd, "%" PRId64 "-%" PRId64, place->attempt, place->offset);
}

void queue_get_log_at(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                      const struct log_place *place)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "XREVRANGE");
    queue_key(cmd, prefix, KEY_NAME, run_id);
    arg_place(cmd, place);
    redis_cmd_fmt(cmd, "%" PRId64 "-0", place->attempt);
    redis_cmd_arg(cmd, "COUNT");
    redis_cmd_int(cmd, 1);
}

void queue_get_log_from(struct redis_cmd *cmd, const char *prefix, const char *run_id,
                        const struct log_place *from, int64_t count)
{
    redis_cmd_init(cmd);
    cmd->repeatable = true;
    redis_cmd_arg(cmd, "XRANGE");
    queue_key(cmd, prefix, KEY_NAME, run_id);
    arg_place(cmd, from);
    redis_cmd_arg(cmd, "+");
    redis_cmd_arg(cmd, "COUNT");
    redis_cmd_int(cmd, count);
}

/* XREAD wants the id before the first that is wanted. */
static void arg_before(struct redis_cmd *cmd, const struct log_place *place)
{
    if (place->offset > 0)
        redis_cmd_fmt(cmd, "%" PRId64 "-%" PRId64, place->attempt, place->offset - 1);
    else if (place->attempt > 0)
        redis_cmd_fmt(cmd, "%" PRId64 "-%" PRIu64, place->attempt - 1, UINT64_MAX);
    else
        redis_cmd_arg(cmd, "0-0");
}

void queue_read_logs(struct redis_cmd *cmd, const char *prefix,
                     const struct log_cursor *cursors, size_t cursor_count,
                     int64_t block_ms, int64_t count)
{
    queue_cmd_xread(cmd, block_ms, count);
    for (size_t i = 0; i < cursor_count; i++)
        queue_key(cmd, prefix, KEY_NAME, cursors[i].run_id);
    for (size_t i = 0; i < cursor_count; i++)
        arg_before(cmd, &cursors[i].from);
}

const char *queue_log_run_id(const char *prefix, const char *key)
{
    size_t len = strlen(prefix);

    if (key == NULL || strncmp(key, prefix, len) != 0 ||
        strncmp(key + len, KEY_NAME, sizeof KEY_NAME - 1) != 0)
        return NULL;
    return key + len + sizeof KEY_NAME - 1;
}
