/* After Redis restarted: what ended in the last 15 minutes is sent once more, one at a
 * time. Where Redis has not forgotten it, that changes nothing. */
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/supervisor/supervisor_internal.h"

void supervisor_resend_all(struct supervisor *s)
{
    struct watch *watch = &s->watch;

    parse_list_free(watch->resend, watch->resend_count);
    watch->resend = journal_runs(&s->journal, &watch->resend_count);
    watch->resend_next = 0;
}

static void on_resent(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct supervisor *s = arg;

    if (!reply && err->kind == ERR_TEMP) { /* that one again */
        s->watch.resend_next--;
        s->watch.resend_due_mono_ms = s->now_mono_ms + REFUSED_PAUSE_MS;
    }
    s->watch.resending = false;
    supervisor_wake_now(s);
}

/* The command that ended it, as far as the directory has it. */
static int build(struct supervisor *s, const char *dir, const struct queue_hold *hold,
                 struct redis_cmd *cmd, struct err *err)
{
    AUTO(ending_done) struct ending ending = {0};

    if (result_read(s->conf, dir, &ending.result, err) < 0 || !ending.result.present)
        return -1;
    if (!ending.result.outcome.expand) {
        result_command(cmd, s->conf->redis_prefix, hold, &ending.result);
        return 0;
    }
    if (expansion_read(dir, &ending.expansion, err) < 0)
        return -1;
    queue_batch_expand(cmd, s->conf->redis_prefix, hold, &ending.expansion.batch);
    return 0;
}

/* A Redis that forgot its claim would let an apply be done twice: asserted first. */
static void assert_ended(struct supervisor *s, const char *dir,
                         const struct queue_hold *hold)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    if (!rundir_is_marked(dir))
        return;
    queue_reassert(&cmd, s->conf->redis_prefix, s->journal.id, hold);
    redis_link_send(s->link, &cmd, SCRIPT_TIMEOUT_MS, NULL, NULL);
}

/* 0 when there was something to send. */
static int resend_run(struct supervisor *s, const char *run_id)
{
    AUTO(auto_free) char *dir = journal_run_dir(&s->journal, run_id);
    AUTO(run_order_done) struct run_order order = {0};
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    int64_t age_ms = journal_acknowledged_ms(dir);
    struct err err;

    if (age_ms < 0 || age_ms > JOURNAL_KEEP_MS || supervisor_find(s, run_id) ||
        rundir_read_order(dir, &order, &err) < 0 ||
        build(s, dir, &order.hold, &cmd, &err) < 0)
        return -1;
    assert_ended(s, dir, &order.hold);
    redis_link_send(s->link, &cmd, SCRIPT_TIMEOUT_MS, on_resent, s);
    return 0;
}

void supervisor_resend(struct supervisor *s)
{
    struct watch *watch = &s->watch;

    if (s->now_mono_ms < watch->resend_due_mono_ms) {
        supervisor_wake_by(s, watch->resend_due_mono_ms);
        return;
    }
    while (!watch->resending && redis_link_ready(s->link) &&
           watch->resend_next < watch->resend_count)
        if (resend_run(s, watch->resend[watch->resend_next++]) == 0)
            watch->resending = true;
    if (watch->resending || watch->resend_next < watch->resend_count)
        return;
    parse_list_free(watch->resend, watch->resend_count);
    watch->resend = NULL;
    watch->resend_count = watch->resend_next = 0;
}
