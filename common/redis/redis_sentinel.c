/* Whom to connect to: one address, or the master that sentinels name. */
#include "common/redis/redis_sentinel.h"

#include <ctype.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/redis/redis_internal.h"

void redis_lookup_init(struct redis_lookup *lookup, const struct redis_address *address)
{
    *lookup = (struct redis_lookup){.address = address};
}

/* ---- one socket after the other ---- */

static void begin_attempt(struct redis_lookup *lookup)
{
    int64_t now_ms = clock_mono_ms();

    lookup->asking = lookup->address->sentinel_count > 0;
    lookup->tried = 0;
    lookup->port = 0;
    lookup->lookup_by_mono_ms = now_ms + REDIS_LOOKUP_MS;
    lookup->attempt_by_mono_ms = now_ms + REDIS_CONNECT_MS;
}

static int64_t earlier(int64_t one_ms, int64_t other_ms)
{
    return one_ms < other_ms ? one_ms : other_ms;
}

const struct redis_host *redis_lookup_next(struct redis_lookup *lookup)
{
    if (!lookup->goes_on)
        begin_attempt(lookup);
    lookup->goes_on = lookup->settled = false;
    lookup->by_mono_ms = lookup->attempt_by_mono_ms;
    if (lookup->asking) {
        lookup->to = lookup->address->sentinels[lookup->at];
        lookup->by_mono_ms =
            earlier(clock_mono_ms() + REDIS_SENTINEL_MS, lookup->lookup_by_mono_ms);
    } else if (lookup->port != 0) {
        lookup->to = (struct redis_host){lookup->host, lookup->port};
    }
    return redis_lookup_to(lookup);
}

const struct redis_host *redis_lookup_to(const struct redis_lookup *lookup)
{
    return lookup->to.host != NULL ? &lookup->to : NULL;
}

void redis_lookup_blame(const struct redis_lookup *lookup, struct err *err)
{
    char name[REDIS_NAME_BYTES];

    if (lookup->to.host == NULL && lookup->address->master != NULL) {
        err_wrap(err, "Redis at sentinel master '%s'", lookup->address->master);
        return;
    }
    redis_address_name(lookup->address, redis_lookup_to(lookup), name);
    if (lookup->asking)
        err_wrap(err, "Redis at sentinel master '%s': sentinel %s",
                 lookup->address->master, name);
    else
        err_wrap(err, "Redis at %s", name);
}

void redis_lookup_settle(struct redis_lookup *lookup)
{
    lookup->settled = true;
    lookup->settled_mono_ms = clock_mono_ms();
}

/* A sentinel that is of no use, or that named a master which is none, is not asked first
 * again. */
static void pass_over(struct redis_lookup *lookup)
{
    lookup->at = (lookup->at + 1) % lookup->address->sentinel_count;
}

void redis_lookup_closed(struct redis_lookup *lookup, bool failed)
{
    if (lookup->address->sentinel_count == 0)
        return;
    if (!lookup->asking) {
        if (!lookup->settled)
            pass_over(lookup);
        return;
    }
    if (!failed) {
        lookup->asking = false;
        lookup->goes_on = true;
        return;
    }
    pass_over(lookup);
    lookup->tried++;
    lookup->goes_on = lookup->tried < lookup->address->sentinel_count &&
                      clock_mono_ms() < lookup->lookup_by_mono_ms;
}

/* ---- the question and its answer ---- */

size_t redis_lookup_write(const struct redis_lookup *lookup, struct buf *out)
{
    const struct redis_address *address = lookup->address;
    size_t asked = 1;

    if (address->sentinel_password != NULL) {
        redis_words_write(out, "AUTH", address->sentinel_user,
                          address->sentinel_password);
        asked++;
    }
    redis_words_write(out, "SENTINEL", "get-master-addr-by-name", address->master);
    return asked;
}

/* An address or, of sentinels that announce names, a name. */
static bool is_host(const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len >= REDIS_HOST_BYTES || text[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && strchr(".:-_%", text[i]) == NULL)
            return false;
    }
    return true;
}

static int take_master(struct redis_lookup *lookup, const struct redisReply *reply,
                       struct err *err)
{
    const char *host = redis_reply_text(redis_reply_at(reply, 0));
    const char *port = redis_reply_text(redis_reply_at(reply, 1));
    int64_t number;

    if (reply->type == REDIS_REPLY_NIL)
        return err_set(err, ERR_TEMP, "it knows no such master");
    if (redis_reply_count(reply) != 2 || host == NULL || port == NULL || !is_host(host) ||
        parse_int64(port, 1, 65535, &number) < 0)
        return err_set(err, ERR_TEMP, "its answer is no address of a master");
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    lookup->port = (int)number;
    return 0;
}

int redis_lookup_read(struct redis_lookup *lookup, const struct redisReply *reply,
                      bool is_last, struct err *err)
{
    if (redis_reply_kind(reply, err) != REDIS_OK) {
        err->kind = ERR_TEMP;
        return -1;
    }
    return is_last ? take_master(lookup, reply, err) : 0;
}

/* ---- is it the master? ---- */

int redis_lookup_check_role(const struct redisReply *reply, struct err *err)
{
    const char *role = redis_reply_text(redis_reply_at(reply, 0));

    if (role != NULL && strcmp(role, "master") == 0)
        return 0;
    return err_set(err, ERR_TEMP,
                   "the sentinel says it is the master, but its role is %s",
                   role != NULL ? role : "unknown");
}

bool redis_lookup_in_doubt(const struct redis_lookup *lookup,
                           const struct redisReply *reply)
{
    static const char refused[] = "NOREPLICAS ";

    return lookup->address->sentinel_count > 0 && reply->type == REDIS_REPLY_ERROR &&
           strncmp(reply->str, refused, sizeof refused - 1) == 0 &&
           clock_mono_ms() - lookup->settled_mono_ms >= REDIS_DOUBT_MS;
}
