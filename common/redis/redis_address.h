/* Where Redis is: what KEDGE_REDIS_URL says.
 *
 *     redis://[[user]:password@]host[:port][/db]
 *     unix:///path[?db=N][&user=…][&password=…]
 *     redis+sentinel://[[user]:password@]host[:port][,host[:port]…]/master[/db]
 *         [?sentinel-user=…][&sentinel-password=…]
 *     rediss:// and rediss+sentinel://: the same over TLS, the sentinels too
 *
 * with %XX for any byte. User and password are those of the Redis servers; the sentinels'
 * own stand behind the `?`. Port: 6379, of a sentinel 26379. */
#ifndef KEDGE_COMMON_REDIS_REDIS_ADDRESS_H
#define KEDGE_COMMON_REDIS_REDIS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

#define REDIS_SENTINELS_MAX 16

struct redis_host {
    char *host;
    int port;
};

struct redis_tls;

struct redis_address {
    struct redis_host at; /* host NULL: a unix socket, or whom the sentinels name */
    char *socket_path;
    char *user, *password; /* NULL: no AUTH */
    int db;
    char *master; /* NULL: no sentinels */
    struct redis_host *sentinels;
    size_t sentinel_count;
    char *sentinel_user, *sentinel_password; /* NULL: no AUTH */
    bool secure;                             /* TLS is asked for */
    struct redis_tls *tls;                   /* owned; set by conf_redis_address */
};

/* ERR_INPUT, also for TLS when this build has none; the message never holds the URL.
 * `tls` stays NULL. */
int redis_address_parse(const char *url, struct redis_address *out, struct err *err);
void redis_address_done(struct redis_address *address);

#endif
