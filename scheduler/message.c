/* Messages: which events make which message. */
#include "scheduler/message.h"

#include <assert.h>
#include <string.h>

#include "common/base/mem.h"
#include "scheduler/message_parts.h"

static size_t parse_all(const char *const *events, size_t count, cJSON **docs)
{
    size_t good = 0;
    struct err err;

    for (size_t i = 0; i < count; i++) {
        cJSON *doc =
            json_parse(events[i], strlen(events[i]), JSON_DEPTH_MAX, false, &err);

        if (cJSON_IsObject(doc))
            docs[good++] = doc;
        else
            cJSON_Delete(doc);
    }
    return good;
}

static void say(cJSON *const *docs, size_t count, struct message *message)
{
    if (count == 1)
        message_text_one(docs[0], message);
    else
        message_text_digest((const cJSON *const *)docs, count, message);
}

void message_print(enum hook_kind kind, const char *const *events, size_t count,
                   struct buf *out)
{
    AUTO(message_done) struct message message = {0};
    cJSON *docs[OUTBOX_DIGEST_MAX];

    assert(count > 0 && count <= OUTBOX_DIGEST_MAX);
    if (!hook_kind_digests(kind)) {
        buf_str(out, events[0]);
        return;
    }
    count = parse_all(events, count, docs);
    say(docs, count, &message);
    if (kind == HOOK_SLACK)
        message_slack(&message, out);
    else
        message_teams(&message, out);
    while (count > 0)
        cJSON_Delete(docs[--count]);
}
