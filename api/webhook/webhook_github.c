/* POST /api/v1/webhooks/github. */
#include <string.h>

#include "api/handlers.h"
#include "api/server/request.h"
#include "api/webhook/webhook.h"
#include "common/base/mem.h"
#include "common/hook/webhook.h"

#define SIGNATURE "X-Hub-Signature-256"
#define DELIVERY  "X-GitHub-Delivery"
#define EVENT     "X-GitHub-Event"

void admit_webhook_github(struct request *req)
{
    if (req->api->conf->github_webhook_secret == NULL)
        request_refuse(req, REPLY_DISABLED,
                       "GitHub's webhooks are disabled: KEDGE_GITHUB_WEBHOOK_SECRET is "
                       "not set");
    else if (request_header(req, SIGNATURE) == NULL)
        request_refuse(req, REPLY_UNAUTHORIZED, SIGNATURE " is missing");
}

void handle_webhook_github(struct request *req)
{
    const char *delivery = request_header(req, DELIVERY);
    const char *event = request_header(req, EVENT);
    const char *const parts[] = {"github", delivery};

    if (!webhook_verify_hub(req->api->conf->github_webhook_secret,
                            request_header(req, SIGNATURE), buf_text(&req->body),
                            req->body.len))
        reply_error(req, REPLY_UNAUTHORIZED, SIGNATURE " does not fit the body");
    else if (webhook_check_id(req, DELIVERY, delivery) < 0)
        return;
    else if (event == NULL)
        reply_error(req, REPLY_BAD_REQUEST, EVENT " is missing");
    else if (strcmp(event, "ping") == 0)
        webhook_pong(req);
    else if (strcmp(event, "push") == 0)
        webhook_push(req, VCS_GITHUB, parts, ARRAY_LEN(parts));
    else
        webhook_ignored(req, "only push events queue checks");
}
