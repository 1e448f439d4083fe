/* Tokens: the file, everything that can be wrong with it, look-ups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/mem.h"
#include "common/base/sign.h"
#include "common/conf/tokens.h"
#include "tests/support/scratch.h"

#define HEX_MAX SIGN_HEX_BYTES

static struct buf problems, warnings;

static int set_up(void **state)
{
    buf_init(&problems, 65536);
    buf_init(&warnings, 65536);
    return scratch_make(state);
}

static int tear_down(void **state)
{
    buf_done(&problems);
    buf_done(&warnings);
    return scratch_remove(state);
}

static void auto_tokens(struct tokens **tokens)
{
    tokens_drop(*tokens);
}

/* The set with that file; how many problems it has. */
static int load(void **state, const char *text, struct tokens **out)
{
    AUTO(auto_free) char *path = scratch_file(state, "tokens.json", text);

    buf_reset(&problems);
    buf_reset(&warnings);
    tokens_drop(*out);
    *out = tokens_new("the-secret", "the-reader");
    return tokens_load(*out, path, &problems, &warnings);
}

/* {"name": …, "sha256": digest of `token`, …} */
static char *entry(const char *name, const char *token, const char *more)
{
    char hex[HEX_MAX];

    sign_sha256_hex(token, strlen(token), hex);
    return mem_fmt("{\"name\": \"%s\", \"sha256\": \"%s\", %s}", name, hex, more);
}

/* ---- a file that is right ---- */
static void a_token_is_found_by_its_text(void **state)
{
    AUTO(auto_free) char *ci = entry("ci", "t1", "\"scopes\": [\"check\"]");
    AUTO(auto_free)
    char *ops = entry("ops", "t2", "\"scopes\": [\"read\", \"admin\", \"check\"]");
    AUTO(auto_free) char *text = mem_fmt("{\"tokens\": [%s, %s]}", ci, ops);
    AUTO(auto_tokens) struct tokens *tokens = NULL;

    assert_int_equal(load(state, text, &tokens), 0);
    assert_string_equal(buf_text(&problems), "");
    assert_string_equal(buf_text(&warnings), "");
    assert_int_equal(tokens_count(tokens), 4);
    assert_string_equal(tokens_find(tokens, "t1")->name, "ci");
    assert_int_equal(tokens_find(tokens, "t1")->scope, SCOPE_CHECK);
    assert_int_equal(tokens_find(tokens, "t2")->scope, SCOPE_ADMIN);
    assert_string_equal(tokens_find(tokens, "the-secret")->name, "api");
    assert_int_equal(tokens_find(tokens, "the-secret")->scope, SCOPE_ADMIN);
    assert_string_equal(tokens_find(tokens, "the-reader")->name, "read");
    assert_int_equal(tokens_find(tokens, "the-reader")->scope, SCOPE_READ);
    assert_null(tokens_find(tokens, "t3"));
    assert_null(tokens_find(tokens, "t"));
    assert_null(tokens_find(tokens, ""));
}

static void digests_may_be_in_capitals(void **state)
{
    AUTO(auto_free) char *ci = entry("ci", "t1", "\"scopes\": [\"check\"]");
    AUTO(auto_free) char *text = mem_fmt("{\"tokens\": [%s]}", ci);
    AUTO(auto_tokens) struct tokens *tokens = NULL;
    char *hex = strstr(text, "sha256\": \"") + strlen("sha256\": \"");

    for (int i = 0; i < 64; i++)
        if (hex[i] >= 'a')
            hex[i] = (char)(hex[i] - 'a' + 'A');
    assert_int_equal(load(state, text, &tokens), 0);
    assert_non_null(tokens_find(tokens, "t1"));
}

static void as_many_as_may_be(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TOKENS_FILE_MAX);
    AUTO(auto_tokens) struct tokens *tokens = NULL;

    buf_str(&text, "{\"tokens\": [");
    for (int i = 0; i <= TOKENS_MAX; i++) {
        AUTO(auto_free) char *name = mem_fmt("n%d", i);
        AUTO(auto_free) char *one = entry(name, name, "\"scopes\": [\"read\"]");

        if (i == TOKENS_MAX) {
            AUTO(auto_free) char *whole = mem_fmt("%s]}", buf_text(&text));

            assert_int_equal(load(state, whole, &tokens), 0);
            assert_string_equal(tokens_find(tokens, "n999")->name, "n999");
        }
        buf_fmt(&text, "%s%s", i > 0 ? "," : "", one);
    }
    buf_str(&text, "]}");
    assert_int_equal(load(state, buf_text(&text), &tokens), 1);
    assert_string_equal(buf_text(&problems),
                        "KEDGE_TOKENS_FILE: there are more than 1000 tokens\n");
}

/* ---- projects ---- */
static void a_token_sees_its_projects_and_nothing_else(void **state)
{
    AUTO(auto_free)
    char *limited =
        entry("a", "t1", "\"scopes\": [\"read\"], \"projects\": [\"net-*\", \"x\"]");
    AUTO(auto_free) char *all = entry("b", "t2", "\"scopes\": [\"read\"]");
    AUTO(auto_free) char *text = mem_fmt("{\"tokens\": [%s, %s]}", limited, all);
    AUTO(auto_tokens) struct tokens *tokens = NULL;
    const struct token *token;

    assert_int_equal(load(state, text, &tokens), 0);
    token = tokens_find(tokens, "t1");
    assert_true(token_may_see(token, "net-a"));
    assert_true(token_may_see(token, "x"));
    assert_false(token_may_see(token, "xx"));
    assert_false(token_may_see(token, "my-net-a"));
    assert_false(token_may_see(token, "NET-a"));
    assert_false(token_may_see(token, ""));
    assert_false(token_may_see(token, NULL));
    token = tokens_find(tokens, "t2");
    assert_true(token_may_see(token, "anything"));
    assert_true(token_may_see(token, NULL));
    assert_true(token_may_see(tokens_find(tokens, "the-reader"), NULL));
}

/* ---- what is wrong ---- */
#define HEX                                                                              \
    "\"sha256\": \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""
#define READ "\"scopes\": [\"read\"]"
#define NAME "tokens[0].name must be 1 to 64 of A-Z a-z 0-9 . _ -\n"
#define LIST                                                                             \
    "tokens[0].projects must be a list of 1 to 1000 ids of projects, where * and ? "     \
    "stand for other characters; leave it out for all projects\n"
#define SCOPE                                                                            \
    "tokens[0].scopes must be a list of one or more of read, check, apply, admin\n"

static void every_mistake_has_its_sentence(void **state)
{
    static const struct {
        const char *inside, *problem;
    } table[] = {
        {"{" HEX "," READ "}", NAME},
        {"{\"name\": 1," HEX "," READ "}", NAME},
        {"{\"name\": \"\"," HEX "," READ "}", NAME},
        {"{\"name\": \"a b\"," HEX "," READ "}", NAME},
        {"{\"name\": \"api\"," HEX "," READ "}", "tokens[0].name: api is Kedge's own\n"},
        {"{\"name\": \"github\"," HEX "," READ "}",
         "tokens[0].name: github is Kedge's own\n"},
        {"{\"name\": \"a\"," READ "}",
         "tokens[0].sha256 must be the token's SHA-256 in 64 hex digits\n"},
        {"{\"name\": \"a\", \"sha256\": \"00\"," READ "}",
         "tokens[0].sha256 must be the token's SHA-256 in 64 hex digits\n"},
        {"{\"name\": \"a\", \"sha256\": "
         "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"," READ "}",
         "tokens[0].sha256 is the digest of nothing\n"},
        {"{\"name\": \"a\"," HEX "}", SCOPE},
        {"{\"name\": \"a\"," HEX ", \"scopes\": []}", SCOPE},
        {"{\"name\": \"a\"," HEX ", \"scopes\": \"read\"}", SCOPE},
        {"{\"name\": \"a\"," HEX ", \"scopes\": [\"read\", \"write\"]}", SCOPE},
        {"{\"name\": \"a\"," HEX "," READ ", \"projects\": []}", LIST},
        {"{\"name\": \"a\"," HEX "," READ ", \"projects\": \"x\"}", LIST},
        {"{\"name\": \"a\"," HEX "," READ ", \"projects\": null}", LIST},
        {"{\"name\": \"a\"," HEX "," READ ", \"projects\": [\"\"]}", LIST},
        {"{\"name\": \"a\"," HEX "," READ ", \"projects\": [\"a\", \"a/b\"]}", LIST},
        {"{\"name\": \"a\"," HEX "," READ ", \"project\": [\"a\"]}",
         "tokens[0]: there is no \"project\" here\n"},
        {"7", "tokens[0] must be an object\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        AUTO(auto_free) char *text = mem_fmt("{\"tokens\": [%s]}", table[i].inside);
        AUTO(auto_free) char *want = mem_fmt("KEDGE_TOKENS_FILE: %s", table[i].problem);
        AUTO(auto_tokens) struct tokens *tokens = NULL;

        assert_int_equal(load(state, text, &tokens), 1);
        assert_string_equal(buf_text(&problems), want);
    }
}

static void a_file_that_is_no_list_of_tokens(void **state)
{
    static const char *const table[] = {
        "", "{", "[]", "{}", "{\"tokens\": {}}", "{\"tokens\": [], \"tokens\": []}"};
    AUTO(auto_tokens) struct tokens *tokens = NULL;

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        assert_int_equal(load(state, table[i], &tokens), 1);
    assert_int_equal(load(state, "{\"tokens\": [], \"more\": 1}", &tokens), 1);
    assert_int_equal(load(state, "{\"tokens\": []}", &tokens), 0);
    assert_true(tokens_enabled(tokens));
}

static void a_file_that_is_not_there_or_too_long(void **state)
{
    AUTO(auto_tokens) struct tokens *tokens = tokens_new(NULL, NULL), *other = NULL;
    AUTO(auto_free) char *path = scratch_path(state, "missing.json");
    AUTO(auto_free) char *long_text = mem_new(1, TOKENS_FILE_MAX + 2);

    assert_int_equal(tokens_load(tokens, path, &problems, &warnings), 1);
    assert_non_null(strstr(buf_text(&problems), "missing.json"));
    memset(long_text, ' ', TOKENS_FILE_MAX + 1);
    assert_int_equal(load(state, long_text, &other), 1);
}

static void all_mistakes_are_told_at_once(void **state)
{
    AUTO(auto_free) char *one = entry("a", "t1", "\"scopes\": [\"read\"]");
    AUTO(auto_free) char *same_name = entry("a", "t2", "\"scopes\": [\"read\"]");
    AUTO(auto_free) char *same_token = entry("b", "t1", "\"scopes\": [\"read\"]");
    AUTO(auto_free) char *secret = entry("c", "the-secret", "\"scopes\": [\"read\"]");
    AUTO(auto_free) char *reader = entry("d", "the-reader", "\"scopes\": [\"admin\"]");
    AUTO(auto_free)
    char *text = mem_fmt("{\"tokens\": [%s,%s,%s,%s,%s,8]}", one, same_name, same_token,
                         secret, reader);
    AUTO(auto_tokens) struct tokens *tokens = NULL;

    assert_int_equal(load(state, text, &tokens), 5);
    assert_string_equal(
        buf_text(&problems),
        "KEDGE_TOKENS_FILE: tokens[1].name: a is there twice\n"
        "KEDGE_TOKENS_FILE: tokens[2].sha256 is that of another token too\n"
        "KEDGE_TOKENS_FILE: tokens[3].sha256 is that of another token too\n"
        "KEDGE_TOKENS_FILE: tokens[4].sha256 is that of another token too\n"
        "KEDGE_TOKENS_FILE: tokens[5] must be an object\n");
}

/* Whoever opened it would wait for a writer. */
static void a_pipe_is_no_file(void **state)
{
    AUTO(auto_free) char *path = scratch_path(state, "pipe");
    AUTO(auto_free)
    char *wanted = mem_fmt("KEDGE_TOKENS_FILE: %s is not a regular file\n", path);
    AUTO(auto_tokens) struct tokens *tokens = tokens_new("the-secret", NULL);

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tokens_load(tokens, path, &problems, &warnings), 1);
    assert_string_equal(buf_text(&problems), wanted);
}

static void a_file_that_everybody_may_write_is_a_warning(void **state)
{
    AUTO(auto_free) char *path = scratch_file(state, "open.json", "{\"tokens\": []}");
    AUTO(auto_tokens) struct tokens *tokens = tokens_new(NULL, NULL);

    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(tokens_load(tokens, path, &problems, &warnings), 0);
    assert_non_null(strstr(buf_text(&warnings), "everybody may write"));
}

/* ---- the set ---- */
static void without_any_there_is_nothing_to_find(void **state)
{
    AUTO(auto_tokens) struct tokens *tokens = tokens_new(NULL, "the-reader");

    (void)state;
    assert_false(tokens_enabled(tokens));
    assert_int_equal(tokens_count(tokens), 1);
}

static void who_holds_a_set_keeps_it(void **state)
{
    AUTO(auto_tokens) struct tokens *tokens = tokens_new("the-secret", NULL);
    struct tokens *held = tokens_hold(tokens);
    const struct token *token = tokens_find(held, "the-secret");

    (void)state;
    tokens_drop(held);
    assert_string_equal(token->name, "api");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_is_found_by_its_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(digests_may_be_in_capitals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(as_many_as_may_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_token_sees_its_projects_and_nothing_else,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_mistake_has_its_sentence, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_list_of_tokens, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_or_too_long, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_mistakes_are_told_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_is_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_everybody_may_write_is_a_warning,
                                        set_up, tear_down),
        cmocka_unit_test(without_any_there_is_nothing_to_find),
        cmocka_unit_test(who_holds_a_set_keeps_it),
    };

    return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
