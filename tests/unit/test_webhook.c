/* Signatures of webhooks against published ones, and each way not to fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/hook/webhook.h"

/* The example of the libraries of Standard Webhooks. */
#define SECRET    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ID        "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIME_S    INT64_C(1614265330)
#define TIME      "1614265330"
#define BODY      "{\"test\": 2432232314}"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static void a_signature_is_that_of_standard_webhooks(void **state)
{
    char signature[WEBHOOK_SIGNATURE_BYTES];

    (void)state;
    webhook_sign(SECRET, ID, TIME_S, BODY, strlen(BODY), signature);
    assert_string_equal(signature, SIGNATURE);
}

static bool verify(const char *secret, const char *id, const char *timestamp,
                   const char *signatures, int64_t now_s, const char *body)
{
    return webhook_verify(secret, id, timestamp, signatures, now_s, body, strlen(body));
}

static void what_was_signed_fits(void **state)
{
    (void)state;
    assert_true(verify(SECRET, ID, TIME, SIGNATURE, TIME_S, BODY));
    assert_true(verify(SECRET, ID, TIME, "v1,AAAA v1a,x " SIGNATURE, TIME_S, BODY));
    assert_true(verify(SECRET, ID, TIME, SIGNATURE "  v1,AAAA", TIME_S, BODY));
}

static void anything_else_does_not(void **state)
{
    static const char *const signatures[] = {
        "",
        " ",
        "v1,",
        "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE==",
        "v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++)
        if (verify(SECRET, ID, TIME, signatures[i], TIME_S, BODY))
            fail_msg("taken: %s", signatures[i]);
    assert_false(verify(SECRET, "msg_other", TIME, SIGNATURE, TIME_S, BODY));
    assert_false(verify(SECRET, ID, "1614265331", SIGNATURE, TIME_S, BODY));
    assert_false(verify(SECRET, ID, TIME, SIGNATURE, TIME_S, BODY " "));
    assert_false(verify("whsec_AAAA", ID, TIME, SIGNATURE, TIME_S, BODY));
    assert_false(verify(NULL, ID, TIME, SIGNATURE, TIME_S, BODY));
    assert_false(verify(SECRET, NULL, TIME, SIGNATURE, TIME_S, BODY));
    assert_false(verify(SECRET, ID, NULL, SIGNATURE, TIME_S, BODY));
    assert_false(verify(SECRET, ID, TIME, NULL, TIME_S, BODY));
}

static void a_message_has_its_time(void **state)
{
    static const char *const times[] = {"", "x", "-1614265330", "1614265330.5",
                                        "99999999999999999999"};

    (void)state;
    for (int side = -1; side <= 1; side += 2) {
        int64_t last = TIME_S + side * WEBHOOK_TOLERANCE_S;

        assert_true(verify(SECRET, ID, TIME, SIGNATURE, last, BODY));
        assert_false(verify(SECRET, ID, TIME, SIGNATURE, last + side, BODY));
    }
    for (size_t i = 0; i < ARRAY_LEN(times); i++)
        assert_false(verify(SECRET, ID, times[i], SIGNATURE, TIME_S, BODY));
}

static void a_secret_that_is_no_key_in_base64_is_one_of_its_own_bytes(void **state)
{
    static const char *const secrets[] = {"plain", "whsec_", "whsec_not base64!",
                                          "whsec_Zg="};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        char signature[WEBHOOK_SIGNATURE_BYTES];

        webhook_sign(secrets[i], ID, TIME_S, BODY, strlen(BODY), signature);
        assert_true(verify(secrets[i], ID, TIME, signature, TIME_S, BODY));
        for (size_t j = 0; j < ARRAY_LEN(secrets); j++)
            assert_int_equal(verify(secrets[j], ID, TIME, signature, TIME_S, BODY),
                             i == j);
    }
}

/* The example of GitHub's documentation. */
#define HUB_SECRET "It's a Secret to Everybody"
#define HUB_BODY   "Hello, World!"
#define HUB_HEX    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

static bool verify_hub(const char *secret, const char *signature, const char *body)
{
    return webhook_verify_hub(secret, signature, body, strlen(body));
}

static void a_signature_of_github_fits_or_does_not(void **state)
{
    static const char *const signatures[] = {
        "",
        "sha256=",
        HUB_HEX,
        "sha1=" HUB_HEX,
        "sha256=" HUB_HEX "0",
        "SHA256=" HUB_HEX,
        "sha256=857107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    };

    (void)state;
    assert_true(verify_hub(HUB_SECRET, "sha256=" HUB_HEX, HUB_BODY));
    assert_false(verify_hub(HUB_SECRET "x", "sha256=" HUB_HEX, HUB_BODY));
    assert_false(verify_hub(HUB_SECRET, "sha256=" HUB_HEX, HUB_BODY "x"));
    assert_false(verify_hub(NULL, "sha256=" HUB_HEX, HUB_BODY));
    assert_false(verify_hub(HUB_SECRET, NULL, HUB_BODY));
    for (size_t i = 0; i < ARRAY_LEN(signatures); i++)
        if (verify_hub(HUB_SECRET, signatures[i], HUB_BODY))
            fail_msg("taken: %s", signatures[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_that_of_standard_webhooks),
        cmocka_unit_test(what_was_signed_fits),
        cmocka_unit_test(anything_else_does_not),
        cmocka_unit_test(a_message_has_its_time),
        cmocka_unit_test(a_secret_that_is_no_key_in_base64_is_one_of_its_own_bytes),
        cmocka_unit_test(a_signature_of_github_fits_or_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
