/* The log of a run into a stream, in the form its client wants. */
#include "api/log/log_write.h"

#include <inttypes.h>
#include <string.h>

#include "api/server/request.h"
#include "common/base/mem.h"

const char *log_form_type(enum log_form form)
{
    return form == LOG_FORM_TEXT ? "text/plain; charset=utf-8" : "text/event-stream";
}

static bool is_text(const struct log_writer *w)
{
    return w->form == LOG_FORM_TEXT;
}

static void send_out(struct log_writer *w, const struct buf *bytes)
{
    stream_write(w->req, bytes->data, bytes->len);
}

/* With what was held back; what is left of a character waits, unless it is the last. */
static void send_events(struct log_writer *w, const char *bytes, size_t len, bool last)
{
    AUTO(buf_done) struct buf whole = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
    struct log_place after = w->place;

    buf_append(&whole, w->tail, w->tail_len);
    buf_append(&whole, bytes, len);
    w->tail_len = last ? 0 : log_event_tail(buf_text(&whole), whole.len);
    memcpy(w->tail, buf_text(&whole) + whole.len - w->tail_len, w->tail_len);
    after.offset -= (int64_t)w->tail_len;
    if (whole.len > w->tail_len)
        log_event_data(&out, &after, whole.data, whole.len - w->tail_len);
    send_out(w, &out);
}

static void send_rest(struct log_writer *w)
{
    if (w->tail_len > 0)
        send_events(w, "", 0, true);
}

void log_write_begin(struct log_writer *w)
{
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);

    if (is_text(w))
        return;
    log_event_begin(&out);
    send_out(w, &out);
}

void log_write_comment(struct log_writer *w)
{
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);

    if (is_text(w))
        return;
    log_event_comment(&out);
    send_out(w, &out);
}

void log_write_bytes(struct log_writer *w, const char *bytes, size_t len)
{
    if (is_text(w))
        stream_write(w->req, bytes, len);
    else
        send_events(w, bytes, len, false);
}

void log_write_gap(struct log_writer *w, int64_t missing)
{
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);

    send_rest(w);
    if (missing > 0)
        w->place.offset += missing;
    if (!is_text(w))
        log_event_gap(&out, &w->place, missing);
    else if (missing > 0)
        buf_fmt(&out, "\n[%" PRId64 " bytes left out]\n", missing);
    else
        buf_str(&out, "[the log of this run is not kept any more]\n");
    send_out(w, &out);
}

void log_write_attempt(struct log_writer *w, int64_t attempt)
{
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
    bool is_first = w->place.attempt == 0;

    send_rest(w);
    w->place = (struct log_place){.attempt = attempt};
    if (is_first)
        return;
    if (is_text(w))
        buf_fmt(&out, "\n==> attempt %" PRId64 "\n", attempt);
    else
        log_event_attempt(&out, &w->place);
    send_out(w, &out);
}

void log_write_end(struct log_writer *w, const char *status)
{
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);

    send_rest(w);
    if (is_text(w))
        return;
    log_event_end(&out, &w->place, status);
    send_out(w, &out);
}
