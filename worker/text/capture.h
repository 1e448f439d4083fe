/* Captured text with a ceiling: the beginning and the end are kept, what lies between is
 * left out and the gap says how much. */
#ifndef KEDGE_WORKER_TEXT_CAPTURE_H
#define KEDGE_WORKER_TEXT_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

struct capture {
    struct buf head; /* the first bytes */
    char *ring;      /* the last ones, owned; NULL until the head is full */
    size_t ring_max, ring_len, ring_at;
    int64_t left_out; /* bytes between them */
};

/* Room of the mark, on top of the two limits. */
#define CAPTURE_MARK_BYTES 64

void capture_init(struct capture *capture, size_t head_max, size_t tail_max);
void capture_done(struct capture *capture);
void capture_reset(struct capture *capture); /* empties, keeps the limits */
void capture_feed(struct capture *capture, const char *bytes, size_t len);
/* Appends head, mark and tail. */
void capture_text(const struct capture *capture, struct buf *out);

#endif
