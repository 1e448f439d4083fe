/* Module calls in HCL text. */
#include "worker/module_call.h"

#include <ctype.h>
#include <string.h>

#define NESTING_MAX  100
#define COMMIT_CHARS 40

enum token { TOKEN_END, TOKEN_NAME, TOKEN_STRING, TOKEN_NEWLINE, TOKEN_OTHER };

struct scanner {
    const char *at, *end;
    const char *text; /* of the last name, string (without quotes) or other character */
    size_t len;
};

static bool has(const struct scanner *s, const char *word)
{
    size_t len = strlen(word);

    return (size_t)(s->end - s->at) >= len && memcmp(s->at, word, len) == 0;
}

static void skip_line(struct scanner *s)
{
    while (s->at < s->end && *s->at != '\n')
        s->at++;
}

static void skip_comment(struct scanner *s)
{
    s->at += 2;
    while (s->at < s->end && !has(s, "*/"))
        s->at++;
    s->at += s->at < s->end ? 2 : 0;
}

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->end) {
        if (*s->at == '#' || has(s, "//"))
            skip_line(s);
        else if (has(s, "/*"))
            skip_comment(s);
        else if (*s->at == ' ' || *s->at == '\t' || *s->at == '\r')
            s->at++;
        else
            return;
    }
}

static void skip_template(struct scanner *s, int nesting);

/* From behind the opening quote to behind the closing one. */
static void skip_string(struct scanner *s, int nesting)
{
    while (s->at < s->end && *s->at != '"' && nesting < NESTING_MAX) {
        if (*s->at == '\\' && s->at + 1 < s->end) {
            s->at += 2;
        } else if (has(s, "$${") || has(s, "%%{")) {
            s->at += 3;
        } else if (has(s, "${") || has(s, "%{")) {
            s->at += 2;
            skip_template(s, nesting + 1);
        } else {
            s->at++;
        }
    }
    s->at += s->at < s->end;
}

/* From behind "${" to behind its brace; what is in it may hold strings again. */
static void skip_template(struct scanner *s, int nesting)
{
    int braces = 1;

    while (s->at < s->end && braces > 0 && nesting < NESTING_MAX) {
        char c = *s->at++;

        if (c == '"')
            skip_string(s, nesting + 1);
        braces += (c == '{') - (c == '}');
    }
}

/* From behind "<<" to behind the line with the end mark. */
static void skip_heredoc(struct scanner *s)
{
    const char *mark;
    size_t len;

    s->at += s->at < s->end && *s->at == '-';
    mark = s->at;
    while (s->at < s->end && (isalnum((unsigned char)*s->at) || *s->at == '_'))
        s->at++;
    len = (size_t)(s->at - mark);
    while (s->at < s->end) {
        skip_line(s);
        s->at += s->at < s->end;
        while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
            s->at++;
        if ((size_t)(s->end - s->at) >= len && memcmp(s->at, mark, len) == 0 &&
            (s->at + len == s->end || strchr("\r\n", s->at[len]) != NULL))
            break;
    }
    skip_line(s);
}

static enum token scan_name(struct scanner *s)
{
    while (s->at < s->end &&
           (isalnum((unsigned char)*s->at) || *s->at == '_' || *s->at == '-'))
        s->at++;
    s->len = (size_t)(s->at - s->text);
    return TOKEN_NAME;
}

static enum token next(struct scanner *s)
{
    skip_blanks(s);
    if (s->at >= s->end)
        return TOKEN_END;
    s->text = s->at;
    s->len = 1;
    if (isalpha((unsigned char)*s->at) || *s->at == '_')
        return scan_name(s);
    if (has(s, "<<")) {
        s->at += 2;
        skip_heredoc(s);
        return TOKEN_NEWLINE;
    }
    s->at++;
    if (*s->text == '\n')
        return TOKEN_NEWLINE;
    if (*s->text != '"')
        return TOKEN_OTHER;
    skip_string(s, 0);
    s->text++;
    s->len = s->at > s->text ? (size_t)(s->at - s->text) - 1 : 0;
    return TOKEN_STRING;
}

static bool is(const struct scanner *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->text, text, s->len) == 0;
}

static int step_of(const struct scanner *s, enum token token)
{
    if (token != TOKEN_OTHER)
        return 0;
    return strchr("{[(", *s->text) != NULL ? 1 : strchr("}])", *s->text) != NULL ? -1 : 0;
}

/* From behind the opening brace of a block to behind its closing one. */
static bool body_has_version(struct scanner *s)
{
    bool line_start = true, found = false;
    int depth = 1;
    enum token token;

    while (depth > 0 && (token = next(s)) != TOKEN_END) {
        bool candidate =
            depth == 1 && line_start && token == TOKEN_NAME && is(s, "version");

        line_start = token == TOKEN_NEWLINE ||
                     (token == TOKEN_OTHER && *s->text == '{' && depth == 1);
        depth += step_of(s, token);
        if (candidate) {
            token = next(s);
            depth += step_of(s, token);
            found = found || (token == TOKEN_OTHER && *s->text == '=');
        }
    }
    return found && depth == 0;
}

bool module_call_has_version(const char *text, size_t len, const char *name)
{
    struct scanner s = {.at = text, .end = text + len};
    enum token token;
    int depth = 0, matched = 0; /* how many of: module "name" { */

    while ((token = next(&s)) != TOKEN_END) {
        if (depth == 0 && token == TOKEN_NAME && is(&s, "module"))
            matched = 1;
        else if (matched == 1 && (token == TOKEN_STRING || token == TOKEN_NAME) &&
                 is(&s, name))
            matched = 2;
        else if (matched == 2 && token == TOKEN_OTHER && *s.text == '{')
            return body_has_version(&s);
        else
            matched = 0;
        depth += step_of(&s, token);
    }
    return false;
}

static bool is_commit(const char *text, size_t len)
{
    if (len != COMMIT_CHARS)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

/* v1.2.3, 1.2, v2.0.0-rc1: digits with at least one dot between them. */
static bool is_release(const char *text, size_t len)
{
    size_t i = len > 0 && text[0] == 'v';
    size_t digits = i;

    while (i < len && isdigit((unsigned char)text[i]))
        i++;
    if (i == digits || i + 1 >= len || text[i] != '.')
        return false;
    return isdigit((unsigned char)text[i + 1]);
}

bool module_source_pinned(const char *source)
{
    const char *query = strchr(source, '?');

    while (query != NULL) {
        size_t len = strcspn(query + 1, "&");

        if (len > 4 && strncmp(query + 1, "ref=", 4) == 0)
            return is_commit(query + 5, len - 4) || is_release(query + 5, len - 4);
        query = strchr(query + 1, '&');
    }
    return false;
}
