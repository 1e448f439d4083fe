/* Fuzzes zlib streams and zip files: whatever the bytes are, a ceiling holds and a
 * refusal says why; what zip_deflate packs, zip_inflate gives back. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/zip.h"
#include "tests/fuzz/fuzz.h"

#define OUT_MAX 4096

/* A failure is permanent and has a sentence; a success kept to the ceiling. */
static void check_result(int result, const struct buf *out, const struct err *err)
{
    must(out->len <= out->max);
    if (result < 0)
        must(err->kind == ERR_PERM && err->message[0] != '\0');
    else
        must(!out->over);
}

static void try_stream(const uint8_t *data, size_t size)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
    struct err err = {0};

    check_result(zip_inflate(data, size, &out, &err), &out, &err);
}

static void try_round_trip(const uint8_t *data, size_t size)
{
    AUTO(buf_done) struct buf packed = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf out = BUF_INIT(size);
    struct err err = {0};

    zip_deflate(data, size, &packed);
    must(zip_inflate(packed.data, packed.len, &out, &err) == 0 && out.len == size);
    must(size == 0 || memcmp(out.data, data, size) == 0);
}

/* One byte less room than there are bytes: refused, never cut in silence. */
static void try_too_small(const uint8_t *data, size_t size)
{
    AUTO(buf_done) struct buf packed = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf out = BUF_INIT(size - 1);
    struct err err = {0};

    zip_deflate(data, size, &packed);
    must(zip_inflate(packed.data, packed.len, &out, &err) < 0 && out.over);
}

static void try_file(const uint8_t *data, size_t size)
{
    AUTO(buf_done) struct buf out = BUF_INIT(OUT_MAX);
    AUTO(auto_close) int fd = memfd_create("zip", MFD_CLOEXEC);
    AUTO(auto_free) char *path = mem_fmt("/proc/self/fd/%d", fd);
    struct err err = {0};

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    check_result(zip_member(path, "tfstate", &out, &err), &out, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_stream(data, size);
    try_round_trip(data, size);
    if (size > 0)
        try_too_small(data, size);
    try_file(data, size);
    return 0;
}
