/* The remote: what its refs are, and bringing them here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/target.h"
#include "worker/checkout_parts.h"
#include "worker/mask.h"

#define HTTP_STATUS_TEXT "unexpected http status code: "

static void auto_remote(git_remote **remote)
{
    git_remote_free(*remote);
}

/* ---- errors ---- */

/* libgit2's words, without the secrets they may quote. */
static void last_words(const struct checkout_request *request, struct buf *out)
{
    const git_error *last = git_error_last();
    const char *text = last && last->message ? last->message : "no reason given";
    struct mask *mask = mask_new();

    if (request->token)
        mask_add(mask, request->token);
    mask_text(mask, text, strlen(text), out);
    mask_free(mask);
}

static int http_status(const char *words)
{
    const char *text = strstr(words, HTTP_STATUS_TEXT);
    long status = text ? strtol(text + strlen(HTTP_STATUS_TEXT), NULL, 10) : 0;

    return status > 0 && status < 1000 ? (int)status : 0;
}

static int not_found(const struct checkout_request *request, const char *why,
                     struct checkout_fault *fault, struct err *err)
{
    fault->error = RUN_ERR_REPOSITORY_NOT_FOUND;
    return err_set(err, ERR_PERM, "repository %s on %s: %s", request->repository,
                   request->host, why);
}

static bool is_redirect(int status, const char *words)
{
    return (status >= 300 && status < 400) || strstr(words, "redirect") != NULL;
}

int checkout_remote_error(const struct checkout_request *request, int code,
                          struct checkout_fault *fault, struct err *err)
{
    AUTO(buf_done) struct buf words = BUF_INIT(ERR_MESSAGE_BYTES);
    int status;

    last_words(request, &words);
    status = http_status(buf_text(&words));
    if (strstr(buf_text(&words), strerrordesc_np(ENOSPC)))
        return checkout_disk_error(ENOSPC, "fetching", fault, err);
    if (is_redirect(status, buf_text(&words)))
        return not_found(request, "it has moved (redirects are not followed)", fault,
                         err);
    if (code == GIT_EAUTH || status == 401 || status == 403)
        return not_found(request, "not found, or no access to it", fault, err);
    if (status == 404 || status == 410 ||
        (code == GIT_ENOTFOUND && strncmp(request->url, "file:", 5) == 0))
        return not_found(request, "not found", fault, err);
    return err_set(err, ERR_TEMP, "repository %s on %s: %s", request->repository,
                   request->host, buf_text(&words));
}

int checkout_disk_error(int errnum, const char *what, struct checkout_fault *fault,
                        struct err *err)
{
    if (errnum == ENOSPC || errnum == EDQUOT)
        fault->error = RUN_ERR_DISK_FULL;
    return err_sys(err, fault->error == RUN_ERR_NONE ? ERR_TEMP : ERR_PERM, errnum, "%s",
                   what);
}

/* ---- connecting ---- */

struct login {
    const struct checkout_request *request;
    int tries;
};

/* Called when the server has asked for a login. The same one is not offered twice. */
static int acquire(git_credential **out, const char *url, const char *user_from_url,
                   unsigned allowed, void *payload)
{
    struct login *login = payload;
    AUTO(auto_free) char *host = vcs_base_host(url);

    (void)user_from_url;
    if (!login->request->token || !(allowed & GIT_CREDENTIAL_USERPASS_PLAINTEXT) ||
        strcmp(host, login->request->host) != 0 || login->tries++ > 0)
        return GIT_EAUTH;
    return git_credential_userpass_plaintext_new(out, login->request->user,
                                                 login->request->token);
}

static void connect_options(git_remote_connect_options *options, struct login *login)
{
    git_remote_connect_options_init(options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
    options->callbacks.credentials = acquire;
    options->callbacks.payload = login;
    options->proxy_opts.type = GIT_PROXY_AUTO;
    options->follow_redirects = GIT_REMOTE_REDIRECT_NONE;
}

static void fetch_options(git_fetch_options *options, struct login *login)
{
    git_fetch_options_init(options, GIT_FETCH_OPTIONS_VERSION);
    options->callbacks.credentials = acquire;
    options->callbacks.payload = login;
    options->proxy_opts.type = GIT_PROXY_AUTO;
    options->follow_redirects = GIT_REMOTE_REDIRECT_NONE;
    options->prune = GIT_FETCH_PRUNE;
    options->download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options->update_fetchhead = 0;
}

/* ---- resolving ---- */

static const git_remote_head *find_head(const git_remote_head **heads, size_t count,
                                        const char *prefix, const char *name,
                                        const char *suffix)
{
    AUTO(auto_free) char *wanted = mem_fmt("%s%s%s", prefix, name, suffix);

    for (size_t i = 0; i < count; i++)
        if (strcmp(heads[i]->name, wanted) == 0)
            return heads[i];
    return NULL;
}

/* An annotated tag is listed twice: as itself, and with "^{}" as what it points to. */
static const git_remote_head *find_commit(const git_remote_head **heads, size_t count,
                                          const char *prefix, const char *name)
{
    const git_remote_head *peeled = find_head(heads, count, prefix, name, "^{}");

    return peeled ? peeled : find_head(heads, count, prefix, name, "");
}

static const git_remote_head *find_ref(const git_remote_head **heads, size_t count,
                                       const char *ref)
{
    static const char *const prefixes[] = {"refs/heads/", "refs/tags/"};
    const git_remote_head *found = NULL;

    if (!ref || !*ref || strcmp(ref, "HEAD") == 0)
        return find_head(heads, count, "", "HEAD", "");
    if (strncmp(ref, "refs/", 5) == 0)
        return find_commit(heads, count, "", ref);
    for (size_t i = 0; i < ARRAY_LEN(prefixes) && !found; i++)
        found = find_commit(heads, count, prefixes[i], ref);
    return found;
}

int remote_resolve(const struct checkout_request *request, git_oid *commit,
                   struct checkout_fault *fault, struct err *err)
{
    AUTO(auto_remote) git_remote *remote = NULL;
    git_remote_connect_options options;
    struct login login = {.request = request};
    const git_remote_head **heads, *found;
    size_t count;
    int code;

    connect_options(&options, &login);
    code = git_remote_create_detached(&remote, request->url);
    if (code == 0)
        code = git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &options);
    if (code == 0)
        code = git_remote_ls(&heads, &count, remote);
    if (code < 0)
        return checkout_remote_error(request, code, fault, err);
    found = find_ref(heads, count, request->ref);
    if (!found) {
        fault->error = RUN_ERR_REF_NOT_FOUND;
        return err_set(err, ERR_PERM, "no branch or tag %s in %s on %s",
                       request->ref && *request->ref ? request->ref : "HEAD",
                       request->repository, request->host);
    }
    git_oid_cpy(commit, &found->oid);
    return 0;
}

/* ---- fetching ---- */

/* Did the fetch fail here and not there? */
static bool is_local(int code)
{
    const git_error *last = git_error_last();

    if (code == GIT_EAUTH || !last)
        return false;
    switch (last->klass) {
    case GIT_ERROR_ODB:
    case GIT_ERROR_ZLIB:
    case GIT_ERROR_REFERENCE:
    case GIT_ERROR_INDEXER:
    case GIT_ERROR_OBJECT:
    case GIT_ERROR_TAG:
    case GIT_ERROR_TREE:
    case GIT_ERROR_REPOSITORY:
    case GIT_ERROR_CONFIG:
        return true;
    default:
        return false;
    }
}

int remote_fetch(const struct checkout_request *request, git_repository *repo,
                 struct checkout_fault *fault, struct err *err)
{
    static char branches[] = "+refs/heads/*:refs/heads/*";
    static char tags[] = "+refs/tags/*:refs/tags/*";
    char *specs[] = {branches, tags};
    const git_strarray refspecs = {specs, ARRAY_LEN(specs)};
    AUTO(auto_remote) git_remote *remote = NULL;
    git_fetch_options options;
    struct login login = {.request = request};
    int code;

    fetch_options(&options, &login);
    code = git_remote_create_anonymous(&remote, repo, request->url);
    if (code == 0)
        code = git_remote_fetch(remote, &refspecs, &options, NULL);
    if (code == 0)
        return 0;
    fault->corrupt = is_local(code);
    return checkout_remote_error(request, code, fault, err);
}
