/* Fuzzes the small parsers: each either refuses a text or keeps what its header says of
 * the result. Patterns are compared with a slow matcher, refs with git's own rules. */
#include <git2.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "common/queue/target.h"
#include "tests/fuzz/fuzz.h"

#define NAME_CHARACTERS                                                                  \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define GLOB_BYTES_MAX 48

/* ---- numbers and times: printed in the plainest form they are read again as such ----
 */

static void try_int64(const char *text)
{
    AUTO(auto_free) char *plain = NULL;
    int64_t number, again = 1;

    if (parse_int64(text, -1000, INT64_MAX, &number) < 0)
        return;
    must(number >= -1000);
    plain = mem_fmt("%" PRId64, number);
    must(parse_int64(plain, number, number, &again) == 0 && again == number);
}

static void try_quantities(const char *text)
{
    AUTO(auto_free) char *plain_ms = NULL;
    AUTO(auto_free) char *plain_bytes = NULL;
    int64_t number, again = -1;
    bool flag;

    (void)parse_bool(text, &flag);
    if (parse_duration_ms(text, &number) == 0) {
        plain_ms = mem_fmt("%" PRId64 "ms", number);
        must(number >= 0 && parse_duration_ms(plain_ms, &again) == 0 && again == number);
    }
    if (parse_size_bytes(text, &number) == 0) {
        plain_bytes = mem_fmt("%" PRId64, number);
        must(number >= 0 && parse_size_bytes(plain_bytes, &again) == 0);
        must(again == number);
    }
}

static void try_time(const char *text)
{
    char plain[CLOCK_RFC3339_BYTES];
    int64_t ms, again = -1;

    if (parse_rfc3339_ms(text, &ms) < 0)
        return;
    clock_rfc3339(ms, plain);
    if (plain[0] != '\0') /* an offset may lead out of the years 0000 to 9999 */
        must(parse_rfc3339_ms(plain, &again) == 0 && again == ms);
}

/* ---- names ---- */

static void try_names(const char *text)
{
    size_t len = strlen(text);
    bool plain = len > 0 && strspn(text, NAME_CHARACTERS) == len;

    if (parse_is_uuid(text))
        must(len == 36 && parse_is_id(text));
    if (parse_is_id(text))
        must(parse_is_request_id(text) && strchr("._-", text[0]) == NULL);
    must(parse_is_request_id(text) == (plain && len <= 64));
    if (parse_is_tf_workspace(text))
        must(plain && len <= 90 && text[0] != '-' && strcmp(text, ".") != 0);
}

static void try_utf8(const char *bytes, size_t len)
{
    size_t at = 0, width = 1;

    while (at < len && width > 0 && bytes[at] != '\0') {
        width = parse_utf8_char(bytes + at, len - at);
        must(width <= 4 && width <= len - at);
        at += width;
    }
    must(parse_is_utf8(bytes, len) == (at == len));
}

/* ---- patterns and lists ---- */

static bool is_same(char pattern, char text, bool ignore_case)
{
    char pair[2][2] = {{pattern}, {text}};

    return pattern == text || (ignore_case && strcasecmp(pair[0], pair[1]) == 0);
}

/* The definition, by trying every length of every star. */
static bool slow_glob(const char *pattern, const char *text, bool ignore_case)
{
    bool reach[GLOB_BYTES_MAX + 1] = {true}; /* text[0..i) matches what was read */
    size_t len = strlen(text);

    for (; *pattern != '\0'; pattern++) {
        bool next[GLOB_BYTES_MAX + 1] = {*pattern == '*' && reach[0]};

        for (size_t i = 1; i <= len; i++)
            next[i] = *pattern == '*'
                          ? next[i - 1] || reach[i]
                          : reach[i - 1] && (*pattern == '?' ||
                                             is_same(*pattern, text[i - 1], ignore_case));
        memcpy(reach, next, sizeof reach);
    }
    return reach[len];
}

/* The pattern is the first line, the text what follows. */
static void try_glob(const char *lines)
{
    size_t pattern_len = strcspn(lines, "\n");
    AUTO(auto_free) char *pattern = mem_dup_n(lines, pattern_len);
    const char *text = lines + pattern_len + (lines[pattern_len] == '\n');

    if (strlen(text) > GLOB_BYTES_MAX)
        return;
    must(parse_glob(pattern, text, false) == slow_glob(pattern, text, false));
    must(parse_glob(pattern, text, true) == slow_glob(pattern, text, true));
}

static void check_field(const char *field)
{
    size_t len = strlen(field);

    must(len > 0 && strchr(field, ',') == NULL);
    must(strchr(" \t", field[0]) == NULL && strchr(" \t", field[len - 1]) == NULL);
}

static void try_list(const char *text)
{
    AUTO(buf_done) struct buf joined = BUF_INIT(SIZE_MAX);
    size_t count = 0, again_count = 0;
    char **list = parse_list(text, ',', &count), **again;

    for (size_t i = 0; i < count; i++) {
        check_field(list[i]);
        buf_fmt(&joined, " ,%s\t", list[i]);
    }
    again = parse_list(buf_text(&joined), ',', &again_count);
    must(count == again_count);
    for (size_t i = 0; i < count; i++)
        must(strcmp(list[i], again[i]) == 0);
    parse_list_free(list, count);
    parse_list_free(again, again_count);
}

/* ---- what names a target ---- */

static void try_repository(const char *text, enum vcs_type type)
{
    struct err err = {0};

    if (repository_check(type, text, &err) < 0) {
        must(err.kind == ERR_INPUT && err.message[0] != '\0');
        return;
    }
    must(strspn(text, NAME_CHARACTERS "/") == strlen(text) && strlen(text) <= 255);
    must(text[0] != '/' && text[0] != '-' && strchr(text, '/') != NULL);
    must(strstr(text, "..") == NULL && strstr(text, "//") == NULL &&
         strstr(text, "/-") == NULL && text[strlen(text) - 1] != '/');
    must(type == VCS_GITLAB || strchr(text, '/') == strrchr(text, '/'));
}

/* What is allowed here is a good name for git as well. */
static void try_ref(const char *text)
{
    AUTO(auto_free) char *full = mem_fmt("refs/heads/%s", text);
    struct err err = {0};
    int valid = 0;

    if (ref_check(text, &err) < 0) {
        must(err.kind == ERR_INPUT && err.message[0] != '\0');
        return;
    }
    must(git_reference_name_is_valid(&valid, full) == 0 && valid == 1);
    must(text[0] != '-' && text[0] != '+' && strchr(text, ':') == NULL);
}

static void check_directory(const char *normal)
{
    AUTO(auto_free) char *again = NULL;
    AUTO(auto_free) char *framed = mem_fmt("/%s/", normal);
    struct err err = {0};

    must(path_normalize_dir(normal, &again, &err) == 0 && strcmp(normal, again) == 0);
    must(strlen(normal) > 0 && strlen(normal) <= 1024);
    must(strstr(framed, "//") == NULL && strstr(framed, "/../") == NULL);
    must(strcmp(normal, ".") == 0 || strstr(framed, "/./") == NULL);
}

static void try_directory(const char *text)
{
    AUTO(auto_free) char *normal = NULL;
    struct err err = {0};

    if (path_normalize_dir(text, &normal, &err) == 0)
        check_directory(normal);
    else
        must(normal == NULL && err.kind == ERR_INPUT && err.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(auto_free) char *text = mem_dup_n((const char *)data, size);

    try_int64(text);
    try_quantities(text);
    try_time(text);
    try_names(text);
    try_utf8(text, size);
    try_glob(text);
    try_list(text);
    for (unsigned type = 0; type < VCS_TYPES; type++)
        try_repository(text, (enum vcs_type)type);
    try_ref(text);
    try_directory(text);
    return 0;
}
