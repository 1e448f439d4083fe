/* GET /openapi.yaml: the description of this API, docs/openapi.yaml as of the build. */
#ifndef KEDGE_API_OPS_OPENAPI_H
#define KEDGE_API_OPS_OPENAPI_H

struct request;

void handle_openapi(struct request *req);

#endif
