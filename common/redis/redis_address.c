/* Where Redis is: the URL of KEDGE_REDIS_URL. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/redis/redis.h"

#define DEFAULT_PORT 6379
#define DB_MAX       65535

static const struct {
    const char *scheme, *sentence;
} refused[] = {
    {"rediss://",
     "rediss:// needs a Redis client library with TLS, which this build does "
     "not have; use redis:// through a TLS tunnel"},
    {"redis+sentinel://", "redis+sentinel:// is not supported by this build; give "
                          "redis:// with an address that follows the master"},
};

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
static int parse_host(const char *text, const char *end, struct redis_address *address,
                      struct err *err)
{
    AUTO(auto_free) char *port = NULL;
    const char *host = text;
    const char *host_end;
    int64_t number = DEFAULT_PORT;

    if (*text == '[') {
        host = text + 1;
        host_end = memchr(host, ']', (size_t)(end - host));
        text = host_end != NULL ? host_end + 1 : end;
    } else {
        host_end = memchr(text, ':', (size_t)(end - text));
        host_end = host_end != NULL ? host_end : end;
        text = host_end;
    }
    if (host_end == NULL || host_end == host || (text < end && *text != ':'))
        return err_set(err, ERR_INPUT, "a host is missing or not closed by ]");
    port = text < end ? mem_dup_n(text + 1, (size_t)(end - text) - 1) : NULL;
    if (port != NULL && parse_int64(port, 1, 65535, &number) < 0)
        return err_set(err, ERR_INPUT, "the port must be a number from 1 to 65535");
    address->port = (int)number;
    return decode_field(host, (size_t)(host_end - host), &address->host, err);
}

static int parse_tcp(const char *rest, struct redis_address *address, struct err *err)
{
    const char *end = rest + strcspn(rest, "/?#");
    const char *at = memrchr(rest, '@', (size_t)(end - rest));

    if (at != NULL && parse_login(rest, (size_t)(at - rest), address, err) < 0)
        return -1;
    if (parse_host(at != NULL ? at + 1 : rest, end, address, err) < 0)
        return -1;
    if (*end == '\0' || (*end == '/' && end[1] == '\0'))
        return 0;
    if (*end != '/')
        return err_set(err, ERR_INPUT, "after the host goes only /database");
    return parse_db(end + 1, address, err);
}

static int parse_option(const char *text, size_t len, struct redis_address *address,
                        struct err *err)
{
    AUTO(auto_free) char *db = NULL;
    const struct {
        const char *name;
        char **value;
    } options[] = {
        {"db=", &db}, {"user=", &address->user}, {"password=", &address->password}};

    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        size_t skip = strlen(options[i].name);

        if (len < skip || strncmp(text, options[i].name, skip) != 0)
            continue;
        if (decode_field(text + skip, len - skip, options[i].value, err) < 0)
            return -1;
        return db != NULL ? parse_db(db, address, err) : 0;
    }
    return err_set(err, ERR_INPUT, "after the ? go only db=, user= and password=");
}

static int parse_unix(const char *path, struct redis_address *address, struct err *err)
{
    size_t len = strcspn(path, "?");
    const char *option = path + len;

    address->socket_path = percent_decode(path, len, err);
    if (address->socket_path == NULL)
        return -1;
    if (address->socket_path[0] != '/')
        return err_set(err, ERR_INPUT, "unix:// must be followed by an absolute path");
    if (strlen(address->socket_path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return err_set(err, ERR_INPUT, "the path is longer than a socket's may be");
    while (*option != '\0') {
        option++;
        len = strcspn(option, "&");
        if (parse_option(option, len, address, err) < 0)
            return -1;
        option += len;
    }
    return 0;
}

static int parse_any(const char *url, struct redis_address *out, struct err *err)
{
    static const char tcp[] = "redis://";
    static const char local[] = "unix://";

    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (strncasecmp(url, refused[i].scheme, strlen(refused[i].scheme)) == 0)
            return err_set(err, ERR_INPUT, "%s", refused[i].sentence);
    }
    if (strncasecmp(url, tcp, strlen(tcp)) == 0)
        return parse_tcp(url + strlen(tcp), out, err);
    if (strncasecmp(url, local, strlen(local)) == 0)
        return parse_unix(url + strlen(local), out, err);
    return err_set(err, ERR_INPUT, "it must start with redis:// or unix://");
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

void redis_address_done(struct redis_address *address)
{
    if (address->password != NULL)
        explicit_bzero(address->password, strlen(address->password));
    free(address->host);
    free(address->socket_path);
    free(address->user);
    free(address->password);
    *address = (struct redis_address){0};
}
