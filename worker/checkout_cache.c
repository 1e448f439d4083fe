/* The cache: one bare repository that all workers of the host share under a file lock. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/path.h"
#include "worker/checkout_parts.h"

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

bool cache_has(struct cache *cache, const git_oid *commit)
{
    close_repo(cache);
    if (flock(cache->lock_fd, LOCK_SH) < 0 || !open_repo(cache) ||
        !has_commit(cache->repo, commit))
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
    rc = remote_fetch(cache->request, cache->repo, fault, err);
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
    if (remote_fetch(cache->request, cache->repo, fault, err) == 0)
        return 0;
    return fault->corrupt ? clone_anew(cache, fault, err) : -1;
}

/* ---- reachability ---- */

/* The commits of all branches and tags; at most `max`. */
static size_t list_tips(git_repository *repo, git_oid *tips, size_t max)
{
    git_reference_iterator *iterator = NULL;
    const char *name;
    size_t count = 0;

    if (git_reference_iterator_new(&iterator, repo) < 0)
        return 0;
    while (count < max && git_reference_next_name(&name, iterator) == 0) {
        git_reference *reference = NULL;
        git_object *tip = NULL;
        if (git_reference_lookup(&reference, repo, name) == 0 &&
            git_reference_peel(&tip, reference, GIT_OBJECT_COMMIT) == 0)
            git_oid_cpy(&tips[count++], git_object_id(tip));
        git_object_free(tip);
        git_reference_free(reference);
    }
    git_reference_iterator_free(iterator);
    return count;
}

static bool is_reachable(git_repository *repo, const git_oid *commit)
{
    enum { TIPS_MAX = 100000 };
    AUTO(auto_free) git_oid *tips = mem_new(TIPS_MAX, sizeof(*tips));
    size_t count = list_tips(repo, tips, TIPS_MAX);

    for (size_t i = 0; i < count; i++)
        if (git_oid_equal(&tips[i], commit))
            return true;
    return count > 0 && git_graph_reachable_from_any(repo, commit, tips, count) == 1;
}

/* ---- the whole ---- */

static int missing(const struct cache *cache, const git_oid *commit, bool reachable,
                   struct checkout_fault *fault, struct err *err)
{
    char hex[GIT_OID_HEXSZ + 1];

    git_oid_tostr(hex, sizeof(hex), commit);
    if (!reachable)
        return err_set(err, ERR_TEMP, "%s moved while it was being fetched",
                       cache->request->repository);
    fault->error = RUN_ERR_REF_NOT_FOUND;
    return err_set(err, ERR_PERM, "commit %s is on no branch or tag of %s on %s", hex,
                   cache->request->repository, cache->request->host);
}

int cache_bring(struct cache *cache, const git_oid *commit, bool anew, bool reachable,
                struct checkout_fault *fault, struct err *err)
{
    close_repo(cache);
    if (flock(cache->lock_fd, LOCK_EX) < 0)
        return checkout_disk_error(errno, cache->request->cache, fault, err);
    if (mkdir(cache->request->cache, 0700) < 0 && errno != EEXIST)
        return checkout_disk_error(errno, cache->request->cache, fault, err);
    if (anew || !open_repo(cache) || !has_commit(cache->repo, commit)) {
        if (update(cache, anew, fault, err) < 0)
            return -1;
        if (reachable && open_repo(cache) && has_commit(cache->repo, commit) &&
            !is_reachable(cache->repo, commit))
            return missing(cache, commit, reachable, fault, err);
    }
    /* Between the two locks another worker may change the cache: cache_has looks. */
    return cache_has(cache, commit) ? 0 : missing(cache, commit, reachable, fault, err);
}
