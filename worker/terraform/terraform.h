/* Terraform: its commands as a run needs them, the environment it may see, and when
 * init can be skipped.
 *
 * Directories of a target, below w<n>/work/<target>/: src (checkout), tf (TF_DATA_DIR),
 * home (HOME) and tmp (TMPDIR), both empty at the start of a run, lock.hcl and
 * lock.commit (what init wrote), init.json (fingerprint of the last good init). One run
 * at a time has them. A run of a pull request has its own, in pr/ there, for as long as
 * it lasts. Works the same with OpenTofu.
 *
 * Order of calls: terraform_new after the checkout; then terraform_init,
 * terraform_remote_execution and terraform_workspace_exists unless terraform_init_current
 * says that they can be skipped; then plan and show. What is to be applied is sealed
 * between the two; terraform_apply comes after, and then a plan again. */
#ifndef KEDGE_WORKER_TERRAFORM_TERRAFORM_H
#define KEDGE_WORKER_TERRAFORM_TERRAFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/conf/conf.h"
#include "common/queue/run.h"
#include "worker/process/child.h"

#define TERRAFORM_PLAN_FILE "out/plan" /* below the run directory */
/* Where no command of a run may write, in a sandbox: policies go by it. */
#define TERRAFORM_PLAN_JSON "in/plan.json"
#define TERRAFORM_APPLY_LOG "apply.log"

struct terraform; /* one run's use of it */

struct terraform_io {
    void (*output)(void *arg, const char *bytes, size_t len);
    int (*stop_wanted)(void *arg);
    int poll_fd;
    int lock_fd; /* inherited by every child */
    void *arg;
    char **environ_list; /* the worker's own environment; KEDGE_ENV_PASS chooses of it */
};

/* Finds the binary (KEDGE_TERRAFORM, the version wanted, PATH), makes environment, var
 * files and sandbox. `work` is the target's directory, `dir` the run directory. ERR_PERM
 * with a sentence. */
struct terraform *terraform_new(const struct conf *conf, const struct run_spec *spec,
                                const char *work, const char *dir,
                                const struct terraform_io *io, struct err *err);
void terraform_free(struct terraform *terraform);
/* Values that must be masked: calls `add` for each value of the env files and tokens. */
void terraform_secrets(const struct terraform *terraform,
                       void (*add)(void *arg, const char *secret), void *arg);
/* Of the binary; cached per binary (path, size, mtime): no process when it is known. ""
 * when it does not say. */
const char *terraform_version(struct terraform *terraform);
/* What one process of a run may have. */
int64_t terraform_memory_bytes(const struct conf *conf);
/* "landlock" or "none". */
const char *terraform_sandbox(const struct terraform *terraform);

/* Does the last good init still hold? Never true with remote modules that are not pinned
 * to a version or commit. */
bool terraform_init_current(struct terraform *terraform);
int terraform_init(struct terraform *terraform, int64_t deadline_mono_ms,
                   struct child_result *out, struct err *err);
/* After init: does the configuration want its plans made elsewhere (remote, cloud)? */
bool terraform_remote_execution(const struct terraform *terraform);
/* After init: does the Terraform workspace exist? `default` always does, without asking.
 * When it does, this init is remembered as good. *exists means something only when the
 * command in *out ended well. */
int terraform_workspace_exists(struct terraform *terraform, int64_t deadline_mono_ms,
                               bool *exists, struct child_result *out, struct err *err);
/* -detailed-exitcode -out=<dir>/out/plan; locked: with -lock-timeout, else -lock=false.
 */
int terraform_plan(struct terraform *terraform, bool locked, int64_t deadline_mono_ms,
                   struct child_result *out, struct err *err);
/* show -json of that plan into <dir>/in/plan.json (at most REPORT_PLAN_JSON_BYTES, *over
 * says it was more). ERR_TEMP: the disk is full. */
int terraform_show(struct terraform *terraform, int64_t deadline_mono_ms, bool *over,
                   struct child_result *out, struct err *err);

/* Is the state where every worker finds it: a backend that is not `local`, or one whose
 * path (workspace_dir, for a workspace other than `default`) is absolute? After init. */
bool terraform_shared_state(const struct terraform *terraform);
/* Moves the plan out of terraform's reach, to <dir>/sealed/plan, and remembers its
 * SHA-256; what show and apply read from then on. Another plan ends that. ERR_PERM: it is
 * not the plain file that plan wrote; ERR_TEMP: the disk is full. */
int terraform_seal_plan(struct terraform *terraform, struct err *err);
/* apply of exactly the sealed plan; ERR_PERM, and nothing is started, when its digest has
 * changed. It outlives its runner (its output goes to <dir>/apply.log), and is stopped
 * gently (child.h). */
int terraform_apply(struct terraform *terraform, int64_t deadline_mono_ms,
                    struct child_result *out, struct err *err);

/* Takes the state lock and gives it back; what it prints, as any command, tells who has
 * it. Changes nothing. */
int terraform_try_lock(struct terraform *terraform, int64_t deadline_mono_ms,
                       struct child_result *out, struct err *err);

/* After a plan: what of the repository the configuration reads, one a line, relative to
 * its top: the run's directory as it was given, then where that, the local modules and
 * the var files really are. NULL: that cannot be said, or not in QUEUE_READS_BYTES. The
 * caller frees. Files that a function names (file, templatefile) are not known. */
char *terraform_reads(const struct terraform *terraform);

#endif
