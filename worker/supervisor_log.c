/* Live logs: new bytes of each run's log, to Redis, while the run goes on. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/path.h"
#include "worker/supervisor_internal.h"

#define FAILURE_PAUSE_MS 1000
#define FAILURES_MAX     5 /* then what is there is left out, and the reader told */

void supervisor_log_open(struct log_tail *log)
{
    *log = (struct log_tail){.fd = -1};
}

void supervisor_log_close(struct log_tail *log)
{
    auto_close(&log->fd);
    log->fd = -1;
}

static bool opened(struct held *run)
{
    AUTO(auto_free) char *path = NULL;

    if (run->log.fd >= 0)
        return true;
    path = path_join(run->dir, "log");
    run->log.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return run->log.fd >= 0;
}

static int64_t file_bytes(const struct log_tail *log)
{
    struct stat info;

    return fstat(log->fd, &info) == 0 ? (int64_t)info.st_size : 0;
}

/* What cannot be stored is given up: the log is whole in the run's result. */
static void leave_out(struct held *run)
{
    struct log_tail *log = &run->log;
    int64_t end = file_bytes(log);

    run->supervisor->counts.log_dropped += end - log->offset;
    log->left_out += end - log->offset;
    log->offset = end;
    log->failures = 0;
}

static void on_appended(void *arg, const struct redisReply *reply, const struct err *err)
{
    struct held *run = arg;
    struct log_tail *log = &run->log;
    size_t flight = log->flight;

    log->flight = 0;
    if (!supervisor_answered(run))
        return;
    if (reply) {
        log->offset += (int64_t)flight;
        log->left_out = 0;
        log->failures = 0;
        return;
    }
    if (err->kind != ERR_TEMP) {
        log->closed = true;
        return;
    }
    log->due_mono_ms = run->supervisor->now_mono_ms + FAILURE_PAUSE_MS;
    /* Away is no failure: it is sent when Redis is back. */
    if (redis_link_ready(run->supervisor->link) && ++log->failures >= FAILURES_MAX)
        leave_out(run);
}

/* The next piece: up to a chunk of the file, after a mark where something is missing. */
static size_t next_piece(struct log_tail *log, char piece[QUEUE_LOG_CHUNK_BYTES],
                         size_t *mark_len)
{
    ssize_t got;

    *mark_len = 0;
    if (log->left_out > 0)
        *mark_len = (size_t)snprintf(piece, QUEUE_LOG_CHUNK_BYTES,
                                     "\n[%" PRId64 " bytes left out]\n", log->left_out);
    do
        got = pread(log->fd, piece + *mark_len, QUEUE_LOG_CHUNK_BYTES - *mark_len,
                    (off_t)log->offset);
    while (got < 0 && errno == EINTR);
    return got > 0 ? (size_t)got : 0;
}

static void ship(struct held *run)
{
    struct supervisor *s = run->supervisor;
    struct log_tail *log = &run->log;
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    char piece[QUEUE_LOG_CHUNK_BYTES];
    size_t mark_len, len = next_piece(log, piece, &mark_len);

    if (len == 0)
        return;
    log->flight = len;
    log->due_mono_ms =
        s->now_mono_ms + (mark_len + len < sizeof piece ? LOG_EVERY_MS : 0);
    queue_log_append(&cmd, s->conf->redis_prefix, &run->hold, run->attempt, log->offset,
                     piece, mark_len + len);
    run->commands++;
    redis_link_send(s->link, &cmd, SCRIPT_TIMEOUT_MS, on_appended, run);
}

bool supervisor_log_shipped(struct held *run)
{
    struct log_tail *log = &run->log;

    if (log->closed || log->failures > 0 || run->give_back || !opened(run))
        return true;
    return log->flight == 0 && log->offset >= file_bytes(log);
}

void supervisor_ship_logs(struct supervisor *s)
{
    for (struct held *run = s->runs; run; run = run->next) {
        struct log_tail *log = &run->log;
        bool ended = run->state == HELD_ENDED;

        if ((run->state != HELD_RUNNING && !ended) || log->closed || log->flight > 0 ||
            !redis_link_ready(s->link))
            continue;
        /* The rest of an ended run does not wait for its tenth of a second. */
        if (s->now_mono_ms >= log->due_mono_ms || (ended && log->failures == 0)) {
            log->due_mono_ms = s->now_mono_ms + LOG_EVERY_MS;
            if (opened(run))
                ship(run);
        }
        if (log->flight == 0)
            supervisor_wake_by(s, log->due_mono_ms);
    }
}
