/* Redis, the blocking client: its connection. */
#include "common/redis/redis.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_internal.h"
#include "common/redis/redis_tls.h"

struct redis *redis_new(const struct redis_address *address, const char *prefix,
                        const struct redis_script *const *scripts, int64_t timeout_ms)
{
    struct redis *redis = mem_new(1, sizeof *redis);

    assert(timeout_ms > 0);
    *redis = (struct redis){.address = address,
                            .prefix = prefix,
                            .scripts = scripts,
                            .timeout_ms = timeout_ms};
    redis_lookup_init(&redis->lookup, address);
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

static void hang_up(struct redis *redis, bool failed)
{
    redis_lookup_closed(&redis->lookup, failed);
    if (redis->context != NULL)
        redisFree(TAKE(redis->context));
}

void redis_leave(struct redis *redis)
{
    hang_up(redis, true);
}

int redis_drop(struct redis *redis, struct err *err)
{
    redis_lookup_blame(&redis->lookup, err);
    redis->last = *err;
    hang_up(redis, true);
    if (!redis->lookup.goes_on)
        redis_backoff_grow(&redis->backoff);
    return -1;
}

static int broken(struct redis *redis, int errnum, struct err *err)
{
    if (redis->context->err != REDIS_ERR_IO)
        err_set(err, ERR_TEMP, "%s", redis->context->errstr);
    else if (errnum == EAGAIN)
        err_set(
            err, ERR_TEMP, "no answer within %lld ms",
            (long long)(redis->lookup.asking ? REDIS_SENTINEL_MS : redis->timeout_ms));
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

/* ---- connecting ---- */

/* Also of a deadline that has passed: what is there already is taken. */
static bool readable_by(int fd, int64_t by_mono_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    for (;;) {
        int64_t left_ms = by_mono_ms - clock_mono_ms();
        int ready = poll(&wait, 1, left_ms > 0 ? (int)left_ms : 0);

        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

/* As redis_receive, but until then, however slowly the bytes come. */
static int receive_by(struct redis *redis, int64_t by_mono_ms, struct redisReply **reply,
                      struct err *err)
{
    struct redisContext *context = redis->context;
    void *object = NULL;
    int all_sent = 0;

    errno = 0;
    while (!all_sent) {
        if (redisBufferWrite(context, &all_sent) != REDIS_OK)
            return broken(redis, errno, err);
    }
    for (;;) {
        if (redisGetReplyFromReader(context, &object) != REDIS_OK)
            return broken(redis, errno, err);
        *reply = object;
        if (object != NULL)
            return 0;
        if (!redis_tls_holds(context) && !readable_by(context->fd, by_mono_ms)) {
            context->err = REDIS_ERR_IO;
            return broken(redis, EAGAIN, err);
        }
        if (redisBufferRead(context) != REDIS_OK)
            return broken(redis, errno, err);
    }
}

static int greet(struct redis *redis, int64_t by_mono_ms, struct redis_greeting *greeting,
                 struct err *err)
{
    AUTO(buf_done) struct buf hello = BUF_INIT(REDIS_COMMAND_MAX);

    redis_greeting_write(greeting, &hello);
    redis_append(redis, &hello);
    while (greeting->answered < greeting->asked) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;

        if (receive_by(redis, by_mono_ms, &reply, err) < 0)
            return -1;
        if (redis_greeting_read(greeting, reply, err) < 0)
            return redis_drop(redis, err);
    }
    return 0;
}

/* One socket: to a sentinel, which is asked and hung up on, or to Redis. */
static int meet(struct redis *redis, struct err *err)
{
    const struct redis_host *to = redis_lookup_next(&redis->lookup);
    struct redis_greeting greeting = {.lookup = &redis->lookup,
                                      .scripts = redis->scripts};
    bool asking = redis->lookup.asking;
    int64_t timeout_ms = asking ? REDIS_SENTINEL_MS : redis->timeout_ms;
    int64_t by_mono_ms = redis->lookup.by_mono_ms;
    int result;

    redis->unsupported = false;
    redis->context = redis_dial(redis->address, to, timeout_ms, err);
    if (redis->context == NULL)
        return redis_drop(redis, err);
    if (!asking)
        by_mono_ms = clock_mono_ms() + timeout_ms;
    result = greet(redis, by_mono_ms, &greeting, err);
    redis->unsupported = greeting.unsupported;
    if (result < 0)
        return -1;
    if (asking) {
        hang_up(redis, false);
        return 0;
    }
    memcpy(redis->server_id, greeting.server_id, sizeof redis->server_id);
    redis->generation++;
    return 0;
}

static int connect_now(struct redis *redis, struct err *err)
{
    int result;

    do {
        result = meet(redis, err);
    } while (redis->lookup.goes_on);
    return result;
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
