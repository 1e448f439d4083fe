/* Housekeeping: reaping what other workers lost, old run directories, disk space. */
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/process/spawn.h"
#include "worker/supervisor/space.h"
#include "worker/supervisor/supervisor_internal.h"

#define TIDY_EVERY_MS  30000
#define SWEEP_EVERY_MS 60000
#define REAP_BATCH     100

static void on_reaped(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct supervisor *s = arg;
    struct queue_reaped reaped;
    struct err err;

    if (!reply && sent->kind == ERR_TEMP)
        return;
    if (!reply)
        err = *sent;
    if (!reply || queue_reap_reply(reply, &reaped, &err) < 0) {
        log_error("reap_failed", "error=%s", err.message);
        return;
    }
    s->counts.reaped += reaped.moved;
    if (reaped.moved >= REAP_BATCH)
        s->reap_due_mono_ms = 0;
}

static void reap(struct supervisor *s)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    s->reap_due_mono_ms = s->now_mono_ms + supervisor_jitter_ms(REAP_EVERY_MS);
    queue_reap(&cmd, s->conf->redis_prefix);
    redis_link_send(s->link, &cmd, SCRIPT_TIMEOUT_MS, on_reaped, s);
}

/* In a process of its own: walking and removing trees takes as long as it takes. */
static void sweep(struct supervisor *s)
{
    char name[] = "kedge-worker", option[] = "--sweep";
    char *const argv[] = {name, option, s->journal.dir, NULL};
    struct err err;

    s->sweep_due_mono_ms = s->now_mono_ms + SWEEP_EVERY_MS;
    s->sweeper = spawn_self(s->self_fd, argv, s->environment, &err);
    if (s->sweeper < 0) {
        s->sweeper = 0;
        log_error("sweep_failed", "error=%s", err.message);
    }
}

void supervisor_tidy(struct supervisor *s)
{
    if (s->drain.since_mono_ms)
        return;
    if (s->now_mono_ms >= s->tidy_due_mono_ms) {
        s->tidy_due_mono_ms = s->now_mono_ms + TIDY_EVERY_MS;
        journal_expire(&s->journal);
    }
    if (s->now_mono_ms >= s->sweep_due_mono_ms && s->sweeper == 0)
        sweep(s);
    if (s->watch.ready && s->watch.fit) {
        if (s->now_mono_ms >= s->reap_due_mono_ms)
            reap(s);
        supervisor_wake_by(s, s->reap_due_mono_ms);
    }
    supervisor_wake_by(s, s->tidy_due_mono_ms);
}
