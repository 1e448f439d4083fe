/* Targets: the repository's form, the allowlist, the clone URL, and the ids. */
#include "common/queue/target.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/base/canonical.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define REPOSITORY_BYTES_MAX 255
#define BACKEND_BYTES_MAX    (4 * 1024 * 1024)

static const struct {
    size_t segments_max;
    const char *form;
} repository_forms[VCS_TYPES] = {
    [VCS_GITHUB] = {2, "owner/repo"},
    [VCS_GITLAB] = {20, "group/repo or group/subgroup/repo"},
    [VCS_GIT] = {2, "owner/repo"},
};

/* ---- the repository's form ---- */

static bool is_segment(const char *segment, size_t len)
{
    if (len == 0 || segment[0] == '-' || (len == 1 && segment[0] == '.'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)segment[i]) && strchr("._-", segment[i]) == NULL)
            return false;
    }
    return true;
}

/* How many segments; 0 when one of them is not well formed. */
static size_t count_segments(const char *repository)
{
    size_t count = 0;

    for (const char *at = repository;; at++) {
        size_t len = strcspn(at, "/");

        if (!is_segment(at, len))
            return 0;
        count++;
        at += len;
        if (*at == '\0')
            return count;
    }
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t len = strlen(text), suffix_len = strlen(suffix);

    return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

int repository_check(enum vcs_type type, const char *repository, struct err *err)
{
    size_t segments;

    assert(type < VCS_TYPES);
    if (strnlen(repository, REPOSITORY_BYTES_MAX + 1) > REPOSITORY_BYTES_MAX)
        return err_set(err, ERR_INPUT, "repository is longer than %d characters",
                       REPOSITORY_BYTES_MAX);
    segments = count_segments(repository);
    if (segments < 2 || segments > repository_forms[type].segments_max ||
        strstr(repository, "..") != NULL)
        return err_set(err, ERR_INPUT, "repository must have the form %s, of %s",
                       repository_forms[type].form, "letters, digits, '.', '_' and '-'");
    if (ends_with(repository, ".git"))
        return err_set(err, ERR_INPUT, "repository must be named without \".git\"");
    return 0;
}

/* ---- where it is ---- */

const char *vcs_base_url(const struct conf *conf, enum vcs_type type)
{
    const char *const urls[VCS_TYPES] = {
        [VCS_GITHUB] = conf->github_url,
        [VCS_GITLAB] = conf->gitlab_url,
        [VCS_GIT] = conf->git_url,
    };

    assert(type < VCS_TYPES);
    return urls[type];
}

static char *lower_n(const char *text, size_t len)
{
    char *copy = mem_dup_n(text, len);

    for (char *at = copy; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    return copy;
}

static char *lower(const char *text)
{
    return lower_n(text, strlen(text));
}

const char *vcs_token(const struct conf *conf, enum vcs_type type)
{
    switch (type) {
    case VCS_GITHUB:
        return conf->github_token;
    case VCS_GITLAB:
        return conf->gitlab_token;
    case VCS_GIT:
        return conf->git_token;
    case VCS_TYPES:
        break;
    }
    return NULL;
}

char *vcs_base_host(const char *base_url)
{
    const char *scheme_end = strstr(base_url, "://");
    const char *host = scheme_end != NULL ? scheme_end + 3 : base_url;
    size_t len = strcspn(host, "/?#");
    const char *user_end = memrchr(host, '@', len);

    if (strncasecmp(base_url, "file:", 5) == 0)
        return mem_dup("localhost");
    if (user_end != NULL) {
        len -= (size_t)(user_end + 1 - host);
        host = user_end + 1;
    }
    return lower_n(host, len);
}

char *repository_url(const char *base_url, const char *repository)
{
    size_t len = strlen(base_url);

    while (len > 0 && base_url[len - 1] == '/')
        len--;
    return mem_fmt("%.*s/%s.git", (int)len, base_url, repository);
}

bool repository_allowed(const char *allowlist, const char *host, const char *repository)
{
    AUTO(auto_free) char *name = mem_fmt("%s/%s", host, repository);
    size_t count = 0;
    char **patterns = parse_list(allowlist != NULL ? allowlist : "", ',', &count);
    bool included = false, excluded = false;

    for (size_t i = 0; i < count; i++) {
        const char *pattern = patterns[i];

        if (*pattern == '!')
            excluded = excluded ||
                       parse_glob(pattern + 1 + strspn(pattern + 1, " \t"), name, true);
        else
            included = included || parse_glob(pattern, name, true);
    }
    parse_list_free(patterns, count);
    return included && !excluded;
}

/* ---- ids ---- */

void repository_id(const char *host, const char *repository, char id[SIGN_ID_BYTES])
{
    AUTO(auto_free) char *host_lower = lower(host);
    AUTO(auto_free) char *repository_lower = lower(repository);
    const char *const parts[] = {host_lower, repository_lower};

    sign_id(parts, ARRAY_LEN(parts), id);
}

void target_id(const char *host, const struct run_spec *spec, char id[SIGN_ID_BYTES])
{
    AUTO(buf_done) struct buf backend = BUF_INIT(BACKEND_BYTES_MAX);
    char repository[SIGN_ID_BYTES];

    repository_id(host, spec->repository, repository);
    canonical_print_object(spec->backend_config, &backend);
    assert(!backend.over);

    const char *const parts[] = {repository, spec->directory, spec->workspace,
                                 buf_text(&backend)};
    sign_id(parts, ARRAY_LEN(parts), id);
}
