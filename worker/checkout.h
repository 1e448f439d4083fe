/* Checkout: the commit of a run, resolved on the remote and laid out in its work
 * directory.
 *
 * Two halves. checkout_run is the runner's: it starts this program again as
 * `kedge-worker --checkout`, sandboxed, with a deadline, because libgit2 1.5 has no
 * network time-outs and because the bytes of a repository are hostile. checkout_main is
 * that child: it reads its request from the environment variables KEDGE_CHECKOUT_* and
 * writes one JSON line to descriptor 1: {"commit"} or {"error", "message", "temporary"}.
 *
 * A bare cache per repository (shared by all workers of the host, under a file lock) is
 * fetched only when the wanted commit is not in it; a cache of more than 50 packs is
 * cloned anew and renamed in. The work tree is made to be exactly as in the commit,
 * whatever an earlier run left there. Redirects off, configuration search paths emptied,
 * no submodules, no filters, no hooks; https, http and file only. */
#ifndef KEDGE_WORKER_CHECKOUT_H
#define KEDGE_WORKER_CHECKOUT_H

#include <stdint.h>

#include "common/conf.h"
#include "common/err.h"
#include "common/run.h"

struct checkout {
    const struct conf *conf;
    const struct run_spec *spec; /* repository, ref, commit */
    const char *work_tree;       /* absolute; the target's own */
    int64_t deadline_mono_ms;
    int (*stop_wanted)(void *arg); /* as in child.h */
    int poll_fd;
    void *arg;
    int keep_fd; /* the run's lock, inherited */
};
struct checked_out {
    char commit[41];      /* lower-case hex */
    enum run_error error; /* on failure: REPOSITORY_NOT_FOUND, REF_NOT_FOUND, …;
                             RUN_ERR_NONE: infrastructure */
    bool stopped;         /* cancelled before it was done */
};
/* 0; or -1 with ERR_PERM (out->error says what) or ERR_TEMP (worth a retry). No message
 * ever holds a token. */
int checkout_run(const struct checkout *checkout, struct checked_out *out,
                 struct err *err);
int checkout_main(void); /* exit status */

#endif
