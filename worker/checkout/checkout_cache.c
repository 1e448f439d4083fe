/* The cache: one bare repository that all workers of the host share under a file lock. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/checkout/checkout_parts.h"

int checkout_disk_error(int errnum, const char *what, struct checkout_fault *fault,
                        struct err *err)
{
    bool for_ever = errnum == ENAMETOOLONG;

    if (errnum == ENOSPC || errnum == EDQUOT)
        fault->error = RUN_ERR_DISK_FULL;
    return err_sys(err, fault->error == RUN_ERR_NONE && !for_ever ? ERR_TEMP : ERR_PERM,
                   errnum, "%s", what);
}

int checkout_cache_error(const char *what, struct checkout_fault *fault, struct err *err)
{
    const git_error *last = git_error_last();
    const char *words = last && last->message ? last->message : "no reason given";

    if (strstr(words, strerrordesc_np(ENOSPC)) != NULL)
        return checkout_disk_error(ENOSPC, what, fault, err);
    fault->corrupt = true;
    return err_set(err, ERR_TEMP, "the repository cache is broken: %s: %s", what, words);
}

int checkout_tree(git_repository *repo, const git_oid *id, git_tree **out,
                  struct checkout_fault *fault, struct err *err)
{
    git_commit *commit = NULL;
    int rc = git_commit_lookup(&commit, repo, id);

    if (rc == 0)
        rc = git_commit_tree(out, commit);
    git_commit_free(commit);
    return rc == 0 ? 0 : checkout_cache_error("the commit", fault, err);
}

/* ---- opening and closing ---- */

int cache_open(struct cache *cache, const struct checkout_request *request,
               struct checkout_fault *fault, struct err *err)
{
    AUTO(auto_free) char *name = mem_fmt("%s.lock", request->cache);

    *cache = CACHE_INIT;
    cache->request = request;
    cache->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (cache->lock_fd < 0)
        return checkout_disk_error(errno, name, fault, err);
    return 0;
}

static void close_repo(struct cache *cache)
{
    git_repository_free(TAKE(cache->repo));
}

void cache_close(struct cache *cache)
{
    close_repo(cache);
    auto_close(&cache->lock_fd);
    cache->lock_fd = -1;
}

static char *repo_path(const struct cache *cache)
{
    return path_join(cache->request->cache, "repo");
}

static bool open_repo(struct cache *cache)
{
    AUTO(auto_free) char *path = repo_path(cache);

    close_repo(cache);
    return git_repository_open_bare(&cache->repo, path) == 0;
}

static bool has_commit(git_repository *repo, const git_oid *id)
{
    git_commit *commit = NULL;
    bool found = git_commit_lookup(&commit, repo, id) == 0;

    git_commit_free(commit);
    return found;
}

/* ---- reachability ---- */

static bool is_branch_or_tag(const char *name)
{
    return strncmp(name, "refs/heads/", strlen("refs/heads/")) == 0 ||
           strncmp(name, "refs/tags/", strlen("refs/tags/")) == 0;
}

static bool tip_of(git_repository *repo, const char *name, git_oid *tip)
{
    git_reference *reference = NULL;
    git_object *object = NULL;
    bool found = git_reference_lookup(&reference, repo, name) == 0 &&
                 git_reference_peel(&object, reference, GIT_OBJECT_COMMIT) == 0;

    if (found)
        git_oid_cpy(tip, git_object_id(object));
    git_object_free(object);
    git_reference_free(reference);
    return found;
}

/* The commits of all branches and tags; at most `max`. */
static size_t list_tips(git_repository *repo, git_oid *tips, size_t max)
{
    git_reference_iterator *iterator = NULL;
    const char *name;
    size_t count = 0;

    if (git_reference_iterator_new(&iterator, repo) < 0)
        return 0;
    while (count < max && git_reference_next_name(&name, iterator) == 0)
        count += is_branch_or_tag(name) && tip_of(repo, name, &tips[count]);
    git_reference_iterator_free(iterator);
    return count;
}

/* Mostly it is what the request's branch was a moment ago. */
static bool is_branch_tip(const struct cache *cache, const git_oid *commit)
{
    const char *ref = cache->request->ref ? cache->request->ref : "";
    AUTO(auto_free) char *name = mem_fmt("refs/heads/%s", ref);
    git_oid tip;

    return tip_of(cache->repo, name, &tip) && git_oid_equal(&tip, commit);
}

static bool is_reachable(const struct cache *cache, const git_oid *commit)
{
    enum { TIPS_MAX = 100000 };
    AUTO(auto_free) git_oid *tips = NULL;
    size_t count;

    if (is_branch_tip(cache, commit))
        return true;
    tips = mem_new(TIPS_MAX, sizeof(*tips));
    count = list_tips(cache->repo, tips, TIPS_MAX);
    for (size_t i = 0; i < count; i++)
        if (git_oid_equal(&tips[i], commit))
            return true;
    return count > 0 &&
           git_graph_reachable_from_any(cache->repo, commit, tips, count) == 1;
}

/* ---- pull requests ---- */

static char *pulls_mark(git_repository *repo)
{
    return mem_fmt("%s%s", git_repository_path(repo), "pulls");
}

/* Before anything of a pull request gets in. */
static int mark_pulls(git_repository *repo, struct checkout_fault *fault, struct err *err)
{
    AUTO(auto_free) char *path = pulls_mark(repo);
    AUTO(auto_close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    return fd >= 0 ? 0 : checkout_disk_error(errno, path, fault, err);
}

static bool has_pulls(git_repository *repo)
{
    AUTO(auto_free) char *path = pulls_mark(repo);

    return path_exists(path);
}

static int fetch(struct cache *cache, struct checkout_fault *fault, struct err *err)
{
    if (cache->request->pull_ref && mark_pulls(cache->repo, fault, err) < 0)
        return -1;
    return remote_fetch(cache->request, cache->repo, fault, err);
}

/* ---- looking ---- */

/* Of the repository that is open. */
static bool offers(const struct cache *cache, const git_oid *commit, bool by_id)
{
    if (!has_commit(cache->repo, commit))
        return false;
    return !by_id || cache->request->pull_ref || !has_pulls(cache->repo) ||
           is_reachable(cache, commit);
}

bool cache_has(struct cache *cache, const git_oid *commit, bool by_id)
{
    close_repo(cache);
    if (flock(cache->lock_fd, LOCK_SH) < 0 || !open_repo(cache) ||
        !offers(cache, commit, by_id))
        return false;
    /* Eviction goes by this time. */
    (void)utimensat(AT_FDCWD, cache->request->cache, NULL, 0);
    return true;
}

/* ---- packs ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

/* Also removes what an interrupted fetch left: under the exclusive lock nobody is writing
 * it. */
static int count_packs(const struct cache *cache)
{
    AUTO(auto_free) char *path = mem_fmt("%s/repo/objects/pack", cache->request->cache);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    int packs = 0;

    if (!dir)
        return 0;
    while ((entry = readdir(dir))) {
        packs += ends_with(entry->d_name, ".pack");
        if (strncmp(entry->d_name, "pack_git2_", strlen("pack_git2_")) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    return packs;
}

/* ---- fetching ---- */

/* Makes the repository beside the cache and renames it in. */
static int clone_anew(struct cache *cache, struct checkout_fault *fault, struct err *err)
{
    AUTO(auto_free) char *path = repo_path(cache);
    AUTO(auto_free) char *new_path = path_join(cache->request->cache, "new");
    int rc;

    close_repo(cache);
    fault->corrupt = false;
    if (path_remove_tree(new_path, err) < 0)
        return -1;
    if (git_repository_init(&cache->repo, new_path, true) < 0)
        return checkout_cache_error(new_path, fault, err);
    rc = fetch(cache, fault, err);
    close_repo(cache);
    if (rc < 0) {
        struct err ignored;
        (void)path_remove_tree(new_path, &ignored);
        return -1;
    }
    if (path_remove_tree(path, err) < 0)
        return -1;
    if (rename(new_path, path) < 0)
        return checkout_disk_error(errno, path, fault, err);
    return 0;
}

static int update(struct cache *cache, bool anew, struct checkout_fault *fault,
                  struct err *err)
{
    if (anew || !open_repo(cache) || count_packs(cache) > CHECKOUT_PACKS_MAX)
        return clone_anew(cache, fault, err);
    if (fetch(cache, fault, err) == 0)
        return 0;
    return fault->corrupt ? clone_anew(cache, fault, err) : -1;
}

/* ---- the whole ---- */

static int missing(const struct cache *cache, const git_oid *commit, bool by_id,
                   struct checkout_fault *fault, struct err *err)
{
    const struct checkout_request *request = cache->request;
    char hex[GIT_OID_HEXSZ + 1];

    git_oid_tostr(hex, sizeof(hex), commit);
    if (!by_id)
        return err_set(err, ERR_TEMP, "%s moved while it was being fetched",
                       request->repository);
    fault->error = RUN_ERR_REF_NOT_FOUND;
    if (request->pull_ref)
        return err_set(err, ERR_PERM, "commit %s is not in pull request %s of %s on %s",
                       hex, request->pull, request->repository, request->host);
    return err_set(err, ERR_PERM, "commit %s is on no branch or tag of %s on %s", hex,
                   request->repository, request->host);
}

/* What has just come. */
static bool is_allowed(struct cache *cache, const git_oid *commit, bool by_id)
{
    return !by_id || cache->request->pull_ref || !open_repo(cache) ||
           !has_commit(cache->repo, commit) || is_reachable(cache, commit);
}

int cache_bring(struct cache *cache, const git_oid *commit, bool anew, bool by_id,
                struct checkout_fault *fault, struct err *err)
{
    close_repo(cache);
    if (flock(cache->lock_fd, LOCK_EX) < 0)
        return checkout_disk_error(errno, cache->request->cache, fault, err);
    if (mkdir(cache->request->cache, 0700) < 0 && errno != EEXIST)
        return checkout_disk_error(errno, cache->request->cache, fault, err);
    if (anew || !open_repo(cache) || !offers(cache, commit, by_id)) {
        if (update(cache, anew, fault, err) < 0)
            return -1;
        if (!is_allowed(cache, commit, by_id))
            return missing(cache, commit, by_id, fault, err);
    }
    /* Between the two locks another worker may change the cache: cache_has looks. */
    return cache_has(cache, commit, by_id) ? 0
                                           : missing(cache, commit, by_id, fault, err);
}
