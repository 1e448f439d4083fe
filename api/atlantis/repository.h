/* GETs of the Atlantis family about one repository. They name no VCS type, so the
 * repository is looked for at the hosts of all types that are set up. */
#ifndef KEDGE_API_ATLANTIS_REPOSITORY_H
#define KEDGE_API_ATLANTIS_REPOSITORY_H

#include <stdbool.h>

#include "api/server/body.h"
#include "common/base/sign.h"
#include "common/queue/run.h"

struct request;

struct repository {
    const char *name;                   /* as asked for; borrowed from the request */
    char ids[VCS_TYPES][SIGN_ID_BYTES]; /* repository_id of each host it may be at */
    size_t count;                       /* of ids: two types may have one host */
};

/* From the query's `repository`; what is wrong with it goes to problems. */
void repository_read(const struct request *req, struct repository *out,
                     struct problems *problems);
/* KEDGE_DRIFT_STORAGE is on; else the answer is given: 503. */
bool repository_has_drift(struct request *req);

#endif
