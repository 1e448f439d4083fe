/* A growing byte buffer with a ceiling: the place for every size that a peer controls.
 *
 * What would go past `max` is dropped and `over` is set; nothing fails on the way, the
 * owner looks at `over` once at the end. The bytes are always followed by a NUL that
 * does not count. */
#ifndef KEDGE_COMMON_BASE_BUF_H
#define KEDGE_COMMON_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* owned; NULL until the first byte, buf_text() is never NULL */
    size_t len;
    size_t cap;
    size_t max; /* most bytes kept */
    bool over;  /* something was dropped */
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

void buf_init(struct buf *buf, size_t max_bytes);
void buf_done(struct buf *buf);  /* frees; the buf may be used again after buf_init */
void buf_reset(struct buf *buf); /* empties, keeps the memory */
const char *buf_text(const struct buf *buf); /* until the next change */
/* The bytes as a string the caller frees; the buf is empty afterwards. */
char *buf_take(struct buf *buf);

void buf_append(struct buf *buf, const void *bytes, size_t len);
void buf_str(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
void buf_fmt(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vfmt(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Drops the first `len` bytes. */
void buf_drop(struct buf *buf, size_t len);
/* Makes room for at least `len` more bytes and returns where they go (fewer when max is
 * near: *room says how many); buf_advance then counts what was written there. */
char *buf_reserve(struct buf *buf, size_t len, size_t *room);
void buf_advance(struct buf *buf, size_t len);

#endif
