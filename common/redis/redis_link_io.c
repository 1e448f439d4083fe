/* Redis, the client that never blocks: its socket. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_link_internal.h"
#include "common/redis/redis_tls.h"

/* ---- receiving ---- */

static void reloaded(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct redis_link *link = arg;

    (void)reply;
    (void)err;
    if (link->reloads_left > 0)
        link->reloads_left--;
}

/* Once for all commands in flight that find their script gone. */
static void reload_scripts(struct redis_link *link)
{
    struct redis_pending pending = {.done = reloaded,
                                    .arg = link,
                                    .deadline_mono_ms =
                                        clock_mono_ms() + REDIS_CONNECT_MS};

    if (link->reloads_left > 0)
        return;
    link->reloads_left = redis_scripts_write(link->scripts, &link->out);
    for (size_t i = 0; i < link->reloads_left; i++)
        redis_link_await(link, &pending);
}

static void take_greeting(struct redis_link *link, const struct redisReply *reply)
{
    struct err err;

    if (link->failed || link->told)
        return;
    if (redis_greeting_read(&link->greeting, reply, &err) < 0) {
        redis_link_fail(link, &err);
        return;
    }
    if (link->greeting.answered < link->greeting.asked)
        return;
    if (link->lookup.asking) {
        link->told = true;
        return;
    }
    link->state = LINK_READY;
    link->generation++;
}

static void take_reply(struct redis_link *link, const struct redisReply *reply)
{
    struct redis_pending pending = redis_pending_pop(&link->sent);
    struct err err;

    switch (redis_reply_kind(reply, &err)) {
    case REDIS_OK:
        redis_backoff_reset(&link->pause);
        redis_pending_tell(&pending, reply, NULL);
        return;
    case REDIS_DROP:
        redis_link_fail(link, &err);
        break;
    case REDIS_NOSCRIPT:
        reload_scripts(link);
        break;
    case REDIS_RETRY:
        if (redis_lookup_in_doubt(&link->lookup, reply))
            redis_link_fail(link, &err);
        break;
    case REDIS_OOM:
    case REDIS_BUG:
        break;
    }
    redis_pending_tell(&pending, NULL, &err);
}

static void take(struct redis_link *link, const struct redisReply *reply)
{
    struct err err;

    if (link->state == LINK_GREETING) {
        take_greeting(link, reply);
    } else if (link->sent.count > 0) {
        take_reply(link, reply);
    } else {
        err_set(&err, ERR_TEMP, "it sent a reply that nobody asked for");
        redis_link_fail(link, &err);
    }
}

static void receive_some(struct redis_link *link)
{
    if (redisBufferRead(link->context) != REDIS_OK) {
        redis_link_fail_io(link, errno, "cannot read");
        return;
    }
    for (;;) {
        AUTO(redis_reply_free) struct redisReply *reply = NULL;
        void *object = NULL;

        if (redisGetReplyFromReader(link->context, &object) != REDIS_OK) {
            redis_link_fail_io(link, 0, "cannot understand it");
            return;
        }
        reply = object;
        if (reply == NULL)
            return;
        take(link, reply);
    }
}

static void receive(struct redis_link *link)
{
    do {
        receive_some(link);
    } while (!link->failed && redis_tls_holds(link->context));
}

/* ---- connecting ---- */

/* The name stays in the lookup: certificates and messages go by it. */
static void dial(struct redis_link *link, const struct redis_host *to)
{
    const struct redis_host *named = to != NULL ? to : &link->address->at;
    struct redis_host resolved = {link->resolved, named->port};
    struct err err;

    link->state = LINK_CONNECTING;
    link->context =
        redis_dial(link->address, link->resolved[0] != '\0' ? &resolved : to, 0, &err);
    if (link->context == NULL)
        redis_link_fail(link, &err);
}

static void resolve(struct redis_link *link, const char *host)
{
    struct err err;

    link->state = LINK_RESOLVING;
    link->resolve_fd = redis_resolve_begin(host, &err);
    if (link->resolve_fd < 0)
        redis_link_fail(link, &err);
}

void redis_link_connect(struct redis_link *link)
{
    const struct redis_host *to;
    const char *host;

    if (link->resolved[0] != '\0') {
        dial(link, redis_lookup_to(&link->lookup));
        return;
    }
    to = redis_lookup_next(&link->lookup);
    host = to != NULL ? to->host : link->address->at.host;
    if (host != NULL && redis_resolve_needed(host))
        resolve(link, host);
    else
        dial(link, to);
}

/* A turn without a descriptor, then the next tick dials. */
static void finish_resolve(struct redis_link *link)
{
    struct err err;

    if (redis_resolve_read(link->resolve_fd, link->resolved, &err) < 0) {
        redis_link_fail(link, &err);
        return;
    }
    auto_close(&link->resolve_fd);
    link->resolve_fd = -1;
    link->state = LINK_AWAY;
    link->away_told = false;
}

static void finish_connect(struct redis_link *link)
{
    struct err err;
    int errnum = 0;
    socklen_t len = sizeof errnum;

    if (getsockopt(link->context->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
        errnum = errno;
    if (errnum != 0) {
        redis_link_fail_io(link, errnum, "cannot connect");
        return;
    }
    if (redis_secure(link->address, redis_lookup_to(&link->lookup), link->context, &err) <
        0) {
        redis_link_fail(link, &err);
        return;
    }
    link->state = LINK_GREETING;
    link->greeting =
        (struct redis_greeting){.lookup = &link->lookup, .scripts = link->scripts};
    redis_greeting_write(&link->greeting, &link->out);
}

void redis_link_io(struct redis_link *link, short revents)
{
    if (link->state == LINK_AWAY || revents == 0)
        return;
    if (link->state == LINK_RESOLVING)
        finish_resolve(link);
    else if (link->state == LINK_CONNECTING)
        finish_connect(link);
    else if (redis_tls_wants_read(link->context, revents))
        receive(link);
    redis_link_flush(link);
    if (link->failed || link->told)
        redis_link_drop(link);
}
