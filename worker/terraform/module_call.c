/* Module calls in HCL text. */
#include "worker/terraform/module_call.h"

#include <ctype.h>
#include <string.h>

#include "worker/text/hcl.h"

#define COMMIT_CHARS 40

/* From behind the opening brace of a block to behind its closing one. */
static bool body_has_version(struct hcl_scanner *s)
{
    bool line_start = true, found = false;
    int depth = 1;
    enum hcl_token token;

    while (depth > 0 && (token = hcl_next(s)) != HCL_END) {
        bool candidate =
            depth == 1 && line_start && token == HCL_NAME && hcl_is(s, "version");

        line_start =
            token == HCL_NEWLINE || (token == HCL_OTHER && *s->text == '{' && depth == 1);
        depth += hcl_step(s, token);
        if (candidate) {
            token = hcl_next(s);
            depth += hcl_step(s, token);
            found = found || (token == HCL_OTHER && *s->text == '=');
        }
    }
    return found && depth == 0;
}

bool module_call_has_version(const char *text, size_t len, const char *name)
{
    struct hcl_scanner s = {.at = text, .end = text + len};
    enum hcl_token token;
    int depth = 0, matched = 0; /* how many of: module "name" { */

    while ((token = hcl_next(&s)) != HCL_END) {
        if (depth == 0 && token == HCL_NAME && hcl_is(&s, "module"))
            matched = 1;
        else if (matched == 1 && (token == HCL_STRING || token == HCL_NAME) &&
                 hcl_is(&s, name))
            matched = 2;
        else if (matched == 2 && token == HCL_OTHER && *s.text == '{')
            return body_has_version(&s);
        else
            matched = 0;
        depth += hcl_step(&s, token);
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
