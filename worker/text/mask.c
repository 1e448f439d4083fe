/* Masking: one pass over the text that looks at each position once. */
#include "worker/text/mask.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/text/mask_secrets.h"

#define MASK_TEXT "***"
/* Longest userinfo that is waited for; what is longer is no URL. */
#define USERINFO_MAX 4096

/* Where a stream of pieces stands. */
struct stream {
    struct buf held;       /* bytes that may be the beginning of something */
    size_t swallow;        /* bytes at the front of held that are already masked */
    unsigned char seen[3]; /* the last three bytes before held: "://"? */
};

struct mask {
    struct secrets secrets;
    struct stream stream;
};

static void stream_init(struct stream *stream)
{
    *stream = (struct stream){.held = BUF_INIT(SIZE_MAX)};
}

static void stream_done(struct stream *stream)
{
    if (stream->held.data)
        explicit_bzero(stream->held.data, stream->held.cap);
    buf_done(&stream->held);
}

struct mask *mask_new(void)
{
    struct mask *mask = mem_new(1, sizeof(*mask));

    stream_init(&mask->stream);
    return mask;
}

void mask_free(struct mask *mask)
{
    if (!mask)
        return;
    secrets_done(&mask->secrets);
    stream_done(&mask->stream);
    auto_free(&mask);
}

/* ---- the secrets ---- */

static void add_bytes(struct mask *mask, const char *bytes, size_t len)
{
    if (len >= MASK_SECRET_MIN_BYTES)
        secrets_add(&mask->secrets, bytes, len);
}

/* As JSON and HCL print it between quotes. */
static void add_quoted(struct mask *mask, const char *bytes, size_t len)
{
    static const char plain[] = "\"\\\n\r\t", escaped[] = "\"\\nrt";
    char *text = mem_new(2 * len + 1, 1);
    size_t used = 0;

    for (size_t i = 0; i < len; i++) {
        const char *at = memchr(plain, bytes[i], sizeof(plain) - 1);
        if (at)
            text[used++] = '\\';
        text[used++] = at ? escaped[at - plain] : bytes[i];
    }
    if (used > len)
        add_bytes(mask, text, used);
    explicit_bzero(text, 2 * len + 1);
    auto_free(&text);
}

static void add_forms(struct mask *mask, const char *bytes, size_t len)
{
    add_bytes(mask, bytes, len);
    add_quoted(mask, bytes, len);
}

void mask_add(struct mask *mask, const char *secret)
{
    size_t whole = strlen(secret);

    add_forms(mask, secret, whole);
    for (const char *line = secret; *line;) {
        size_t len = strcspn(line, "\r\n");
        if (len < whole)
            add_forms(mask, line, len);
        line += len;
        line += strspn(line, "\r\n");
    }
}

/* ---- matching ---- */

/* RFC 3986, 3.2: the authority ends at one of these, the userinfo at its last '@'. */
static bool ends_authority(unsigned char c)
{
    return c <= ' ' || c == 0x7f || strchr("/?#\"'<>`\\", c);
}

static struct match match_userinfo(const char *bytes, size_t len)
{
    struct match match = {0};
    size_t limit = len < USERINFO_MAX ? len : USERINFO_MAX;
    size_t i = 0;

    for (; i < limit && !ends_authority((unsigned char)bytes[i]); i++)
        if (bytes[i] == '@')
            match.len = i;
    match.partial = i == len && len < USERINFO_MAX;
    return match;
}

static struct match match_at(struct mask *mask, const struct stream *stream,
                             const char *bytes, size_t len)
{
    struct match match = secrets_match(&mask->secrets, bytes, len);
    struct match userinfo = {0};

    if (memcmp(stream->seen, "://", sizeof(stream->seen)) == 0)
        userinfo = match_userinfo(bytes, len);
    if (userinfo.len > match.len)
        match.len = userinfo.len;
    match.partial = match.partial || userinfo.partial;
    return match;
}

/* ---- the stream ---- */

/* Looks at the byte at `held`; false when it has to wait for more. */
static bool step(struct mask *mask, struct stream *stream, const char *held, size_t len,
                 bool last, struct buf *out)
{
    struct match match = match_at(mask, stream, held, len);

    if (match.partial && !last)
        return false;
    if (match.len > stream->swallow) {
        if (stream->swallow == 0)
            buf_str(out, MASK_TEXT);
        stream->swallow = match.len;
    }
    if (stream->swallow > 0)
        stream->swallow--;
    else
        buf_char(out, *held);
    stream->seen[0] = stream->seen[1];
    stream->seen[1] = stream->seen[2];
    stream->seen[2] = (unsigned char)*held;
    return true;
}

static void pump(struct mask *mask, struct stream *stream, bool last, struct buf *out)
{
    struct buf *held = &stream->held;
    size_t done = 0;

    while (done < held->len &&
           step(mask, stream, held->data + done, held->len - done, last, out))
        done++;
    buf_drop(held, done);
}

void mask_feed(struct mask *mask, const char *bytes, size_t len, struct buf *out)
{
    buf_append(&mask->stream.held, bytes, len);
    pump(mask, &mask->stream, false, out);
}

void mask_flush(struct mask *mask, struct buf *out)
{
    pump(mask, &mask->stream, true, out);
}

void mask_text(struct mask *mask, const char *text, size_t len, struct buf *out)
{
    struct stream stream;

    stream_init(&stream);
    buf_append(&stream.held, text, len);
    pump(mask, &stream, true, out);
    stream_done(&stream);
}
