/* Digests against published vectors; ids that differ, ascend and have their form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/sign.h"

static void digests_are_those_of_fips_180(void **state)
{
    static const struct {
        const char *text, *hex;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char hex[SIGN_HEX_BYTES];

        sign_sha256_hex(rows[i].text, strlen(rows[i].text), hex);
        assert_string_equal(hex, rows[i].hex);
    }
}

static void hex_of_hmac(const char *key, const struct sign_part *parts, size_t count,
                        char hex[2 * SIGN_MAC_BYTES + 1])
{
    unsigned char mac[SIGN_MAC_BYTES];

    sign_hmac(key, strlen(key), parts, count, mac);
    sign_hex(mac, sizeof mac, hex);
}

/* Test cases 1, 2 and 6. */
static void hmacs_are_those_of_rfc_4231(void **state)
{
    static const char key1[] = "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
                               "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b";
    static const struct {
        const char *key, *text, *hex;
    } rows[] = {
        {key1, "Hi There",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    };
    char hex[2 * SIGN_MAC_BYTES + 1], parts_hex[2 * SIGN_MAC_BYTES + 1];
    char long_key[132] = "";

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].text);
        const struct sign_part whole = {rows[i].text, len};
        const struct sign_part parts[] = {
            {rows[i].text, 3}, {"", 0}, {rows[i].text + 3, len - 3}};

        hex_of_hmac(rows[i].key, &whole, 1, hex);
        assert_string_equal(hex, rows[i].hex);
        hex_of_hmac(rows[i].key, parts, ARRAY_LEN(parts), parts_hex);
        assert_string_equal(parts_hex, rows[i].hex);
    }
    memset(long_key, 0xaa, 131);
    hex_of_hmac(
        long_key,
        &(struct sign_part){"Test Using Larger Than Block-Size Key - Hash Key First", 54},
        1, hex);
    assert_string_equal(
        hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 4648, section 10. */
static void base64_goes_there_and_back(void **state)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xff\xfe\xfb", "//77"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned char bytes[8];
        char text[SIGN_BASE64_BYTES(8)];
        size_t len = 99;

        sign_base64(rows[i].bytes, strlen(rows[i].bytes), text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(sign_base64_parse(text, bytes, &len), 0);
        assert_int_equal(len, strlen(rows[i].bytes));
        assert_memory_equal(bytes, rows[i].bytes, len);
    }
}

static void what_is_no_base64_is_refused(void **state)
{
    static const char *const rows[] = {"Z",        "Zg",   "Zg=",    "Zg===",
                                       "Zh==",     "Zm9=", "Zm9v\n", "Z-9v",
                                       "Zg==Zg==", "====", " Zg="};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned char bytes[16];
        size_t len;

        if (sign_base64_parse(rows[i], bytes, &len) == 0)
            fail_msg("taken: %s", rows[i]);
    }
}

static void id_of(const char *a, const char *b, char id[SIGN_ID_BYTES])
{
    sign_id((const char *const[]){a, b}, 2, id);
}

static void an_id_tells_lists_apart_that_join_to_the_same_text(void **state)
{
    static const char *const pairs[][2] = {
        {"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}, {"1:a", ""}, {"", "1:a"},
    };
    char ids[ARRAY_LEN(pairs)][SIGN_ID_BYTES], again[SIGN_ID_BYTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        id_of(pairs[i][0], pairs[i][1], ids[i]);
        assert_int_equal(strlen(ids[i]), SIGN_ID_BYTES - 1);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
    id_of("ab", "c", again);
    assert_string_equal(ids[0], again);
}

static void null_in_a_list_counts_as_empty(void **state)
{
    char with_null[SIGN_ID_BYTES], with_empty[SIGN_ID_BYTES], shorter[SIGN_ID_BYTES];

    (void)state;
    id_of("a", NULL, with_null);
    id_of("a", "", with_empty);
    sign_id((const char *const[]){"a"}, 1, shorter);
    assert_string_equal(with_null, with_empty);
    assert_string_not_equal(with_null, shorter);
}

/* Ids are stored: the same list must give this id in every release. */
static void an_id_never_changes_between_releases(void **state)
{
    char id[SIGN_ID_BYTES], hex[SIGN_HEX_BYTES];

    (void)state;
    id_of("ab", "c", id);
    sign_sha256_hex("2:ab1:c", 7, hex);
    assert_memory_equal(id, hex, SIGN_ID_BYTES - 1);
}

static void secrets_are_equal_only_to_themselves(void **state)
{
    (void)state;
    assert_true(sign_equal("token", "token"));
    assert_false(sign_equal("token", "tokem"));
    assert_false(sign_equal("token", "toke"));
    assert_false(sign_equal("token", "token "));
    assert_false(sign_equal("token", ""));
    assert_false(sign_equal("token", NULL));
    assert_false(sign_equal(NULL, "token"));
    assert_false(sign_equal(NULL, NULL));
}

static void random_bytes_fill_the_whole_array(void **state)
{
    unsigned char bytes[64], ever[64] = {0};

    (void)state;
    for (int i = 0; i < 32; i++) {
        sign_random(bytes, sizeof bytes);
        for (size_t j = 0; j < sizeof bytes; j++)
            ever[j] |= bytes[j];
    }
    for (size_t j = 0; j < sizeof ever; j++)
        assert_int_not_equal(ever[j], 0);
}

static void nonces_differ_and_are_hex(void **state)
{
    char one[SIGN_ID_BYTES], two[SIGN_ID_BYTES];

    (void)state;
    sign_nonce(one);
    sign_nonce(two);
    assert_string_not_equal(one, two);
    assert_int_equal(strspn(one, "0123456789abcdef"), SIGN_ID_BYTES - 1);
    assert_int_equal(one[SIGN_ID_BYTES - 1], '\0');
}

static void random_uuids_have_the_form_of_version_4(void **state)
{
    char uuid[SIGN_UUID_BYTES], other[SIGN_UUID_BYTES];

    (void)state;
    sign_uuid4(other);
    for (int i = 0; i < 100; i++) {
        sign_uuid4(uuid);
        assert_true(parse_is_uuid(uuid));
        assert_int_equal(uuid[14], '4');
        assert_non_null(strchr("89ab", uuid[19]));
        assert_string_not_equal(uuid, other);
    }
}

static void a_forked_child_draws_other_ids_than_its_parent(void **state)
{
    char mine[SIGN_ID_BYTES], theirs[SIGN_ID_BYTES] = "";
    int pipe_fds[2];
    pid_t pid;

    (void)state;
    sign_nonce(mine); /* fills what is drawn from before the fork */
    assert_int_equal(pipe(pipe_fds), 0);
    pid = fork();
    if (pid == 0) {
        sign_nonce(theirs);
        _exit(write(pipe_fds[1], theirs, sizeof theirs) != sizeof theirs);
    }
    sign_nonce(mine);
    assert_int_equal(read(pipe_fds[0], theirs, sizeof theirs), sizeof theirs);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    assert_int_equal(strlen(theirs), SIGN_ID_BYTES - 1);
    assert_string_not_equal(mine, theirs);
}

static void timed_uuids_have_the_form_of_version_7_and_hold_their_time(void **state)
{
    int64_t now_ms = clock_wall_ms();
    char uuid[SIGN_UUID_BYTES], time[13];

    (void)state;
    sign_uuid7(now_ms, uuid);
    assert_true(parse_is_uuid(uuid));
    assert_int_equal(uuid[14], '7');
    assert_non_null(strchr("89ab", uuid[19]));
    assert_int_equal(snprintf(time, sizeof time, "%012llx",
                              (unsigned long long)now_ms & 0xffffffffffff),
                     12);
    assert_memory_equal(uuid, time, 8);
    assert_memory_equal(uuid + 9, time + 8, 4);
}

/* More in one millisecond than its counter holds, and a clock that jumps back. */
static void timed_uuids_ascend_whatever_the_clock_does(void **state)
{
    int64_t start_ms = clock_wall_ms() + 1000;
    char last[SIGN_UUID_BYTES], uuid[SIGN_UUID_BYTES];

    (void)state;
    sign_uuid7(start_ms, last);
    for (int i = 0; i < 20000; i++) {
        sign_uuid7(i < 15000 ? start_ms : start_ms - 500, uuid);
        if (strcmp(last, uuid) >= 0)
            fail_msg("%s after %s", uuid, last);
        assert_int_equal(uuid[14], '7');
        memcpy(last, uuid, sizeof last);
    }
}

/* Of known input a known output: runs that are stored are found by these ids. */
static void a_derived_uuid_is_always_the_same_and_as_old_as_its_origin(void **state)
{
    static const char origin[] = "0199a1b2-c3d4-7e5f-8a6b-0123456789ab";
    static const char next[] = "0199a1b2-c3d4-7e5f-8a6b-0123456789ac";
    char uuid[SIGN_UUID_BYTES], again[SIGN_UUID_BYTES];

    (void)state;
    sign_uuid7_derived(origin, 0, uuid);
    assert_string_equal(uuid, "0199a1b2-c3d4-7bc5-ae88-272915a15f45");
    sign_uuid7_derived(origin, 0, again);
    assert_string_equal(uuid, again);
    assert_true(parse_is_uuid(uuid));
    assert_int_equal(uuid[14], '7');
    assert_non_null(strchr("89ab", uuid[19]));
    assert_memory_equal(uuid, origin, 13);
    sign_uuid7_derived(origin, 1, again);
    assert_string_not_equal(uuid, again);
    sign_uuid7_derived(next, 0, again);
    assert_string_not_equal(uuid, again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_fips_180),
        cmocka_unit_test(hmacs_are_those_of_rfc_4231),
        cmocka_unit_test(base64_goes_there_and_back),
        cmocka_unit_test(what_is_no_base64_is_refused),
        cmocka_unit_test(an_id_tells_lists_apart_that_join_to_the_same_text),
        cmocka_unit_test(null_in_a_list_counts_as_empty),
        cmocka_unit_test(an_id_never_changes_between_releases),
        cmocka_unit_test(secrets_are_equal_only_to_themselves),
        cmocka_unit_test(random_bytes_fill_the_whole_array),
        cmocka_unit_test(nonces_differ_and_are_hex),
        cmocka_unit_test(random_uuids_have_the_form_of_version_4),
        cmocka_unit_test(a_forked_child_draws_other_ids_than_its_parent),
        cmocka_unit_test(timed_uuids_have_the_form_of_version_7_and_hold_their_time),
        cmocka_unit_test(timed_uuids_ascend_whatever_the_clock_does),
        cmocka_unit_test(a_derived_uuid_is_always_the_same_and_as_old_as_its_origin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
