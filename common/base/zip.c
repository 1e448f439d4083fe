/* zlib streams, and one member of a zip file, found through the directory at its end. */
#define ZLIB_CONST /* next_in is const */
#include "common/base/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/base/mem.h"

#define OUT_CHUNK        (64 * 1024)
#define IN_CHUNK         (64 * 1024)
#define RAW_DEFLATE_BITS (-MAX_WBITS)
#define DIRECTORY_MAX    (16 * 1024 * 1024)

/* Record sizes and signatures: PKWARE APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16. */
#define LOCAL_BYTES    30
#define LOCAL_MAGIC    0x04034b50u
#define CENTRAL_BYTES  46
#define CENTRAL_MAGIC  0x02014b50u
#define END_BYTES      22
#define END_MAGIC      0x06054b50u
#define COMMENT_MAX    65535
#define FLAG_ENCRYPTED 1u
#define METHOD_STORED  0
#define METHOD_DEFLATE 8

void zip_deflate(const void *bytes, size_t len, struct buf *out)
{
    uLongf packed = compressBound(len);
    AUTO(auto_free) unsigned char *stream = mem_new(packed, 1);

    if (compress2(stream, &packed, bytes, len, Z_DEFAULT_COMPRESSION) == Z_OK)
        buf_append(out, stream, packed);
}

/* Puts what comes out of `stream` into `out`, until the input is used up or the end of
 * the stream is there. Z_OK, Z_STREAM_END or an error; Z_BUF_ERROR when out is full. */
static int inflate_some(z_stream *stream, struct buf *out)
{
    int status = Z_OK;

    while (status == Z_OK && (stream->avail_in > 0 || stream->avail_out == 0)) {
        unsigned char beyond = 0;
        size_t room;
        char *at = buf_reserve(out, OUT_CHUNK, &room);

        stream->next_out = room > 0 ? (unsigned char *)at : &beyond;
        stream->avail_out = room > 0 ? (uInt)room : 1;
        status = inflate(stream, Z_NO_FLUSH);
        if (room > 0)
            buf_advance(out, room - stream->avail_out);
        else if (stream->avail_out == 0)
            out->over = true;
        if (out->over)
            return Z_BUF_ERROR;
    }
    return status == Z_BUF_ERROR && stream->avail_in == 0 ? Z_OK : status;
}

static int inflate_problem(const struct buf *out, struct err *err)
{
    if (out->over)
        return err_set(err, ERR_PERM, "unpacks to more than %zu bytes", out->max);
    return err_set(err, ERR_PERM, "broken compressed data");
}

int zip_inflate(const void *bytes, size_t len, struct buf *out, struct err *err)
{
    z_stream stream = {.avail_out = 1};
    const unsigned char *at = bytes, *end = at + len;
    int status = Z_OK;

    if (inflateInit(&stream) != Z_OK)
        return err_set(err, ERR_PERM, "zlib cannot start");
    while (status == Z_OK && at < end) {
        size_t piece = (size_t)(end - at) < IN_CHUNK ? (size_t)(end - at) : IN_CHUNK;

        stream.next_in = at;
        stream.avail_in = (uInt)piece;
        status = inflate_some(&stream, out);
        at += piece - stream.avail_in;
    }
    inflateEnd(&stream);
    return status == Z_STREAM_END && at == end ? 0 : inflate_problem(out, err);
}

/* ---- zip files ---- */

struct archive {
    int fd;
    uint64_t bytes;
    const char *path;
    struct err *err;
};

struct member {
    unsigned flags, method;
    uint32_t crc;
    uint64_t packed, unpacked, header_at;
};

static unsigned get16(const unsigned char *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

static uint32_t get32(const unsigned char *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static int broken(const struct archive *archive)
{
    return err_set(archive->err, ERR_PERM, "%s is not a zip file, or broken",
                   archive->path);
}

static int read_at(const struct archive *archive, uint64_t offset, void *bytes,
                   size_t len)
{
    unsigned char *at = bytes;

    if (offset > archive->bytes || len > archive->bytes - offset)
        return broken(archive);
    while (len > 0) {
        ssize_t got = pread(archive->fd, at, len, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_sys(archive->err, ERR_PERM, got < 0 ? errno : EIO, "read %s",
                           archive->path);
        at += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return 0;
}

/* The end record is the last thing in the file, before a comment of unknown length. */
static int find_end(const struct archive *archive, unsigned char end[END_BYTES])
{
    size_t len = archive->bytes < END_BYTES + COMMENT_MAX ? (size_t)archive->bytes
                                                          : END_BYTES + COMMENT_MAX;
    AUTO(auto_free) unsigned char *tail = mem_new(len, 1);

    if (read_at(archive, archive->bytes - len, tail, len) < 0)
        return -1;
    for (size_t left = END_BYTES; left <= len; left++) {
        const unsigned char *at = tail + len - left;

        if (get32(at) == END_MAGIC && get16(at + 20) == left - END_BYTES) {
            memcpy(end, at, END_BYTES);
            return 0;
        }
    }
    return broken(archive);
}

static struct member read_entry(const unsigned char *entry)
{
    return (struct member){
        .flags = get16(entry + 8),
        .method = get16(entry + 10),
        .crc = get32(entry + 16),
        .packed = get32(entry + 20),
        .unpacked = get32(entry + 24),
        .header_at = get32(entry + 42),
    };
}

static int search_directory(const struct archive *archive, const unsigned char *directory,
                            size_t len, const char *name, struct member *out)
{
    size_t at = 0, wanted = strlen(name);

    while (len - at >= CENTRAL_BYTES) {
        const unsigned char *entry = directory + at;
        size_t name_len = get16(entry + 28);
        size_t whole = CENTRAL_BYTES + name_len + get16(entry + 30) + get16(entry + 32);

        if (get32(entry) != CENTRAL_MAGIC || whole > len - at)
            return broken(archive);
        if (name_len == wanted && memcmp(entry + CENTRAL_BYTES, name, wanted) == 0) {
            *out = read_entry(entry);
            return 0;
        }
        at += whole;
    }
    return err_set(archive->err, ERR_PERM, "%s has no member %s", archive->path, name);
}

static int find_member(const struct archive *archive, const char *name,
                       struct member *out)
{
    unsigned char end[END_BYTES] = {0};
    AUTO(auto_free) unsigned char *directory = NULL;
    size_t len;

    if (find_end(archive, end) < 0)
        return -1;
    len = get32(end + 12);
    if (len > DIRECTORY_MAX)
        return broken(archive);
    directory = mem_new(len, 1);
    if (read_at(archive, get32(end + 16), directory, len) < 0)
        return -1;
    return search_directory(archive, directory, len, name, out);
}

/* Hands the member's bytes, piece by piece, to `out`. */
static int unpack_pieces(const struct archive *archive, const struct member *member,
                         uint64_t at, z_stream *stream, struct buf *out)
{
    unsigned char piece[IN_CHUNK / 4];
    uint64_t left = member->packed;
    int status = Z_OK;

    while (left > 0 && status == Z_OK) {
        size_t len = left < sizeof piece ? (size_t)left : sizeof piece;

        if (read_at(archive, at, piece, len) < 0)
            return -1;
        at += len;
        left -= len;
        if (member->method == METHOD_STORED) {
            buf_append(out, piece, len);
            continue;
        }
        stream->next_in = piece;
        stream->avail_in = (uInt)len;
        status = inflate_some(stream, out);
    }
    if (out->over)
        return inflate_problem(out, archive->err);
    if (member->method == METHOD_DEFLATE && status != Z_STREAM_END)
        return broken(archive);
    return 0;
}

static int unpack(const struct archive *archive, const struct member *member,
                  struct buf *out)
{
    unsigned char header[LOCAL_BYTES] = {0};
    z_stream stream = {0};
    size_t before = out->len;
    int result;

    if (read_at(archive, member->header_at, header, sizeof header) < 0)
        return -1;
    if (get32(header) != LOCAL_MAGIC || inflateInit2(&stream, RAW_DEFLATE_BITS) != Z_OK)
        return broken(archive);
    result = unpack_pieces(archive, member,
                           member->header_at + LOCAL_BYTES + get16(header + 26) +
                               get16(header + 28),
                           &stream, out);
    inflateEnd(&stream);
    if (result < 0)
        return -1;
    if (out->len - before != member->unpacked ||
        crc32_z(0, (const unsigned char *)buf_text(out) + before, out->len - before) !=
            member->crc)
        return broken(archive);
    return 0;
}

int zip_member(const char *path, const char *name, struct buf *out, struct err *err)
{
    AUTO(auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct archive archive = {.fd = fd, .path = path, .err = err};
    struct member member = {0};
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(err, ERR_PERM, errno, "open %s", path);
    archive.bytes = (uint64_t)st.st_size;
    if (find_member(&archive, name, &member) < 0)
        return -1;
    if ((member.flags & FLAG_ENCRYPTED) != 0 ||
        (member.method != METHOD_STORED && member.method != METHOD_DEFLATE))
        return err_set(err, ERR_PERM, "%s in %s is packed in an unknown way", name, path);
    return unpack(&archive, &member, out);
}
