/* Redis, the blocking client: its connection. */
#include "common/redis/redis.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_internal.h"

struct redis *redis_new(const struct redis_address *address, const char *prefix,
                        const struct redis_script *const *scripts, int64_t timeout_ms)
{
    struct redis *redis = mem_new(1, sizeof *redis);

    assert(timeout_ms > 0);
    *redis = (struct redis){.address = address,
                            .prefix = prefix,
                            .scripts = scripts,
                            .timeout_ms = timeout_ms};
    return redis;
}

void redis_free(struct redis *redis)
{
    if (redis == NULL)
        return;
    if (redis->context != NULL)
        redisFree(redis->context);
    free(redis);
}

const char *redis_prefix(const struct redis *redis)
{
    return redis->prefix;
}

bool redis_connected(const struct redis *redis)
{
    return redis->context != NULL;
}

uint64_t redis_generation(const struct redis *redis)
{
    return redis->generation;
}

const char *redis_server_id(const struct redis *redis)
{
    return redis->server_id;
}

int redis_drop(struct redis *redis, struct err *err)
{
    char name[REDIS_NAME_BYTES];

    err_wrap(err, "Redis at %s", redis_address_name(redis->address, NULL, name));
    redis->last = *err;
    if (redis->context != NULL)
        redisFree(TAKE(redis->context));
    redis_backoff_grow(&redis->backoff);
    return -1;
}

static int broken(struct redis *redis, int errnum, struct err *err)
{
    if (redis->context->err != REDIS_ERR_IO)
        err_set(err, ERR_TEMP, "%s", redis->context->errstr);
    else if (errnum == EAGAIN)
        err_set(err, ERR_TEMP, "no answer within %lld ms", (long long)redis->timeout_ms);
    else
        err_sys(err, ERR_TEMP, errnum, "the connection broke");
    return redis_drop(redis, err);
}

int redis_receive(struct redis *redis, struct redisReply **reply, struct err *err)
{
    void *object = NULL;

    errno = 0;
    if (redisGetReply(redis->context, &object) != REDIS_OK)
        return broken(redis, errno, err);
    *reply = object;
    return 0;
}

void redis_append(struct redis *redis, const struct buf *bytes)
{
    if (redisAppendFormattedCommand(redis->context, bytes->data, bytes->len) != REDIS_OK)
        abort(); /* out of memory */
}

static int greet(struct redis *redis, struct err *err)
{
    AUTO(buf_done) struct buf hello = BUF_INIT(REDIS_COMMAND_MAX);
    struct redis_greeting greeting = {.address = redis->address,
                                      .scripts = redis->scripts};

    redis_greeting_write(&greeting, &hello);
    redis_append(redis, &hello);
    while (greeting.answered < greeting.asked) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;

        if (redis_receive(redis, &reply, err) < 0)
            return -1;
        if (redis_greeting_read(&greeting, reply, err) < 0)
            return redis_drop(redis, err);
    }
    memcpy(redis->server_id, greeting.server_id, sizeof redis->server_id);
    redis->generation++;
    return 0;
}

static int connect_now(struct redis *redis, struct err *err)
{
    redis->context = redis_dial(redis->address, NULL, redis->timeout_ms, err);
    if (redis->context == NULL)
        return redis_drop(redis, err);
    return greet(redis, err);
}

int redis_connect(struct redis *redis, struct err *err)
{
    if (redis->context != NULL)
        return 0;
    if (clock_mono_ms() < redis->backoff.until_mono_ms) {
        *err = redis->last;
        return -1;
    }
    return connect_now(redis, err);
}
