/* The request that a parcel makes. */
#include "scheduler/deliver_request.h"

#include <assert.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/hook/webhook.h"
#include "scheduler/message.h"

/* Every resource of every event would fit; messages have limits of their own. */
#define BODY_BYTES ((size_t)4 * OUTBOX_EVENT_BYTES)

static void add_header(struct deliver_request *request, char *line)
{
    size_t at = 0;

    while (request->headers[at])
        at++;
    assert(at + 1 < DELIVER_HEADERS_MAX);
    request->headers[at] = line;
}

/* While a secret is being replaced, both sign. */
static char *signatures(const struct hook *hook, const char *id, int64_t now_ms,
                        const struct buf *body)
{
    char first[WEBHOOK_SIGNATURE_BYTES], second[WEBHOOK_SIGNATURE_BYTES];
    int64_t now_s = now_ms / 1000;

    webhook_sign(hook->secret, id, now_s, buf_text(body), body->len, first);
    if (hook->old_secret[0] == '\0' || now_ms >= hook->old_secret_until_ms)
        return mem_fmt("webhook-signature: %s", first);
    webhook_sign(hook->old_secret, id, now_s, buf_text(body), body->len, second);
    return mem_fmt("webhook-signature: %s %s", first, second);
}

/* Standard Webhooks 1.0.0. */
static void add_standard_headers(struct deliver_request *request, const struct hook *hook,
                                 const char *id, int64_t now_ms)
{
    add_header(request, mem_fmt("webhook-id: %s", id));
    add_header(request, mem_fmt("webhook-timestamp: %lld", (long long)(now_ms / 1000)));
    if (hook->secret && hook->secret[0] != '\0')
        add_header(request, signatures(hook, id, now_ms, &request->body));
}

bool deliver_request_make(const struct hook *hook, const struct parcel_delivery *events,
                          size_t count, int64_t now_ms, struct deliver_request *out)
{
    const char *texts[OUTBOX_DIGEST_MAX];
    size_t kept = 0;

    assert(count <= OUTBOX_DIGEST_MAX);
    *out = (struct deliver_request){.body = BUF_INIT(BODY_BYTES)};
    for (size_t i = 0; i < count; i++)
        if (events[i].event[0] != '\0')
            texts[kept++] = events[i].event;
    if (kept == 0)
        return false;
    message_print(hook->kind, texts, kept, &out->body);
    add_header(out, mem_dup("content-type: application/json"));
    add_header(out, mem_fmt("user-agent: kedge/%s", kedge_version));
    if (hook->kind == HOOK_GENERIC)
        add_standard_headers(out, hook, events[0].event_id, now_ms);
    return true;
}

void deliver_request_done(struct deliver_request *request)
{
    for (size_t i = 0; i < DELIVER_HEADERS_MAX; i++)
        free(request->headers[i]);
    buf_done(&request->body);
    *request = (struct deliver_request){0};
}
