/* Askpass, asked as git asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/scratch.h"
#include "worker/process/child.h"
#include "worker/process/file.h"
#include "worker/vcs/askpass.h"

static struct conf *configured(void)
{
    static char github[] = "https://github.com",
                gitlab[] = "https://git.example.com:8443";
    static char git[] = "file:///srv/git", token[] = "token-of-github",
                other[] = "token-of-'$gitlab`\"", third[] = "token-of-git";
    static struct conf conf;

    conf = (struct conf){.github_url = github,
                         .github_token = token,
                         .gitlab_url = gitlab,
                         .gitlab_token = other,
                         .git_url = git,
                         .git_token = third};
    return &conf;
}

static void take(void *arg, const char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
}

/* What the script answers; "" for a refusal. The caller frees. */
static char *ask(void **state, const char *question)
{
    AUTO(buf_done) struct buf script = BUF_INIT(8192);
    AUTO(strings_done) struct strings env = {0};
    AUTO(auto_free) char *path = scratch_path(state, "askpass");
    AUTO(auto_free) char *text = mem_dup(question);
    char *argv[] = {path, text, NULL};
    struct buf answer = BUF_INIT(8192);
    struct child_spec spec = {.path = path,
                              .argv = argv,
                              .cwd = "/",
                              .keep_fd = -1,
                              .poll_fd = -1,
                              .output = take,
                              .arg = &answer};
    struct child_result result;
    struct err err;

    askpass_make(configured(), &script, &env);
    assert_int_equal(file_put(*state, "askpass", script.data, script.len, 0700, &err), 0);
    assert_null(strstr(buf_text(&script), "token-of"));
    spec.envp = env.list;
    assert_int_equal(child_run(&spec, &result, &err), 0);
    if (result.code != 0)
        buf_reset(&answer);
    return buf_take(&answer);
}

static void expect(void **state, const char *question, const char *answer)
{
    AUTO(auto_free) char *got = ask(state, question);

    assert_string_equal(got != NULL ? got : "", answer);
}

static void configured_hosts_get_their_token(void **state)
{
    expect(state, "Username for 'https://github.com': ", "x-access-token\n");
    expect(state,
           "Password for 'https://x-access-token@github.com': ", "token-of-github\n");
    expect(state, "Username for 'https://git.example.com:8443': ", "oauth2\n");
    expect(state, "Password for 'https://oauth2@git.example.com:8443': ",
           "token-of-'$gitlab`\"\n");
}

static void nobody_else_gets_anything(void **state)
{
    static const char *const questions[] = {
        "",
        "Username for 'http://github.com': ",
        "Username for 'https://evil.com': ",
        "Username for 'https://github.com.evil.com': ",
        "Username for 'https://github.com:444': ",
        "Username for 'https://git.example.com': ",
        "Username for 'file:///srv/git': ",
        "Password for 'https://github.com': ",
        "Password for 'https://someone@github.com': ",
        "Password for 'https://x-access-token@evil.com': ",
        "Password for 'https://x-access-token@github.com': @evil.com': ",
        "Password for 'https://oauth2@github.com': ",
    };

    for (size_t i = 0; i < ARRAY_LEN(questions); i++)
        expect(state, questions[i], "");
}

static void without_tokens_there_is_no_script(void **state)
{
    AUTO(buf_done) struct buf script = BUF_INIT(8192);
    AUTO(strings_done) struct strings env = {0};
    struct conf *conf = configured();

    (void)state;
    conf->github_token = NULL;
    conf->gitlab_token = NULL;
    askpass_make(conf, &script, &env);
    assert_int_equal(script.len, 0);
    assert_int_equal(env.count, 0);
}

static void a_url_that_a_shell_would_read_is_left_out(void **state)
{
    AUTO(buf_done) struct buf script = BUF_INIT(8192);
    AUTO(strings_done) struct strings env = {0};
    struct conf *conf = configured();
    char odd[] = "https://host\"$(id)\"";

    (void)state;
    conf->github_url = odd;
    conf->gitlab_token = NULL;
    askpass_make(conf, &script, &env);
    assert_int_equal(script.len, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(configured_hosts_get_their_token),
        TEST(nobody_else_gets_anything),
        TEST(without_tokens_there_is_no_script),
        TEST(a_url_that_a_shell_would_read_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
