/* GET /openapi.yaml. */
#include "api/ops/openapi.h"

#include "api/server/request.h"
#include "openapi_yaml.h"

void handle_openapi(struct request *req)
{
    struct buf body = REPLY_BODY_INIT;

    buf_append(&body, openapi_yaml, sizeof openapi_yaml);
    reply_text(req, MHD_HTTP_OK, "application/yaml", &body);
}
