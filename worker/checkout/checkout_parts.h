/* The checkout's child, as its parts see it.
 *
 *     remote   what the ref is on the remote; fetching            (network, no lock)
 *     http     git's smart HTTP on libcurl, for remote
 *     cache    the bare repository that several workers share     (file lock)
 *     layout   the work tree, made equal to a commit              (local)
 *     config   atlantis.yaml of a commit, and what a batch means  (local)
 *     modules  the directories of a commit that hold a root module
 *
 * <data dir>/git/<repository id>/repo is the cache, .../new one that is being made;
 * <data dir>/git/<repository id>.lock is locked exclusively by who changes the cache and
 * shared by who reads it. The mtime of <repository id> says when it was last used.
 *
 * Of pull requests the cache has the one head that was fetched last, as refs/kedge/pull,
 * and whatever else came with the ones before: from the first of them on (repo/pulls is
 * there) a commit that is named by its id must be reachable from a branch or tag here,
 * however long it has been in the cache. */
#ifndef KEDGE_WORKER_CHECKOUT_CHECKOUT_PARTS_H
#define KEDGE_WORKER_CHECKOUT_CHECKOUT_PARTS_H

#include <git2.h>
#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/queue/run.h"
#include "worker/process/strings.h"

/* More packs than this make every look-up slow: the cache is cloned anew. */
#define CHECKOUT_PACKS_MAX 50
/* A larger file in a repository is refused: it is held in memory once. */
#define CHECKOUT_BLOB_BYTES (512LL * 1024 * 1024)
/* A few trees in one another can name any number of files, and all of them one blob. */
#define CHECKOUT_FILES_MAX 500000
#define CHECKOUT_BYTES_MAX (INT64_C(8) * 1024 * 1024 * 1024)
#define CHECKOUT_DEPTH_MAX                                                               \
    200 /* directories below one another; each costs a descriptor */

/* What the parent asked for; strings are borrowed from the environment. */
struct checkout_request {
    const char *url;        /* of the repository; http, https or file */
    const char *host;       /* that a token may be sent to */
    const char *user;       /* of basic authentication */
    const char *token;      /* NULL: none */
    const char *repository; /* owner/repo, for messages */
    const char *cache;      /* <data dir>/git/<repository id> */
    const char *work_tree;  /* NULL: nothing is laid out */
    const char *ref;        /* NULL or "": HEAD */
    const char *commit;     /* NULL: resolve ref */
    const char *pull;       /* number of a pull request; NULL: none */
    const char *pull_ref;   /* what the remote calls its head */
    const char *inside;     /* a commit: does it contain what ref is? NULL: not asked */
    const char *directory,
        *workspace;        /* whose project's name is wanted; NULL: nobody's */
    char *batch;           /* a batch_request, owned; NULL: none */
    const char *cert_file; /* NULL: the system's */
};

/* What it found. */
struct checkout_answer {
    git_oid commit;
    bool contains;       /* `inside` contains it */
    char *project_name;  /* owned; NULL: none */
    struct buf resolved; /* JSON of resolve.h; empty without `batch` */
};

/* Why it failed, besides the struct err: its kind is ERR_TEMP when a retry may help. */
struct checkout_fault {
    enum run_error error; /* RUN_ERR_NONE: infrastructure */
    bool corrupt;         /* the cache is broken: clone it anew */
};

/* An error of the local disk. */
int checkout_disk_error(int errnum, const char *what, struct checkout_fault *fault,
                        struct err *err);
/* libgit2 could not read the cache. */
int checkout_cache_error(const char *what, struct checkout_fault *fault, struct err *err);

/* The commit's top directory; the caller frees. */
int checkout_tree(git_repository *repo, const git_oid *id, git_tree **out,
                  struct checkout_fault *fault, struct err *err);

/* The way to the remote: what it needs, and what is known when it fails. */
struct wire {
    const struct checkout_request *request;
    bool login;        /* the server has asked for one */
    int status;        /* of the last HTTP answer; 0: none */
    char failure[256]; /* libcurl's words; CURL_ERROR_SIZE */
};
/* A git_transport_cb over HTTP and HTTPS; the payload is the struct wire. */
int wire_transport(git_transport **out, git_remote *owner, void *wire);

/* The commit that the ref, or the pull request unless `inside` is asked, is on the remote
 * right now. As git does, but a branch comes before a tag of the same name. */
int remote_resolve(const struct checkout_request *request, git_oid *commit,
                   struct checkout_fault *fault, struct err *err);
/* Brings all branches and tags of the remote into the bare repository, and the head of
 * the request's pull request. */
int remote_fetch(const struct checkout_request *request, git_repository *repo,
                 struct checkout_fault *fault, struct err *err);

struct cache {
    const struct checkout_request *request;
    int lock_fd;
    git_repository *repo; /* NULL until it has been opened */
};
#define CACHE_INIT ((struct cache){.lock_fd = -1})

int cache_open(struct cache *cache, const struct checkout_request *request,
               struct checkout_fault *fault, struct err *err);
void cache_close(struct cache *cache);
/* Opens the cache for reading, until cache_close or the next call. True when it has the
 * commit; `by_id`: and it is one that may be asked for by its id. Waits while another
 * worker writes. */
bool cache_has(struct cache *cache, const git_oid *commit, bool by_id);
/* Fetches, or clones anew when the cache is missing, broken (`anew`) or has too many
 * packs, unless another worker has brought the commit meanwhile. `by_id`: it must be
 * reachable from a branch or tag, or have come with the request's pull request. Then as
 * cache_has; RUN_ERR_REF_NOT_FOUND without it. */
int cache_bring(struct cache *cache, const git_oid *commit, bool anew, bool by_id,
                struct checkout_fault *fault, struct err *err);

/* Makes the directory exactly what the commit's tree is, whatever is there: contents are
 * compared, not times. Nothing is ever written through a symbolic link or into an
 * existing file. No filters; a submodule is an empty directory. */
int layout_make(git_repository *repo, const git_oid *commit, const char *work_tree,
                struct checkout_fault *fault, struct err *err);

/* The name of the project that atlantis.yaml of the commit has for the request's
 * directory and workspace (owned); NULL: none, or no file that can be read. */
char *config_project_name(git_repository *repo, const git_oid *commit,
                          const struct checkout_request *request);
/* What the request's batch means at the commit, as JSON of resolve.h. REQUEST_INVALID,
 * CONFIG_INVALID. */
int config_resolve(git_repository *repo, const git_oid *commit,
                   const struct checkout_request *request, struct buf *out,
                   struct checkout_fault *fault, struct err *err);

/* Looks into the .tf files of a commit; `arg` of resolve_tree's root_modules. */
struct module_search {
    git_repository *repo;
    const git_oid *commit;
    struct checkout_fault *fault;
};
int modules_find(void *module_search, struct strings *out, struct err *err);

/* In place of mbedTLS's own, for libgit2: find no certificates. See checkout_tls.c. */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);
int mbedtls_x509_crt_parse_path(void *chain, const char *path);

#endif
