/* Env files: what a line means, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "tests/support/scratch.h"
#include "worker/terraform/env_file.h"

static int note(void *arg, const char *key, const char *value, struct err *err)
{
    if (strcmp(key, "BAD") == 0)
        return err_set(err, ERR_PERM, "BAD is bad");
    buf_fmt(arg, "<%s=%s>", key, value);
    return 0;
}

static int read_text(void **state, const char *text, struct buf *out, struct err *err)
{
    AUTO(auto_free) char *path = scratch_file(state, "x.env", text);

    return env_file_read(*state, "x.env", note, out, err);
}

static void lines_are_read_as_written(void **state)
{
    static const struct {
        const char *text, *seen;
    } rows[] = {
        {"", ""},
        {"A=1", "<A=1>"},
        {"A=1\nB=2\n", "<A=1><B=2>"},
        {"# A=1\n\n  \t\nB=2", "<B=2>"},
        {"A=", "<A=>"},
        {"A=b=c", "<A=b=c>"},
        {"A=x y # z", "<A=x y # z>"},
        {"A=1\r\nB=2\r\n", "<A=1><B=2>"},
        {"export A=1", "<A=1>"},
        {"A=\"x y\"", "<A=x y>"},
        {"A='x \\n y'", "<A=x \\n y>"},
        {"A=\"x\\ny\\\"z\\\\\"", "<A=x\ny\"z\\>"},
        {"A=\"x\\qy\"", "<A=x\\qy>"},
        {"A=\"x", "<A=\"x>"},
        {"A='", "<A='>"},
        {"_a1=x", "<_a1=x>"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf_done) struct buf seen = BUF_INIT(1024);
        struct err err;

        if (read_text(state, rows[i].text, &seen, &err) < 0)
            fail_msg("%s: %s", rows[i].text, err.message);
        assert_string_equal(buf_text(&seen), rows[i].seen);
    }
}

static void other_lines_are_refused_by_number_and_never_quoted(void **state)
{
    static const char *const texts[] = {"A=1\nsecret", "A=1\n=secret", "A=1\n1A=secret",
                                        "A=1\nA B=secret", "A=1\nA-B=secret"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(buf_done) struct buf seen = BUF_INIT(1024);
        struct err err;

        assert_int_equal(read_text(state, texts[i], &seen, &err), -1);
        assert_int_equal(err.kind, ERR_PERM);
        assert_non_null(strstr(err.message, "x.env line 2 is not KEY=VALUE"));
        assert_null(strstr(err.message, "secret"));
    }
}

static void what_the_caller_refuses_names_the_line(void **state)
{
    AUTO(buf_done) struct buf seen = BUF_INIT(1024);
    struct err err;

    assert_int_equal(read_text(state, "A=1\nBAD=2\nC=3\n", &seen, &err), -1);
    assert_non_null(strstr(err.message, "x.env line 2: BAD is bad"));
    assert_string_equal(buf_text(&seen), "<A=1>");
}

static void a_missing_file_has_no_variables(void **state)
{
    AUTO(buf_done) struct buf seen = BUF_INIT(1024);
    struct err err;

    assert_int_equal(env_file_read(*state, "none.env", note, &seen, &err), 0);
    assert_int_equal(seen.len, 0);
}

static void a_directory_is_no_env_file(void **state)
{
    AUTO(buf_done) struct buf seen = BUF_INIT(1024);
    struct err err;

    assert_int_equal(env_file_read(*state, ".", note, &seen, &err), -1);
}

static void variables_that_steer_terraform_are_refused(void **state)
{
    static const char *const refused[] = {
        "TF_CLI_ARGS",
        "TF_CLI_ARGS_plan",
        "TF_LOG",
        "TF_LOG_PATH",
        "TF_DATA_DIR",
        "TF_WORKSPACE",
        "TF_INPUT",
        "TF_PLUGIN_CACHE_DIR",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PATH",
        "HOME",
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE",
    };
    static const char *const fine[] = {"AWS_ACCESS_KEY_ID", "TF_VAR_path", "HOMEPAGE",
                                       "TF_CLI_CONFIG_FILE", "TF_TOKEN_example_com"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        assert_true(env_refused(refused[i]));
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        assert_false(env_refused(fine[i]));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_are_read_as_written),
        TEST(other_lines_are_refused_by_number_and_never_quoted),
        TEST(what_the_caller_refuses_names_the_line),
        TEST(a_missing_file_has_no_variables),
        TEST(a_directory_is_no_env_file),
        TEST(variables_that_steer_terraform_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
