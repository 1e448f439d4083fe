/* News: what the end of a run, or a day of drift, tells people, compared with what they
 * were last told. Pure.
 *
 * - Drift that was not told before: drift.detected. Another set of drifted resources:
 *   drift.changed. None any more: drift.resolved. The same: nothing.
 * - A check that fails: check.failed, once. A check that ends well after it:
 *   check.recovered, besides what it says about drift.
 * - A reconcile: reconcile.succeeded, and drift.resolved besides when its second plan
 *   found nothing of what was told; or reconcile.failed. An apply whose worker is gone:
 *   run.orphaned.
 * - Errors and cancels say nothing about drift: what was told stays. */
#ifndef KEDGE_SCHEDULER_NEWS_H
#define KEDGE_SCHEDULER_NEWS_H

#include "common/hook/outbox.h"
#include "common/registry/ignore_rules.h"

struct news_event {
    enum hook_event type;
    struct buf json; /* ≤ OUTBOX_EVENT_BYTES */
};
struct news {
    size_t count; /* of events; 0: nobody is told anything */
    struct news_event events[OUTBOX_EVENTS_MAX];
    bool remembers;   /* `told` is not what it was */
    struct told told; /* as it is to be; points into the news and what it was made of */
    char drift[SIGN_ID_BYTES];
    /* Ignore rules that matched in a check that ended with drift, told or not; owned. */
    struct rule_match *matches;
    size_t match_count;
};
/* `public_url`: of the api, for links; NULL: there are none. What the entry points to
 * must outlive the news, which must not be moved. */
void news_read(const struct outbox_entry *entry, const char *public_url,
               struct news *out);
/* The last drift event of that subject once more, as drift.reminder. */
void news_remind(const struct outbox_reminder *reminder, int64_t now_ms,
                 struct news *out);
void news_done(struct news *news);

#endif
