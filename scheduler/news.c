/* News: what people are told of the end of a run. */
#include "scheduler/news.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "scheduler/news_event.h"

/* What a decision is made of. */
struct teller {
    const struct outbox_entry *entry;
    struct drift_set set;
    const char *public_url;
    struct news *news;
};

static int64_t end_ms(const struct outbox_entry *entry)
{
    return entry->run.ended_at_ms > 0 ? entry->run.ended_at_ms : entry->now_ms;
}

/* What there is now, once it is told that nothing is left: what a reconcile found before
 * it applied is no part of that. */
static const struct drift_set *set_for(const struct teller *teller, enum hook_event type)
{
    static const struct drift_set nothing;

    return type == EVENT_DRIFT_RESOLVED ? &nothing : &teller->set;
}

static const char *tell(struct teller *teller, enum hook_event type, int64_t since_ms)
{
    bool of_drift = type != EVENT_CHECK_FAILED && type != EVENT_CHECK_RECOVERED &&
                    type != EVENT_RUN_ORPHANED &&
                    (teller->entry->status != RUN_ERROR || teller->set.counted > 0);
    struct news_event *event = &teller->news->events[teller->news->count++];
    const struct news_words words = {
        .type = type,
        .entry = teller->entry,
        .set = of_drift ? set_for(teller, type) : NULL,
        .at_ms = end_ms(teller->entry),
        .since_ms = since_ms,
        .before = type == EVENT_DRIFT_CHANGED || type == EVENT_DRIFT_RESOLVED
                      ? teller->entry->told.event
                      : "",
        .public_url = teller->public_url,
    };

    event->type = type;
    buf_init(&event->json, OUTBOX_EVENT_BYTES);
    news_event_print(&words, &event->json);
    return buf_text(&event->json);
}

/* ---- drift ---- */

static void forget_drift(struct news *news, int64_t now_ms)
{
    news->told.drift = news->told.event = "";
    news->told.since_ms = 0;
    news->told.at_ms = now_ms;
    news->remembers = true;
}

static void remember_drift(struct teller *teller, const char *event, int64_t since_ms)
{
    struct news *news = teller->news;

    memcpy(news->drift, teller->set.id, sizeof(news->drift));
    news->told.drift = news->drift;
    news->told.event = event;
    news->told.since_ms = since_ms;
    news->told.at_ms = teller->entry->now_ms;
    news->remembers = true;
}

static void follow_drift(struct teller *teller)
{
    const struct told *told = &teller->entry->told;
    int64_t since_ms = told->since_ms;

    if (strcmp(told->drift, teller->set.id) == 0) {
        /* Written again, so that it is not forgotten while it is true. */
        teller->news->remembers |= told->drift[0] != '\0';
        return;
    }
    if (teller->set.id[0] == '\0') {
        tell(teller, EVENT_DRIFT_RESOLVED, since_ms);
        forget_drift(teller->news, teller->entry->now_ms);
    } else if (told->drift[0] != '\0') {
        remember_drift(teller, tell(teller, EVENT_DRIFT_CHANGED, since_ms), since_ms);
    } else {
        since_ms = end_ms(teller->entry);
        remember_drift(teller, tell(teller, EVENT_DRIFT_DETECTED, since_ms), since_ms);
    }
}

/* Is nothing left, by the plan that followed the apply? */
static bool is_settled(const struct teller *teller)
{
    const cJSON *after = json_get(teller->set.metadata, "driftAfter");

    return json_int(after, "driftedCount", -1) == 0;
}

/* ---- how a run ended ---- */

static void check_failing(struct teller *teller, bool failing)
{
    struct news *news = teller->news;

    if (teller->entry->run.kind != RUN_DRIFT_CHECK || news->told.failing == failing)
        return;
    tell(teller, failing ? EVENT_CHECK_FAILED : EVENT_CHECK_RECOVERED, 0);
    news->told.failing = failing;
    news->remembers = true;
}

static void end_applied(struct teller *teller)
{
    const struct told *told = &teller->entry->told;

    if (teller->entry->run.kind != RUN_RECONCILE)
        return;
    tell(teller, EVENT_RECONCILE_SUCCEEDED, told->since_ms);
    if (told->drift[0] == '\0' || !is_settled(teller))
        return;
    tell(teller, EVENT_DRIFT_RESOLVED, told->since_ms);
    forget_drift(teller->news, teller->entry->now_ms);
}

static void end_failed(struct teller *teller)
{
    if (teller->entry->run.kind == RUN_RECONCILE)
        tell(teller, EVENT_RECONCILE_FAILED, teller->entry->told.since_ms);
    check_failing(teller, true);
}

static void judge(struct teller *teller)
{
    switch (teller->entry->status) {
    case RUN_CLEAN:
    case RUN_DRIFT_DETECTED:
        check_failing(teller, false);
        follow_drift(teller);
        break;
    case RUN_APPLIED:
        end_applied(teller);
        break;
    case RUN_ERROR:
        end_failed(teller);
        break;
    case RUN_ORPHANED:
        tell(teller, EVENT_RUN_ORPHANED, 0);
        break;
    case RUN_QUEUED:
    case RUN_DELAYED:
    case RUN_RUNNING:
    case RUN_CANCELLED:
    case RUN_SKIPPED:
    case RUN_STATUSES:
        break;
    }
}

/* Once for each check: a reconcile plans again what a check has found. */
static void take_matches(struct teller *teller)
{
    struct news *news = teller->news;

    if (teller->entry->run.kind != RUN_DRIFT_CHECK ||
        teller->entry->status != RUN_DRIFT_DETECTED)
        return;
    news->matches = TAKE(teller->set.matches);
    news->match_count = teller->set.match_count;
}

void news_read(const struct outbox_entry *entry, const char *public_url, struct news *out)
{
    struct teller teller = {.entry = entry, .public_url = public_url, .news = out};

    *out = (struct news){.told = entry->told};
    if (!entry->run.id || entry->subject[0] == '\0')
        return;
    drift_set_read(entry, &teller.set);
    judge(&teller);
    take_matches(&teller);
    drift_set_done(&teller.set);
}

void news_remind(const struct outbox_reminder *reminder, int64_t now_ms, struct news *out)
{
    struct news_event *event = &out->events[0];

    *out = (struct news){.told = reminder->told, .remembers = true};
    out->told.at_ms = now_ms;
    event->type = EVENT_DRIFT_REMINDER;
    buf_init(&event->json, OUTBOX_EVENT_BYTES);
    news_event_repeat(reminder->told.event, event->type, now_ms, &event->json);
    out->count = event->json.len > 0;
}

void news_done(struct news *news)
{
    for (size_t i = 0; i < OUTBOX_EVENTS_MAX; i++)
        buf_done(&news->events[i].json);
    free(news->matches);
}
