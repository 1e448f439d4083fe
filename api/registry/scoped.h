/* Requests about one workspace: whether it is there, and its ignore rules.
 *
 * The handler's state begins with a struct scoped. scoped_ask reads the stored rules and
 * the workspace in one round and goes on with `then`; a workspace that is not there is
 * answered with 404 unless it is optional. */
#ifndef KEDGE_API_REGISTRY_SCOPED_H
#define KEDGE_API_REGISTRY_SCOPED_H

#include <stdbool.h>

#include "api/server/body.h"
#include "common/registry/ignore_rules.h"

struct request;

struct scoped {
    const char *project_id, *workspace_id; /* borrowed from the request or its state */
    char scope[SIGN_ID_BYTES];
    bool optional; /* of a run that may have outlived its workspace */
    struct rules rules;
    /* NULL, or called with the workspace before `then`, while the reply is there. */
    void (*look)(struct request *req, const struct registry_pair *pair);
    void (*then)(struct request *req);
};

/* From the query's projectId and workspaceId, both required. */
void scoped_read(const struct request *req, struct scoped *scoped,
                 struct problems *problems);
void scoped_ask(struct request *req);
void scoped_done(struct scoped *scoped);

/* Are both there? Else the answer is given: 404. */
bool scoped_is_there(struct request *req, const struct registry_pair *pair,
                     const char *project_id, const char *workspace_id);

#endif
