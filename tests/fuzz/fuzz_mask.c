/* Fuzzes masking: the first line is a secret, the second byte after it the size of the
 * pieces, the rest a text. However it is cut, the result is the same and holds neither
 * the secret nor more bytes than the text and its masks can have. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "worker/text/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct mask *mask, const char *text, size_t len, size_t piece,
                 struct buf *out)
{
    for (size_t at = 0; at < len; at += piece)
        mask_feed(mask, text + at, len - at < piece ? len - at : piece, out);
    mask_flush(mask, out);
}

static void check(const char *secret, const char *text, size_t len, size_t piece)
{
    AUTO(buf_done) struct buf whole = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf pieces = BUF_INIT(SIZE_MAX);
    struct mask *mask = mask_new();

    mask_add(mask, secret);
    mask_text(mask, text, len, &whole);
    feed(mask, text, len, piece, &pieces);
    if (whole.len != pieces.len || memcmp(buf_text(&whole), buf_text(&pieces), whole.len))
        abort();
    if (strlen(secret) >= MASK_SECRET_MIN_BYTES && !strchr(secret, '*') &&
        memmem(buf_text(&whole), whole.len, secret, strlen(secret)))
        abort();
    mask_free(mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    AUTO(auto_free) char *secret = NULL;
    size_t used;

    if (!end || end + 1 == data + size)
        return 0;
    secret = mem_dup_n((const char *)data, (size_t)(end - data));
    used = (size_t)(end - data) + 2;
    check(secret, (const char *)data + used, size - used, 1 + (size_t)end[1]);
    return 0;
}
