/* Request headers: entity tags, preferences, types, keys. And whose token it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "api/server/auth.h"
#include "api/server/header.h"
#include "common/base/mem.h"

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
#define SECRET "the-secret"
#define READER "the-reader"

static struct tokens *tokens;

static int make_tokens(void **state)
{
    (void)state;
    tokens = tokens_new(SECRET, READER);
    return 0;
}

static int drop_tokens(void **state)
{
    (void)state;
    tokens_drop(TAKE(tokens));
    return 0;
}

static enum auth_result check(enum route_access access, const char *token,
                              const char *authorization)
{
    struct auth_given given = {token, authorization};
    const struct token *whose;

    return auth_check(tokens, false, access, &given, &whose);
}

static void a_token_comes_in_either_header(void **state)
{
    (void)state;
    assert_int_equal(check(ACCESS_ADMIN, SECRET, NULL), AUTH_OK);
    assert_int_equal(check(ACCESS_ADMIN, NULL, "Bearer the-secret"), AUTH_OK);
    assert_int_equal(check(ACCESS_ADMIN, NULL, "bearer  the-secret"), AUTH_OK);
    assert_int_equal(check(ACCESS_ADMIN, NULL, NULL), AUTH_MISSING);
    assert_int_equal(check(ACCESS_ADMIN, NULL, "Basic the-secret"), AUTH_MISSING);
    assert_int_equal(check(ACCESS_ADMIN, "", NULL), AUTH_MISSING);
    assert_int_equal(check(ACCESS_ADMIN, "the-secre", NULL), AUTH_WRONG);
    assert_int_equal(check(ACCESS_ADMIN, "the-secret ", NULL), AUTH_WRONG);
}

static void the_read_token_reads(void **state)
{
    (void)state;
    assert_int_equal(check(ACCESS_TOKEN, READER, NULL), AUTH_OK);
    assert_int_equal(check(ACCESS_CHECK, READER, NULL), AUTH_SCOPE);
    assert_int_equal(check(ACCESS_ADMIN, READER, NULL), AUTH_SCOPE);
}

static void each_scope_includes_those_before_it(void **state)
{
    static const enum route_access least[SCOPES] = {ACCESS_TOKEN, ACCESS_CHECK,
                                                    ACCESS_APPLY, ACCESS_ADMIN};

    (void)state;
    for (enum token_scope scope = 0; scope < SCOPES; scope++) {
        struct token token = {.scope = scope};

        for (enum route_access access = ACCESS_OPEN; access <= ACCESS_ADMIN; access++)
            assert_int_equal(auth_has_access(&token, access), access <= least[scope]);
    }
    assert_string_equal(auth_scope_message(ACCESS_APPLY),
                        "this needs a token of scope apply");
}

static void without_a_secret_nobody_has_access(void **state)
{
    (void)state;
    drop_tokens(NULL);
    tokens = tokens_new(NULL, READER);
    assert_int_equal(check(ACCESS_TOKEN, READER, NULL), AUTH_DISABLED);
    assert_int_equal(check(ACCESS_TOKEN, NULL, NULL), AUTH_DISABLED);
    assert_int_equal(check(ACCESS_OPEN, NULL, NULL), AUTH_OK);
}

static void reads_need_a_token_where_the_setting_says_so(void **state)
{
    struct auth_given nobody = {NULL, NULL}, known = {SECRET, NULL};
    const struct token *whose;

    (void)state;
    assert_int_equal(auth_check(tokens, false, ACCESS_READ, &nobody, &whose), AUTH_OK);
    assert_int_equal(auth_check(tokens, true, ACCESS_READ, &nobody, &whose),
                     AUTH_MISSING);
    assert_int_equal(auth_check(tokens, true, ACCESS_READ, &known, &whose), AUTH_OK);
    assert_int_equal(auth_check(tokens, true, ACCESS_OPEN, &nobody, &whose), AUTH_OK);
}

static void a_token_has_a_name(void **state)
{
    struct auth_given given = {.atlantis_token = SECRET};
    const struct token *whose = NULL;

    (void)state;
    auth_check(tokens, false, ACCESS_TOKEN, &given, &whose);
    assert_string_equal(whose->name, "api");
    assert_true(auth_known(tokens, &given));
    given.atlantis_token = READER;
    auth_check(tokens, false, ACCESS_ADMIN, &given, &whose);
    assert_string_equal(whose->name, "read");
    given.atlantis_token = "x";
    assert_false(auth_known(tokens, &given));
    auth_check(tokens, false, ACCESS_OPEN, &given, &whose);
    assert_null(whose);
}

static void a_limited_token_keeps_to_its_projects(void **state)
{
    char glob[] = "net-*";
    char *globs[] = {glob};
    const struct token limited = {.projects = globs, .project_count = 1};
    const struct token unlimited = {.scope = SCOPE_READ};

    (void)state;
    for (enum route_project project = PROJECT_NONE; project <= PROJECT_FOUND; project++) {
        bool names = project == PROJECT_PATH || project == PROJECT_QUERY ||
                     project == PROJECT_BODY;

        assert_null(auth_check_project(NULL, project, NULL));
        assert_null(auth_check_project(&unlimited, project, NULL));
        if (names) {
            assert_null(auth_check_project(&limited, project, "net-a"));
            assert_non_null(auth_check_project(&limited, project, "other"));
            assert_non_null(auth_check_project(&limited, project, ""));
            assert_non_null(auth_check_project(&limited, project, NULL));
        }
    }
    assert_non_null(auth_check_project(&limited, PROJECT_NONE, "net-a"));
    assert_null(auth_check_project(&limited, PROJECT_ANY, NULL));
    assert_null(auth_check_project(&limited, PROJECT_FOUND, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entity_tag_is_found_in_a_list),
        cmocka_unit_test(preferences_are_read),
        cmocka_unit_test(only_json_is_json),
        cmocka_unit_test(an_idempotency_key_is_visible_ascii),
        cmocka_unit_test_setup_teardown(a_token_comes_in_either_header, make_tokens,
                                        drop_tokens),
        cmocka_unit_test_setup_teardown(the_read_token_reads, make_tokens, drop_tokens),
        cmocka_unit_test_setup_teardown(without_a_secret_nobody_has_access, make_tokens,
                                        drop_tokens),
        cmocka_unit_test_setup_teardown(reads_need_a_token_where_the_setting_says_so,
                                        make_tokens, drop_tokens),
        cmocka_unit_test_setup_teardown(a_token_has_a_name, make_tokens, drop_tokens),
        cmocka_unit_test(each_scope_includes_those_before_it),
        cmocka_unit_test(a_limited_token_keeps_to_its_projects),
    };

    return cmocka_run_group_tests_name("api_header", tests, NULL, NULL);
}
