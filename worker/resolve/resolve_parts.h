/* Parts of resolve.c. */
#ifndef KEDGE_WORKER_RESOLVE_RESOLVE_PARTS_H
#define KEDGE_WORKER_RESOLVE_RESOLVE_PARTS_H

#include "worker/resolve/resolve.h"

/* The targets while they are found. */
struct selection {
    const struct batch_request *request;  /* borrowed */
    const struct atlantis_config *config; /* borrowed; NULL: none */
    const char *branch;                   /* borrowed; NULL: the ref is no branch */
    struct resolved found;
    size_t *of; /* owned; of each target its project's index, SIZE_MAX: none */
};
/* The project of a target; NULL: none. */
const struct atlantis_project *selection_project(const struct selection *selection,
                                                 size_t index);

/* ---- resolve_order.c ---- */
/* Sets stage and deps of what was found. */
void resolve_order(struct selection *selection);

/* ---- resolve_discover.c ---- */
/* The root modules that autodiscover finds: none when it is off, and none that the file
 * says something about already. */
int resolve_discover(const struct atlantis_config *config,
                     const struct resolve_tree *tree, struct strings *out,
                     struct err *err);
/* Does the pattern of ignore_paths stand for that directory? */
bool resolve_path_matches(const char *pattern, const char *directory);

#endif
