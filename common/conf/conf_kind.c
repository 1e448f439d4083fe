/* The kinds of settings: how each is checked, read and shown. */
#include <arpa/inet.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/conf/conf_table.h"
#include "common/redis/redis.h"

static bool has_only(const char *text, bool (*allowed)(char c))
{
    for (; *text != '\0'; text++)
        if (!allowed(*text))
            return false;
    return true;
}

static bool is_printable(char c)
{
    return (unsigned char)c >= ' ' && c != 0x7f;
}

static bool is_visible(char c)
{
    return c > ' ' && c < 0x7f;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- text ---- */

static int keep(const char *text, void *field)
{
    *(char **)field = mem_dup(text);
    return 0;
}

static void print_text(const void *field, struct buf *out)
{
    const char *text = *(char *const *)field;

    buf_str(out, text != NULL ? text : "");
}

static int parse_text(const struct setting *setting, const char *text, void *field,
                      struct err *err)
{
    (void)setting;
    if (!has_only(text, is_printable))
        return err_set(err, ERR_INPUT, "must not contain control characters");
    return keep(text, field);
}
const struct setting_kind conf_text = {"text", parse_text, print_text};

static bool is_word_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("._-", c) != NULL);
}

/* It has to travel in a URL. */
static int parse_word(const struct setting *setting, const char *text, void *field,
                      struct err *err)
{
    (void)setting;
    if (!has_only(text, is_word_char))
        return err_set(err, ERR_INPUT, "must be of A-Z a-z 0-9 . _ -");
    return keep(text, field);
}
const struct setting_kind conf_word = {"word", parse_word, print_text};

/* It has to travel in an HTTP header. */
static int parse_token(const struct setting *setting, const char *text, void *field,
                       struct err *err)
{
    (void)setting;
    if (!has_only(text, is_visible))
        return err_set(err, ERR_INPUT, "must be visible ASCII characters without blanks");
    return keep(text, field);
}
const struct setting_kind conf_token = {"secret", parse_token, print_text};

static int parse_redis_url(const struct setting *setting, const char *text, void *field,
                           struct err *err)
{
    struct redis_address address = {0};

    (void)setting;
    if (redis_address_parse(text, &address, err) < 0)
        return -1;
    redis_address_done(&address);
    return keep(text, field);
}
const struct setting_kind conf_redis_url = {"URL", parse_redis_url, print_text};

/* Each element of the list, by a check of its own. */
static int parse_elements(const char *text, char separator,
                          bool (*is_right)(const char *), const char *problem,
                          void *field, struct err *err)
{
    size_t count;
    char **list = parse_list(text, separator, &count);
    int result = count > 0 ? 0 : err_set(err, ERR_INPUT, "names nothing");

    for (size_t i = 0; i < count && result == 0; i++)
        if (!is_right(list[i]))
            result = err_set(err, ERR_INPUT, "\"%s\" %s", list[i], problem);
    parse_list_free(list, count);
    return result < 0 ? -1 : keep(text, field);
}

static bool is_pattern_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("._-*/:", c) != NULL);
}

static bool is_pattern(const char *text)
{
    text += *text == '!';
    return *text != '\0' && has_only(text, is_pattern_char);
}

static int parse_patterns(const struct setting *setting, const char *text, void *field,
                          struct err *err)
{
    (void)setting;
    return parse_elements(text, ',', is_pattern,
                          "is not a pattern: [A-Za-z0-9._-*/:], optionally after a '!'",
                          field, err);
}
const struct setting_kind conf_patterns = {"comma list", parse_patterns, print_text};

static bool is_name_char(char c)
{
    return is_alnum(c) || c == '_' || c == '*';
}

static bool is_name(const char *text)
{
    return has_only(text, is_name_char);
}

static int parse_names(const struct setting *setting, const char *text, void *field,
                       struct err *err)
{
    (void)setting;
    return parse_elements(text, ',', is_name,
                          "is not the name of a variable: [A-Za-z0-9_*]", field, err);
}
const struct setting_kind conf_names = {"comma list", parse_names, print_text};

static bool is_absolute(const char *text)
{
    return text[0] == '/' && has_only(text, is_printable);
}

static int parse_directories(const struct setting *setting, const char *text, void *field,
                             struct err *err)
{
    (void)setting;
    return parse_elements(text, ':', is_absolute, "is not an absolute path", field, err);
}
const struct setting_kind conf_directories = {"colon list", parse_directories,
                                              print_text};

/* atlantis.yaml may ask for the same ones. */
bool conf_is_requirement(const char *name, size_t len)
{
    static const char *const names[] = {"approved", "mergeable", "undiverged",
                                        "policies_passed"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strlen(names[i]) == len && strncmp(name, names[i], len) == 0)
            return true;
    return false;
}

static bool is_requirement(const char *text)
{
    return conf_is_requirement(text, strlen(text));
}

static int parse_requirements(const struct setting *setting, const char *text,
                              void *field, struct err *err)
{
    (void)setting;
    return parse_elements(
        text, ',', is_requirement,
        "is not one of approved, mergeable, undiverged, policies_passed", field, err);
}
const struct setting_kind conf_requirements = {"comma list", parse_requirements,
                                               print_text};

static int parse_program(const struct setting *setting, const char *text, void *field,
                         struct err *err)
{
    (void)setting;
    if (!is_absolute(text))
        return err_set(err, ERR_INPUT, "must be an absolute path");
    return keep(text, field);
}
const struct setting_kind conf_program = {"path", parse_program, print_text};

/* ---- addresses ---- */

static bool is_address(const char *text)
{
    unsigned char binary[sizeof(struct in6_addr)];
    AUTO(auto_free) char *inner = NULL;
    size_t len = strlen(text);

    if (len < 2 || text[0] != '[' || text[len - 1] != ']')
        return inet_pton(AF_INET, text, binary) == 1;
    inner = mem_dup_n(text + 1, len - 2);
    return inet_pton(AF_INET6, inner, binary) == 1;
}

static int parse_listen(const struct setting *setting, const char *text, void *field,
                        struct err *err)
{
    const char *colon = strrchr(text, ':');
    AUTO(auto_free) char *address = NULL;
    int64_t port;

    (void)setting;
    if (colon != NULL)
        address = mem_dup_n(text, (size_t)(colon - text));
    if (address == NULL || !(*address == '\0' || is_address(address)) ||
        parse_int64(colon + 1, 0, 65535, &port) < 0)
        return err_set(err, ERR_INPUT,
                       "must be address:port, as in 127.0.0.1:4141, [::1]:4141 or "
                       ":4141 (every address)");
    return keep(text, field);
}
const struct setting_kind conf_listen = {"address:port", parse_listen, print_text};

/* http or https: a host, no user, no query. `rest` is what stands behind "://". */
static int check_web_url(const char *rest, struct err *err)
{
    size_t authority = strcspn(rest, "/");

    if (authority == 0 || rest[0] == ':')
        return err_set(err, ERR_INPUT, "has no host");
    if (memchr(rest, '@', authority) != NULL)
        return err_set(err, ERR_INPUT, "must not contain a user or password");
    return 0;
}

static int check_url(const char *text, bool file_too, struct err *err)
{
    if (!has_only(text, is_visible) || strpbrk(text, "?#\\") != NULL)
        return err_set(
            err, ERR_INPUT,
            "must not contain blanks, '?', '#' or '\\', nor what is not ASCII");
    if (strncmp(text, "https://", 8) == 0)
        return check_web_url(text + 8, err);
    if (strncmp(text, "http://", 7) == 0)
        return check_web_url(text + 7, err);
    if (file_too && strncmp(text, "file:///", 8) == 0 && text[8] != '\0')
        return 0;
    return err_set(err, ERR_INPUT, "must start with https://, http://%s",
                   file_too ? " or file:///" : "");
}

static int keep_base(const char *text, void *field)
{
    size_t len = strlen(text);

    while (len > 0 && text[len - 1] == '/')
        len--;
    *(char **)field = mem_dup_n(text, len);
    return 0;
}

static int parse_public_url(const struct setting *setting, const char *text, void *field,
                            struct err *err)
{
    (void)setting;
    return check_url(text, false, err) < 0 ? -1 : keep_base(text, field);
}
const struct setting_kind conf_public_url = {"URL", parse_public_url, print_text};

/* "KEDGE_GIT_URL" has "KEDGE_GIT_TOKEN" beside it, which is the place for a password. */
static int parse_clone_url(const struct setting *setting, const char *text, void *field,
                           struct err *err)
{
    if (check_url(text, true, err) < 0) {
        if (strchr(text, '@') != NULL)
            err_set(err, ERR_INPUT, "must not contain a user or password: use %.*sTOKEN",
                    (int)(strlen(setting->name) - strlen("URL")), setting->name);
        return -1;
    }
    return keep_base(text, field);
}
const struct setting_kind conf_clone_url = {"URL", parse_clone_url, print_text};
