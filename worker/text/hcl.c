/* Words of HCL text. */
#include "worker/text/hcl.h"

#include <ctype.h>
#include <string.h>

#define NESTING_MAX 100

static bool has(const struct hcl_scanner *s, const char *word)
{
    size_t len = strlen(word);

    return (size_t)(s->end - s->at) >= len && memcmp(s->at, word, len) == 0;
}

static void skip_line(struct hcl_scanner *s)
{
    while (s->at < s->end && *s->at != '\n')
        s->at++;
}

static void skip_comment(struct hcl_scanner *s)
{
    s->at += 2;
    while (s->at < s->end && !has(s, "*/"))
        s->at++;
    s->at += s->at < s->end ? 2 : 0;
}

static void skip_blanks(struct hcl_scanner *s)
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

static void skip_template(struct hcl_scanner *s, int nesting);

/* From behind the opening quote to behind the closing one. */
static void skip_string(struct hcl_scanner *s, int nesting)
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
static void skip_template(struct hcl_scanner *s, int nesting)
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
static void skip_heredoc(struct hcl_scanner *s)
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

static enum hcl_token scan_name(struct hcl_scanner *s)
{
    while (s->at < s->end &&
           (isalnum((unsigned char)*s->at) || *s->at == '_' || *s->at == '-'))
        s->at++;
    s->len = (size_t)(s->at - s->text);
    return HCL_NAME;
}

enum hcl_token hcl_next(struct hcl_scanner *s)
{
    skip_blanks(s);
    if (s->at >= s->end)
        return HCL_END;
    s->text = s->at;
    s->len = 1;
    if (isalpha((unsigned char)*s->at) || *s->at == '_')
        return scan_name(s);
    if (has(s, "<<")) {
        s->at += 2;
        skip_heredoc(s);
        return HCL_NEWLINE;
    }
    s->at++;
    if (*s->text == '\n')
        return HCL_NEWLINE;
    if (*s->text != '"')
        return HCL_OTHER;
    skip_string(s, 0);
    s->text++;
    s->len = s->at > s->text ? (size_t)(s->at - s->text) - 1 : 0;
    return HCL_STRING;
}

bool hcl_is(const struct hcl_scanner *s, const char *text)
{
    return s->len == strlen(text) && memcmp(s->text, text, s->len) == 0;
}

int hcl_step(const struct hcl_scanner *s, enum hcl_token token)
{
    if (token != HCL_OTHER)
        return 0;
    switch (*s->text) {
    case '{':
    case '[':
    case '(':
        return 1;
    case '}':
    case ']':
    case ')':
        return -1;
    default:
        return 0;
    }
}
