/* Redis replies: what an error means, and access that never fails. */
#include <assert.h>
#include <hiredis/hiredis.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/redis/redis_internal.h"

/* By the first word of the error; a longer start where the word alone says too little. */
static const struct {
    const char *start;
    enum redis_reply_kind kind;
    enum err_kind err;
    const char *meaning; /* NULL: Redis's own sentence says it */
} error_kinds[] = {
    {"LOADING", REDIS_RETRY, ERR_TEMP, NULL},
    {"MASTERDOWN", REDIS_RETRY, ERR_TEMP, NULL},
    {"TRYAGAIN", REDIS_RETRY, ERR_TEMP, NULL},
    {"NOREPLICAS", REDIS_RETRY, ERR_TEMP, NULL},
    {"BUSY", REDIS_RETRY, ERR_TEMP, NULL},
    {"MISCONF", REDIS_RETRY, ERR_TEMP, NULL},
    {"ERR max number of clients reached", REDIS_RETRY, ERR_TEMP, NULL},
    {"READONLY", REDIS_DROP, ERR_TEMP, NULL},
    {"UNBLOCKED", REDIS_DROP, ERR_TEMP, NULL},
    {"OOM", REDIS_OOM, ERR_TEMP, "Redis is out of memory (maxmemory)"},
    {"NOSCRIPT", REDIS_NOSCRIPT, ERR_TEMP, "Redis has lost its scripts; call again"},
    {"MOVED", REDIS_BUG, ERR_PERM, "Redis Cluster is not supported"},
    {"ASK", REDIS_BUG, ERR_PERM, "Redis Cluster is not supported"},
    {"CLUSTERDOWN", REDIS_BUG, ERR_PERM, "Redis Cluster is not supported"},
    {"CROSSSLOT", REDIS_BUG, ERR_PERM, "Redis Cluster is not supported"},
};

static bool starts_with_word(const char *text, const char *start)
{
    size_t len = strlen(start);

    return strncmp(text, start, len) == 0 && (text[len] == ' ' || text[len] == '\0');
}

enum redis_reply_kind redis_reply_kind(const struct redisReply *reply, struct err *err)
{
    assert(reply != NULL);
    if (reply->type != REDIS_REPLY_ERROR)
        return REDIS_OK;
    for (size_t i = 0; i < ARRAY_LEN(error_kinds); i++) {
        if (!starts_with_word(reply->str, error_kinds[i].start))
            continue;
        if (error_kinds[i].meaning != NULL)
            err_set(err, error_kinds[i].err, "%s", error_kinds[i].meaning);
        else
            err_set(err, error_kinds[i].err, "Redis says: %s", reply->str);
        return error_kinds[i].kind;
    }
    err_set(err, ERR_PERM, "Redis says: %s", reply->str);
    return REDIS_BUG;
}

void redis_reply_free(struct redisReply **reply)
{
    if (*reply != NULL)
        freeReplyObject(*reply);
    *reply = NULL;
}

size_t redis_reply_count(const struct redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
}

const struct redisReply *redis_reply_at(const struct redisReply *reply, size_t index)
{
    return index < redis_reply_count(reply) ? reply->element[index] : NULL;
}

const char *redis_reply_text(const struct redisReply *reply)
{
    bool has_text = reply != NULL && (reply->type == REDIS_REPLY_STRING ||
                                      reply->type == REDIS_REPLY_STATUS);

    return has_text ? reply->str : NULL;
}

size_t redis_reply_len(const struct redisReply *reply)
{
    return redis_reply_text(reply) != NULL ? reply->len : 0;
}

int64_t redis_reply_int(const struct redisReply *reply, int64_t fallback)
{
    const char *text = redis_reply_text(reply);
    int64_t number = fallback;

    if (reply != NULL && reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    if (text != NULL)
        parse_int64(text, INT64_MIN, INT64_MAX, &number);
    return number;
}

const char *redis_info_field(const char *info, const char *field, char *value,
                             size_t size)
{
    size_t len = strlen(field);
    size_t value_len = 0;

    for (const char *line = info; line != NULL && *line != '\0';) {
        if (strncmp(line, field, len) == 0 && line[len] == ':') {
            value_len = strcspn(line + len + 1, "\r\n");
            value_len = value_len < size ? value_len : size - 1;
            memcpy(value, line + len + 1, value_len);
            break;
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    value[value_len] = '\0';
    return value;
}

const char *redis_info_mode(const char *info, char *value, size_t size)
{
    redis_info_field(info, "redis_mode", value, size);
    if (value[0] == '\0')
        redis_info_field(info, "server_mode", value, size);
    return value;
}
