/* Settings: defaults, every refusal, secrets from files, and what is printed of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/conf/conf_table.h"
#include "tests/support/environ.h"
#include "tests/support/scratch.h"

#define TEXT_MAX (1 << 20)

struct loaded {
    struct conf conf;
    int problem_count;
    struct buf problems, warnings;
};

static struct loaded load(enum program program, const char *const *list)
{
    char **environ_list = environ_copy(list);
    struct loaded loaded = {.problems = BUF_INIT(TEXT_MAX),
                            .warnings = BUF_INIT(TEXT_MAX)};

    loaded.problem_count = conf_load(&loaded.conf, program, environ_list,
                                     &loaded.problems, &loaded.warnings);
    environ_free(environ_list);
    return loaded;
}

static void unload(struct loaded *loaded)
{
    conf_done(&loaded->conf);
    buf_done(&loaded->problems);
    buf_done(&loaded->warnings);
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ENV   ((const char *const[]){NULL})

static void nothing_set_gives_the_defaults(void **state)
{
    struct loaded api = load(PROGRAM_API, NO_ENV);
    struct loaded worker = load(PROGRAM_WORKER, NO_ENV);
    struct loaded scheduler = load(PROGRAM_SCHEDULER, NO_ENV);

    (void)state;
    assert_string_equal(buf_text(&api.problems), "");
    assert_string_equal(buf_text(&worker.problems), "");
    assert_string_equal(buf_text(&scheduler.problems), "");
    assert_int_equal(api.problem_count + worker.problem_count + scheduler.problem_count,
                     0);
    assert_string_equal(api.conf.redis_url, "redis://127.0.0.1:6379/0");
    assert_string_equal(api.conf.redis_prefix, "{kedge}:");
    assert_false(api.conf.unsafe_redis);
    assert_int_equal(api.conf.log_level, LOG_INFO);
    assert_string_equal(api.conf.listen, "127.0.0.1:4141");
    assert_null(api.conf.api_secret);
    assert_null(api.conf.repo_allowlist);
    assert_int_equal(api.conf.max_queued, 10000);
    assert_string_equal(worker.conf.data_dir, "./var");
    assert_int_equal(worker.conf.data_max_bytes, INT64_C(20) << 30);
    assert_int_equal(worker.conf.worker_slots, 2);
    assert_int_equal(worker.conf.run_memory_bytes, 1 << 30);
    assert_int_equal(worker.conf.run_timeout_ms, 3600000);
    assert_int_equal(worker.conf.cancel_grace_ms, 30000);
    assert_int_equal(worker.conf.sandbox, SANDBOX_AUTO);
    assert_null(worker.conf.terraform);
    assert_null(worker.conf.git_url);
    assert_string_equal(worker.conf.github_url, "https://github.com");
    assert_int_equal(scheduler.conf.keep_runs, 100);
    assert_int_equal(scheduler.conf.keep_days, 30);
    assert_int_equal(scheduler.conf.store_max_bytes, 0);
    unload(&api);
    unload(&worker);
    unload(&scheduler);
}

static void what_is_set_is_read(void **state)
{
    struct loaded worker = load(
        PROGRAM_WORKER,
        ENV("KEDGE_REDIS_URL=unix:///run/redis.sock?db=3", "KEDGE_UNSAFE_REDIS=yes",
            "KEDGE_LOG_LEVEL=debug", "KEDGE_RUN_TIMEOUT=90m", "KEDGE_RUN_MEMORY=0",
            "KEDGE_SANDBOX=landlock", "KEDGE_SANDBOX_READ=/usr:/nix/store",
            "KEDGE_GIT_URL=file:///srv/git///", "KEDGE_GITHUB_URL=http://[::1]:3000/x/",
            "KEDGE_GIT_TOKEN=t0ken", "KEDGE_DATA_MAX=512M", "KEDGE_WORKER_SLOTS=1024",
            "KEDGE_REPO_ALLOWLIST=github.com/acme/*, !*/secret-*,localhost:8080/x"));

    (void)state;
    assert_string_equal(buf_text(&worker.problems), "");
    assert_string_equal(buf_text(&worker.warnings), "");
    assert_string_equal(worker.conf.redis_url, "unix:///run/redis.sock?db=3");
    assert_true(worker.conf.unsafe_redis);
    assert_int_equal(worker.conf.log_level, LOG_DEBUG);
    assert_int_equal(worker.conf.run_timeout_ms, 5400000);
    assert_int_equal(worker.conf.run_memory_bytes, 0);
    assert_int_equal(worker.conf.sandbox, SANDBOX_LANDLOCK);
    assert_string_equal(worker.conf.sandbox_read, "/usr:/nix/store");
    assert_string_equal(worker.conf.git_url, "file:///srv/git");
    assert_string_equal(worker.conf.github_url, "http://[::1]:3000/x");
    assert_string_equal(worker.conf.git_token, "t0ken");
    assert_int_equal(worker.conf.data_max_bytes, 512 << 20);
    assert_int_equal(worker.conf.worker_slots, 1024);
    unload(&worker);
}

static void every_bad_value_is_refused_with_its_name(void **state)
{
    static const struct {
        enum program program;
        const char *entry, *problem;
    } rows[] = {
        {PROGRAM_API, "KEDGE_REDIS_URL=http://x", "KEDGE_REDIS_URL: "},
        {PROGRAM_API, "KEDGE_UNSAFE_REDIS=maybe", "must be true or false"},
        {PROGRAM_API, "KEDGE_LOG_LEVEL=INFO", "must be error, warn, info or debug"},
        {PROGRAM_API, "KEDGE_LISTEN=4141", "must be address:port"},
        {PROGRAM_API, "KEDGE_LISTEN=localhost:4141", "must be address:port"},
        {PROGRAM_API, "KEDGE_LISTEN=127.0.0.1:65536", "must be address:port"},
        {PROGRAM_API, "KEDGE_LISTEN=127.0.0.1:", "must be address:port"},
        {PROGRAM_API, "KEDGE_LISTEN=::1:4141", "must be address:port"},
        {PROGRAM_API, "KEDGE_LISTEN=[::1:4141", "must be address:port"},
        {PROGRAM_API, "KEDGE_LISTEN=[127.0.0.1]:4141", "must be address:port"},
        {PROGRAM_API, "KEDGE_API_SECRET=two words", "visible ASCII"},
        {PROGRAM_API, "KEDGE_API_SECRET=line\nend", "visible ASCII"},
        {PROGRAM_API, "KEDGE_PUBLIC_URL=kedge.example.com", "must start with https://"},
        {PROGRAM_API, "KEDGE_PUBLIC_URL=file:///srv", "must start with https://"},
        {PROGRAM_API, "KEDGE_PUBLIC_URL=https://", "has no host"},
        {PROGRAM_API, "KEDGE_PUBLIC_URL=https://:443/", "has no host"},
        {PROGRAM_API, "KEDGE_PUBLIC_URL=https://a/?x=1", "must not contain"},
        {PROGRAM_API, "KEDGE_PUBLIC_URL=https://u:p@a/", "user or password"},
        {PROGRAM_API, "KEDGE_MAX_QUEUED=0", "must be at least 1"},
        {PROGRAM_API, "KEDGE_MAX_QUEUED=many", "must be a whole number"},
        {PROGRAM_API, "KEDGE_REPO_ALLOWLIST=github.com/a b", "is not a pattern"},
        {PROGRAM_API, "KEDGE_REPO_ALLOWLIST=a,!", "is not a pattern"},
        {PROGRAM_API, "KEDGE_REPO_ALLOWLIST=a/(b|c)", "is not a pattern"},
        {PROGRAM_API, "KEDGE_REPO_ALLOWLIST=,", "names nothing"},
        {PROGRAM_API, "KEDGE_GITHUB_URL=git@github.com:", "use KEDGE_GITHUB_TOKEN"},
        {PROGRAM_API, "KEDGE_GITLAB_URL=https://me:pw@gitlab.com",
         "use KEDGE_GITLAB_TOKEN"},
        {PROGRAM_API, "KEDGE_GIT_URL=ssh://host/x", "must start with https://"},
        {PROGRAM_API, "KEDGE_GIT_URL=file://host/x", "must start with https://"},
        {PROGRAM_WORKER, "KEDGE_METRICS_LISTEN=x", "must be address:port"},
        {PROGRAM_WORKER, "KEDGE_DATA_MAX=20g", "must be a size"},
        {PROGRAM_WORKER, "KEDGE_DATA_MAX=0", "must be at least 1"},
        {PROGRAM_WORKER, "KEDGE_WORKER_SLOTS=-1", "must be at least 1"},
        {PROGRAM_WORKER, "KEDGE_WORKER_SLOTS=1025", "at most 1024"},
        {PROGRAM_WORKER, "KEDGE_RUN_TIMEOUT=1", "must be a duration"},
        {PROGRAM_WORKER, "KEDGE_RUN_TIMEOUT=0s", "must be at least 1ms"},
        {PROGRAM_WORKER, "KEDGE_RUN_TIMEOUT=31d", "at most 30d"},
        {PROGRAM_WORKER, "KEDGE_CANCEL_GRACE=2h", "at most 1h"},
        {PROGRAM_WORKER, "KEDGE_SANDBOX=on", "must be auto, landlock or none"},
        {PROGRAM_WORKER, "KEDGE_SANDBOX_WRITE=/a:b", "\"b\" is not an absolute path"},
        {PROGRAM_WORKER, "KEDGE_ENV_PASS=AWS_*,A-B", "\"A-B\" is not the name"},
        {PROGRAM_WORKER, "KEDGE_DATA_DIR=a\tb", "control characters"},
        {PROGRAM_SCHEDULER, "KEDGE_KEEP_DAYS=0", "must be at least 1 and"},
        {PROGRAM_SCHEDULER, "KEDGE_KEEP_RUNS=1.5", "must be a whole number"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loaded loaded = load(rows[i].program, ENV(rows[i].entry));
        size_t name_len = strcspn(rows[i].entry, "=");

        if (loaded.problem_count != 1 ||
            strstr(buf_text(&loaded.problems), rows[i].problem) == NULL)
            fail_msg("%s: %s", rows[i].entry, buf_text(&loaded.problems));
        assert_memory_equal(buf_text(&loaded.problems), rows[i].entry, name_len);
        unload(&loaded);
    }
}

static void all_problems_are_told_at_once(void **state)
{
    struct loaded loaded =
        load(PROGRAM_API, ENV("KEDGE_LISTEN=x", "KEDGE_MAX_QUEUED=x", "KEDGE_TLS_KEY=x"));

    (void)state;
    assert_int_equal(loaded.problem_count, 4);
    assert_non_null(strstr(buf_text(&loaded.problems), "KEDGE_LISTEN: "));
    assert_non_null(strstr(buf_text(&loaded.problems), "KEDGE_MAX_QUEUED: "));
    assert_non_null(strstr(buf_text(&loaded.problems), "set both for HTTPS, or neither"));
    assert_non_null(strstr(buf_text(&loaded.problems), "KEDGE_TLS_KEY: the file cannot"));
    unload(&loaded);
}

static void an_empty_value_counts_as_unset(void **state)
{
    struct loaded loaded =
        load(PROGRAM_API, ENV("KEDGE_LISTEN=", "KEDGE_API_SECRET=", "KEDGE_TLS_CERT="));

    (void)state;
    assert_int_equal(loaded.problem_count, 0);
    assert_string_equal(loaded.conf.listen, "127.0.0.1:4141");
    assert_null(loaded.conf.api_secret);
    assert_null(loaded.conf.tls_cert);
    unload(&loaded);
}

static void settings_of_other_programs_are_ignored_whatever_they_say(void **state)
{
    struct loaded loaded =
        load(PROGRAM_SCHEDULER, ENV("KEDGE_LISTEN=x", "KEDGE_WORKER_SLOTS=x",
                                    "KEDGE_API_SECRET_FILE=/nowhere"));

    (void)state;
    assert_int_equal(loaded.problem_count, 0);
    assert_string_equal(buf_text(&loaded.warnings), "");
    assert_null(loaded.conf.listen);
    unload(&loaded);
}

static void an_unknown_name_is_a_warning_and_others_are_not(void **state)
{
    struct loaded loaded =
        load(PROGRAM_API, ENV("KEDGE_LISTNE=x", "KEDGE_LISTEN_FILE=x", "PATH=/bin",
                              "kedge_x=1", "odd", "KEDGE_ENV_DIR=/x"));

    (void)state;
    assert_int_equal(loaded.problem_count, 0);
    assert_string_equal(buf_text(&loaded.warnings),
                        "KEDGE_LISTNE: there is no such setting\n"
                        "KEDGE_LISTEN_FILE: there is no such setting\n");
    unload(&loaded);
}

/* ---- the model ---- */
static void settings_of_the_model_go_together(void **state)
{
    const struct {
        const char *const *env;
        const char *problems, *warnings;
    } rows[] = {
        {(const char *const[]){"AZURE_OPENAI_ENDPOINT=https://x",
                               "AZURE_OPENAI_API_KEY=k", "AZURE_OPENAI_DEPLOYMENT=d",
                               NULL},
         "", ""},
        {(const char *const[]){"KEDGE_AI_URL=http://[::1]:1/v1", "KEDGE_AI_MODEL=a/b:c",
                               NULL},
         "", ""},
        {(const char *const[]){"AZURE_OPENAI_ENDPOINT=https://x", NULL},
         "AZURE_OPENAI_API_KEY: is needed with AZURE_OPENAI_ENDPOINT\n"
         "AZURE_OPENAI_DEPLOYMENT: is needed with AZURE_OPENAI_ENDPOINT\n",
         ""},
        {(const char *const[]){"AZURE_OPENAI_DEPLOYMENT=d", "KEDGE_AI_MODEL=m", NULL},
         "AZURE_OPENAI_ENDPOINT: is needed with AZURE_OPENAI_DEPLOYMENT\n"
         "KEDGE_AI_URL: is needed with KEDGE_AI_MODEL\n",
         ""},
        {(const char *const[]){"AZURE_OPENAI_ENDPOINT=https://x",
                               "AZURE_OPENAI_API_KEY=k", "AZURE_OPENAI_DEPLOYMENT=d",
                               "KEDGE_AI_URL=http://x", NULL},
         "AZURE_OPENAI_ENDPOINT, KEDGE_AI_URL: set one of them\n"
         "KEDGE_AI_MODEL: is needed with KEDGE_AI_URL\n",
         ""},
        {(const char *const[]){"KEDGE_AI_API_KEY=k", "AZURE_OPENAI_API_KEY=k", NULL}, "",
         "KEDGE_AI_API_KEY: has no effect without KEDGE_AI_URL\n"},
        {(const char *const[]){"AZURE_OPENAI_ENDPOINT=https://x",
                               "AZURE_OPENAI_API_KEY=k", "AZURE_OPENAI_DEPLOYMENT=../x?",
                               NULL},
         "AZURE_OPENAI_DEPLOYMENT: must be of A-Z a-z 0-9 . _ -\n"
         "AZURE_OPENAI_DEPLOYMENT: is needed with AZURE_OPENAI_ENDPOINT\n",
         ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loaded loaded = load(PROGRAM_API, rows[i].env);

        assert_string_equal(buf_text(&loaded.problems), rows[i].problems);
        assert_string_equal(buf_text(&loaded.warnings), rows[i].warnings);
        unload(&loaded);
    }
}

static struct loaded load_secret_file(void **state, const char *text)
{
    AUTO(auto_free) char *path = scratch_file(state, "secret", text);
    AUTO(auto_free) char *entry = mem_fmt("KEDGE_API_SECRET_FILE=%s", path);

    return load(PROGRAM_API, ENV(entry));
}

static void a_secret_may_come_from_a_file(void **state)
{
    static const char *const texts[] = {"s3cret", "s3cret\n", "s3cret\r\n"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct loaded loaded = load_secret_file(state, texts[i]);

        assert_string_equal(buf_text(&loaded.problems), "");
        assert_string_equal(loaded.conf.api_secret, "s3cret");
        unload(&loaded);
    }
}

static void a_useless_secret_file_is_a_problem(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        {"", "KEDGE_API_SECRET_FILE: the file is empty"},
        {"\n", "KEDGE_API_SECRET_FILE: the file is empty"},
        {"one\ntwo\n", "KEDGE_API_SECRET_FILE: must be visible ASCII"},
    };
    struct loaded loaded;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        loaded = load_secret_file(state, rows[i].text);
        assert_int_equal(loaded.problem_count, 1);
        assert_non_null(strstr(buf_text(&loaded.problems), rows[i].problem));
        assert_null(loaded.conf.api_secret);
        unload(&loaded);
    }
    loaded = load(PROGRAM_API, ENV("KEDGE_API_SECRET_FILE=/nonexistent/secret"));
    assert_int_equal(loaded.problem_count, 1);
    assert_non_null(strstr(buf_text(&loaded.problems), "No such file"));
    unload(&loaded);
}

/* What conf_reload makes of it; *changed on success. */
static int reload(struct loaded *loaded, const char *const *list, size_t *changed)
{
    char **environ_list = environ_copy(list);
    int problem_count =
        conf_reload(&loaded->conf, PROGRAM_API, environ_list, &loaded->problems, changed);

    environ_free(environ_list);
    return problem_count;
}

static void a_reload_reads_the_files_of_secrets_again(void **state)
{
    AUTO(auto_free) char *path = scratch_file(state, "secret", "first");
    AUTO(auto_free) char *url_path = scratch_file(state, "url", "redis://one");
    AUTO(auto_free) char *file = mem_fmt("KEDGE_API_SECRET_FILE=%s", path);
    AUTO(auto_free) char *url = mem_fmt("KEDGE_REDIS_URL_FILE=%s", url_path);
    const char *const *env = ENV(file, url, "KEDGE_READ_TOKEN=reads", "KEDGE_LISTEN=:1");
    struct loaded loaded = load(PROGRAM_API, env);
    size_t changed = 7;

    assert_int_equal(reload(&loaded, env, &changed), 0);
    assert_int_equal(changed, 0);
    free(scratch_file(state, "secret", "second\n"));
    free(scratch_file(state, "url", "redis://two"));
    assert_int_equal(reload(&loaded, env, &changed), 0);
    assert_int_equal(changed, 1);
    assert_string_equal(loaded.conf.api_secret, "second");
    assert_string_equal(loaded.conf.read_token, "reads");
    assert_string_equal(loaded.conf.redis_url, "redis://one"); /* it has a connection */
    unload(&loaded);
}

static void a_reload_with_a_problem_changes_nothing(void **state)
{
    AUTO(auto_free) char *secret = scratch_file(state, "secret", "first");
    AUTO(auto_free) char *token = scratch_file(state, "token", "reads");
    AUTO(auto_free) char *secret_file = mem_fmt("KEDGE_API_SECRET_FILE=%s", secret);
    AUTO(auto_free) char *token_file = mem_fmt("KEDGE_READ_TOKEN_FILE=%s", token);
    const char *const *env = ENV(secret_file, token_file);
    struct loaded loaded = load(PROGRAM_API, env);
    size_t changed = 7;

    free(scratch_file(state, "secret", "reads"));
    assert_int_equal(reload(&loaded, env, &changed), 1);
    free(scratch_file(state, "secret", "second"));
    free(scratch_file(state, "token", ""));
    assert_int_equal(reload(&loaded, env, &changed), 1);
    assert_int_equal(changed, 0);
    assert_string_equal(loaded.conf.api_secret, "first");
    assert_string_equal(loaded.conf.read_token, "reads");
    assert_non_null(strstr(buf_text(&loaded.problems), "must differ"));
    assert_non_null(strstr(buf_text(&loaded.problems), "the file is empty"));
    unload(&loaded);
}

static void a_secret_given_twice_is_a_problem(void **state)
{
    struct loaded loaded =
        load(PROGRAM_API, ENV("KEDGE_API_SECRET=a", "KEDGE_API_SECRET_FILE=/nowhere"));

    (void)state;
    assert_int_equal(loaded.problem_count, 1);
    assert_string_equal(buf_text(&loaded.problems),
                        "KEDGE_API_SECRET: is set both directly and by its _FILE\n");
    unload(&loaded);
}

static void the_read_token_must_not_be_the_api_secret(void **state)
{
    struct loaded loaded =
        load(PROGRAM_API, ENV("KEDGE_API_SECRET=same", "KEDGE_READ_TOKEN=same"));

    (void)state;
    assert_int_equal(loaded.problem_count, 1);
    assert_null(strstr(buf_text(&loaded.problems), "same"));
    unload(&loaded);
}

static void tls_files_that_are_there_are_accepted(void **state)
{
    AUTO(auto_free) char *cert_path = scratch_file(state, "cert", "x");
    AUTO(auto_free) char *key_path = scratch_file(state, "key", "x");
    AUTO(auto_free) char *cert = mem_fmt("KEDGE_TLS_CERT=%s", cert_path);
    AUTO(auto_free) char *key = mem_fmt("KEDGE_TLS_KEY=%s", key_path);
    struct loaded loaded = load(PROGRAM_API, ENV(cert, key));

    assert_string_equal(buf_text(&loaded.problems), "");
    assert_string_equal(loaded.conf.tls_key, key_path);
    unload(&loaded);
}

/* No secret may reach a log by way of a refusal. */
static void a_problem_never_repeats_a_secret(void **state)
{
    static const char *const entries[] = {
        "KEDGE_API_SECRET=hunter 2",
        "KEDGE_READ_TOKEN=hunter\n2",
        "KEDGE_REDIS_URL=rediss://:hunter@x:1/none",
        "KEDGE_REDIS_URL=hunter",
        "KEDGE_GIT_URL=https://u:hunter@host/",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        struct loaded loaded = load(PROGRAM_API, ENV(entries[i]));

        assert_int_equal(loaded.problem_count, 1);
        assert_null(strstr(buf_text(&loaded.problems), "hunter"));
        unload(&loaded);
    }
}

static void printed_settings_are_masked_and_in_the_largest_unit(void **state)
{
    struct loaded loaded =
        load(PROGRAM_WORKER, ENV("KEDGE_GIT_TOKEN=hunter", "KEDGE_RUN_TIMEOUT=90m",
                                 "KEDGE_RUN_MEMORY=1536K", "KEDGE_CANCEL_GRACE=250ms",
                                 "KEDGE_REDIS_URL=redis://me:hunter@h:1/2"));
    struct buf out = BUF_INIT(TEXT_MAX);

    (void)state;
    conf_print(&loaded.conf, PROGRAM_WORKER, &out);
    assert_null(strstr(buf_text(&out), "hunter"));
    assert_non_null(strstr(buf_text(&out), "\nKEDGE_GIT_TOKEN=***\n"));
    assert_non_null(strstr(buf_text(&out), "KEDGE_REDIS_URL=redis://***@h:1/2\n"));
    assert_non_null(strstr(buf_text(&out), "\nKEDGE_RUN_TIMEOUT=90m\n"));
    assert_non_null(strstr(buf_text(&out), "\nKEDGE_RUN_MEMORY=1536K\n"));
    assert_non_null(strstr(buf_text(&out), "\nKEDGE_CANCEL_GRACE=250ms\n"));
    assert_non_null(strstr(buf_text(&out), "\nKEDGE_DATA_MAX=20G\n"));
    assert_non_null(strstr(buf_text(&out), "\nKEDGE_SANDBOX=auto\n"));
    assert_non_null(strstr(buf_text(&out), "\nKEDGE_GITHUB_TOKEN=\n"));
    assert_null(strstr(buf_text(&out), "KEDGE_LISTEN"));
    buf_done(&out);
    unload(&loaded);
}

static void a_redis_url_with_its_password_elsewhere_is_masked_whole(void **state)
{
    struct loaded loaded =
        load(PROGRAM_API, ENV("KEDGE_REDIS_URL=unix:///run/r.sock?db=1&password=hunter"));
    struct buf out = BUF_INIT(TEXT_MAX);

    (void)state;
    assert_string_equal(buf_text(&loaded.problems), "");
    conf_print(&loaded.conf, PROGRAM_API, &out);
    assert_non_null(strstr(buf_text(&out), "KEDGE_REDIS_URL=***\n"));
    buf_done(&out);
    unload(&loaded);
}

static void help_shows_a_programs_own_settings(void **state)
{
    struct buf out = BUF_INIT(TEXT_MAX);

    (void)state;
    conf_print_help(PROGRAM_SCHEDULER, &out);
    assert_memory_equal(buf_text(&out), "usage: kedge-scheduler ", 23);
    assert_non_null(strstr(buf_text(&out), "KEDGE_KEEP_RUNS"));
    assert_null(strstr(buf_text(&out), "KEDGE_LISTEN "));
    buf_done(&out);
}

static void the_document_lists_settings_of_all_programs(void **state)
{
    struct buf out = BUF_INIT(TEXT_MAX);

    (void)state;
    conf_print_markdown(&out);
    assert_non_null(strstr(buf_text(&out), "| `KEDGE_LISTEN` | address:port | "
                                           "`127.0.0.1:4141` | api |"));
    assert_non_null(strstr(buf_text(&out), "| `KEDGE_KEEP_RUNS` |"));
    assert_non_null(strstr(buf_text(&out), "| `KEDGE_SANDBOX` |"));
    assert_non_null(strstr(buf_text(&out), " | api, worker | "));
    buf_done(&out);
}

int main(void)
{
#define IN_SCRATCH(test)                                                                 \
    cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_set_gives_the_defaults),
        cmocka_unit_test(what_is_set_is_read),
        cmocka_unit_test(every_bad_value_is_refused_with_its_name),
        cmocka_unit_test(all_problems_are_told_at_once),
        cmocka_unit_test(an_empty_value_counts_as_unset),
        cmocka_unit_test(settings_of_other_programs_are_ignored_whatever_they_say),
        cmocka_unit_test(an_unknown_name_is_a_warning_and_others_are_not),
        cmocka_unit_test(settings_of_the_model_go_together),
        IN_SCRATCH(a_secret_may_come_from_a_file),
        IN_SCRATCH(a_useless_secret_file_is_a_problem),
        IN_SCRATCH(a_reload_reads_the_files_of_secrets_again),
        IN_SCRATCH(a_reload_with_a_problem_changes_nothing),
        cmocka_unit_test(a_secret_given_twice_is_a_problem),
        cmocka_unit_test(the_read_token_must_not_be_the_api_secret),
        IN_SCRATCH(tls_files_that_are_there_are_accepted),
        cmocka_unit_test(a_problem_never_repeats_a_secret),
        cmocka_unit_test(printed_settings_are_masked_and_in_the_largest_unit),
        cmocka_unit_test(a_redis_url_with_its_password_elsewhere_is_masked_whole),
        cmocka_unit_test(help_shows_a_programs_own_settings),
        cmocka_unit_test(the_document_lists_settings_of_all_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
