/* Resolving a batch: which projects a request means in a repository at a commit.
 *
 * Projects by name come first, then paths, each in the order of the request; nothing
 * named (detect) means every project of atlantis.yaml that is for this branch, and what
 * autodiscover adds (as Atlantis does: `auto` only when the file has no projects; never a
 * directory that the file names). Of projects that share a directory and workspace there
 * it means the first. A path is of the file's project there, if that is for this branch.
 * A tag, a commit or HEAD is no branch: projects with a branch expression are not for it.
 * A project gets a stage: the later execution groups, what depends on others (of an
 * apply: who only looks depends on nobody), and each one by itself where the file says
 * that they must not run in parallel, wait for the stages before. The file's abort on
 * failure does not count for checks. Runs in the sandboxed child that reads the
 * repository; its answer is JSON, which the runner reads. Pure. */
#ifndef KEDGE_WORKER_RESOLVE_RESOLVE_H
#define KEDGE_WORKER_RESOLVE_RESOLVE_H

#include "common/base/buf.h"
#include "common/queue/batch.h"
#include "worker/resolve/atlantis_yaml.h"

/* One target of the request. Strings are owned, NULL where there is none. */
struct resolved_target {
    char *project_name, *directory, *workspace, *terraform_version;
    char *plan_requirements, *apply_requirements;
    const char *lock_mode; /* as in struct run_spec: a constant or NULL */
    int64_t stage;         /* 0 first; every number up to the largest occurs */
    char *deps;            /* "" or indexes of targets of the request: "3,7" */
};
struct resolved {
    struct resolved_target *list; /* at most BATCH_RUNS_MAX */
    size_t count;
    bool abort_on_failure;
};
void resolved_done(struct resolved *resolved);

/* What of the repository is looked at besides the file: the directories that hold a root
 * module (a `terraform` block with a backend or cloud, or any `terraform` block), sorted,
 * each once; asked for only when autodiscover needs them. */
struct resolve_tree {
    int (*root_modules)(void *arg, struct strings *out, struct err *err);
    void *arg;
};
/* `config` NULL: there is no atlantis.yaml. ERR_INPUT (the run's REQUEST_INVALID): names
 * that the file has not, with those it has; one that is not for this branch; a target
 * that is named twice, too many. */
int resolve_batch(const struct batch_request *request,
                  const struct atlantis_config *config, const struct resolve_tree *tree,
                  struct resolved *out, struct err *err);
void resolved_print(const struct resolved *resolved, struct buf *out);
/* ERR_PERM. */
int resolved_parse(const char *json, size_t len, struct resolved *out, struct err *err);

/* Does a .tf file hold a `terraform` block? Comments, strings and heredocs are passed
 * over. */
bool resolve_is_root_module(const char *text, size_t len);

#endif
