/* zlib streams and zip members: round trips, caps, and every kind of damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/base/mem.h"
#include "common/base/sign.h"
#include "common/base/zip.h"
#include "tests/support/scratch.h"

#define BIG (1 << 20)

/* Half noise, half repetition: more than one chunk on either side. */
static char *big_bytes(void)
{
    char *bytes = mem_new(BIG, 1);

    sign_random(bytes, BIG / 2);
    return bytes;
}

static void bytes_survive_being_packed_and_unpacked(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, BIG};
    AUTO(auto_free) char *bytes = big_bytes();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct buf packed = BUF_INIT(2 * BIG), whole = BUF_INIT(BIG);
        struct err err = {0};

        buf_str(&whole, "");
        zip_deflate(bytes, sizes[i], &packed);
        if (zip_inflate(packed.data, packed.len, &whole, &err) < 0)
            fail_msg("%zu bytes: %s", sizes[i], err.message);
        assert_int_equal(whole.len, sizes[i]);
        assert_memory_equal(buf_text(&whole), bytes, sizes[i]);
        buf_done(&packed);
        buf_done(&whole);
    }
}

static void unpacking_appends_to_what_is_there(void **state)
{
    struct buf packed = BUF_INIT(100), whole = BUF_INIT(100);
    struct err err;

    (void)state;
    buf_str(&whole, "so ");
    zip_deflate("far", 3, &packed);
    assert_int_equal(zip_inflate(packed.data, packed.len, &whole, &err), 0);
    assert_string_equal(buf_text(&whole), "so far");
    buf_done(&packed);
    buf_done(&whole);
}

/* A few hundred bytes that unpack to a megabyte must not be believed. */
static void a_stream_that_grows_past_the_ceiling_is_refused(void **state)
{
    AUTO(auto_free) char *zeroes = mem_new(BIG, 1);
    struct buf packed = BUF_INIT(BIG), whole = BUF_INIT(BIG - 1);
    struct err err = {0};

    (void)state;
    zip_deflate(zeroes, BIG, &packed);
    assert_true(packed.len < 5000);
    assert_int_equal(zip_inflate(packed.data, packed.len, &whole, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_string_equal(err.message, "unpacks to more than 1048575 bytes");
    buf_done(&packed);
    buf_done(&whole);
}

static void a_broken_stream_is_refused(void **state)
{
    struct buf packed = BUF_INIT(1000), cut = BUF_INIT(1000);
    struct err err = {0};

    (void)state;
    zip_deflate("some text, some text", 20, &packed);
    for (size_t len = 0; len < packed.len; len++) {
        buf_reset(&cut);
        assert_int_equal(zip_inflate(packed.data, len, &cut, &err), -1);
        assert_string_equal(err.message, "broken compressed data");
    }
    buf_char(&packed, 'x');
    buf_reset(&cut);
    assert_int_equal(zip_inflate(packed.data, packed.len, &cut, &err), -1);
    packed.data[packed.len - 2] ^= 1; /* of its checksum */
    buf_reset(&cut);
    assert_int_equal(zip_inflate(packed.data, packed.len - 1, &cut, &err), -1);
    buf_done(&packed);
    buf_done(&cut);
}

/* ---- zip files, as terraform's Go library writes them: sizes only in the directory ----
 */

/* Little-endian; more than 8 bytes are filled up with zeroes. */
static void put(struct buf *file, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++, number >>= 8)
        buf_char(file, (char)number);
}

struct entry {
    const char *name, *text;
    unsigned flags, method;
};

static void put_packed(struct buf *file, const struct entry *entry)
{
    struct buf packed = BUF_INIT(BIG);

    zip_deflate(entry->text, strlen(entry->text), &packed);
    if (entry->method == 0)
        buf_str(file, entry->text);
    else /* raw: without zlib's 2 bytes of header and 4 of checksum */
        buf_append(file, packed.data + 2, packed.len - 6);
    buf_done(&packed);
}

/* Appends the member; its directory record goes to `directory`. */
static void put_entry(struct buf *file, struct buf *directory, const struct entry *entry)
{
    size_t header_at = file->len, name_len = strlen(entry->name), data_at;
    size_t len = strlen(entry->text);

    put(file, 0x04034b50, 4);
    put(file, 20, 2);
    put(file, entry->flags, 2);
    put(file, entry->method, 2);
    put(file, 0, 16); /* time, date, checksum and sizes: all in the directory */
    put(file, name_len, 2);
    put(file, 3, 2);
    buf_str(file, entry->name);
    buf_str(file, "pad"); /* an extra field that only the local header has */
    data_at = file->len;
    put_packed(file, entry);
    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);
    put(directory, 20, 2);
    put(directory, entry->flags, 2);
    put(directory, entry->method, 2);
    put(directory, 0, 4);
    put(directory, crc32(0, (const unsigned char *)entry->text, (unsigned)len), 4);
    put(directory, file->len - data_at, 4);
    put(directory, len, 4);
    put(directory, name_len, 2);
    put(directory, 0, 12);
    put(directory, header_at, 4);
    buf_str(directory, entry->name);
}

static void put_end(struct buf *file, const struct buf *directory, size_t count,
                    const char *comment)
{
    size_t directory_at = file->len;

    buf_append(file, directory->data, directory->len);
    put(file, 0x06054b50, 4);
    put(file, 0, 4);
    put(file, count, 2);
    put(file, count, 2);
    put(file, directory->len, 4);
    put(file, directory_at, 4);
    put(file, strlen(comment), 2);
    buf_str(file, comment);
}

static struct buf make_zip(const char *comment)
{
    static const struct entry entries[] = {
        {"tfplan", "stored text", 8, 0},
        {"tfstate", "deflated text, deflated text, deflated text", 8, 8},
        {"tfstate-prev", "another", 8, 8},
        {"secret", "x", 1, 0},
        {"bzip", "x", 0, 12},
        {"empty", "", 0, 0},
    };
    struct buf file = BUF_INIT(BIG), directory = BUF_INIT(BIG);

    for (size_t i = 0; i < ARRAY_LEN(entries); i++)
        put_entry(&file, &directory, &entries[i]);
    put_end(&file, &directory, ARRAY_LEN(entries), comment);
    buf_done(&directory);
    return file;
}

static int read_member(void **state, const struct buf *file, const char *name,
                       struct buf *out, struct err *err)
{
    AUTO(auto_free) char *path = scratch_path(state, "plan");
    AUTO(auto_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, buf_text(file), file->len), (ssize_t)file->len);
    return zip_member(path, name, out, err);
}

static void members_are_found_by_their_whole_name(void **state)
{
    static const struct {
        const char *name, *text, *problem;
    } rows[] = {
        {"tfplan", "stored text", NULL},
        {"tfstate", "deflated text, deflated text, deflated text", NULL},
        {"tfstate-prev", "another", NULL},
        {"empty", "", NULL},
        {"tfstat", NULL, "has no member tfstat"},
        {"TFSTATE", NULL, "has no member TFSTATE"},
        {"secret", NULL, "packed in an unknown way"},
        {"bzip", NULL, "packed in an unknown way"},
    };
    struct buf file = make_zip("");

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out = BUF_INIT(1000);
        struct err err = {0};
        int result = read_member(state, &file, rows[i].name, &out, &err);

        assert_int_equal(result, rows[i].problem == NULL ? 0 : -1);
        if (result == 0)
            assert_string_equal(buf_text(&out), rows[i].text);
        else
            assert_non_null(strstr(err.message, rows[i].problem));
        buf_done(&out);
    }
    buf_done(&file);
}

static void a_comment_at_the_end_hides_nothing(void **state)
{
    struct buf file = make_zip("PK\x05\x06 looks like the record it follows");
    struct buf out = BUF_INIT(1000);
    struct err err = {0};

    if (read_member(state, &file, "tfplan", &out, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(buf_text(&out), "stored text");
    buf_done(&file);
    buf_done(&out);
}

static void a_member_larger_than_the_ceiling_is_refused(void **state)
{
    static const char *const names[] = {"tfplan", "tfstate"};
    struct buf file = make_zip("");

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct buf out = BUF_INIT(10);
        struct err err = {0};

        assert_int_equal(read_member(state, &file, names[i], &out, &err), -1);
        assert_int_equal(err.kind, ERR_PERM);
        assert_non_null(strstr(err.message, "more than 10 bytes"));
        buf_done(&out);
    }
    buf_done(&file);
}

/* Reading must end in the right text or in an error whatever byte is wrong or missing. */
static void damage_anywhere_never_gives_wrong_text(void **state)
{
    const char *right = "deflated text, deflated text, deflated text";
    struct buf file = make_zip("");
    size_t refused = 0;

    for (size_t at = 0; at < file.len; at++) {
        struct buf out = BUF_INIT(1000);
        struct err err = {0};

        file.data[at] ^= 0x41;
        if (read_member(state, &file, "tfstate", &out, &err) == 0)
            assert_string_equal(buf_text(&out), right);
        else
            refused++;
        file.data[at] ^= 0x41;
        buf_done(&out);
    }
    assert_true(refused > 40);
    for (size_t len = file.len; len > 0; file.len = --len) {
        struct buf out = BUF_INIT(1000);
        struct err err = {0};

        file.len = len - 1;
        assert_int_equal(read_member(state, &file, "tfstate", &out, &err), -1);
        assert_int_equal(err.kind, ERR_PERM);
        buf_done(&out);
    }
    buf_done(&file);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "none");
    struct buf out = BUF_INIT(10);
    struct err err = {0};

    assert_int_equal(zip_member(path, "x", &out, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_survive_being_packed_and_unpacked),
        cmocka_unit_test(unpacking_appends_to_what_is_there),
        cmocka_unit_test(a_stream_that_grows_past_the_ceiling_is_refused),
        cmocka_unit_test(a_broken_stream_is_refused),
        cmocka_unit_test_setup_teardown(members_are_found_by_their_whole_name,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_comment_at_the_end_hides_nothing, scratch_make,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_member_larger_than_the_ceiling_is_refused,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(damage_anywhere_never_gives_wrong_text,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_an_error,
                                        scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
