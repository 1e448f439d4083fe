/* The URL of a hook: which ones may be stored, and what is shown of one. Stricter than
 * RFC 3986: what two parsers could read differently is refused. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/hook/hook.h"
#include "common/net/http_out.h"

#define HOST_MAX  253 /* RFC 1035 */
#define LABEL_MAX 63

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Of "https://host:443/path": where it is. */
struct authority {
    size_t start; /* after "//" */
    size_t len;
};

static int scheme_len(const char *url, size_t *len, struct err *err)
{
    static const char *const schemes[] = {"https://", "http://"};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (strncasecmp(url, schemes[i], strlen(schemes[i])) == 0) {
            *len = strlen(schemes[i]);
            return 0;
        }
    }
    return err_set(err, ERR_INPUT, "must start with https:// or http://");
}

static int find_authority(const char *url, struct authority *out, struct err *err)
{
    struct authority found = {0};

    if (scheme_len(url, &found.start, err) < 0)
        return -1;
    found.len = strcspn(url + found.start, "/?");
    *out = found;
    return 0;
}

static int check_bytes(const char *url, struct err *err)
{
    size_t len = strlen(url);

    if (len > HOOK_URL_MAX)
        return err_set(err, ERR_INPUT, "has more than %d bytes", HOOK_URL_MAX);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= 0x20 || (unsigned char)url[i] >= 0x7f)
            return err_set(err, ERR_INPUT,
                           "has a blank, a control character or one outside ASCII");
    if (strpbrk(url, "\\\"<>^`{|}") != NULL)
        return err_set(err, ERR_INPUT, "has a character that no URL has");
    if (strchr(url, '#') != NULL)
        return err_set(err, ERR_INPUT, "has a fragment");
    return 0;
}

static int check_port(const char *text, struct err *err)
{
    int64_t port;

    if (text[0] == '\0')
        return 0;
    if (strspn(text, DIGITS) != strlen(text) || parse_int64(text, 1, 65535, &port) < 0)
        return err_set(err, ERR_INPUT, "has a port that is not a number of 1 to 65535");
    return 0;
}

/* Parts a host from its port, both in `text`, and gives the port its own end. */
static char *cut_port(char *text)
{
    char *after = text[0] == '[' ? strchr(text, ']') : text;
    char *colon = after != NULL ? strchr(after, ':') : NULL;

    if (colon == NULL)
        return text + strlen(text);
    *colon = '\0';
    return colon + 1;
}

/* ---- literal addresses ---- */
static int refuse_private(const void *address, struct err *err)
{
    if (http_address_is_public(address))
        return 0;
    return err_set(err, ERR_INPUT, "names an address that is not public");
}

/* "[::1]"; no zone. */
static int check_ipv6(char *host, bool allow_private, struct err *err)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    size_t len = strlen(host);

    if (host[len - 1] != ']')
        return err_set(err, ERR_INPUT, "has a broken IPv6 address");
    host[len - 1] = '\0';
    if (inet_pton(AF_INET6, host + 1, &address.sin6_addr) != 1)
        return err_set(err, ERR_INPUT, "has a broken IPv6 address");
    return allow_private ? 0 : refuse_private(&address, err);
}

/* The last label is a number: an IPv4 address to whoever connects, in any of the forms
 * that inet_aton(3) knows (127.1, 0x7f.1, 2130706433, 0177.0.0.1), or nothing at all. */
static bool is_number(const char *label)
{
    if (label[0] == '0' && (label[1] == 'x' || label[1] == 'X'))
        return label[2 + strspn(label + 2, DIGITS "abcdefABCDEF")] == '\0';
    return strspn(label, DIGITS) == strlen(label);
}

static int check_ipv4(const char *host, bool allow_private, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET};

    if (inet_aton(host, &address.sin_addr) == 0)
        return err_set(err, ERR_INPUT, "has a broken IPv4 address");
    return allow_private ? 0 : refuse_private(&address, err);
}

/* ---- names ---- */
static bool ends_in(const char *host, const char *end)
{
    size_t len = strlen(host), end_len = strlen(end);

    return len >= end_len && strcasecmp(host + len - end_len, end) == 0;
}

static int check_labels(const char *host, struct err *err)
{
    for (const char *label = host;; label++) {
        size_t len = strcspn(label, ".");

        if (len == 0 || len > LABEL_MAX)
            return err_set(err, ERR_INPUT, "has no valid host");
        label += len;
        if (*label == '\0')
            return 0;
    }
}

static int check_name(char *host, bool allow_private, struct err *err)
{
    size_t len = strlen(host);
    const char *last;

    if (len > 1 && host[len - 1] == '.') /* the root: the same name */
        host[--len] = '\0';
    if (len == 0 || len > HOST_MAX || strspn(host, LETTERS DIGITS "-._") != len)
        return err_set(err, ERR_INPUT, "has no valid host");
    if (check_labels(host, err) < 0)
        return -1;
    last = strrchr(host, '.');
    if (is_number(last != NULL ? last + 1 : host))
        return check_ipv4(host, allow_private, err);
    if (!allow_private &&
        (strcasecmp(host, "localhost") == 0 || ends_in(host, ".localhost")))
        return err_set(err, ERR_INPUT, "names this machine");
    return 0;
}

int hook_url_check(const char *url, bool allow_private, struct err *err)
{
    AUTO(auto_free) char *host = NULL;
    struct authority authority;
    const char *port;

    if (check_bytes(url, err) < 0 || find_authority(url, &authority, err) < 0)
        return -1;
    host = mem_dup_n(url + authority.start, authority.len);
    if (strchr(host, '@') != NULL)
        return err_set(err, ERR_INPUT, "has a user or a password");
    port = cut_port(host);
    if (check_port(port, err) < 0)
        return -1;
    return host[0] == '[' ? check_ipv6(host, allow_private, err)
                          : check_name(host, allow_private, err);
}

char *hook_url_masked(const char *url)
{
    struct authority authority;
    struct err err;
    const char *at;

    if (find_authority(url, &authority, &err) < 0)
        return mem_dup("…");
    /* Whatever stands before an '@' is not shown. */
    at = memrchr(url + authority.start, '@', authority.len);
    if (at != NULL)
        return mem_fmt("%.*s…", (int)authority.start, url);
    return mem_fmt("%.*s/…", (int)(authority.start + authority.len), url);
}
