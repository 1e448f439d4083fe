/* Redis, the blocking client: exchange, fall back to EVAL, replay. */
#include <assert.h>
#include <poll.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_internal.h"

#define WRITE_MAX (4 * REDIS_COMMAND_MAX) /* bytes */

/* What travels together: one write, then as many replies. */
struct batch {
    const struct redis_cmd *const *cmds;
    struct redisReply **replies; /* NULL: not yet */
    bool *as_eval;
    size_t count;
};

enum verdict {
    DONE,
    AGAIN, /* nothing ran, or it may run twice */
    FAILED,
};

static bool may_run_twice(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (!batch->cmds[i]->repeatable)
            return false;
    }
    return true;
}

/* Sends what has no reply yet, and awaits it. */
static int exchange(struct redis *redis, struct batch *batch, struct err *err)
{
    AUTO(buf_done) struct buf bytes = BUF_INIT(WRITE_MAX);

    for (size_t i = 0; i < batch->count; i++) {
        if (batch->replies[i] == NULL)
            redis_cmd_write(batch->cmds[i], batch->as_eval[i], &bytes);
    }
    redis_append(redis, &bytes);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->replies[i] == NULL &&
            redis_receive(redis, &batch->replies[i], err) < 0)
            return -1;
    }
    return 0;
}

/* Scripts that Redis has lost: EVAL, once. Returns whether there are any. */
static bool fall_back_to_eval(struct batch *batch)
{
    struct err ignored;
    bool any = false;

    for (size_t i = 0; i < batch->count; i++) {
        if (batch->cmds[i]->script == NULL || batch->as_eval[i] ||
            redis_reply_kind(batch->replies[i], &ignored) != REDIS_NOSCRIPT)
            continue;
        batch->as_eval[i] = true;
        redis_reply_free(&batch->replies[i]);
        any = true;
    }
    return any;
}

static enum verdict refused(struct redis *redis, enum redis_reply_kind kind, bool again,
                            struct err *err)
{
    if (kind == REDIS_NOSCRIPT)
        err_set(err, ERR_PERM, "Redis answers EVAL with NOSCRIPT");
    if (kind == REDIS_DROP)
        redis_drop(redis, err);
    else if (kind == REDIS_RETRY)
        redis_backoff_grow(&redis->backoff);
    return again && (kind == REDIS_DROP || kind == REDIS_RETRY) ? AGAIN : FAILED;
}

/* The first reply that is an error decides. */
static enum verdict judge(struct redis *redis, const struct batch *batch, struct err *err)
{
    /* Alone, what was refused did not run; of several the others did. */
    bool again = batch->count == 1 || may_run_twice(batch);

    for (size_t i = 0; i < batch->count; i++) {
        enum redis_reply_kind kind = redis_reply_kind(batch->replies[i], err);

        if (kind == REDIS_RETRY &&
            redis_lookup_in_doubt(&redis->lookup, batch->replies[i]))
            kind = REDIS_DROP;
        if (kind != REDIS_OK)
            return refused(redis, kind, again, err);
    }
    return DONE;
}

static enum verdict attempt(struct redis *redis, struct batch *batch, struct err *err)
{
    if (redis_connect(redis, err) < 0)
        return err->kind == ERR_TEMP ? AGAIN : FAILED;
    if (exchange(redis, batch, err) < 0 ||
        (fall_back_to_eval(batch) && exchange(redis, batch, err) < 0))
        return may_run_twice(batch) ? AGAIN : FAILED;
    return judge(redis, batch, err);
}

static void forget_replies(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        redis_reply_free(&batch->replies[i]);
        batch->as_eval[i] = false;
    }
}

static void sleep_until(int64_t mono_ms)
{
    for (int64_t left_ms; (left_ms = mono_ms - clock_mono_ms()) > 0;)
        poll(NULL, 0, (int)left_ms);
}

/* Each of them, and all in one write, whichever way they are sent. */
static int check_sizes(const struct batch *batch, struct err *err)
{
    size_t bytes = 0;

    for (size_t i = 0; i < batch->count; i++) {
        const struct redis_cmd *cmd = batch->cmds[i];

        if (cmd->body.over)
            return err_set(err, ERR_PERM, "a command for Redis exceeds %zu bytes",
                           REDIS_COMMAND_MAX);
        bytes += redis_cmd_bound(cmd) + (cmd->script != NULL ? cmd->script->len : 0);
    }
    if (bytes > WRITE_MAX)
        return err_set(err, ERR_PERM, "%zu commands for Redis exceed %zu bytes",
                       batch->count, WRITE_MAX);
    return 0;
}

static int call(struct redis *redis, struct batch *batch, int64_t budget_ms,
                struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + budget_ms;

    if (check_sizes(batch, err) < 0)
        return -1;
    for (;;) {
        enum verdict verdict = attempt(redis, batch, err);

        if (verdict == DONE) {
            redis_backoff_reset(&redis->backoff);
            return 0;
        }
        forget_replies(batch);
        if (verdict == FAILED || redis->backoff.until_mono_ms > deadline_ms)
            return -1;
        sleep_until(redis->backoff.until_mono_ms);
    }
}

/* `cmds`, `replies` (all NULL): count of each. On failure there is no reply. */
static int call_list(struct redis *redis, const struct redis_cmd *const *cmds,
                     size_t count, int64_t budget_ms, struct redisReply **replies,
                     struct err *err)
{
    bool as_eval[REDIS_CALL_MAX] = {false};
    struct batch batch = {
        .cmds = cmds, .replies = replies, .as_eval = as_eval, .count = count};

    assert(count <= REDIS_CALL_MAX);
    return call(redis, &batch, budget_ms, err);
}

int redis_call(struct redis *redis, const struct redis_cmd *cmd, int64_t budget_ms,
               struct redisReply **reply, struct err *err)
{
    struct redisReply *got = NULL;

    if (call_list(redis, &cmd, 1, budget_ms, &got, err) < 0)
        return -1;
    *reply = got;
    return 0;
}

int redis_call2(struct redis *redis, const struct redis_cmd *first,
                const struct redis_cmd *second, int64_t budget_ms,
                struct redisReply **reply1, struct redisReply **reply2, struct err *err)
{
    const struct redis_cmd *const cmds[] = {first, second};
    struct redisReply *got[] = {NULL, NULL};

    if (call_list(redis, cmds, ARRAY_LEN(cmds), budget_ms, got, err) < 0)
        return -1;
    *reply1 = got[0];
    *reply2 = got[1];
    return 0;
}

int redis_call_all(struct redis *redis, const struct redis_cmd *cmds, size_t count,
                   int64_t budget_ms, struct redisReply **replies, struct err *err)
{
    const struct redis_cmd *list[REDIS_CALL_MAX];

    assert(count <= REDIS_CALL_MAX);
    for (size_t i = 0; i < count; i++) {
        list[i] = &cmds[i];
        replies[i] = NULL;
    }
    return count > 0 ? call_list(redis, list, count, budget_ms, replies, err) : 0;
}
