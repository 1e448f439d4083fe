/* What both Redis clients do with a connection: the socket's settings, the pause between
 * attempts, and the greeting. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/redis/redis_internal.h"

const char *redis_address_name(const struct redis_address *address,
                               char name[REDIS_NAME_BYTES])
{
    if (address->host == NULL)
        snprintf(name, REDIS_NAME_BYTES, "%s", address->socket_path);
    else
        snprintf(name, REDIS_NAME_BYTES, "%s:%d", address->host, address->port);
    return name;
}

static int set_timeouts(int fd, int64_t timeout_ms)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000,
                            .tv_usec = timeout_ms % 1000 * 1000};

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
        return -1;
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static int set_tcp(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, REDIS_KEEP_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, REDIS_KEEP_EVERY_S},
        {IPPROTO_TCP, TCP_KEEPCNT, REDIS_KEEP_PROBES},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, REDIS_TCP_UNACKED_S * 1000},
    };

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                       sizeof options[i].value) < 0)
            return -1;
    }
    return 0;
}

int redis_socket_tune(int fd, int64_t timeout_ms, struct err *err)
{
    int domain = AF_UNIX;
    socklen_t len = sizeof domain;

    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
        (timeout_ms > 0 && set_timeouts(fd, timeout_ms) < 0) ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
        (domain != AF_UNIX && set_tcp(fd) < 0))
        return err_sys(err, ERR_TEMP, errno, "cannot set the socket's options");
    return 0;
}

void redis_backoff_grow(struct redis_backoff *backoff)
{
    int64_t twice_ms = 2 * backoff->pause_ms;

    if (twice_ms < REDIS_PAUSE_MIN_MS)
        twice_ms = REDIS_PAUSE_MIN_MS;
    backoff->pause_ms = twice_ms < REDIS_PAUSE_MAX_MS ? twice_ms : REDIS_PAUSE_MAX_MS;
    backoff->until_mono_ms = clock_mono_ms() + backoff->pause_ms;
}

void redis_backoff_reset(struct redis_backoff *backoff)
{
    *backoff = (struct redis_backoff){0};
}

static void put(struct buf *out, const char *word, const char *arg1, const char *arg2)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd;

    redis_cmd_init(&cmd);
    redis_cmd_arg(&cmd, word);
    if (arg1 != NULL)
        redis_cmd_arg(&cmd, arg1);
    redis_cmd_arg(&cmd, arg2);
    redis_cmd_write(&cmd, false, out);
}

static size_t script_count(const struct redis_greeting *greeting)
{
    size_t count = 0;

    while (greeting->scripts != NULL && greeting->scripts[count] != NULL)
        count++;
    return count;
}

void redis_greeting_write(struct redis_greeting *greeting, struct buf *out)
{
    const struct redis_address *address = greeting->address;
    char db[16];

    greeting->asked = greeting->answered = 0;
    if (address->password != NULL) {
        put(out, "AUTH", address->user, address->password);
        greeting->asked++;
    }
    if (address->db != 0) {
        snprintf(db, sizeof db, "%d", address->db);
        put(out, "SELECT", NULL, db);
        greeting->asked++;
    }
    put(out, "INFO", NULL, "server");
    greeting->asked++;
    greeting->asked += redis_scripts_write(greeting->scripts, out);
}

int redis_greeting_read(struct redis_greeting *greeting, const struct redisReply *reply,
                        struct err *err)
{
    size_t first_script = greeting->asked - script_count(greeting);
    size_t at = greeting->answered++;
    const struct redis_script *script;
    const char *text;

    if (redis_reply_kind(reply, err) != REDIS_OK)
        return -1;
    text = redis_reply_text(reply);
    if (text == NULL)
        return err_set(err, ERR_PERM, "this does not answer like Redis");
    if (at + 1 == first_script)
        redis_info_field(text, "run_id", greeting->server_id, sizeof greeting->server_id);
    if (at < first_script)
        return 0;
    script = greeting->scripts[at - first_script];
    if (strcmp(text, script->sha1) != 0)
        return err_set(err, ERR_PERM, "script %s: its SHA-1 is %s, the build says %s",
                       script->name, text, script->sha1);
    return 0;
}
