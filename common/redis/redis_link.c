/* Redis, the client that never blocks: commands, time, and the end of a connection. */
#include "common/redis/redis_link.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_link_internal.h"
#include "common/redis/redis_tls.h"

#define NEWS_EVERY_MS 5000
/* A larger buffer is freed when it is empty. */
#define OUT_KEPT_BYTES ((size_t)64 << 10)
/* hiredis moves all it has left after each write: it is given a piece at a time. */
#define PIECE_BYTES ((size_t)256 << 10)

struct redis_link *redis_link_new(const struct redis_address *address, const char *prefix,
                                  const struct redis_script *const *scripts)
{
    struct redis_link *link = mem_new(1, sizeof *link);

    *link = (struct redis_link){.address = address,
                                .prefix = prefix,
                                .scripts = scripts,
                                .away_told = true,
                                .resolve_fd = -1,
                                .out = BUF_INIT(2 * REDIS_COMMAND_MAX),
                                .earliest_mono_ms = INT64_MAX};
    redis_lookup_init(&link->lookup, address);
    err_set(&link->why, ERR_TEMP, "not connected to Redis yet");
    link->news = link->why;
    return link;
}

const char *redis_link_prefix(const struct redis_link *link)
{
    return link->prefix;
}

bool redis_link_ready(const struct redis_link *link)
{
    return link->state == LINK_READY && !link->failed;
}

const char *redis_link_news(struct redis_link *link)
{
    int64_t now_ms = clock_mono_ms();

    if (redis_link_ready(link)) {
        link->news.message[0] = '\0';
        link->news_mono_ms = now_ms;
        return NULL;
    }
    if (now_ms < link->news_mono_ms || strcmp(link->why.message, link->news.message) == 0)
        return NULL;
    link->news = link->why;
    link->news_mono_ms = now_ms + NEWS_EVERY_MS;
    return link->news.message;
}

uint64_t redis_link_generation(const struct redis_link *link)
{
    return link->generation;
}

size_t redis_link_pending(const struct redis_link *link)
{
    return link->sent.count + link->refused.count - link->reloads_left;
}

int redis_link_fd(const struct redis_link *link)
{
    return link->context != NULL ? link->context->fd : link->resolve_fd;
}

short redis_link_events(const struct redis_link *link)
{
    bool unsent = link->writing || link->out.len > link->taken;

    if (link->state == LINK_AWAY)
        return 0;
    if (link->state == LINK_RESOLVING)
        return POLLIN;
    if (link->state == LINK_CONNECTING)
        return POLLOUT;
    return redis_tls_events(link->context, unsent ? POLLIN | POLLOUT : POLLIN);
}

/* ---- the end of a connection ---- */

void redis_link_fail(struct redis_link *link, const struct err *err)
{
    if (link->failed)
        return;
    link->failed = true;
    link->why = *err;
    redis_lookup_blame(&link->lookup, &link->why);
    /* Waiting callers may come back however Redis refused the connection. */
    link->why.kind = ERR_TEMP;
}

void redis_link_fail_io(struct redis_link *link, int errnum, const char *what)
{
    struct err err;

    if (link->context->err == 0 || link->context->err == REDIS_ERR_IO)
        err_sys(&err, ERR_TEMP, errnum, "%s", what);
    else
        err_set(&err, ERR_TEMP, "%s: %s", what, link->context->errstr);
    redis_link_fail(link, &err);
}

static void empty_out(struct redis_link *link)
{
    if (link->out.cap > OUT_KEPT_BYTES) {
        buf_done(&link->out);
        buf_init(&link->out, 2 * REDIS_COMMAND_MAX);
    }
    buf_reset(&link->out);
    link->taken = 0;
}

static void close_socket(struct redis_link *link)
{
    redisFree(TAKE(link->context));
    auto_close(&link->resolve_fd);
    link->resolve_fd = -1;
    link->resolved[0] = '\0';
    link->state = LINK_AWAY;
    link->failed = link->told = link->away_told = link->writing = false;
    link->reloads_left = 0;
    link->sent = (struct redis_pending_ring){0};
    link->earliest_mono_ms = INT64_MAX;
    empty_out(link);
}

void redis_link_drop(struct redis_link *link)
{
    struct redis_pending_ring lost = link->sent;
    struct err why = link->why;

    redis_lookup_closed(&link->lookup, link->failed);
    close_socket(link);
    if (!link->lookup.goes_on) /* else nothing was sent yet, and there is no pause */
        redis_backoff_grow(&link->pause);
    while (lost.count > 0) {
        struct redis_pending pending = redis_pending_pop(&lost);

        redis_pending_tell(&pending, NULL, &why);
    }
    redis_pending_done(&lost);
}

/* Only those that wait now: a callback may send again, and be refused again. */
static void tell_refused(struct redis_link *link)
{
    static const struct err fixed[REFUSALS] = {
        [REFUSED_FULL] = {ERR_TEMP, "too much waits to be sent to Redis"},
        [REFUSED_HUGE] = {ERR_PERM, "a command for Redis is too long"},
        [REFUSED_CLOSING] = {ERR_PERM, "the connection to Redis is closed for good"},
    };

    for (size_t left = link->refused.count; left > 0; left--) {
        struct redis_pending pending = redis_pending_pop(&link->refused);
        enum redis_refusal refusal = pending.refusal;

        redis_pending_tell(&pending, NULL,
                           refusal == REFUSED_AWAY ? &link->why : &fixed[refusal]);
    }
}

void redis_link_free(struct redis_link *link)
{
    struct err err;

    if (link == NULL)
        return;
    err_set(&err, ERR_TEMP, "the connection to Redis is being closed");
    link->closing = true;
    link->failed = false;
    redis_link_fail(link, &err);
    redis_link_drop(link);
    while (link->refused.count > 0)
        tell_refused(link);
    redis_pending_done(&link->refused);
    buf_done(&link->out);
    free(link);
}

/* ---- sending ---- */

static bool may_send(const struct redis_link *link, const struct redis_cmd *cmd,
                     enum redis_refusal *refusal)
{
    size_t bytes = redis_cmd_bound(cmd);

    if (link->closing)
        *refusal = REFUSED_CLOSING;
    else if (cmd->body.over || bytes > REDIS_COMMAND_MAX)
        *refusal = REFUSED_HUGE;
    else if (!redis_link_ready(link))
        *refusal = REFUSED_AWAY;
    else if (link->out.len - link->taken + bytes > REDIS_COMMAND_MAX)
        *refusal = REFUSED_FULL;
    else
        return true;
    return false;
}

void redis_link_await(struct redis_link *link, const struct redis_pending *pending)
{
    redis_pending_push(&link->sent, pending);
    if (pending->deadline_mono_ms < link->earliest_mono_ms)
        link->earliest_mono_ms = pending->deadline_mono_ms;
}

void redis_link_send(struct redis_link *link, const struct redis_cmd *cmd,
                     int64_t timeout_ms, redis_link_callback *done, void *arg)
{
    struct redis_pending pending = {.done = done, .arg = arg};

    if (!may_send(link, cmd, &pending.refusal)) {
        redis_pending_push(&link->refused, &pending);
        return;
    }
    redis_cmd_write(cmd, false, &link->out);
    pending.deadline_mono_ms = clock_mono_ms() + timeout_ms;
    redis_link_await(link, &pending);
}

static void hand_piece_to_hiredis(struct redis_link *link)
{
    size_t left = link->out.len - link->taken;
    size_t piece = left < PIECE_BYTES ? left : PIECE_BYTES;

    if (redisAppendFormattedCommand(link->context, link->out.data + link->taken, piece) !=
        REDIS_OK)
        abort(); /* out of memory */
    link->taken += piece;
    if (link->taken == link->out.len) {
        empty_out(link);
    } else if (link->taken > link->out.len / 2) {
        buf_drop(&link->out, link->taken);
        link->taken = 0;
    }
}

void redis_link_flush(struct redis_link *link)
{
    int all_sent = 0;

    if (link->failed || (link->state != LINK_GREETING && link->state != LINK_READY))
        return;
    while (link->writing || link->out.len > link->taken) {
        if (!link->writing)
            hand_piece_to_hiredis(link);
        if (redisBufferWrite(link->context, &all_sent) != REDIS_OK) {
            redis_link_fail_io(link, errno, "cannot write");
            return;
        }
        link->writing = !all_sent;
        if (link->writing)
            return;
    }
}

/* ---- time ---- */

/* Looks at all deadlines only when the earliest known one has passed: that command may
 * have been answered long ago. */
static bool overdue(struct redis_link *link, int64_t now_ms)
{
    if (link->state == LINK_RESOLVING || link->state == LINK_CONNECTING ||
        link->state == LINK_GREETING)
        return now_ms >= link->lookup.by_mono_ms;
    if (now_ms < link->earliest_mono_ms)
        return false;
    link->earliest_mono_ms = redis_pending_earliest(&link->sent);
    return now_ms >= link->earliest_mono_ms;
}

static int64_t sleep_ms(const struct redis_link *link, int64_t now_ms)
{
    int64_t until_ms = link->earliest_mono_ms;

    if (link->failed || link->refused.count > 0)
        return 0;
    if (link->state == LINK_AWAY)
        until_ms = link->pause.until_mono_ms;
    else if (link->state != LINK_READY)
        until_ms = link->lookup.by_mono_ms;
    if (until_ms == INT64_MAX)
        return -1;
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

int64_t redis_link_tick(struct redis_link *link)
{
    int64_t now_ms = clock_mono_ms();
    struct err err;

    tell_refused(link);
    if (overdue(link, now_ms)) {
        err_set(&err, ERR_TEMP,
                link->state == LINK_RESOLVING ? "its name was not resolved in time"
                                              : "no answer in time");
        redis_link_fail(link, &err);
    }
    if (link->state == LINK_AWAY && link->away_told &&
        now_ms >= link->pause.until_mono_ms)
        redis_link_connect(link);
    redis_link_flush(link);
    if (link->failed)
        redis_link_drop(link);
    if (link->state == LINK_AWAY)
        link->away_told = true;
    return sleep_ms(link, clock_mono_ms());
}
