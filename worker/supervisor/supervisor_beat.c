/* Heartbeats, and the cancels that arrive with them or by the control list. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/supervisor/supervisor_internal.h"

#define INFO_MAX_BYTES   ((size_t)64 * 1024)
#define STEP_MAX_BYTES   32
#define CTL_BLOCK_MS     5000
#define FAILURE_PAUSE_MS 500
#define CANCEL_FORCED    2

/* ---- what GET /api/v1/workers shows ---- */
static void add_run(struct json_writer *w, const struct held *run)
{
    AUTO(auto_free) char *path = path_join(run->dir, "started");
    AUTO(buf_done) struct buf step = BUF_INIT(STEP_MAX_BYTES);
    struct err err;

    if (path_read(path, &step, &err) < 0)
        buf_reset(&step);
    json_object(w);
    json_add_text(w, "runId", run->hold.run_id);
    json_add_text(w, "kind", run_kind_name(run->kind));
    json_key(w, "step");
    json_text_n(w, buf_text(&step), strcspn(buf_text(&step), "\n"));
    json_object_end(w);
}

static void print_info(const struct supervisor *s, struct buf *out)
{
    char host[256] = "";
    struct json_writer w;

    gethostname(host, sizeof host - 1);
    json_open(&w, out);
    json_object(&w);
    json_add_text(&w, "host", host);
    json_add_text(&w, "version", kedge_version);
    json_add_number(&w, "pid", getpid());
    json_add_number(&w, "slots", s->conf->worker_slots);
    json_add_boolean(&w, "draining", s->drain.since_mono_ms != 0);
    json_key(&w, "runs");
    json_array(&w);
    for (const struct held *run = s->runs; run; run = run->next)
        add_run(&w, run);
    json_array_end(&w);
    json_object_end(&w);
}

/* ---- the beat ---- */
static void collect_holds(struct supervisor *s)
{
    struct beat *beat = &s->beat;

    beat->count = 0;
    for (const struct held *run = s->runs; run; run = run->next) {
        if (run->lost)
            continue;
        if (beat->count == beat->cap) {
            beat->cap = beat->cap ? beat->cap * 2 : 8;
            beat->holds = mem_grow(beat->holds, beat->cap, sizeof *beat->holds);
        }
        beat->holds[beat->count++] = run->hold;
    }
}

static void take_news(struct held *run, const struct hold_news *news)
{
    supervisor_cancel_run(run, news->cancel_level);
    switch (news->state) {
    case HOLD_OK:
        break;
    case HOLD_ORPHANED: /* its owner goes on: the late result is wanted */
        run->asserted = 0;
        break;
    case HOLD_LOST:
        /* Not of a run that ends: a result without an answer may have arrived, and is
         * sent again. */
        if (run->state == HELD_WAITING || run->state == HELD_RUNNING)
            supervisor_lose_run(run);
        break;
    }
}

static void on_beat(void *arg, const struct redisReply *reply, const struct err *sent)
{
    struct supervisor *s = arg;
    struct beat *beat = &s->beat;
    AUTO(auto_free) struct hold_news *news = mem_new(beat->count + 1, sizeof *news);
    struct err err;

    beat->asked = false;
    if (!reply)
        err = *sent;
    if (!reply || queue_heartbeat_reply(reply, news, beat->count, &err) < 0) {
        beat->due_mono_ms = s->now_mono_ms + FAILURE_PAUSE_MS;
        if (err.kind != ERR_TEMP)
            log_error("heartbeat_failed", "error=%s", err.message);
        return;
    }
    beat->heard_mono_ms = s->now_mono_ms;
    for (size_t i = 0; i < beat->count; i++) {
        struct held *run = supervisor_find(s, beat->holds[i].run_id);

        if (run && !run->lost && strcmp(run->hold.fence, beat->holds[i].fence) == 0)
            take_news(run, &news[i]);
    }
}

void supervisor_beat(struct supervisor *s)
{
    struct beat *beat = &s->beat;
    AUTO(buf_done) struct buf info = BUF_INIT(INFO_MAX_BYTES);
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    if (beat->asked || !s->watch.ready)
        return;
    if (s->now_mono_ms < beat->due_mono_ms) {
        supervisor_wake_by(s, beat->due_mono_ms);
        return;
    }
    beat->asked = true;
    beat->due_mono_ms = s->now_mono_ms + QUEUE_HEARTBEAT_MS;
    supervisor_wake_by(s, beat->due_mono_ms);
    collect_holds(s);
    print_info(s, &info);
    queue_heartbeat(&cmd, s->conf->redis_prefix, s->journal.id, buf_text(&info),
                    beat->holds, beat->count);
    redis_link_send(s->link, &cmd, SCRIPT_TIMEOUT_MS, on_beat, s);
}

/* ---- the control list: "cancel <run> <level>" ---- */
static void obey(struct supervisor *s, const char *message)
{
    size_t count;
    char **words = parse_list(message, ' ', &count);
    int64_t level;

    if (count == 3 && strcmp(words[0], "cancel") == 0 &&
        parse_int64(words[2], 1, CANCEL_FORCED, &level) == 0) {
        struct held *run = supervisor_find(s, words[1]);

        if (run)
            supervisor_cancel_run(run, (int)level);
    } else {
        log_warn("control_unknown", "message=%s", message);
    }
    parse_list_free(words, count);
}

static void on_control(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct supervisor *s = arg;
    const char *message;

    s->ctl_waiting = false;
    /* What was missed the heartbeat brings; a refusal comes at once, and would again. */
    if (err)
        s->ctl_due_mono_ms = s->now_mono_ms + REFUSED_PAUSE_MS;
    message = redis_reply_text(redis_reply_at(reply, 1));
    if (message)
        obey(s, message);
}

void supervisor_hear(struct supervisor *s)
{
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};

    if (s->ctl_waiting || !redis_link_ready(s->ctl))
        return;
    if (s->now_mono_ms < s->ctl_due_mono_ms) {
        supervisor_wake_by(s, s->ctl_due_mono_ms);
        return;
    }
    s->ctl_waiting = true;
    queue_wait_ctl(&cmd, s->conf->redis_prefix, s->journal.id, CTL_BLOCK_MS);
    redis_link_send(s->ctl, &cmd, CTL_BLOCK_MS + SCRIPT_TIMEOUT_MS, on_control, s);
}
