/* Pages of lists: limit, cursor, and the Link to the next one. */
#include "api/server/page.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "api/server/request.h"
#include "common/base/mem.h"
#include "common/base/parse.h"

#define RAW_BYTES 24 /* 8 of the number, 16 of the UUID */
#define ID_BYTES  16
#define LINK_MAX  ((size_t)4096)

/* ---- cursors ---- */
static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

/* The bytes of a lower-case UUID; "" is all zero. */
static void pack_id(const char *uuid, unsigned char bytes[ID_BYTES])
{
    size_t nibbles = 0;

    memset(bytes, 0, ID_BYTES);
    for (; *uuid != '\0' && nibbles < 2 * (size_t)ID_BYTES; uuid++) {
        int digit = hex_digit(*uuid);

        if (digit < 0)
            continue;
        bytes[nibbles / 2] |= (unsigned char)(nibbles % 2 == 0 ? digit << 4 : digit);
        nibbles++;
    }
}

static void unpack_id(const unsigned char b[ID_BYTES], char uuid[SIGN_UUID_BYTES])
{
    static const unsigned char zero[ID_BYTES];

    if (memcmp(b, zero, ID_BYTES) == 0) {
        uuid[0] = '\0';
        return;
    }
    snprintf(uuid, SIGN_UUID_BYTES,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
             b[13], b[14], b[15]);
}

/* base64 to and from its form for URLs (RFC 4648, 5). No padding: 24 bytes are 32
 * characters. */
static void swap(char *text, const char *from, const char *to)
{
    for (; *text != '\0'; text++)
        for (size_t i = 0; from[i] != '\0'; i++)
            if (*text == from[i])
                *text = to[i];
}

void page_cursor_print(const struct page_cursor *cursor, char text[PAGE_CURSOR_BYTES])
{
    unsigned char raw[RAW_BYTES];

    for (int i = 0; i < 8; i++)
        raw[i] = (unsigned char)((uint64_t)cursor->at >> (56 - 8 * i));
    pack_id(cursor->id, raw + 8);
    EVP_EncodeBlock((unsigned char *)text, raw, RAW_BYTES);
    swap(text, "+/", "-_");
}

int page_cursor_parse(const char *text, struct page_cursor *out)
{
    char copy[PAGE_CURSOR_BYTES];
    unsigned char raw[RAW_BYTES];
    uint64_t at = 0;

    if (strlen(text) != PAGE_CURSOR_BYTES - 1 || strpbrk(text, "+/=") != NULL)
        return -1;
    memcpy(copy, text, sizeof copy);
    swap(copy, "-_", "+/");
    if (EVP_DecodeBlock(raw, (const unsigned char *)copy, PAGE_CURSOR_BYTES - 1) !=
        RAW_BYTES)
        return -1;
    for (int i = 0; i < 8; i++)
        at = at << 8 | raw[i];
    if (at == 0 || at > INT64_C(9007199254740991))
        return -1;
    out->at = (int64_t)at;
    unpack_id(raw + 8, out->id);
    return 0;
}

/* ---- of a request ---- */
void page_read(const struct request *req, int64_t limit_max, struct page *out,
               struct problems *problems)
{
    const char *limit = request_query(req, "limit");
    const char *cursor = request_query(req, "cursor");

    *out = (struct page){.limit = limit_max < PAGE_LIMIT_DEFAULT ? limit_max
                                                                 : PAGE_LIMIT_DEFAULT};
    if (limit != NULL && parse_int64(limit, 1, limit_max, &out->limit) < 0)
        problems_add(problems, "limit", "limit must be a number from 1 to %lld",
                     (long long)limit_max);
    if (cursor != NULL && page_cursor_parse(cursor, &out->after) < 0)
        problems_add(problems, "cursor", "cursor is not one that this API gave out");
}

static void add_escaped(struct buf *out, const char *text)
{
    static const char plain[] = "-._~";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || strchr(plain, c) != NULL;

        if (is_plain)
            buf_char(out, (char)c);
        else
            buf_fmt(out, "%%%02X", c);
    }
}

static enum MHD_Result add_parameter(void *cls, enum MHD_ValueKind kind, const char *key,
                                     const char *value)
{
    struct buf *link = cls;

    (void)kind;
    if (strcmp(key, "cursor") == 0)
        return MHD_YES;
    add_escaped(link, key);
    buf_char(link, '=');
    add_escaped(link, value != NULL ? value : "");
    buf_char(link, '&');
    return MHD_YES;
}

void page_link(struct request *req, const struct page_cursor *next)
{
    AUTO(buf_done) struct buf link = BUF_INIT(LINK_MAX);
    char cursor[PAGE_CURSOR_BYTES];

    page_cursor_print(next, cursor);
    buf_fmt(&link, "<%s?", req->path);
    MHD_get_connection_values(req->connection, MHD_GET_ARGUMENT_KIND, add_parameter,
                              &link);
    buf_fmt(&link, "cursor=%s>; rel=\"next\"", cursor);
    if (!link.over)
        reply_header(req, MHD_HTTP_HEADER_LINK, buf_text(&link));
}
