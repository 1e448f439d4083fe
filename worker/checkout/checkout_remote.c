/* The remote: what its refs are, and bringing them here. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/base/mem.h"
#include "worker/checkout/checkout_parts.h"
#include "worker/text/mask.h"

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

static bool is_file(const struct checkout_request *request)
{
    return strncasecmp(request->url, "file:", 5) == 0;
}

static int not_found(const struct checkout_request *request, const char *why,
                     struct checkout_fault *fault, struct err *err)
{
    fault->error = RUN_ERR_REPOSITORY_NOT_FOUND;
    return err_set(err, ERR_PERM, "repository %s on %s: %s", request->repository,
                   request->host, why);
}

/* No directory, or none that is a repository. */
static bool is_missing_file(const struct checkout_request *request, const char *words)
{
    const git_error *last = git_error_last();

    return is_file(request) && last &&
           (last->klass == GIT_ERROR_REPOSITORY ||
            strstr(words, strerrordesc_np(ENOENT)) != NULL);
}

/* What an error on the way to or from the remote means for the run. */
static int remote_error(const struct wire *wire, struct checkout_fault *fault,
                        struct err *err)
{
    const struct checkout_request *request = wire->request;
    AUTO(buf_done) struct buf words = BUF_INIT(ERR_MESSAGE_BYTES);
    int status = wire->status;

    last_words(request, &words);
    if (strstr(buf_text(&words), strerrordesc_np(ENOSPC)))
        return checkout_disk_error(ENOSPC, "fetching", fault, err);
    if (status >= 300 && status < 400)
        return not_found(request, "it has moved (redirects are not followed)", fault,
                         err);
    if (status == 401 || status == 403)
        return not_found(request, "not found, or no access to it", fault, err);
    if (status == 404 || status == 410 || is_missing_file(request, buf_text(&words)))
        return not_found(request, "not found", fault, err);
    return err_set(err, ERR_TEMP, "repository %s on %s: %s", request->repository,
                   request->host, buf_text(&words));
}

/* ---- connecting ---- */

static int connect_remote(git_remote *remote, struct wire *wire)
{
    git_remote_connect_options options;

    git_remote_connect_options_init(&options, GIT_REMOTE_CONNECT_OPTIONS_VERSION);
    if (!is_file(wire->request)) {
        options.callbacks.transport = wire_transport;
        options.callbacks.payload = wire;
    }
    return git_remote_connect_ext(remote, GIT_DIRECTION_FETCH, &options);
}

static int check_scheme(const struct checkout_request *request, struct err *err)
{
    static const char *const schemes[] = {"https://", "http://", "file://"};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (strncasecmp(request->url, schemes[i], strlen(schemes[i])) == 0)
            return 0;
    return err_set(err, ERR_PERM, "only https, http and file URLs are supported");
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

/* The commit is there already, and a branch is wanted: nothing else goes on, and what
 * does not go on is contained for ever. */
static bool wants_branch(const struct checkout_request *request)
{
    return request->inside != NULL;
}

static const git_remote_head *find_ref(const git_remote_head **heads, size_t count,
                                       const char *ref, bool branch_only)
{
    static const char *const prefixes[] = {"refs/heads/", "refs/tags/"};
    const size_t known = branch_only ? 1 : ARRAY_LEN(prefixes);
    const git_remote_head *found = NULL;

    if (!ref || !*ref || strcmp(ref, "HEAD") == 0)
        return find_head(heads, count, "", "HEAD", "");
    if (strncmp(ref, "refs/", 5) == 0)
        return branch_only && strncmp(ref, prefixes[0], strlen(prefixes[0])) != 0
                   ? NULL
                   : find_commit(heads, count, "", ref);
    for (size_t i = 0; i < known && !found; i++)
        found = find_commit(heads, count, prefixes[i], ref);
    return found;
}

static bool wants_pull(const struct checkout_request *request)
{
    return request->pull_ref && !request->inside;
}

static int no_ref(const struct checkout_request *request, struct checkout_fault *fault,
                  struct err *err)
{
    fault->error = RUN_ERR_REF_NOT_FOUND;
    if (wants_pull(request))
        return err_set(err, ERR_PERM, "no pull request %s in %s on %s", request->pull,
                       request->repository, request->host);
    return err_set(err, ERR_PERM, "no branch %s%s in %s on %s",
                   wants_branch(request) ? "" : "or tag ",
                   request->ref && *request->ref ? request->ref : "HEAD",
                   request->repository, request->host);
}

int remote_resolve(const struct checkout_request *request, git_oid *commit,
                   struct checkout_fault *fault, struct err *err)
{
    AUTO(auto_remote) git_remote *remote = NULL;
    struct wire wire = {.request = request};
    const git_remote_head **heads = NULL, *found;
    size_t count = 0;
    int code;

    if (check_scheme(request, err) < 0)
        return -1;
    code = git_remote_create_detached(&remote, request->url);
    if (code == 0)
        code = connect_remote(remote, &wire);
    if (code == 0)
        code = git_remote_ls(&heads, &count, remote);
    if (code < 0)
        return remote_error(&wire, fault, err);
    found = wants_pull(request)
                ? find_head(heads, count, "", request->pull_ref, "")
                : find_ref(heads, count, request->ref, wants_branch(request));
    if (!found)
        return no_ref(request, fault, err);
    git_oid_cpy(commit, &found->oid);
    return 0;
}

/* ---- fetching ---- */

/* Did the download fail here and not there? */
static bool is_local(void)
{
    const git_error *last = git_error_last();

    if (!last)
        return false;
    switch (last->klass) {
    case GIT_ERROR_ODB:
    case GIT_ERROR_ZLIB:
    case GIT_ERROR_REFERENCE:
    case GIT_ERROR_INDEXER:
    case GIT_ERROR_OBJECT:
    case GIT_ERROR_TAG:
    case GIT_ERROR_TREE:
        return true;
    default:
        return false;
    }
}

/* A head of its own name for each pull request would stay for ever: what is pruned are
 * branches and tags. */
static int download(git_remote *remote, const struct checkout_request *request)
{
    static char branches[] = "+refs/heads/*:refs/heads/*";
    static char tags[] = "+refs/tags/*:refs/tags/*";
    AUTO(auto_free)
    char *pull =
        request->pull_ref ? mem_fmt("+%s:refs/kedge/pull", request->pull_ref) : NULL;
    char *specs[] = {branches, tags, pull};
    const git_strarray refspecs = {specs, ARRAY_LEN(specs) - (pull ? 0 : 1)};

    return git_remote_download(remote, &refspecs, NULL);
}

/* What is gone there goes first: branch "a" may have given way to "a/b". */
static int update_refs(git_remote *remote)
{
    git_remote_callbacks callbacks;
    int code;

    git_remote_init_callbacks(&callbacks, GIT_REMOTE_CALLBACKS_VERSION);
    code = git_remote_prune(remote, &callbacks);
    return code < 0 ? code
                    : git_remote_update_tips(remote, &callbacks, 0,
                                             GIT_REMOTE_DOWNLOAD_TAGS_NONE, NULL);
}

int remote_fetch(const struct checkout_request *request, git_repository *repo,
                 struct checkout_fault *fault, struct err *err)
{
    AUTO(auto_remote) git_remote *remote = NULL;
    struct wire wire = {.request = request};
    int code;

    if (check_scheme(request, err) < 0)
        return -1;
    code = git_remote_create_anonymous(&remote, repo, request->url);
    if (code == 0)
        code = connect_remote(remote, &wire);
    if (code < 0)
        return remote_error(&wire, fault, err);
    code = download(remote, request);
    if (code < 0) {
        fault->corrupt = is_local();
        return remote_error(&wire, fault, err);
    }
    if (update_refs(remote) < 0)
        return checkout_cache_error("its refs", fault, err);
    return 0;
}
