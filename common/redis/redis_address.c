/* Where Redis is: the URL of KEDGE_REDIS_URL. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/redis/redis_address.h"
#include "common/redis/redis_tls.h"

#define REDIS_PORT    6379
#define SENTINEL_PORT 26379
#define DB_MAX        65535

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 section 2.1. The caller frees; NULL with *err set when it is malformed. */
static char *percent_decode(const char *bytes, size_t len, struct err *err)
{
    AUTO(auto_free) char *text = mem_new(len + 1, 1);
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        int high = -1, low = -1;

        if (bytes[i] != '%') {
            text[used++] = bytes[i];
            continue;
        }
        if (i + 2 < len) {
            high = hex_digit(bytes[i + 1]);
            low = hex_digit(bytes[i + 2]);
        }
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            err_set(err, ERR_INPUT, "%% must be followed by two hex digits, not 00");
            return NULL;
        }
        text[used++] = (char)(high * 16 + low);
        i += 2;
    }
    return TAKE(text);
}

/* Replaces *field, which is owned. */
static int decode_field(const char *bytes, size_t len, char **field, struct err *err)
{
    char *text = percent_decode(bytes, len, err);

    if (text == NULL)
        return -1;
    free(*field);
    *field = text;
    return 0;
}

static int parse_db(const char *text, struct redis_address *address, struct err *err)
{
    int64_t db;

    if (parse_int64(text, 0, DB_MAX, &db) < 0)
        return err_set(err, ERR_INPUT, "the database must be a number from 0 to %d",
                       DB_MAX);
    address->db = (int)db;
    return 0;
}

/* [user]:password before the '@'. */
static int parse_login(const char *text, size_t len, struct redis_address *address,
                       struct err *err)
{
    const char *colon = memchr(text, ':', len);
    size_t user_len = colon != NULL ? (size_t)(colon - text) : len;

    if (colon == NULL)
        return err_set(err, ERR_INPUT, "before the @ goes user:password or :password");
    if (user_len > 0 && decode_field(text, user_len, &address->user, err) < 0)
        return -1;
    return decode_field(colon + 1, len - user_len - 1, &address->password, err);
}

/* host, host:port, [IPv6] or [IPv6]:port; ends at `end`. */
static int parse_host(const char *text, const char *end, int default_port,
                      struct redis_host *out, struct err *err)
{
    AUTO(auto_free) char *port = NULL;
    const char *host = text;
    const char *host_end;
    int64_t number = default_port;

    if (text < end && *text == '[') {
        host = text + 1;
        host_end = memchr(host, ']', (size_t)(end - host));
        text = host_end != NULL ? host_end + 1 : end;
    } else {
        host_end = text < end ? memchr(text, ':', (size_t)(end - text)) : NULL;
        host_end = host_end != NULL ? host_end : end;
        text = host_end;
    }
    if (host_end == NULL || host_end == host || (text < end && *text != ':'))
        return err_set(err, ERR_INPUT, "a host is missing or not closed by ]");
    port = text < end ? mem_dup_n(text + 1, (size_t)(end - text) - 1) : NULL;
    if (port != NULL && parse_int64(port, 1, 65535, &number) < 0)
        return err_set(err, ERR_INPUT, "the port must be a number from 1 to 65535");
    out->port = (int)number;
    return decode_field(host, (size_t)(host_end - host), &out->host, err);
}

/* The login, if there is one. *rest goes on to the hosts, *end to what follows them. */
static int parse_authority(const char **rest, const char **end,
                           struct redis_address *address, struct err *err)
{
    const char *at;

    *end = *rest + strcspn(*rest, "/?#");
    at = memrchr(*rest, '@', (size_t)(*end - *rest));
    if (at == NULL)
        return 0;
    if (parse_login(*rest, (size_t)(at - *rest), address, err) < 0)
        return -1;
    *rest = at + 1;
    return 0;
}

static int parse_tcp(const char *rest, struct redis_address *address, struct err *err)
{
    const char *end;

    if (parse_authority(&rest, &end, address, err) < 0 ||
        parse_host(rest, end, REDIS_PORT, &address->at, err) < 0)
        return -1;
    if (*end == '\0' || (*end == '/' && end[1] == '\0'))
        return 0;
    if (*end != '/')
        return err_set(err, ERR_INPUT, "after the host goes only /database");
    return parse_db(end + 1, address, err);
}

/* What may stand behind a `?`. */
struct option {
    const char *name; /* with its '=' */
    char **value;
};

static int parse_option(const char *text, size_t len, const struct option *options,
                        struct err *err)
{
    for (; options->name != NULL; options++) {
        size_t skip = strlen(options->name);

        if (len >= skip && strncmp(text, options->name, skip) == 0)
            return decode_field(text + skip, len - skip, options->value, err);
    }
    return err_set(err, ERR_INPUT, "after the ? stands an option that there is not");
}

/* "?a=b&c=d", or nothing. */
static int parse_options(const char *text, const struct option *options, struct err *err)
{
    while (*text != '\0') {
        size_t len = strcspn(++text, "&");

        if (parse_option(text, len, options, err) < 0)
            return -1;
        text += len;
    }
    return 0;
}

static int parse_unix(const char *path, struct redis_address *address, struct err *err)
{
    AUTO(auto_free) char *db = NULL;
    const struct option options[] = {{"db=", &db},
                                     {"user=", &address->user},
                                     {"password=", &address->password},
                                     {NULL, NULL}};
    size_t len = strcspn(path, "?");

    address->socket_path = percent_decode(path, len, err);
    if (address->socket_path == NULL)
        return -1;
    if (address->socket_path[0] != '/')
        return err_set(err, ERR_INPUT, "unix:// must be followed by an absolute path");
    if (strlen(address->socket_path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return err_set(err, ERR_INPUT, "the path is longer than a socket's may be");
    if (parse_options(path + len, options, err) < 0)
        return -1;
    return db != NULL ? parse_db(db, address, err) : 0;
}

/* ---- sentinels ---- */

static int parse_sentinels(const char *text, const char *end,
                           struct redis_address *address, struct err *err)
{
    address->sentinels = mem_new(REDIS_SENTINELS_MAX, sizeof *address->sentinels);
    for (;;) {
        const char *comma = memchr(text, ',', (size_t)(end - text));
        const char *host_end = comma != NULL ? comma : end;

        if (address->sentinel_count == REDIS_SENTINELS_MAX)
            return err_set(err, ERR_INPUT, "at most %d sentinels", REDIS_SENTINELS_MAX);
        if (parse_host(text, host_end, SENTINEL_PORT,
                       &address->sentinels[address->sentinel_count], err) < 0)
            return -1;
        address->sentinel_count++;
        if (comma == NULL)
            return 0;
        text = comma + 1;
    }
}

/* "/master", "/master/db", and options. */
static int parse_master(const char *path, struct redis_address *address, struct err *err)
{
    AUTO(auto_free) char *db = NULL;
    const struct option options[] = {{"sentinel-user=", &address->sentinel_user},
                                     {"sentinel-password=", &address->sentinel_password},
                                     {NULL, NULL}};
    size_t len = *path == '/' ? strcspn(++path, "/?") : 0;

    if (len == 0)
        return err_set(err, ERR_INPUT, "after the sentinels goes /master or /master/db");
    if (decode_field(path, len, &address->master, err) < 0)
        return -1;
    path += len;
    if (*path == '/') {
        len = strcspn(++path, "?");
        db = mem_dup_n(path, len);
        path += len;
    }
    if (parse_options(path, options, err) < 0)
        return -1;
    if (address->sentinel_user != NULL && address->sentinel_password == NULL)
        return err_set(err, ERR_INPUT, "sentinel-user needs a sentinel-password");
    return db != NULL && *db != '\0' ? parse_db(db, address, err) : 0;
}

static int parse_sentinel(const char *rest, struct redis_address *address,
                          struct err *err)
{
    const char *end;

    if (parse_authority(&rest, &end, address, err) < 0 ||
        parse_sentinels(rest, end, address, err) < 0)
        return -1;
    return parse_master(end, address, err);
}

/* ---- the whole ---- */

static const struct scheme {
    const char *prefix;
    int (*parse)(const char *rest, struct redis_address *address, struct err *err);
    bool secure;
} schemes[] = {
    {"redis://", parse_tcp, false},
    {"rediss://", parse_tcp, true},
    {"redis+sentinel://", parse_sentinel, false},
    {"rediss+sentinel://", parse_sentinel, true},
    {"unix://", parse_unix, false},
};

static int parse_any(const char *url, struct redis_address *out, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t skip = strlen(schemes[i].prefix);

        if (strncasecmp(url, schemes[i].prefix, skip) != 0)
            continue;
        if (schemes[i].secure && !redis_tls_built())
            return err_set(err, ERR_INPUT,
                           "%s needs a Redis client library with TLS (hiredis 1.0 or "
                           "later), which this build does not have; use redis:// "
                           "through a TLS tunnel",
                           schemes[i].prefix);
        out->secure = schemes[i].secure;
        return schemes[i].parse(url + skip, out, err);
    }
    return err_set(err, ERR_INPUT,
                   "it must start with redis://, rediss://, redis+sentinel://, "
                   "rediss+sentinel:// or unix://");
}

int redis_address_parse(const char *url, struct redis_address *out, struct err *err)
{
    struct redis_address address = {0};
    int result = parse_any(url, &address, err);

    if (result == 0 && address.user != NULL && address.password == NULL)
        result = err_set(err, ERR_INPUT, "a user needs a password");
    if (result < 0)
        redis_address_done(&address);
    else
        *out = address;
    return result;
}

static void wipe(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void redis_address_done(struct redis_address *address)
{
    for (size_t i = 0; i < address->sentinel_count; i++)
        free(address->sentinels[i].host);
    free(address->sentinels);
    free(address->at.host);
    free(address->socket_path);
    free(address->user);
    wipe(address->password);
    free(address->master);
    free(address->sentinel_user);
    wipe(address->sentinel_password);
    redis_tls_free(address->tls);
    *address = (struct redis_address){0};
}
