/* The outbox, spread: from an entry to events and deliveries. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/hook/outbox_internal.h"

void outbox_event_id(const char *entry, const char *subject, int64_t told_version,
                     enum hook_event type, int64_t at_ms, char id[SIGN_UUID_BYTES])
{
    char version[24] = "", at[24] = "";
    const char *const parts[] = {"event", entry, subject,
                                 version, at,    hook_event_name(type)};

    /* An entry is unlike any other; a reminder is one of many of its subject. */
    if (entry == NULL) {
        snprintf(version, sizeof version, "%" PRId64, told_version);
        snprintf(at, sizeof at, "%" PRId64, at_ms);
    }
    sign_uuid8(parts, ARRAY_LEN(parts), id);
}

void outbox_delivery_id(const char *event_id, const char *hook_id,
                        char id[SIGN_UUID_BYTES])
{
    const char *const parts[] = {"delivery", event_id, hook_id};

    sign_uuid8(parts, ARRAY_LEN(parts), id);
}

static void add_event(struct redis_cmd *cmd, const struct outbox_event *event)
{
    assert(event->to_count <= HOOKS_MAX && strlen(event->json) <= OUTBOX_EVENT_BYTES);
    redis_cmd_arg(cmd, event->id);
    redis_cmd_arg(cmd, hook_event_name(event->type));
    redis_cmd_arg(cmd, event->json);
    redis_cmd_arg(cmd, event->batch);
    redis_cmd_int(cmd, (int64_t)event->to_count);
    for (size_t i = 0; i < event->to_count; i++) {
        char id[SIGN_UUID_BYTES];

        outbox_delivery_id(event->id, event->to[i]->id, id);
        redis_cmd_arg(cmd, event->to[i]->id);
        redis_cmd_arg(cmd, id);
    }
}

static void add_matches(struct redis_cmd *cmd, const struct spread *spread)
{
    assert(spread->match_count <= REGISTRY_MATCHED_MAX);
    redis_cmd_arg(cmd, spread->match_count > 0 ? spread->scope : "");
    redis_cmd_int(cmd, (int64_t)spread->match_count);
    for (size_t i = 0; i < spread->match_count; i++) {
        redis_cmd_arg(cmd, spread->matches[i].id);
        redis_cmd_int(cmd, spread->matches[i].count);
    }
}

void outbox_spread(struct redis_cmd *cmd, const char *prefix, const struct spread *spread)
{
    assert(spread->event_count <= OUTBOX_EVENTS_MAX);
    outbox_script(cmd, "outbox_spread", prefix);
    redis_cmd_arg(cmd, spread->entry);
    redis_cmd_arg(cmd, spread->subject);
    redis_cmd_int(cmd, spread->told_version);
    redis_cmd_int(cmd, spread->hooks_revision);
    redis_cmd_int(cmd, OUTBOX_REMIND_MS);
    redis_cmd_int(cmd, OUTBOX_TOLD_MS);
    redis_cmd_arg(cmd, spread->told.drift);
    redis_cmd_int(cmd, spread->told.since_ms);
    redis_cmd_int(cmd, spread->told.at_ms);
    redis_cmd_int(cmd, spread->told.failing);
    redis_cmd_arg(cmd, spread->told.event);
    redis_cmd_int(cmd, spread->remind);
    redis_cmd_int(cmd, (int64_t)spread->event_count);
    add_matches(cmd, spread);
    for (size_t i = 0; i < spread->event_count; i++)
        add_event(cmd, &spread->events[i]);
}

static const char *const spread_words[SPREAD_OUTCOMES] = {
    [SPREAD_DONE] = "done",
    [SPREAD_MOVED] = "moved",
    [SPREAD_HOOKS_MOVED] = "hooks_moved",
};

int outbox_spread_reply(const struct redisReply *reply, enum spread_outcome *out,
                        struct err *err)
{
    size_t word;

    if (queue_word(reply, spread_words, ARRAY_LEN(spread_words), &word, err) < 0)
        return err_wrap(err, "outbox_spread");
    *out = (enum spread_outcome)word;
    return 0;
}
