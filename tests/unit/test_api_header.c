/* Request headers: entity tags, preferences, types, keys. And whose token it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/auth.h"
#include "api/header.h"
#include "common/mem.h"

static void an_entity_tag_is_found_in_a_list(void **state)
{
    static const struct {
        const char *header;
        bool matches;
    } cases[] = {
        {"\"a\"", true},
        {"W/\"a\"", true},
        {"\"b\", \"a\"", true},
        {"\"b\",W/\"a\"", true},
        {"*", true},
        {" * ", true},
        {" \"a\" ", true},
        {"\"b\"", false},
        {"", false},
        {"a", false},
        {"\"a", false},
        {"\"ab\"", false},
        {"\"A\"", false},
        {"* , \"b\"", false},
        {"\"b\", c, \"a\"", false},
        {"\"x,\", \"a\"", true},
        {"w/\"a\"", false},
        {",,\"a\"", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (header_etag_matches(cases[i].header, "\"a\"") != cases[i].matches)
            fail_msg("%s", cases[i].header);
}

static void preferences_are_read(void **state)
{
    static const struct {
        const char *header;
        bool respond_async;
        int64_t wait_s;
    } cases[] = {
        {NULL, false, -1},
        {"", false, -1},
        {"respond-async", true, -1},
        {"Respond-Async", true, -1},
        {"wait=10", false, 10},
        {"respond-async, wait=10", true, 10},
        {"wait=\"10\"", false, 10},
        {"wait=\"\"", false, -1},
        {"wait=\"", false, -1},
        {"foo; bar=1, wait=5 , respond-async;x", true, 5},
        {"wait=", false, -1},
        {"wait=-1", false, -1},
        {"wait=1x", false, -1},
        {"wait=99999999999999999999999", false, -1},
        {"respond-asyncs", false, -1},
        {"\"respond-async\"", false, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct header_prefer prefer;

        header_prefer(cases[i].header, &prefer);
        if (prefer.respond_async != cases[i].respond_async ||
            prefer.wait_s != cases[i].wait_s)
            fail_msg("%s", cases[i].header);
    }
}

static void only_json_is_json(void **state)
{
    static const char *const good[] = {"application/json", "Application/JSON",
                                       "application/json; charset=utf-8",
                                       "application/json ;x=y"};
    static const char *const bad[] = {
        "",     "application/jsonx",           "text/json", "text/plain", "application",
        "json", "application/json, text/plain"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!header_is_json(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (header_is_json(bad[i]))
            fail_msg("%s", bad[i]);
}

static void an_idempotency_key_is_visible_ascii(void **state)
{
    char key[257];

    (void)state;
    memset(key, 'k', sizeof key);
    key[255] = '\0';
    assert_true(header_is_idempotency_key(key));
    key[255] = 'k';
    key[256] = '\0';
    assert_false(header_is_idempotency_key(key));
    assert_true(header_is_idempotency_key("0194890e-2f00:{~}"));
    assert_false(header_is_idempotency_key(""));
    assert_false(header_is_idempotency_key("a b"));
    assert_false(header_is_idempotency_key("a\tb"));
    assert_false(header_is_idempotency_key("\xc3\xa4"));
}

/* ---- tokens ---- */
static char secret[] = "the-secret", reader[] = "the-reader";

static enum auth_result check(const struct conf *conf, enum route_access access,
                              enum method method, const char *token,
                              const char *authorization)
{
    struct auth_given given = {token, authorization};
    const char *name;

    return auth_check(conf, access, method, &given, &name);
}

static void a_token_comes_in_either_header(void **state)
{
    struct conf conf = {.api_secret = secret, .read_token = reader};

    (void)state;
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_POST, secret, NULL), AUTH_OK);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_POST, NULL, "Bearer the-secret"),
                     AUTH_OK);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_POST, NULL, "bearer  the-secret"),
                     AUTH_OK);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_POST, NULL, NULL), AUTH_MISSING);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_POST, NULL, "Basic the-secret"),
                     AUTH_MISSING);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_POST, "", NULL), AUTH_MISSING);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_POST, "the-secre", NULL),
                     AUTH_WRONG);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_POST, "the-secret ", NULL),
                     AUTH_WRONG);
}

static void the_read_token_reads(void **state)
{
    struct conf conf = {.api_secret = secret, .read_token = reader};

    (void)state;
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_GET, reader, NULL), AUTH_OK);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_POST, reader, NULL),
                     AUTH_READ_ONLY);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_DELETE, reader, NULL),
                     AUTH_READ_ONLY);
}

static void without_a_secret_nobody_has_access(void **state)
{
    struct conf conf = {.read_token = reader};

    (void)state;
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_GET, reader, NULL), AUTH_DISABLED);
    assert_int_equal(check(&conf, ACCESS_TOKEN, METHOD_GET, NULL, NULL), AUTH_DISABLED);
    assert_int_equal(check(&conf, ACCESS_OPEN, METHOD_GET, NULL, NULL), AUTH_OK);
}

static void reads_need_a_token_where_the_setting_says_so(void **state)
{
    struct conf conf = {.api_secret = secret};

    (void)state;
    assert_int_equal(check(&conf, ACCESS_READ, METHOD_GET, NULL, NULL), AUTH_OK);
    conf.auth_reads = true;
    assert_int_equal(check(&conf, ACCESS_READ, METHOD_GET, NULL, NULL), AUTH_MISSING);
    assert_int_equal(check(&conf, ACCESS_READ, METHOD_GET, secret, NULL), AUTH_OK);
    assert_int_equal(check(&conf, ACCESS_OPEN, METHOD_GET, NULL, NULL), AUTH_OK);
}

static void a_token_has_a_name(void **state)
{
    struct conf conf = {.api_secret = secret, .read_token = reader};
    struct auth_given given = {.atlantis_token = secret};
    const char *name = NULL;

    (void)state;
    auth_check(&conf, ACCESS_TOKEN, METHOD_GET, &given, &name);
    assert_string_equal(name, "api");
    assert_true(auth_known(&conf, &given));
    given.atlantis_token = reader;
    auth_check(&conf, ACCESS_TOKEN, METHOD_GET, &given, &name);
    assert_string_equal(name, "read");
    given.atlantis_token = "x";
    assert_false(auth_known(&conf, &given));
    auth_check(&conf, ACCESS_OPEN, METHOD_GET, &given, &name);
    assert_null(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entity_tag_is_found_in_a_list),
        cmocka_unit_test(preferences_are_read),
        cmocka_unit_test(only_json_is_json),
        cmocka_unit_test(an_idempotency_key_is_visible_ascii),
        cmocka_unit_test(a_token_comes_in_either_header),
        cmocka_unit_test(the_read_token_reads),
        cmocka_unit_test(without_a_secret_nobody_has_access),
        cmocka_unit_test(reads_need_a_token_where_the_setting_says_so),
        cmocka_unit_test(a_token_has_a_name),
    };

    return cmocka_run_group_tests_name("api_header", tests, NULL, NULL);
}
