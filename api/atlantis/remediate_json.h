/* A remediation as it is shown, in a list and by its id (reference, GET
 * /api/drift/remediate):
 *
 *     remediate_json_open(&w, &batch, &err); … "projects" … ; remediate_json_close(…);
 *
 * Pure. */
#ifndef KEDGE_API_ATLANTIS_REMEDIATE_JSON_H
#define KEDGE_API_ATLANTIS_REMEDIATE_JSON_H

#include "common/base/json.h"
#include "common/queue/queue_batch.h"

/* pending, running, success, partial, failed */
const char *remediate_status(enum batch_status status);
/* Opens the object: what stands before `projects`. ERR_PERM: the stored request is
 * broken, and nothing is written. */
int remediate_json_open(struct json_writer *w, const struct batch_record *batch,
                        struct err *err);
/* What stands behind `projects`. */
void remediate_json_close(struct json_writer *w, const struct batch_record *batch);

#endif
