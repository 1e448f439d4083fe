/* Checkout: the commit of a run, resolved on the remote and laid out in its work
 * directory.
 *
 * Two halves. checkout_run is the runner's: it starts this program again as
 * `kedge-worker --checkout`, sandboxed, with a deadline, because libgit2 1.5 has no
 * network time-outs and because the bytes of a repository are hostile. checkout_main is
 * that child: it reads its request from the environment variables KEDGE_CHECKOUT_* and
 * writes one JSON line to descriptor 1: {"commit"} with "project", "resolved" or
 * "contains" where they were asked for, or {"error", "message", "temporary"}.
 *
 * A bare cache per repository (shared by all workers of the host, under a file lock) is
 * fetched only when the wanted commit is not in it; one that is broken or has more than
 * 50 packs is cloned anew and renamed in.
 *
 * Which commit: `commit`, or a `ref` of 40 hexadecimal digits, is taken as it is. From
 * the cache it needs no network; else all branches and tags are fetched, and it must be
 * reachable from one. What only a pull request has is refused, unless it is the run's
 * own. Any other ref is asked of the remote each time: refs/heads/… and refs/tags/… as
 * they stand, a short name as a branch, then as a tag (git would prefer the tag; who
 * writes a ref for Terraform means the branch), none as HEAD.
 *
 * The work tree is made to be exactly as in the commit, whatever an earlier run left
 * there: each file is compared by content, because a run can change one and keep its size
 * and time. What differs is removed and written as a new file, so nothing is ever written
 * through a link. There is no .git in it; no filters, no attributes, no hooks; a
 * submodule is an empty directory.
 *
 * A pull request (spec->pull_request) is the head that the remote has for it,
 * refs/pull/N/head (Github, Git) or refs/merge-requests/N/head (Gitlab), whatever `ref`
 * is; with a `commit`, that one, which is looked for there when the cache has it not.
 *
 * https, http and file only; no redirects, no configuration of this machine's. A token is
 * sent when the server asks for a login, to the host of the matching KEDGE_*_URL only, as
 * the password of x-access-token (Github), oauth2 (Gitlab) or git (Git). */
#ifndef KEDGE_WORKER_CHECKOUT_CHECKOUT_H
#define KEDGE_WORKER_CHECKOUT_CHECKOUT_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/conf/conf.h"
#include "common/queue/run.h"

struct checkout {
    const struct conf *conf;
    const struct run_spec *spec; /* repository, ref, commit */
    const char *work_tree;       /* absolute; the target's own */
    int64_t deadline_mono_ms;
    int (*stop_wanted)(void *arg); /* as in child.h */
    int poll_fd;
    void *arg;
    int keep_fd; /* the run's lock, inherited */
    /* A batch request as JSON, else NULL. Then nothing is laid out and work_tree is not
     * used: the answer is what resolve.h makes of the repository at that commit. */
    const char *batch;
};
struct checked_out {
    char commit[41];      /* lower-case hex */
    enum run_error error; /* on failure: REPOSITORY_NOT_FOUND, REF_NOT_FOUND, …;
                             RUN_ERR_NONE: infrastructure */
    bool stopped;         /* cancelled before it was done */
    /* Owned. The name that atlantis.yaml at that commit has for the spec's directory and
     * workspace; NULL: none, or a file that cannot be read (which only matters to who
     * asks for its projects). */
    char *project_name;
    char *resolved; /* owned; JSON of resolve.h, with `batch` only */
};
void checked_out_done(struct checked_out *out);
/* 0; or -1 with ERR_PERM (out->error says what) or ERR_TEMP (worth a retry). No message
 * ever holds a token. */
int checkout_run(const struct checkout *checkout, struct checked_out *out,
                 struct err *err);
/* Does the run's commit (checkout->spec->commit) contain the tip that `ref` has on the
 * remote right now? A tag or a commit id is no branch, and not found. *tip is its
 * commit. Lays nothing out. Errors as checkout_run. */
int checkout_contains_tip(const struct checkout *checkout, const char *ref,
                          bool *contains, char tip[41], struct checked_out *out,
                          struct err *err);
int checkout_main(void); /* exit status */

#endif
