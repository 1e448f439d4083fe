/* The growing byte buffer with a ceiling. */
#include "common/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

#define FIRST_CAP 64

void buf_init(struct buf *buf, size_t max_bytes)
{
    *buf = BUF_INIT(max_bytes);
}

void buf_done(struct buf *buf)
{
    free(buf->data);
    *buf = BUF_INIT(buf->max);
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->over = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

const char *buf_text(const struct buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
    char *text = buf->data != NULL ? TAKE(buf->data) : mem_dup_n("", 0);

    buf->len = 0;
    buf->cap = 0;
    return text;
}

/* Room for `len` more bytes and the NUL, never for more than max allows. */
static size_t make_room(struct buf *buf, size_t len)
{
    size_t left = buf->max - buf->len;
    size_t room = len < left ? len : left;
    size_t need = buf->len + room + 1;
    size_t cap = buf->cap + buf->cap / 2;

    if (need <= buf->cap)
        return room;
    if (cap < FIRST_CAP)
        cap = FIRST_CAP;
    if (cap < need)
        cap = need;
    buf->data = mem_grow(buf->data, cap, 1);
    buf->cap = cap;
    buf->data[buf->len] = '\0';
    return room;
}

void buf_append(struct buf *buf, const void *bytes, size_t len)
{
    size_t room;

    if (len == 0)
        return;
    room = make_room(buf, len);
    memcpy(buf->data + buf->len, bytes, room);
    buf->over = buf->over || room < len;
    buf_advance(buf, room);
}

void buf_str(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

void buf_fmt(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vfmt(buf, format, args);
    va_end(args);
}

void buf_vfmt(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    size_t len, room = make_room(buf, FIRST_CAP);
    int printed;

    va_copy(again, args);
    printed = vsnprintf(buf->data + buf->len, room + 1, format, again);
    va_end(again);
    len = printed > 0 ? (size_t)printed : 0;
    if (len > room) {
        room = make_room(buf, len);
        vsnprintf(buf->data + buf->len, room + 1, format, args);
        buf->over = buf->over || room < len;
    }
    buf_advance(buf, room < len ? room : len);
}

void buf_drop(struct buf *buf, size_t len)
{
    if (len > buf->len)
        len = buf->len;
    if (len == 0)
        return;
    buf->len -= len;
    memmove(buf->data, buf->data + len, buf->len + 1);
}

char *buf_reserve(struct buf *buf, size_t len, size_t *room)
{
    *room = make_room(buf, len);
    return buf->data + buf->len;
}

void buf_advance(struct buf *buf, size_t len)
{
    buf->len += len;
    buf->data[buf->len] = '\0';
}
