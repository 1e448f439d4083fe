/* Masking: nothing secret leaves, wherever the pieces of a text are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/mem.h"
#include "worker/text/mask.h"

static void auto_mask(struct mask **mask)
{
    mask_free(*mask);
}

static struct mask *mask_with(const char *const *secrets, size_t count)
{
    struct mask *mask = mask_new();

    for (size_t i = 0; i < count; i++)
        mask_add(mask, secrets[i]);
    return mask;
}

/* The masked text when it arrives in pieces of `piece` bytes. */
static char *fed(struct mask *mask, const char *text, size_t piece)
{
    struct buf out = BUF_INIT(SIZE_MAX);
    size_t len = strlen(text);

    for (size_t at = 0; at < len; at += piece)
        mask_feed(mask, text + at, len - at < piece ? len - at : piece, &out);
    mask_flush(mask, &out);
    return buf_take(&out);
}

/* Whole, and cut into pieces of every size. */
static void assert_masked(struct mask *mask, const char *text, const char *expected)
{
    AUTO(buf_done) struct buf whole = BUF_INIT(SIZE_MAX);

    mask_text(mask, text, strlen(text), &whole);
    assert_string_equal(buf_text(&whole), expected);
    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        AUTO(auto_free) char *found = fed(mask, text, piece);
        if (strcmp(found, expected) != 0)
            fail_msg("\"%s\" in pieces of %zu gives \"%s\"", text, piece, found);
    }
}

static void known_secrets_become_stars_across_pieces(void **unused)
{
    static const char *const secrets[] = {"hunter2hunter2", "correct horse", "hunter3!"};
    AUTO(auto_mask) struct mask *mask = mask_with(secrets, ARRAY_LEN(secrets));

    (void)unused;
    assert_masked(mask, "", "");
    assert_masked(mask, "hunter2hunter2", "***");
    assert_masked(mask, "a hunter2hunter2 b correct horse c", "a *** b *** c");
    assert_masked(mask, "hunter2hunter hunter2hunter2", "hunter2hunter ***");
    assert_masked(mask, "hunterhunter2hunter2", "hunter***");
    assert_masked(mask, "hunter3!hunter3!", "******");
    assert_masked(mask, "nothing to see", "nothing to see");
}

static void overlapping_secrets_leave_nothing(void **unused)
{
    static const char *const secrets[] = {"abcdefgh", "efghijklmn", "abcdefghXYZ",
                                          "aaaaaaaa"};
    AUTO(auto_mask) struct mask *mask = mask_with(secrets, ARRAY_LEN(secrets));

    (void)unused;
    assert_masked(mask, "<abcdefghijklmn>", "<***>");
    assert_masked(mask, "<abcdefghXYZ>", "<***>");
    assert_masked(mask, "<abcdefghXY>", "<***XY>");
    assert_masked(mask, "<aaaaaaaaaaaaaaa>", "<***>");
    assert_masked(mask, "<aaaaaaa>", "<aaaaaaa>");
}

static void short_values_are_no_secrets(void **unused)
{
    static const char *const secrets[] = {"", "1", "short77", "exactly8"};
    AUTO(auto_mask) struct mask *mask = mask_with(secrets, ARRAY_LEN(secrets));

    (void)unused;
    assert_masked(mask, "1 short77 exactly8", "1 short77 ***");
}

static void lines_and_quoted_forms_of_a_secret_are_masked(void **unused)
{
    static const char *const secrets[] = {"-----BEGIN KEY-----\nMIIEowIBAAKC\nend\n",
                                          "pass\"word\\1"};
    AUTO(auto_mask) struct mask *mask = mask_with(secrets, ARRAY_LEN(secrets));

    (void)unused;
    assert_masked(mask, "x -----BEGIN KEY-----\nMIIEowIBAAKC\nend\n y", "x *** y");
    assert_masked(mask, "  MIIEowIBAAKC\r\n", "  ***\r\n");
    assert_masked(mask, "end", "end");
    assert_masked(mask, "\"-----BEGIN KEY-----\\nMIIEowIBAAKC\\nend\\n\"", "\"***\"");
    assert_masked(mask, "pass\"word\\1 \"pass\\\"word\\\\1\"", "*** \"***\"");
}

static void userinfo_of_urls_is_masked(void **unused)
{
    AUTO(auto_mask) struct mask *mask = mask_new();

    (void)unused;
    assert_masked(mask, "https://user:token@host/x", "https://***@host/x");
    assert_masked(mask, "git::ssh://git@host", "git::ssh://***@host");
    assert_masked(mask, "a https://t@h b https://u:p@h c",
                  "a https://***@h b https://***@h c");
    assert_masked(mask, "https://u:p@ss@host/", "https://***@host/");
    assert_masked(mask, "https://host/a@b", "https://host/a@b");
    assert_masked(mask, "https://host?q=a@b", "https://host?q=a@b");
    assert_masked(mask, "\"https://host\" a@b", "\"https://host\" a@b");
    assert_masked(mask, "https://@host", "https://@host");
    assert_masked(mask, "c++:://", "c++:://");
    assert_masked(mask, "https://user:token@", "https://***@");
    assert_masked(mask, "https://user:token", "https://user:token");
}

static void a_secret_inside_userinfo_gives_one_mask(void **unused)
{
    static const char *const secrets[] = {"glpat-1234567", "token@host"};
    AUTO(auto_mask) struct mask *mask = mask_with(secrets, ARRAY_LEN(secrets));

    (void)unused;
    assert_masked(mask, "https://oauth2:glpat-1234567@h/", "https://***@h/");
    assert_masked(mask, "https://user:token@host/", "https://***/");
}

static void text_that_begins_nothing_is_released_at_once(void **unused)
{
    static const char *const secrets[] = {"hunter2hunter2"};
    AUTO(auto_mask) struct mask *mask = mask_with(secrets, ARRAY_LEN(secrets));
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);

    (void)unused;
    mask_feed(mask, "line one\nhunt", 13, &out);
    assert_string_equal(buf_text(&out), "line one\n");
    mask_feed(mask, "ing", 3, &out);
    assert_string_equal(buf_text(&out), "line one\nhunting");
}

static void what_is_held_back_is_bounded(void **unused)
{
    AUTO(auto_mask) struct mask *mask = mask_new();
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
    char piece[1024];

    (void)unused;
    memset(piece, 'u', sizeof(piece));
    mask_feed(mask, "https://", 8, &out);
    for (int i = 0; i < 64; i++)
        mask_feed(mask, piece, sizeof(piece), &out);
    assert_true(out.len > 60 * sizeof(piece));
}

static void mask_text_leaves_the_stream_alone(void **unused)
{
    static const char *const secrets[] = {"hunter2hunter2"};
    AUTO(auto_mask) struct mask *mask = mask_with(secrets, ARRAY_LEN(secrets));
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
    AUTO(buf_done) struct buf whole = BUF_INIT(SIZE_MAX);

    (void)unused;
    mask_feed(mask, "hunter2", 7, &out);
    mask_text(mask, "hunter2", 7, &whole);
    mask_feed(mask, "hunter2", 7, &out);
    mask_flush(mask, &out);
    assert_string_equal(buf_text(&whole), "hunter2");
    assert_string_equal(buf_text(&out), "***");
}

/* Of the processor: how busy the machine is does not count. */
static int64_t worked_ms(void)
{
    struct timespec spent;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (int64_t)spent.tv_sec * 1000 + spent.tv_nsec / 1000000;
}

/* 200 secrets that begin with every letter, 50 MB in pieces of 16 KiB. */
static void a_large_stream_is_masked_quickly(void **unused)
{
    AUTO(auto_mask) struct mask *mask = mask_new();
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
    static char piece[16 * 1024];
    int64_t start_ms;

    (void)unused;
    for (int i = 0; i < 200; i++) {
        AUTO(auto_free)
        char *secret = mem_fmt("%c%c-secret-value-%d", 'a' + i % 26, 'a' + i / 26, i);
        mask_add(mask, secret);
    }
    for (size_t i = 0; i < sizeof(piece); i++)
        piece[i] = (char)('a' + (i * 7 + i / 26) % 26);
    start_ms = worked_ms();
    for (int i = 0; i < 50 * 1024 / 16; i++) {
        mask_feed(mask, piece, sizeof(piece), &out);
        buf_reset(&out);
    }
    print_message("50 MB in %d ms\n", (int)(worked_ms() - start_ms));
    assert_in_range(worked_ms() - start_ms, 0, 20000);
}

/* What a plan with a large sensitive map gives, and an output made to be slow. */
static void many_secrets_that_begin_alike_cost_little(void **unused)
{
    enum { SECRETS = 200000, TEXT_BYTES = 1024 * 1024 };
    AUTO(auto_mask) struct mask *mask = mask_new();
    AUTO(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
    AUTO(auto_free) char *text = mem_new(TEXT_BYTES, 1);
    int64_t start_ms = worked_ms();

    (void)unused;
    memset(text, 'a', TEXT_BYTES);
    for (int i = 0; i < SECRETS; i++) {
        char secret[64];

        snprintf(secret, sizeof(secret), "aaaaaaaa%d-bbbb", i % (SECRETS / 2));
        mask_add(mask, secret);
    }
    mask_text(mask, text, TEXT_BYTES, &out);
    assert_int_equal(out.len, TEXT_BYTES);
    assert_masked(mask, "<aaaaaaaaa77-bbbb>", "<a***>");
    print_message("%d secrets in %d ms\n", SECRETS, (int)(worked_ms() - start_ms));
    assert_in_range(worked_ms() - start_ms, 0, 10000);
}

static void of_secrets_in_one_another_the_longest_is_masked(void **unused)
{
    static const char *const secrets[] = {"password", "password-of-db", "password-1",
                                          "password-of"};
    AUTO(auto_mask) struct mask *mask = mask_with(secrets, ARRAY_LEN(secrets));

    (void)unused;
    assert_masked(mask, "password-of-db!", "***!");
    assert_masked(mask, "password-of-dx!", "***-dx!");
    assert_masked(mask, "password-0!", "***-0!");
    assert_masked(mask, "password-oz, passwor", "***-oz, passwor");
}

static void no_byte_of_a_very_long_secret_is_left(void **unused)
{
    AUTO(auto_mask) struct mask *mask = mask_new();
    AUTO(auto_free) char *secret = mem_new(10001, 1);
    AUTO(auto_free) char *found = NULL;

    (void)unused;
    for (int i = 0; i < 10000; i++)
        secret[i] = (char)('a' + (i * i + i / 26) % 26);
    mask_add(mask, secret);
    found = fed(mask, secret, 777);
    assert_int_equal(strspn(found, "*"), strlen(found));
    assert_true(*found != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_secrets_become_stars_across_pieces),
        cmocka_unit_test(overlapping_secrets_leave_nothing),
        cmocka_unit_test(short_values_are_no_secrets),
        cmocka_unit_test(lines_and_quoted_forms_of_a_secret_are_masked),
        cmocka_unit_test(userinfo_of_urls_is_masked),
        cmocka_unit_test(a_secret_inside_userinfo_gives_one_mask),
        cmocka_unit_test(text_that_begins_nothing_is_released_at_once),
        cmocka_unit_test(what_is_held_back_is_bounded),
        cmocka_unit_test(mask_text_leaves_the_stream_alone),
        cmocka_unit_test(a_large_stream_is_masked_quickly),
        cmocka_unit_test(many_secrets_that_begin_alike_cost_little),
        cmocka_unit_test(of_secrets_in_one_another_the_longest_is_masked),
        cmocka_unit_test(no_byte_of_a_very_long_secret_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
