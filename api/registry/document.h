/* A stored document (a project, a workspace) as it is shown: its own members after its
 * ids. Pure. */
#ifndef KEDGE_API_REGISTRY_DOCUMENT_H
#define KEDGE_API_REGISTRY_DOCUMENT_H

#include "common/base/json.h"

/* Opens an object with "id", "projectId" unless that is NULL, and the document's members;
 * the caller may add more and ends it. A document that is no object adds nothing. */
void document_write(struct json_writer *w, const char *json, const char *id,
                    const char *project_id);

#endif
