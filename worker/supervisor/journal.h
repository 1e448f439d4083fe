/* The journal: this worker's own place on disk, and the runs in it.
 *
 * KEDGE_DATA_DIR/
 *   w<n>/          one worker's; whoever holds the flock on w<n>/lock is that worker
 *     id           its UUID, kept across restarts: w<n> and id belong together
 *     runs/<id>/   run directories (rundir.h): what a dead worker's successor adopts
 *     work/<target>/  work directories, used again by the target's next run
 *     trash/       what is being removed
 *     poke         FIFO: a runner that asks something writes its run's id there, so that
 *                  the worker looks at once (rundir.h)
 *   git/ plugins/  caches, shared by all workers under file locks
 *
 * A run directory with the file `done` has its result in Redis: it stays for
 * JOURNAL_KEEP_MS, so that the result can be sent again to a Redis that lost it. One with
 * the file `orphaned` is of an apply that ended without a result, as Redis knows: it
 * stays for JOURNAL_ORPHAN_MS, so that a person can look at it. One process; errors are
 * ERR_PERM, a full disk ERR_TEMP. */
#ifndef KEDGE_WORKER_SUPERVISOR_JOURNAL_H
#define KEDGE_WORKER_SUPERVISOR_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/sign.h"

#define JOURNAL_WORKERS_MAX 1000
#define JOURNAL_KEEP_MS     (INT64_C(15) * 60 * 1000)
#define JOURNAL_ORPHAN_MS   (INT64_C(7) * 24 * 3600 * 1000)

struct journal {
    char *dir; /* owned; absolute, w<n> itself */
    char id[SIGN_UUID_BYTES];
    int lock_fd; /* held as long as the journal is open */
    int poke_fd; /* readable when a runner has poked; it never ends */
};
#define JOURNAL_INIT ((struct journal){.lock_fd = -1, .poke_fd = -1})

/* Takes the first free w<n> below `data_dir`, which is made when it is missing. */
int journal_open(struct journal *journal, const char *data_dir, struct err *err);
void journal_close(struct journal *journal); /* frees; the next worker may take it */

/* Between making a run directory and freeing a work directory there is one rule: who does
 * either holds this lock, for an instant. The descriptor, which the caller closes; -1
 * when it cannot be had. May block while another process frees one. */
int journal_lock_targets(const char *worker_dir);

/* w<n>/runs/<run_id>, w<n>/work/<target>; the caller frees. */
char *journal_run_dir(const struct journal *journal, const char *run_id);
char *journal_work_dir(const struct journal *journal, const char *target);

/* The names below w<n>/runs that can be runs, in no order; freed with parse_list_free. */
char **journal_runs(const struct journal *journal, size_t *count);

/* Redis has the result: marks the directory `run_dir` and drops what is not part of the
 * result. */
int journal_acknowledge(const char *run_dir, struct err *err);
/* For how long it has been marked; -1: it is not. */
int64_t journal_acknowledged_ms(const char *run_dir);
/* Redis knows that its apply ended without a result: marks the directory `run_dir`, which
 * loses what holds secrets; its log, which is masked, stays. */
int journal_set_orphaned(const char *run_dir, struct err *err);
/* Acknowledged or orphaned: there is nothing more to be told of it. */
bool journal_is_settled(const char *run_dir);
/* Removes the run directories whose time is over. Returns how many. */
size_t journal_expire(const struct journal *journal);
/* Empties `poke_fd`. True: a runner has something to ask. */
bool journal_poked(const struct journal *journal);
/* Moves a directory of this worker out of the way at once; the next sweep frees the
 * space. A missing one is fine. */
int journal_trash(const struct journal *journal, const char *dir, struct err *err);

#endif
