/* Parts of atlantis_yaml.c. */
#ifndef KEDGE_WORKER_RESOLVE_ATLANTIS_YAML_PARTS_H
#define KEDGE_WORKER_RESOLVE_ATLANTIS_YAML_PARTS_H

#include "worker/resolve/atlantis_yaml.h"
#include "worker/resolve/atlantis_yaml_fields.h"

/* ---- atlantis_yaml_project.c: one project by itself ---- */
/* What is decided when the whole file has been read. */
struct project_draft {
    struct atlantis_project project;
    int locking; /* repo_locking and repo_locks as enum atlantis_locks; -1: not given */
    int locks;
};
int project_draft_read(const struct yaml_tree *tree, struct project_draft *out,
                       struct err *err);
void project_done(struct atlantis_project *project);
/* An enum atlantis_locks into an int: {mode: on_plan}. */
yaml_reader atlantis_read_locks;

/* ---- atlantis_yaml_words.c: texts that have a form ---- */
bool atlantis_is_name(const char *text);    /* of a project */
bool atlantis_is_version(const char *text); /* 1.2.3, 1.2.3-rc1 */
/* Comma list of approved, mergeable, undiverged, policies_passed. */
bool atlantis_are_requirements(const char *text);

/* ---- atlantis_yaml_branch.c: branch expressions ---- */
/* The expression of "/…/", which the caller frees. ERR_PERM with a sentence. */
int atlantis_branch_parse(const char *text, char **out, struct err *err);

/* ---- atlantis_yaml_check.c: the projects beside one another ---- */
/* `list` is the value of `projects`, for the places of errors. Sets depends_at. */
int atlantis_projects_check(const struct yaml_tree *list, struct atlantis_config *config,
                            struct err *err);

#endif
