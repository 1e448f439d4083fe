/* Incoming webhooks: what GitHub's and GitLab's have in common. */
#include "api/webhook/webhook.h"

#include "api/server/form.h"
#include "api/server/header.h"
#include "api/server/request.h"
#include "api/webhook/push_check.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

int webhook_check_id(struct request *req, const char *header, const char *id)
{
    if (id != NULL && parse_is_request_id(id))
        return 0;
    reply_error(req, REPLY_BAD_REQUEST, "%s must be 1 to 64 of A-Z a-z 0-9 . _ -",
                header);
    return -1;
}

void webhook_pong(struct request *req)
{
    struct buf body = REPLY_BODY_INIT;

    buf_str(&body, "{\"pong\":true}");
    reply_json(req, MHD_HTTP_OK, &body);
}

void webhook_ignored(struct request *req, const char *why)
{
    struct buf body = REPLY_BODY_INIT;
    struct json_writer w;

    json_open(&w, &body);
    json_object(&w);
    json_key(&w, "queued");
    json_array(&w);
    json_array_end(&w);
    json_add_text(&w, "ignored", why);
    json_object_end(&w);
    reply_json(req, MHD_HTTP_ACCEPTED, &body);
}

/* The body's JSON: the body itself, or the field of a form. -1: the answer is given. */
static int find_payload(struct request *req, struct buf *form)
{
    const char *type = request_header(req, MHD_HTTP_HEADER_CONTENT_TYPE);

    if (type == NULL || header_is_json(type)) {
        buf_done(form);
        *form = req->body;
        req->body = (struct buf){0};
        return 0;
    }
    if (!form_is_type(type))
        reply_error(req, REPLY_MEDIA_TYPE,
                    "the body must be application/json or "
                    "application/x-www-form-urlencoded");
    else if (!form_field(buf_text(&req->body), req->body.len, "payload", form))
        reply_error(req, REPLY_BAD_REQUEST, "the form has no field payload");
    else
        return 0;
    return -1;
}

void webhook_push(struct request *req, enum vcs_type type, const char *const *delivery,
                  size_t count)
{
    AUTO(buf_done) struct buf payload = BUF_INIT(WEBHOOK_BODY_MAX);
    AUTO(push_done) struct push push = {0};
    char id[SIGN_ID_BYTES] = "";
    struct err err;

    if (find_payload(req, &payload) < 0)
        return;
    if (push_parse(type, buf_text(&payload), payload.len, &push, &err) < 0) {
        reply_error(req, REPLY_BAD_REQUEST, "%s", err.message);
        return;
    }
    request_drop_body(req);
    if (count > 0)
        sign_id(delivery, count, id);
    push_check(req, &push, id);
}
