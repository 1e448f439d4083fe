/* The bodies of the Atlantis family: what fields cannot say, and the batch they ask for.
 * Pure. */
#ifndef KEDGE_API_ATLANTIS_ATLANTIS_H
#define KEDGE_API_ATLANTIS_ATLANTIS_H

#include "api/server/body.h"
#include "common/queue/batch.h"

/* For `check` of a route: the repository's form, a project or a path that is named twice,
 * a path that says nothing. The second one wants a project or a path as well. */
void atlantis_check(const cJSON *body, struct problems *problems);
void atlantis_check_named(const cJSON *body, struct problems *problems);

/* The first entry of a list; NULL when there is none. */
const cJSON *atlantis_first(const cJSON *body, const char *name);
/* One entry of `paths`, normalised; the caller frees the directory, the workspace is
 * borrowed. -1: the directory is none. */
int atlantis_path(const cJSON *path, char **directory, const char **workspace);
/* A body that has passed every check as a request, but for its id and what the store
 * knows of drift. */
void atlantis_request(const cJSON *body, enum batch_kind kind, struct batch_request *out);

/* Does the request mean those targets of which the store knows that they have drifted? */
bool atlantis_wants_drifted(const struct batch_request *request);
/* One member of the store's drift records (queue_get_drift). One of another ref, one
 * without drift, and one of a target that has a backend configuration of its own (its
 * directory and workspace alone would not find it) change nothing. */
void atlantis_add_drifted(struct batch_request *request, const char *host,
                          const char *field, const char *record, size_t record_len);
/* After all of them: they become the request's paths, or what the named projects are
 * narrowed down to. */
void atlantis_take_drifted(struct batch_request *request);

#endif
