/* Captured text with a ceiling. */
#include "worker/text/capture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

void capture_init(struct capture *capture, size_t head_max, size_t tail_max)
{
    *capture = (struct capture){.head = BUF_INIT(head_max), .ring_max = tail_max};
}

void capture_done(struct capture *capture)
{
    buf_done(&capture->head);
    free(capture->ring);
    capture->ring = NULL;
}

void capture_reset(struct capture *capture)
{
    buf_reset(&capture->head);
    capture->ring_len = capture->ring_at = 0;
    capture->left_out = 0;
}

static void feed_ring(struct capture *capture, const char *bytes, size_t len)
{
    size_t max = capture->ring_max, first;

    if (capture->ring == NULL)
        capture->ring = mem_new(max, 1);
    if (len > max) { /* only its end will stay */
        capture->left_out += (int64_t)(len - max);
        bytes += len - max;
        len = max;
    }
    first = max - capture->ring_at < len ? max - capture->ring_at : len;
    memcpy(capture->ring + capture->ring_at, bytes, first);
    memcpy(capture->ring, bytes + first, len - first);
    capture->ring_at = (capture->ring_at + len) % max;
    capture->ring_len += len;
    if (capture->ring_len > max) {
        capture->left_out += (int64_t)(capture->ring_len - max);
        capture->ring_len = max;
    }
}

void capture_feed(struct capture *capture, const char *bytes, size_t len)
{
    size_t room = capture->head.max - capture->head.len;
    size_t first = room < len ? room : len;

    buf_append(&capture->head, bytes, first);
    if (len > first)
        feed_ring(capture, bytes + first, len - first);
}

void capture_text(const struct capture *capture, struct buf *out)
{
    size_t max = capture->ring_max, len = capture->ring_len, from, first;

    buf_append(out, buf_text(&capture->head), capture->head.len);
    if (len == 0)
        return;
    if (capture->left_out > 0)
        buf_fmt(out, "\n[... %" PRId64 " bytes left out ...]\n", capture->left_out);
    from = (capture->ring_at + max - len) % max;
    first = max - from < len ? max - from : len;
    buf_append(out, capture->ring + from, first);
    buf_append(out, capture->ring, len - first);
}
