/* The log of a run and the output of its steps: masked, and capped. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/runner/runner_parts.h"

#define HALF(bytes) ((bytes) / 2)
/* Pieces of output are 64 KiB; a mask makes them a little longer. */
#define PIECE_BYTES      ((size_t)64 * 1024)
#define MARKS_BYTES      ((size_t)64 * 1024) /* room for the marks of gaps */
#define MASKED_MAX_BYTES ((size_t)1024 * 1024)

int runner_log_open(struct runner_log *log, const char *dir, struct err *err)
{
    AUTO(auto_free) char *path = path_join(dir, "log");

    *log = (struct runner_log){.mask = mask_new()};
    buf_init(&log->masked, MASKED_MAX_BYTES);
    capture_init(&log->tail, 0, HALF(RUNNER_LOG_BYTES));
    capture_init(&log->output, HALF(RUNNER_OUTPUT_BYTES), HALF(RUNNER_OUTPUT_BYTES));
    capture_init(&log->held, HALF(RUNNER_LOG_BYTES) - MARKS_BYTES,
                 HALF(RUNNER_LOG_BYTES) - MARKS_BYTES);
    log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (log->fd < 0)
        return err_sys(err, ERR_PERM, errno, "open %s", path);
    return 0;
}

void runner_log_done(struct runner_log *log)
{
    auto_close(&log->fd);
    mask_free(log->mask);
    buf_done(&log->masked);
    capture_done(&log->tail);
    capture_done(&log->output);
    capture_done(&log->held);
}

static void write_file(struct runner_log *log, const char *bytes, size_t len)
{
    while (len > 0 && log->errnum == 0) {
        ssize_t put = write(log->fd, bytes, len);

        if (put < 0 && errno != EINTR)
            log->errnum = errno;
        if (put > 0) {
            log->written += (size_t)put;
            bytes += put;
            len -= (size_t)put;
        }
    }
}

/* The first half goes to the file as it comes. */
static void to_log(struct runner_log *log, const char *bytes, size_t len)
{
    size_t live = HALF(RUNNER_LOG_BYTES);
    size_t room = log->written < live ? live - log->written : 0;
    size_t first = room < len ? room : len;

    if (len > 0)
        log->midline = bytes[len - 1] != '\n';
    write_file(log, bytes, first);
    if (len > first)
        capture_feed(&log->tail, bytes + first, len - first);
}

/* CR LF and CR alone become LF: what follows a log knows one end of a line. */
static void mend_line_ends(struct runner_log *log, struct buf *text)
{
    size_t kept = 0;

    for (size_t i = 0; i < text->len; i++) {
        char c = text->data[i];
        bool is_second = c == '\n' && log->after_cr;

        log->after_cr = c == '\r';
        if (!is_second)
            text->data[kept++] = c == '\r' ? '\n' : c;
    }
    text->len = kept;
}

static void pass_on(struct runner_log *log)
{
    mend_line_ends(log, &log->masked);
    to_log(log, buf_text(&log->masked), log->masked.len);
    capture_feed(&log->output, buf_text(&log->masked), log->masked.len);
    buf_reset(&log->masked);
}

/* How many of the bytes are for now; the rest is to be held. */
static size_t before_hold(struct runner_log *log, const char *bytes, size_t len)
{
    for (size_t i = 0; log->may_hold && i < len; i++) {
        if (bytes[i] != '\n') {
            if (bytes[i] != '\r') /* it ends a line, too */
                log->line_bytes++;
            continue;
        }
        if (log->line_bytes == 0) {
            log->holding = true;
            return i;
        }
        log->line_bytes = 0;
    }
    return len;
}

void runner_log_feed(struct runner_log *log, const char *bytes, size_t len)
{
    size_t now = log->holding ? 0 : before_hold(log, bytes, len);

    mask_feed(log->mask, bytes, now, &log->masked);
    pass_on(log);
    if (now < len)
        capture_feed(&log->held, bytes + now, len - now);
}

void runner_log_flush(struct runner_log *log)
{
    mask_flush(log->mask, &log->masked);
    pass_on(log);
}

void runner_log_hold(struct runner_log *log)
{
    log->may_hold = true;
    log->line_bytes = 0;
}

void runner_log_release(struct runner_log *log)
{
    AUTO(buf_done) struct buf text = BUF_INIT(RUNNER_LOG_BYTES);
    size_t piece;

    capture_text(&log->held, &text);
    capture_reset(&log->held);
    log->may_hold = log->holding = false;
    for (size_t at = 0; at < text.len; at += piece) {
        piece = text.len - at < PIECE_BYTES ? text.len - at : PIECE_BYTES;
        runner_log_feed(log, text.data + at, piece);
    }
    runner_log_flush(log);
}

void runner_log_drop(struct runner_log *log, const char *sentence)
{
    bool held = log->holding;

    capture_reset(&log->held);
    log->may_hold = log->holding = false;
    if (held)
        runner_log_feed(log, sentence, strlen(sentence));
    runner_log_flush(log);
}

void runner_log_line(struct runner_log *log, const char *format, ...)
{
    AUTO(buf_done) struct buf line = BUF_INIT(1024);
    va_list args;

    if (log->midline)
        buf_char(&line, '\n');
    va_start(args, format);
    buf_vfmt(&line, format, args);
    va_end(args);
    buf_char(&line, '\n');
    log->after_cr = false;
    mend_line_ends(log, &line);
    to_log(log, buf_text(&line), line.len);
}

void runner_log_step(struct runner_log *log)
{
    capture_reset(&log->output);
}

void runner_log_swap(struct runner_log *log, struct capture *output)
{
    struct capture before = log->output;

    log->output = *output;
    *output = before;
}

void runner_log_close(struct runner_log *log)
{
    AUTO(buf_done) struct buf rest = BUF_INIT(RUNNER_LOG_BYTES);

    capture_text(&log->tail, &rest);
    write_file(log, buf_text(&rest), rest.len);
}
