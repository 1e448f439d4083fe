/* Writing one piece of news: who wants it, and the script that makes it deliveries. */
#ifndef KEDGE_SCHEDULER_SPREAD_NEWS_H
#define KEDGE_SCHEDULER_SPREAD_NEWS_H

#include "scheduler/news.h"
#include "scheduler/spread.h"

/* Whom the news is about. */
struct about {
    const char *entry; /* NULL: a reminder */
    const char *subject, *project_id, *workspace_id, *batch;
    int64_t told_version, hooks_revision, now_ms;
};

/* Sends it to the hooks of the spreader's copy. A script that refuses an entry drops it,
 * so that it stands in nobody's way. ERR_TEMP: Redis is away; ERR_PERM: a bug. */
int spread_news(struct spreader *spreader, const struct about *about,
                const struct news *news, enum spread_outcome *outcome, struct err *err);

#endif
