/* atlantis.yaml, version 3: the projects of a repository.
 *
 * Every key of the published format ("Repo Level atlantis.yaml Config") is known.
 *
 * - Honoured: projects with name, branch, dir, workspace, terraform_version,
 *   execution_order_group, depends_on, plan_requirements, apply_requirements, repo_locks
 *   (and its older form repo_locking); at the top autodiscover (mode, ignore_paths),
 *   parallel_plan, parallel_apply, abort_on_execution_order_fail, repo_locks.
 * - Accepted and without effect: what only a pull request conversation needs (automerge,
 *   delete_source_branch_on_merge, autoplan, allowed_regexp_prefixes,
 *   silence_pr_comments, emoji_reaction, import_requirements), policy_check, and
 *   terraform_distribution, which is the worker's KEDGE_TERRAFORM.
 * - Refused: unknown keys and keys that come twice, another version, custom workflows
 *   (`workflows`, a project's `workflow` unless it is "default", `policies`,
 *   `custom_policy_check: true`), patterns in dir, a name that comes twice, a directory
 *   and workspace that come twice unless both have names, a depends_on that names nobody
 *   or goes in a circle or to a later group.
 *
 * A branch is a POSIX extended expression; what Atlantis (RE2) would read in another way
 * is refused. In ignore_paths `**` stands for any number of directories, `*` and `?` stay
 * within one; classes and braces are refused. Every error names line and column.
 *
 * Hostile input: at most 1 MiB, 500 projects, 32 levels, no aliases at all (anchors that
 * nobody refers to are fine), no tags but those of the core schema, UTF-8. libyaml
 * underneath. Pure. */
#ifndef KEDGE_WORKER_RESOLVE_ATLANTIS_YAML_H
#define KEDGE_WORKER_RESOLVE_ATLANTIS_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "worker/process/strings.h"

#define ATLANTIS_YAML       "atlantis.yaml"
#define ATLANTIS_YAML_BYTES ((size_t)1024 * 1024)

enum atlantis_autodiscover {
    AUTODISCOVER_AUTO,
    AUTODISCOVER_ENABLED,
    AUTODISCOVER_DISABLED
};
enum atlantis_locks { LOCKS_ON_PLAN, LOCKS_ON_APPLY, LOCKS_DISABLED };

struct atlantis_project {
    char *name;   /* NULL: none */
    char *branch; /* the regular expression between the slashes; NULL: every branch */
    char *directory, *workspace; /* normalised; "default" */
    char *terraform_version;     /* NULL: not pinned; without a leading "v" */
    int64_t execution_order_group;
    struct strings depends_on; /* names */
    size_t *depends_at; /* the same as indexes of the file's projects; NULL: none */
    char *plan_requirements, *apply_requirements; /* comma lists; NULL: none */
    enum atlantis_locks locks;
};
struct atlantis_config {
    struct atlantis_project *projects; /* in the order of the file */
    size_t count;
    enum atlantis_autodiscover autodiscover;
    struct strings ignore_paths;    /* globs of autodiscover */
    bool serial_plan, serial_apply; /* parallel_plan: false, parallel_apply: false */
    bool abort_on_failure;          /* abort_on_execution_order_fail */
};
/* ERR_PERM with a sentence that names line and column. */
int atlantis_config_parse(const char *text, size_t len, struct atlantis_config *out,
                          struct err *err);
void atlantis_config_done(struct atlantis_config *config);
/* The project that has that directory and workspace; NULL: none. */
const struct atlantis_project *atlantis_config_at(const struct atlantis_config *config,
                                                  const char *directory,
                                                  const char *workspace);
/* Is it for that branch? A branch expression that does not compile is for none. */
bool atlantis_project_is_for(const struct atlantis_project *project, const char *branch);

#endif
