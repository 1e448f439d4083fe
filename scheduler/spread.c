/* Spreading: from entries of the outbox to deliveries. */
#include "scheduler/spread.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "scheduler/away.h"
#include "scheduler/news.h"
#include "scheduler/spread_news.h"

#define ENTRIES_A_TURN   50
#define TURN_MS          200 /* an entry may have a MiB of metadata */
#define LOOK_MS          500
#define LOOK_SOON_MS     100 /* while there is something to tell */
#define REMIND_EVERY_MS  30000
#define REMIND_BATCH     20
#define STATS_EVERY_MS   5000
#define TROUBLE_PAUSE_MS 5000

void spreader_init(struct spreader *spreader, const struct conf *conf,
                   struct redis *redis)
{
    *spreader = (struct spreader){.conf = conf, .redis = redis};
}

void spreader_done(struct spreader *spreader)
{
    hook_copy_done(&spreader->hooks);
}

static int know_hooks(struct spreader *spreader, int64_t revision, struct err *err)
{
    if (spreader->hooks.known && spreader->hooks.revision == revision)
        return 0;
    return hook_copy_read(&spreader->hooks, spreader->redis, err);
}

/* ---- entries ---- */

/* What was told about a workspace goes with it: what is told later of its last runs does
 * not bring it back. */
static const char *subject_of(const struct outbox_entry *entry)
{
    bool is_gone =
        entry->run.id && entry->run.project_id[0] != '\0' && !entry->pair.workspace_json;

    return is_gone ? "" : entry->subject;
}

/* 1: one is done, by whomever; 0: the outbox is empty; -1. */
static int spread_head(struct spreader *spreader, int *told, struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    AUTO(news_done) struct news news = {0};
    enum spread_outcome outcome;
    struct outbox_entry entry;
    struct about about;

    outbox_head(&cmd, redis_prefix(spreader->redis));
    if (redis_call(spreader->redis, &cmd, 0, &reply, err) < 0 ||
        outbox_head_reply(reply, &entry, err) < 0)
        return -1;
    if (!entry.entry)
        return 0;
    if (know_hooks(spreader, entry.hooks_revision, err) < 0)
        return -1;
    news_read(&entry, spreader->conf->public_url, &news);
    about = (struct about){
        .entry = entry.entry,
        .subject = subject_of(&entry),
        .project_id = entry.run.id ? entry.run.project_id : "",
        .workspace_id = entry.run.id ? entry.run.workspace_id : "",
        .batch = entry.run.id ? entry.run.batch : "",
        .told_version = entry.told.version,
        .hooks_revision = spreader->hooks.revision,
        .now_ms = entry.now_ms,
    };
    if (spread_news(spreader, &about, &news, &outcome, err) < 0)
        return -1;
    *told += outcome == SPREAD_DONE ? (int)news.count : 0;
    return 1;
}

static int spread_entries(struct spreader *spreader, int64_t now_mono_ms, int *told,
                          struct err *err)
{
    int rc, count = 0;

    do {
        rc = spread_head(spreader, told, err);
        count += rc > 0;
    } while (rc > 0 && count < ENTRIES_A_TURN && clock_mono_ms() - now_mono_ms < TURN_MS);
    spreader->due_mono_ms = now_mono_ms + (count > 0 ? LOOK_SOON_MS : LOOK_MS);
    if (rc > 0)
        spreader->due_mono_ms = now_mono_ms;
    return rc < 0 ? -1 : 0;
}

/* ---- reminders ---- */

static int remind_of(struct spreader *spreader, const struct redisReply *reply,
                     size_t index, int64_t now_ms, int64_t revision, struct err *err)
{
    AUTO(news_done) struct news news = {0};
    AUTO(auto_json) cJSON *event = NULL;
    struct outbox_reminder reminder;
    enum spread_outcome outcome;
    struct about about;
    const cJSON *data;

    if (outbox_reminder_at(reply, index, &reminder, err) < 0)
        return -1;
    news_remind(&reminder, now_ms, &news);
    event = json_parse(reminder.told.event, strlen(reminder.told.event), JSON_DEPTH_MAX,
                       false, err);
    data = json_get(event, "data");
    about = (struct about){
        .subject = reminder.subject,
        .project_id = json_string(data, "projectId"),
        .workspace_id = json_string(data, "workspaceId"),
        .batch = "",
        .told_version = reminder.told.version,
        .hooks_revision = revision,
        .now_ms = now_ms,
    };
    if (!about.project_id || !about.workspace_id)
        about.project_id = about.workspace_id = "";
    return spread_news(spreader, &about, &news, &outcome, err);
}

static int spread_reminders(struct spreader *spreader, int64_t now_mono_ms, int *told,
                            struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;
    int64_t now_ms, revision;
    size_t count;

    outbox_due_reminders(&cmd, redis_prefix(spreader->redis), REMIND_BATCH);
    if (redis_call(spreader->redis, &cmd, 0, &reply, err) < 0 ||
        outbox_reminders_reply(reply, &now_ms, &revision, &count, err) < 0)
        return -1;
    if (count > 0 && know_hooks(spreader, revision, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (remind_of(spreader, reply, i, now_ms, spreader->hooks.revision, err) < 0)
            return -1;
    *told += (int)count;
    spreader->remind_due_mono_ms =
        count == REMIND_BATCH ? now_mono_ms : now_mono_ms + REMIND_EVERY_MS;
    return 0;
}

static int look_at_stats(struct spreader *spreader, int64_t now_mono_ms, struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;

    outbox_get_stats(&cmd, redis_prefix(spreader->redis));
    if (redis_call(spreader->redis, &cmd, 0, &reply, err) < 0 ||
        outbox_get_stats_reply(reply, &spreader->stats, err) < 0)
        return -1;
    spreader->stats_due_mono_ms = now_mono_ms + STATS_EVERY_MS;
    return 0;
}

/* ---- a turn ---- */

static int do_due(struct spreader *spreader, int64_t now_mono_ms, int *told,
                  struct err *err)
{
    if (now_mono_ms >= spreader->due_mono_ms &&
        spread_entries(spreader, now_mono_ms, told, err) < 0)
        return -1;
    if (now_mono_ms >= spreader->remind_due_mono_ms &&
        spread_reminders(spreader, now_mono_ms, told, err) < 0)
        return -1;
    if (now_mono_ms >= spreader->stats_due_mono_ms)
        return look_at_stats(spreader, now_mono_ms, err);
    return 0;
}

static int64_t earliest(const struct spreader *spreader)
{
    int64_t next = spreader->due_mono_ms;

    if (spreader->remind_due_mono_ms < next)
        next = spreader->remind_due_mono_ms;
    return spreader->stats_due_mono_ms < next ? spreader->stats_due_mono_ms : next;
}

/* What is a bug must not keep the loop busy, nor stop the rest. */
static void stand_back(struct spreader *spreader, int64_t until_mono_ms)
{
    spreader->due_mono_ms = until_mono_ms;
    spreader->remind_due_mono_ms = until_mono_ms;
    spreader->stats_due_mono_ms = until_mono_ms;
}

int spreader_tick(struct spreader *spreader, int64_t now_mono_ms, int64_t *next_mono_ms,
                  struct err *err)
{
    int told = 0;
    int rc = do_due(spreader, now_mono_ms, &told, err);

    if (rc < 0 && err->kind != ERR_TEMP) {
        log_error("spread_failed", "error=%s", err->message);
        stand_back(spreader, now_mono_ms + TROUBLE_PAUSE_MS);
        rc = 0;
    } else if (rc < 0) {
        stand_back(spreader, now_mono_ms + AWAY_PAUSE_MS);
    }
    *next_mono_ms = earliest(spreader);
    return rc < 0 ? -1 : told;
}

/* ---- numbers ---- */

void spreader_print_metrics(const struct spreader *spreader, struct buf *out)
{
    struct metric table[HOOK_EVENTS + 2];
    char labels[HOOK_EVENTS][48];
    size_t count = 0;

    for (size_t i = 0; i < EVENT_TEST; i++) {
        snprintf(labels[i], sizeof(labels[i]), "type=\"%s\"",
                 hook_event_name((enum hook_event)i));
        table[count++] =
            (struct metric){"kedge_events_total", "Events told to hooks, by type.",
                            METRIC_COUNTER, labels[i], &spreader->told[i]};
    }
    table[count++] =
        (struct metric){"kedge_outbox_entries", "Ends of runs that wait to be told.",
                        METRIC_GAUGE, NULL, &spreader->stats.entries};
    table[count++] =
        (struct metric){"kedge_outbox_hooks_waiting", "Hooks with deliveries that wait.",
                        METRIC_GAUGE, NULL, &spreader->stats.hooks_waiting};
    metrics_print(table, count, out);
}
