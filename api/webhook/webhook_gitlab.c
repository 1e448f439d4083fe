/* POST /api/v1/webhooks/gitlab: with the secret token as it is, or signed with a signing
 * token. */
#include <string.h>

#include "api/handlers.h"
#include "api/server/request.h"
#include "api/webhook/webhook.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/hook/webhook.h"

#define TOKEN      "X-Gitlab-Token"
#define EVENT      "X-Gitlab-Event"
#define EVENT_UUID "X-Gitlab-Event-UUID"
#define SIGNATURE  "webhook-signature"
#define ID         "webhook-id"
#define TIMESTAMP  "webhook-timestamp"
#define IDEMPOTENT "Idempotency-Key"

/* What signing tokens begin with. */
#define SIGNING_PREFIX "whsec_"

static bool is_signed(const struct request *req)
{
    return request_header(req, SIGNATURE) != NULL;
}

static void admit_signed(struct request *req)
{
    if (request_header(req, ID) == NULL || request_header(req, TIMESTAMP) == NULL)
        request_refuse(req, REPLY_UNAUTHORIZED,
                       "a signed webhook has " ID " and " TIMESTAMP);
}

static void admit_token(struct request *req, const char *secret)
{
    if (strncmp(secret, SIGNING_PREFIX, strlen(SIGNING_PREFIX)) == 0)
        request_refuse(req, REPLY_UNAUTHORIZED,
                       SIGNATURE " is missing: the secret is a signing token");
    else if (request_header(req, TOKEN) == NULL)
        request_refuse(req, REPLY_UNAUTHORIZED, TOKEN " is missing");
    else if (!sign_equal(secret, request_header(req, TOKEN)))
        request_refuse(req, REPLY_UNAUTHORIZED, TOKEN " is not valid");
}

void admit_webhook_gitlab(struct request *req)
{
    const char *secret = req->api->conf->gitlab_webhook_secret;

    if (secret == NULL)
        request_refuse(req, REPLY_DISABLED,
                       "GitLab's webhooks are disabled: KEDGE_GITLAB_WEBHOOK_SECRET is "
                       "not set");
    else if (is_signed(req))
        admit_signed(req);
    else
        admit_token(req, secret);
}

static bool fits(const struct request *req)
{
    return !is_signed(req) ||
           webhook_verify(req->api->conf->gitlab_webhook_secret, request_header(req, ID),
                          request_header(req, TIMESTAMP), request_header(req, SIGNATURE),
                          clock_wall_ms() / 1000, buf_text(&req->body), req->body.len);
}

/* webhook-id and Idempotency-Key are the same for every attempt of one delivery. The
 * event's UUID is also that of the events which it brings about, so that the body must
 * be the same too. */
static void take_push(struct request *req)
{
    const char *name = is_signed(req) ? ID : IDEMPOTENT;
    const char *id = request_header(req, name);
    char digest[SIGN_HEX_BYTES] = "";

    if (id == NULL) {
        name = EVENT_UUID;
        id = request_header(req, name);
        sign_sha256_hex(buf_text(&req->body), req->body.len, digest);
    }
    if (id != NULL && webhook_check_id(req, name, id) < 0)
        return;
    webhook_push(req, VCS_GITLAB, (const char *const[]){"gitlab", id, digest},
                 id != NULL ? 3 : 0);
}

void handle_webhook_gitlab(struct request *req)
{
    const char *event = request_header(req, EVENT);

    if (!fits(req))
        reply_error(req, REPLY_UNAUTHORIZED,
                    SIGNATURE " does not fit the body, or is too old");
    else if (event == NULL)
        reply_error(req, REPLY_BAD_REQUEST, EVENT " is missing");
    else if (strcmp(event, "Push Hook") == 0 || strcmp(event, "Tag Push Hook") == 0)
        take_push(req);
    else
        webhook_ignored(req, "only push and tag push events queue checks");
}
