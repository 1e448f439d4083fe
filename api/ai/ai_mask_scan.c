/* What must not reach a model: finding it in a text, in one pass. */
#include "api/ai/ai_mask_scan.h"

#include <string.h>

#include "api/ai/ai_mask.h"
#include "common/base/mem.h"

#define NAME_BYTES_MAX   128 /* of what something is assigned to */
#define USER_BYTES_MAX   128 /* of a user and password that are looked for */
#define RANDOM_BYTES_MIN 32
#define RANDOM_BYTES_MAX 128 /* of a run, that are looked at */

#define PEM_BEGIN "-----BEGIN "
#define PEM_END   "-----END "
#define PEM_LINE  "-----"

struct scan {
    const char *at, *end;
    const char *kept; /* from here to `at` nothing is secret, and not written yet */
    struct buf *out;
};

/* Each finder looks at scan->at: when something begins there it writes what stands for
 * it, moves on and says true. */

static void mask_to(struct scan *scan, const char *to)
{
    buf_append(scan->out, scan->kept, (size_t)(scan->at - scan->kept));
    buf_str(scan->out, AI_MASK);
    scan->at = scan->kept = to;
}

static void keep_to(struct scan *scan, const char *to)
{
    scan->at = to;
}

static const char *find(const char *from, const char *end, const char *words)
{
    const char *found = memmem(from, (size_t)(end - from), words, strlen(words));

    return found == NULL ? end : found + strlen(words);
}

static bool begins_with(const struct scan *scan, const char *words)
{
    size_t len;

    if (*scan->at != *words)
        return false;
    len = strlen(words);
    return (size_t)(scan->end - scan->at) >= len && memcmp(scan->at, words, len) == 0;
}

/* One whose end is cut off too. */
static bool mask_pem(struct scan *scan)
{
    const char *label;

    if (!begins_with(scan, PEM_BEGIN))
        return false;
    label = find(scan->at, scan->end, PEM_END);
    mask_to(scan, find(label, scan->end, PEM_LINE));
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The last '@' before the host, NULL: there is none. A password may have any of "/?#" in
 * it where it should not: what comes before them is no host when its port is none. */
static const char *userinfo_end(const struct scan *scan, const char *from)
{
    static const char stops[] = "\\\"'<> \t\r\n";
    const char *last = NULL;
    bool is_host = true, is_port = false;

    for (const char *at = from; at < scan->end && strchr(stops, *at) == NULL; at++) {
        if (strchr("/?#", *at) != NULL) {
            if (last != NULL || is_host || at - from > USER_BYTES_MAX)
                break;
        } else if (*at == '@') {
            last = at;
        } else if (*at == ':') {
            is_port = true;
        } else if (is_port && !is_digit(*at)) {
            is_host = false;
        }
    }
    return last;
}

static bool mask_userinfo(struct scan *scan)
{
    const char *from = scan->at + 3, *last;

    if (!begins_with(scan, "://"))
        return false;
    last = userinfo_end(scan, from);
    keep_to(scan, from);
    if (last != NULL)
        mask_to(scan, last);
    return true;
}

/* "me:pass@tcp(host)", "me/pass@//host": such names of databases have no scheme. */
static bool mask_database(struct scan *scan)
{
    static const char *const hosts[] = {"@tcp(", "@unix(", "@(", "@//"};
    const char *from = scan->at, *first = NULL;
    bool is_one = false;

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        is_one = is_one || begins_with(scan, hosts[i]);
    if (!is_one)
        return false;
    while (from > scan->kept && scan->at - from < USER_BYTES_MAX &&
           strchr(" \t\r\n\"'=", from[-1]) == NULL)
        if (strchr(":/", *--from) != NULL)
            first = from + 1;
    if (first != NULL) {
        const char *at = scan->at;

        scan->at = first;
        mask_to(scan, at);
    }
    keep_to(scan, scan->at + 1);
    return true;
}

/* ---- words ---- */
static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

static bool is_name_char(char c)
{
    return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static bool is_run_char(char c)
{
    return is_alnum(c) || c == '+' || c == '/' || c == '_' || c == '-';
}

static const char *skip_blanks(const struct scan *scan, const char *at)
{
    while (at < scan->end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* JSON in a text within JSON: each level has more of them. */
static const char *skip_backslashes(const struct scan *scan, const char *at)
{
    const char *from = at;

    while (at < scan->end && *at == '\\')
        at++;
    return at < scan->end && is_quote(*at) ? at : from;
}

/* Where the value begins that is given to the name that ends at `at`; NULL: none is. A
 * colon alone parts too many other things. */
static const char *value_of(const struct scan *scan, const char *at, bool is_option)
{
    const char *blank;
    bool quoted;

    at = skip_backslashes(scan, at);
    quoted = at < scan->end && is_quote(*at);
    at += quoted;
    blank = skip_blanks(scan, at);
    if (blank == scan->end)
        return NULL;
    if (*blank == '=') {
        blank += blank + 1 < scan->end && blank[1] == '>';
        return skip_blanks(scan, blank + 1);
    }
    if (*blank == ':' && blank + 1 < scan->end &&
        (quoted || is_quote(blank[1]) || blank[1] == ' ' || blank[1] == '\t'))
        return skip_blanks(scan, blank + 1);
    return is_option && blank > at ? blank : NULL;
}

/* "Bearer x": the scheme is not what is secret. */
static const char *skip_scheme(const struct scan *scan, const char *at)
{
    static const char *const schemes[] = {"Bearer ", "Basic ", "Token ", "token "};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t len = strlen(schemes[i]);

        if ((size_t)(scan->end - at) > len && memcmp(at, schemes[i], len) == 0)
            return at + len;
    }
    return at;
}

static const char *value_end(const struct scan *scan, const char *at, char quote)
{
    static const char stops[] = " \t\r\n,;&\"'<>)}]";

    while (at < scan->end &&
           (quote != '\0' ? *at != quote : *at == '\0' || strchr(stops, *at) == NULL)) {
        at += *at == '\\' && at + 1 < scan->end ? 2 : 1;
    }
    return at;
}

/* A text of several lines in YAML, "|" or ">-" and what stands deeper below it; NULL: it
 * is none. */
static const char *block_end(const struct scan *scan, const char *at)
{
    const char *line;
    ptrdiff_t indent;

    if (*at != '|' && *at != '>')
        return NULL;
    for (at++; at < scan->end && (*at == '+' || *at == '-' || is_digit(*at));)
        at++;
    if (at == scan->end || *at != '\n')
        return NULL;
    line = at + 1;
    indent = skip_blanks(scan, line) - line;
    while (line < scan->end) {
        const char *first = skip_blanks(scan, line);

        if (first < scan->end && *first != '\n' && (indent == 0 || first - line < indent))
            break;
        at = memchr(line, '\n', (size_t)(scan->end - line));
        if (at == NULL)
            return scan->end;
        line = at + 1;
    }
    return at;
}

static bool mask_assigned(struct scan *scan, const char *name_end)
{
    size_t len = (size_t)(name_end - scan->at);
    bool is_option = len > 1 && scan->at[0] == '-';
    char name[NAME_BYTES_MAX];
    const char *value, *last;
    char quote = '\0';

    if (len >= sizeof name)
        return false;
    memcpy(name, scan->at, len);
    name[len] = '\0';
    value = value_of(scan, name_end, is_option);
    if (value == NULL || value == scan->end || !ai_mask_is_secret_name(name))
        return false;
    last = block_end(scan, value);
    if (last == NULL) {
        value = skip_backslashes(scan, value);
        if (is_quote(*value))
            quote = *value++;
        value = skip_scheme(scan, value);
        last = value_end(scan, value, quote);
    }
    if (last == value)
        return false;
    keep_to(scan, value);
    mask_to(scan, last);
    return true;
}

/* Small and capital letters and digits as mixed as in base64 of random bytes. Names, ids
 * and paths have few capital letters, digests in hex have none. */
static bool is_random(const char *run, size_t len)
{
    size_t small = 0, capital = 0, digits = 0;

    if (len < RANDOM_BYTES_MIN)
        return false;
    for (size_t i = 0; i < len; i++) {
        small += run[i] >= 'a' && run[i] <= 'z';
        capital += run[i] >= 'A' && run[i] <= 'Z';
        digits += run[i] >= '0' && run[i] <= '9';
    }
    return small * 6 >= len && capital * 6 >= len && digits > 0;
}

static bool mask_random(struct scan *scan)
{
    const char *end = scan->at;

    while (end < scan->end && end - scan->at < RANDOM_BYTES_MAX && is_run_char(*end))
        end++;
    if (!is_random(scan->at, (size_t)(end - scan->at)))
        return false;
    while (end < scan->end && (is_run_char(*end) || *end == '='))
        end++;
    mask_to(scan, end);
    return true;
}

/* Where the run of a name's characters ends; dashes may be the beginning of a PEM block.
 */
static const char *word_end(const struct scan *scan)
{
    struct scan rest = *scan;

    while (rest.at < rest.end && is_name_char(*rest.at) &&
           !(*rest.at == '-' && begins_with(&rest, PEM_BEGIN)))
        rest.at++;
    return rest.at;
}

/* At the beginning of a run of such characters. */
static bool take_word(struct scan *scan)
{
    const char *end = word_end(scan);

    if (end == scan->at)
        return false;
    if (ai_mask_find_prefix(scan->at, (size_t)(end - scan->at)) != NULL)
        mask_to(scan, end);
    else if (!mask_assigned(scan, end) && !mask_random(scan))
        keep_to(scan, end);
    return true;
}

void ai_mask_text(const char *text, size_t len, struct buf *out)
{
    struct scan scan = {.at = text, .end = text + len, .kept = text, .out = out};

    while (scan.at < scan.end)
        if (!mask_pem(&scan) && !mask_userinfo(&scan) && !mask_database(&scan) &&
            !take_word(&scan))
            keep_to(&scan, scan.at + 1);
    buf_append(out, scan.kept, (size_t)(scan.end - scan.kept));
}
