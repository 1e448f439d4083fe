/* Writing one piece of news. */
#include "scheduler/spread_news.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/mem.h"

/* The hook of KEDGE_SLACK_WEBHOOK_URL: its deliveries need no more than its id. */
static const struct hook default_hook = {
    .id = HOOK_DEFAULT_ID,
    .kind = HOOK_SLACK,
    .url = "",
    .project_id = "",
    .workspace_id = "",
    .secret = "",
    .old_secret = "",
    .disabled_reason = "",
    .enabled = true,
};

struct lists {
    const struct hook **to[OUTBOX_EVENTS_MAX];
};

static void lists_done(struct lists *lists)
{
    for (size_t i = 0; i < OUTBOX_EVENTS_MAX; i++)
        free(lists->to[i]);
}

static size_t who_wants(const struct spreader *spreader, const struct about *about,
                        enum hook_event event, const struct hook ***out)
{
    const struct hook_copy *hooks = &spreader->hooks;
    const struct hook **to = mem_new(hooks->count + 1, sizeof(struct hook *));
    size_t count = 0;

    if (spreader->conf->slack_webhook_url)
        to[count++] = &default_hook;
    for (size_t i = 0; i < hooks->count && count < HOOKS_MAX; i++)
        if (hook_wants(&hooks->list[i], event, about->project_id, about->workspace_id))
            to[count++] = &hooks->list[i];
    *out = to;
    return count;
}

static void address_events(const struct spreader *spreader, const struct about *about,
                           const struct news *news, struct lists *lists,
                           struct spread *spread)
{
    spread->event_count = news->count;
    for (size_t i = 0; i < news->count; i++) {
        struct outbox_event *event = &spread->events[i];

        event->type = news->events[i].type;
        event->json = buf_text(&news->events[i].json);
        event->batch = about->batch;
        event->to_count = who_wants(spreader, about, event->type, &lists->to[i]);
        event->to = lists->to[i];
        outbox_event_id(about->entry, about->subject, about->told_version, event->type,
                        about->now_ms, event->id);
    }
}

static int write_spread(struct spreader *spreader, const struct spread *spread,
                        enum spread_outcome *outcome, struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;

    outbox_spread(&cmd, redis_prefix(spreader->redis), spread);
    if (redis_call(spreader->redis, &cmd, 0, &reply, err) < 0)
        return -1;
    return outbox_spread_reply(reply, outcome, err);
}

/* An entry that cannot be told must not stand in the way of all others. */
static int drop(struct spreader *spreader, const struct about *about,
                enum spread_outcome *outcome, struct err *err)
{
    const struct spread spread = {
        .entry = about->entry,
        .subject = "",
        .told_version = about->told_version,
        .hooks_revision = about->hooks_revision,
        .told = {.drift = "", .event = ""},
    };

    log_error("event_dropped", "entry=%s error=%s", about->entry, err->message);
    return write_spread(spreader, &spread, outcome, err);
}

int spread_news(struct spreader *spreader, const struct about *about,
                const struct news *news, enum spread_outcome *outcome, struct err *err)
{
    AUTO(lists_done) struct lists lists = {0};
    struct spread spread = {
        .entry = about->entry,
        .subject = news->remembers ? about->subject : "",
        .told_version = about->told_version,
        .hooks_revision = about->hooks_revision,
        .told = news->told,
        .remind = news->told.drift[0] != '\0',
    };

    if (about->subject[0] != '\0') {
        spread.matches = news->matches;
        spread.match_count = news->match_count;
        spread.scope = about->subject;
    }
    address_events(spreader, about, news, &lists, &spread);
    if (write_spread(spreader, &spread, outcome, err) < 0) {
        if (err->kind == ERR_TEMP || !about->entry)
            return -1;
        return drop(spreader, about, outcome, err);
    }
    for (size_t i = 0; *outcome == SPREAD_DONE && i < news->count; i++)
        spreader->told[news->events[i].type]++;
    return 0;
}
