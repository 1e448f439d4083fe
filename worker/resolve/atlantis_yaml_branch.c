/* Branch expressions: POSIX extended ones, and of those only what Atlantis (RE2) reads
 * the same way. What it reads otherwise would be for the wrong branches without a word.
 */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/resolve/atlantis_yaml_parts.h"

#define EXPRESSION_BYTES 255
/* regcomp writes out what is repeated, "+" too, and repetitions within repetitions
 * multiply: parts of the expression when that is done. */
#define PARTS_MAX 2000

struct scan {
    const char *at;
    long parts[EXPRESSION_BYTES + 1]; /* of each open group, of the whole first */
    size_t depth;
    long last;     /* parts of what a repetition would repeat; 0: there is nothing */
    bool repeated; /* it is repeated already */
};

static int bad(struct err *err, const char *sentence)
{
    return err_set(err, ERR_PERM, "branch: %s", sentence);
}

/* What can be repeated. */
static int add(struct scan *scan, long parts, struct err *err)
{
    scan->parts[scan->depth] += parts;
    scan->last = parts;
    scan->repeated = false;
    return scan->parts[scan->depth] > PARTS_MAX ? bad(err, "it repeats too often") : 0;
}

/* From "[" to behind its "]". */
static int scan_bracket(struct scan *scan, struct err *err)
{
    const char *at = scan->at + 1;

    at += *at == '^';
    at += *at == ']';
    while (*at != ']') {
        if (*at == '\0')
            return bad(err, "a [ has no ]");
        if (*at == '\\')
            return bad(err, "within [ ] a backslash is not understood; write [.] for a "
                            "dot and put - last");
        if (at[0] == '[' && (at[1] == '.' || at[1] == '='))
            return bad(err, "[. .] and [= =] are not understood");
        if (at[0] == '[' && at[1] == ':') {
            at = strstr(at + 2, ":]");
            if (at == NULL)
                return bad(err, "a [: has no :]");
            at++;
        }
        at++;
    }
    scan->at = at + 1;
    return add(scan, 1, err);
}

static int scan_escape(struct scan *scan, struct err *err)
{
    char c = scan->at[1];

    if (c == '\0')
        return bad(err, "a backslash stands at the end");
    if (strchr("wWsSbB.^$*+?()[]{}|/\\-_#@%&~:,;=! ", c) == NULL)
        return bad(err,
                   "of a backslash with a letter or digit only \\w \\W \\s \\S \\b \\B "
                   "are understood; write [0-9] for \\d");
    scan->at += 2;
    return add(scan, 1, err);
}

/* The larger number of "{2,30}", and behind it; 0: not one. */
static long scan_bound(struct scan *scan)
{
    long most = 0;

    if (scan->at[1] < '0' || scan->at[1] > '9')
        return 0;
    for (scan->at++; *scan->at != '}' && *scan->at != '\0';) {
        char *end = NULL;
        long number = strtol(scan->at, &end, 10);

        most = number > most ? number : most;
        scan->at = end > scan->at ? end : scan->at + 1;
    }
    scan->at += *scan->at == '}';
    return most < PARTS_MAX ? most + 1 : PARTS_MAX + 1;
}

/* "+?" is lazy for RE2 and optional for POSIX, "++" an error for RE2. */
static int scan_repetition(struct scan *scan, struct err *err)
{
    long times = *scan->at == '+' ? 2 : 1;
    long last = scan->last;

    if (last == 0)
        return bad(err, "there is nothing to repeat before one of * + ? {");
    if (scan->repeated)
        return bad(err, "a repetition is repeated; leave out the second of * + ? {");
    if (*scan->at == '{') {
        times = scan_bound(scan);
        if (times == 0)
            return bad(err,
                       "behind { there must be a number; write [{] for the character");
    } else {
        scan->at++;
    }
    if (add(scan, last * (times - 1), err) < 0)
        return -1;
    scan->last = last * times;
    scan->repeated = true;
    return 0;
}

static int scan_group(struct scan *scan, struct err *err)
{
    if (*scan->at++ == '(') {
        if (*scan->at == '?')
            return bad(err, "(?…) is not understood; use plain parentheses");
        scan->parts[++scan->depth] = 0;
        scan->last = 0;
        return 0;
    }
    if (scan->depth == 0)
        return bad(err, "a ) has no (");
    scan->depth--;
    return add(scan, scan->parts[scan->depth + 1] + 1, err);
}

static int scan_next(struct scan *scan, struct err *err)
{
    switch (*scan->at) {
    case '[':
        return scan_bracket(scan, err);
    case '\\':
        return scan_escape(scan, err);
    case '(':
    case ')':
        return scan_group(scan, err);
    case '*':
    case '+':
    case '?':
    case '{':
        return scan_repetition(scan, err);
    case '^':
    case '|':
        scan->at++;
        scan->last = 0;
        return 0;
    default:
        scan->at++;
        return add(scan, 1, err);
    }
}

static int check(const char *expression, struct err *err)
{
    struct scan scan = {.at = expression};

    while (*scan.at != '\0')
        if (scan_next(&scan, err) < 0)
            return -1;
    return 0;
}

int atlantis_branch_parse(const char *text, char **out, struct err *err)
{
    AUTO(auto_free) char *expression = NULL;
    size_t len = strlen(text);
    char reason[80];
    regex_t regex;
    int result;

    if (len < 2 || text[0] != '/' || text[len - 1] != '/')
        return bad(err, "it must be an expression between slashes: /^main$/");
    if (len - 2 > EXPRESSION_BYTES)
        return err_set(err, ERR_PERM, "branch: it is longer than %d bytes",
                       EXPRESSION_BYTES);
    expression = mem_dup_n(text + 1, len - 2);
    if (check(expression, err) < 0)
        return -1;
    result = regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB);
    if (result != 0) {
        regerror(result, &regex, reason, sizeof reason);
        return err_set(err, ERR_PERM, "branch: this expression is broken: %s", reason);
    }
    regfree(&regex);
    *out = TAKE(expression);
    return 0;
}

bool atlantis_project_is_for(const struct atlantis_project *project, const char *branch)
{
    regex_t regex;
    bool matches;

    if (project->branch == NULL)
        return true;
    if (branch == NULL || regcomp(&regex, project->branch, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    matches = regexec(&regex, branch, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}
