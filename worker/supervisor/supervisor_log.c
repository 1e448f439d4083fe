/* Live logs: new bytes of each run's log, to Redis, while the run goes on.
 *
 * The kernel tells when a log has grown (inotify), so that a line after silence leaves at
 * once and a silent run costs nothing; what follows within SHIP_EVERY_MS goes along with
 * the next piece. Where there is no such watch we look by ourselves. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/supervisor/supervisor_internal.h"

#define SHIP_EVERY_MS    20
#define LOOK_EVERY_MS    1000 /* although nothing was told */
#define NEWS_BYTES       4096
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

/* ---- the watch ---- */
void supervisor_log_watch_open(struct supervisor *s)
{
    s->log_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (s->log_fd < 0)
        log_warn("logs_unwatched", "reason=%s", strerrordesc_np(errno));
}

int supervisor_log_watch_fd(const struct supervisor *s)
{
    /* Until then what is told makes no difference. */
    return s->log_pause_mono_ms > clock_mono_ms() ? -1 : s->log_fd;
}

/* Which log it was is not asked: there are as many as slots. */
static bool have_grown(const struct supervisor *s)
{
    char news[NEWS_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool any = false;

    while (s->log_fd >= 0 && read(s->log_fd, news, sizeof news) > 0)
        any = true;
    return any;
}

static bool opened(struct held *run)
{
    AUTO(auto_free) char *path = NULL;
    int watch_fd = run->supervisor->log_fd;

    if (run->log.fd >= 0)
        return true;
    path = path_join(run->dir, "log");
    run->log.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    /* The watch ends with the file. */
    run->log.watched = run->log.fd >= 0 && watch_fd >= 0 &&
                       inotify_add_watch(watch_fd, path, IN_MODIFY) >= 0;
    return run->log.fd >= 0;
}

static int64_t file_bytes(const struct log_tail *log)
{
    struct stat info;

    return fstat(log->fd, &info) == 0 ? (int64_t)info.st_size : 0;
}

/* What cannot be stored is given up, and who reads sees by the offsets that it is
 * missing: the log is whole in the run's result. */
static void leave_out(struct held *run)
{
    struct log_tail *log = &run->log;
    int64_t end = file_bytes(log);

    run->supervisor->counts.log_dropped += end - log->offset;
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

/* The next piece: up to a chunk of the file. */
static size_t next_piece(const struct log_tail *log, char piece[QUEUE_LOG_CHUNK_BYTES])
{
    ssize_t got;

    do
        got = pread(log->fd, piece, QUEUE_LOG_CHUNK_BYTES, (off_t)log->offset);
    while (got < 0 && errno == EINTR);
    return got > 0 ? (size_t)got : 0;
}

static void ship(struct held *run)
{
    struct supervisor *s = run->supervisor;
    struct log_tail *log = &run->log;
    AUTO(redis_cmd_done) struct redis_cmd cmd = {0};
    char piece[QUEUE_LOG_CHUNK_BYTES];
    size_t len = next_piece(log, piece);

    if (len == 0)
        return;
    log->flight = len;
    log->due_mono_ms = s->now_mono_ms + (len < sizeof piece ? SHIP_EVERY_MS : 0);
    queue_log_append(&cmd, s->conf->redis_prefix, &run->hold, run->attempt, log->offset,
                     piece, len);
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

/* When the log may be looked at, and when it has to be. */
static int64_t next_look(const struct held *run)
{
    const struct log_tail *log = &run->log;

    /* The rest of an ended run waits for nothing. */
    if (run->state == HELD_ENDED && log->failures == 0)
        return run->supervisor->now_mono_ms;
    return log->grown || log->due_mono_ms > log->look_mono_ms ? log->due_mono_ms
                                                              : log->look_mono_ms;
}

static void look(struct held *run)
{
    struct log_tail *log = &run->log;

    log->grown = false;
    if (opened(run))
        ship(run);
    log->grown = log->flight > 0; /* there may be more by then */
    log->look_mono_ms =
        run->supervisor->now_mono_ms + (log->watched ? LOOK_EVERY_MS : LOG_EVERY_MS);
}

void supervisor_ship_logs(struct supervisor *s)
{
    bool grown = have_grown(s);

    s->log_pause_mono_ms = 0;
    for (struct held *run = s->runs; run; run = run->next) {
        struct log_tail *log = &run->log;

        if ((run->state != HELD_RUNNING && run->state != HELD_ENDED) || log->closed)
            continue;
        log->grown = log->grown || grown;
        if (log->flight == 0 && redis_link_ready(s->link)) {
            if (s->now_mono_ms >= next_look(run))
                look(run);
            if (log->flight == 0)
                supervisor_wake_by(s, next_look(run));
        }
        if (log->grown && log->due_mono_ms <= s->now_mono_ms + SHIP_EVERY_MS)
            s->log_pause_mono_ms = log->due_mono_ms;
    }
}
