/* Refs: which names may be asked of a remote. A table of rules, each with its sentence.
 */
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/queue/target.h"

#define REF_CHARACTERS_MAX 255

/* Blanks, controls and characters that show nothing or turn the text around: two names
 * that look alike must not differ. */
static const struct {
    unsigned first, last;
} unseen[] = {
    {0x0000, 0x0020}, {0x007F, 0x00A0}, {0x00AD, 0x00AD}, {0x061C, 0x061C},
    {0x1680, 0x1680}, {0x180E, 0x180E}, {0x2000, 0x200F}, {0x2028, 0x202F},
    {0x205F, 0x206F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}, {0xE0000, 0xE007F},
};

/* What stands before the number of a pull or merge request, on GitHub, GitLab, Bitbucket
 * and in refspecs that people copy. */
static const char *const request_words[] = {
    "pull", "pulls", "pull-requests", "merge-requests", "merge_requests", "pr", "mr",
};
static const char *const prefixes[] = {"refs/", "heads/", "tags/", "remotes/", "origin/"};

static unsigned code_point(const char *at, size_t width)
{
    static const unsigned char lead_mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    unsigned code = (unsigned char)at[0] & lead_mask[width];

    for (size_t i = 1; i < width; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3F);
    return code;
}

static bool is_unseen(unsigned code)
{
    for (size_t i = 0; i < ARRAY_LEN(unseen); i++) {
        if (code >= unseen[i].first && code <= unseen[i].last)
            return true;
    }
    return false;
}

static bool has_bad_length(const char *ref)
{
    size_t characters = 0;

    for (; *ref != '\0' && characters <= REF_CHARACTERS_MAX; ref++)
        characters += ((unsigned char)*ref & 0xC0) != 0x80;
    return characters == 0 || characters > REF_CHARACTERS_MAX;
}

static bool is_not_utf8(const char *ref)
{
    return !parse_is_utf8(ref, strlen(ref));
}

static bool has_unseen(const char *ref)
{
    size_t len = strlen(ref);

    for (size_t at = 0, width; at < len; at += width) {
        width = parse_utf8_char(ref + at, len - at);
        if (width == 0 || is_unseen(code_point(ref + at, width)))
            return true;
    }
    return false;
}

static bool starts_as_option(const char *ref)
{
    return *ref == '-' || *ref == '+';
}

static bool has_special(const char *ref)
{
    return strpbrk(ref, ":\\^~?*[") != NULL || strstr(ref, "@{") != NULL ||
           strcmp(ref, "@") == 0;
}

static bool has_dots(const char *ref)
{
    return strstr(ref, "..") != NULL || *ref == '.' || strstr(ref, "/.") != NULL ||
           ref[strlen(ref) - 1] == '.';
}

static bool has_empty_part(const char *ref)
{
    return *ref == '/' || strstr(ref, "//") != NULL || ref[strlen(ref) - 1] == '/';
}

static bool has_lock_part(const char *ref)
{
    static const char suffix[] = ".lock";

    for (const char *at = strstr(ref, suffix); at != NULL; at = strstr(at + 1, suffix)) {
        if (at[strlen(suffix)] == '\0' || at[strlen(suffix)] == '/')
            return true;
    }
    return false;
}

static bool is_other_namespace(const char *ref)
{
    return strncasecmp(ref, "refs/", 5) == 0 && strncmp(ref, "refs/heads/", 11) != 0 &&
           strncmp(ref, "refs/tags/", 10) != 0;
}

/* As many as there are, in any order. */
static const char *skip_prefixes(const char *ref)
{
    for (size_t i = 0; i < ARRAY_LEN(prefixes);) {
        size_t len = strlen(prefixes[i]);
        bool found = strncasecmp(ref, prefixes[i], len) == 0;

        ref += found ? len : 0;
        i = found ? 0 : i + 1;
    }
    return ref;
}

/* "12" or "12/…" */
static bool is_number_part(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && (text[digits] == '\0' || text[digits] == '/');
}

static bool is_request(const char *ref)
{
    const char *name = skip_prefixes(ref);

    if ((*name == '#' || *name == '!') && is_number_part(name + 1))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(request_words); i++) {
        size_t len = strlen(request_words[i]);

        if (strncasecmp(name, request_words[i], len) == 0 && name[len] == '/' &&
            is_number_part(name + len + 1))
            return true;
    }
    return false;
}

/* In this order: the later ones rely on a text that is not empty and is UTF-8. */
static const struct {
    bool (*broken)(const char *ref);
    const char *sentence;
} rules[] = {
    {has_bad_length, "ref must have 1 to 255 characters"},
    {is_not_utf8, "ref must be UTF-8"},
    {has_unseen, "ref must not contain blanks, control or invisible characters"},
    {starts_as_option, "ref must not start with '-' or '+'"},
    {has_special, "ref must not contain ':', '\\', '^', '~', '?', '*', '[' or \"@{\""},
    {has_dots, "ref must not contain \"..\", nor start or end a part with '.'"},
    {has_empty_part, "ref must not start or end with '/', nor contain \"//\""},
    {has_lock_part, "no part of ref may end with \".lock\""},
    {is_request, "ref must not be that of a pull or merge request"},
    {is_other_namespace, "ref must be a branch, a tag or a commit id: of refs/ only "
                         "refs/heads/ and refs/tags/"},
};

int ref_check(const char *ref, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].broken(ref))
            return err_set(err, ERR_INPUT, "%s", rules[i].sentence);
    }
    return 0;
}

/* ---- one spelling ---- */

#define COMMIT_DIGITS 40

bool ref_is_commit_id(const char *ref)
{
    return strlen(ref) == COMMIT_DIGITS &&
           strspn(ref, "0123456789abcdefABCDEF") == COMMIT_DIGITS;
}

char *ref_canonical(const char *ref)
{
    static const char heads[] = "refs/heads/";
    char *out;

    if (strncmp(ref, heads, sizeof heads - 1) == 0)
        return mem_dup(ref + sizeof heads - 1);
    out = mem_dup(ref);
    for (char *c = out; ref_is_commit_id(ref) && *c != '\0'; c++)
        *c = (char)(*c >= 'A' && *c <= 'F' ? *c - 'A' + 'a' : *c);
    return out;
}
