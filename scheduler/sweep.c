/* The sweep: promote, reap, trim, fsck, and the numbers. */
#include "scheduler/sweep.h"

#include <inttypes.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/queue/queue_metrics.h"
#include "scheduler/away.h"

#define BATCH          100 /* a script that moved as many has more to do */
#define BATCHES_A_TURN 10  /* then others get their turn */

/* Builds the command of a duty. */
typedef void build_command(const struct sweep *sweep, struct redis_cmd *cmd);
/* Reads its reply: *moved is how many it handled. */
typedef int read_reply(struct sweep *sweep, const struct redisReply *reply,
                       int64_t *moved, struct err *err);

static void build_promote(const struct sweep *sweep, struct redis_cmd *cmd)
{
    queue_promote(cmd, sweep->conf->redis_prefix);
}

static int read_promote(struct sweep *sweep, const struct redisReply *reply,
                        int64_t *moved, struct err *err)
{
    if (queue_count_reply(reply, moved, err) < 0)
        return -1;
    sweep->counts.promoted += *moved;
    return 0;
}

static void build_reap(const struct sweep *sweep, struct redis_cmd *cmd)
{
    queue_reap(cmd, sweep->conf->redis_prefix);
}

static int read_reap(struct sweep *sweep, const struct redisReply *reply, int64_t *moved,
                     struct err *err)
{
    struct sweep_counts *counts = &sweep->counts;
    struct queue_reaped reaped;

    if (queue_reap_reply(reply, &reaped, err) < 0)
        return -1;
    *moved = reaped.moved;
    counts->requeued += reaped.requeued;
    counts->lost += reaped.lost;
    counts->orphaned += reaped.orphaned;
    counts->cancelled += reaped.cancelled;
    counts->reaped += reaped.requeued + reaped.lost + reaped.orphaned + reaped.cancelled;
    if (reaped.moved > 0)
        log_warn("reaped",
                 "suspected=%" PRId64 " requeued=%" PRId64 " lost=%" PRId64
                 " orphaned=%" PRId64 " cancelled=%" PRId64,
                 reaped.suspected, reaped.requeued, reaped.lost, reaped.orphaned,
                 reaped.cancelled);
    return 0;
}

static void build_trim(const struct sweep *sweep, struct redis_cmd *cmd)
{
    const struct conf *conf = sweep->conf;

    queue_trim(cmd, conf->redis_prefix, conf->keep_runs, conf->keep_days,
               conf->store_max_bytes);
}

static int read_trim(struct sweep *sweep, const struct redisReply *reply, int64_t *moved,
                     struct err *err)
{
    if (queue_count_reply(reply, moved, err) < 0)
        return -1;
    sweep->counts.trim_looked += *moved;
    return 0;
}

static void build_fsck(const struct sweep *sweep, struct redis_cmd *cmd)
{
    queue_fsck(cmd, sweep->conf->redis_prefix);
}

static int read_fsck(struct sweep *sweep, const struct redisReply *reply, int64_t *moved,
                     struct err *err)
{
    if (queue_count_reply(reply, moved, err) < 0)
        return -1;
    sweep->counts.fsck_findings += *moved;
    for (size_t i = 1; i < redis_reply_count(reply); i++)
        log_error("fsck_repaired", "what=%s", redis_reply_text(redis_reply_at(reply, i)));
    return 0;
}

static void build_stats(const struct sweep *sweep, struct redis_cmd *cmd)
{
    queue_get_stats(cmd, sweep->conf->redis_prefix);
}

static int read_stats(struct sweep *sweep, const struct redisReply *reply, int64_t *moved,
                      struct err *err)
{
    *moved = 0;
    return queue_get_stats_reply(reply, &sweep->stats, err);
}

static const struct duty {
    const char *name;
    int64_t every_ms;
    build_command *build;
    read_reply *read;
} duties[SWEEP_DUTIES] = {
    [SWEEP_PROMOTE] = {"promote", 1000, build_promote, read_promote},
    [SWEEP_REAP] = {"reap", 1000, build_reap, read_reap},
    [SWEEP_TRIM] = {"trim", 10000, build_trim, read_trim},
    [SWEEP_FSCK] = {"fsck", 60000, build_fsck, read_fsck},
    [SWEEP_STATS] = {"stats", 5000, build_stats, read_stats},
};

const char *sweep_duty_name(enum sweep_duty duty)
{
    return duties[duty].name;
}

void sweep_init(struct sweep *sweep, const struct conf *conf, struct redis *redis)
{
    *sweep = (struct sweep){.conf = conf, .redis = redis};
}

static int do_once(struct sweep *sweep, const struct duty *duty, int64_t *moved,
                   struct err *err)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    AUTO(redis_reply_free) struct redisReply *reply = NULL;

    duty->build(sweep, &cmd);
    if (redis_call(sweep->redis, &cmd, 0, &reply, err) < 0)
        return -1;
    return duty->read(sweep, reply, moved, err);
}

/* As long as it has more to do, within a turn's measure. ERR_TEMP only; what is a bug is
 * logged, and tried again when it is due the next time. */
static int do_duty(struct sweep *sweep, enum sweep_duty which, int64_t now_mono_ms,
                   struct err *err)
{
    const struct duty *duty = &duties[which];
    int64_t moved = BATCH;

    for (int batch = 0; batch < BATCHES_A_TURN && moved >= BATCH; batch++) {
        if (do_once(sweep, duty, &moved, err) == 0)
            continue;
        if (err->kind == ERR_TEMP) {
            sweep->due_mono_ms[which] = now_mono_ms + AWAY_PAUSE_MS;
            return -1;
        }
        log_error("sweep_failed", "duty=%s error=%s", duty->name, err->message);
        moved = 0;
    }
    sweep->due_mono_ms[which] =
        moved >= BATCH ? now_mono_ms : now_mono_ms + duty->every_ms;
    return 0;
}

int sweep_tick(struct sweep *sweep, int64_t now_mono_ms, int64_t *next_mono_ms,
               struct err *err)
{
    int64_t next = INT64_MAX;
    int failed = 0;

    for (size_t i = 0; i < SWEEP_DUTIES; i++) {
        if (!failed && now_mono_ms >= sweep->due_mono_ms[i])
            failed = do_duty(sweep, (enum sweep_duty)i, now_mono_ms, err);
        if (sweep->due_mono_ms[i] < next)
            next = sweep->due_mono_ms[i];
    }
    *next_mono_ms = failed ? now_mono_ms + AWAY_PAUSE_MS : next;
    return failed;
}

#define COUNTER(name, help, field)                                                       \
    {                                                                                    \
        name, help, METRIC_COUNTER, NULL, &sweep->counts.field                           \
    }
#define REAPED(word, field)                                                              \
    {                                                                                    \
        "kedge_runs_reaped_total",                                                       \
            "Runs whose worker was gone, by what became of them.", METRIC_COUNTER,       \
            "outcome=\"" word "\"", &sweep->counts.field                                 \
    }

void sweep_print_metrics(const struct sweep *sweep, struct buf *out)
{
    const struct metric table[] = {
        COUNTER("kedge_runs_promoted_total", "Delayed runs that came due.", promoted),
        REAPED("requeued", requeued),
        REAPED("lost", lost),
        REAPED("orphaned", orphaned),
        REAPED("cancelled", cancelled),
        COUNTER("kedge_trim_looked_total", "Runs that trim looked at.", trim_looked),
        COUNTER("kedge_fsck_findings_total", "Broken invariants found and repaired.",
                fsck_findings),
    };

    metrics_print(table, ARRAY_LEN(table), out);
    queue_metrics_print(&sweep->stats, out);
}
