/* init: its lock file, when it can be skipped, the shared plugin cache, and what is out
 * of a run's reach. A shell script stands in for terraform. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "tests/support/terraform_fixture.h"
#include "worker/process/sandbox.h"
#include "worker/process/spawn.h"

/* ---- the lock file ---- */

#define LOCK_SCRIPT                                                                      \
    "case $1 in init) echo '# from init' >>.terraform.lock.hcl ;;"                       \
    "plan) cat .terraform.lock.hcl ;; esac"

static void the_lock_file_of_init_is_put_back(void **state)
{
    (void)state;
    test_run_script(tf_run, LOCK_SCRIPT);
    tf_begin();
    tf_init();
    tf_begin();
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "# from init\n");
}

static void a_changed_lock_file_of_the_commit_wins(void **state)
{
    (void)state;
    test_run_script(tf_run, LOCK_SCRIPT);
    test_run_file(tf_run, ".terraform.lock.hcl", "# committed\n");
    tf_begin();
    tf_init();
    tf_begin();
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "# committed\n# from init\n");
    test_run_file(tf_run, ".terraform.lock.hcl", "# committed later\n");
    tf_begin();
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "# committed later\n");
}

static void a_link_in_place_of_the_lock_file_is_refused(void **state)
{
    AUTO(auto_free) char *link = path_join(tf_run->work, "src/.terraform.lock.hcl");
    struct err err;

    (void)state;
    tf_begin();
    terraform_free(TAKE(tf_used));
    assert_int_equal(symlink("/etc/passwd", link), 0);
    tf_used = tf_make(&err);
    assert_null(tf_used);
    assert_non_null(strstr(err.message, "not a plain file"));
}

/* ---- when init can be skipped ---- */

#define MODULES_SCRIPT(modules)                                                          \
    "case $1 in init) mkdir -p $TF_DATA_DIR/modules;"                                    \
    "echo '{\"Modules\":[{\"Key\":\"\",\"Source\":\"\",\"Dir\":\".\"}" modules           \
    "]}' >$TF_DATA_DIR/modules/modules.json ;;"                                          \
    "workspace) printf '* default\\n  prod\\n' ;; esac"
#define LOCAL_MODULE ",{\"Key\":\"m\",\"Source\":\"./mods/m\",\"Dir\":\"mods/m\"}"

static void expect_current(bool current)
{
    tf_begin();
    assert_int_equal(terraform_init_current(tf_used), current);
}

static void init_is_skipped_while_nothing_it_saw_has_changed(void **state)
{
    (void)state;
    test_run_script(tf_run, MODULES_SCRIPT(LOCAL_MODULE));
    test_run_file(tf_run, "mods/m/main.tf", "# module\n");
    test_run_file(tf_run, "README.md", "read me\n");
    expect_current(false);
    tf_init_and_prove();
    expect_current(true);
    test_run_file(tf_run, "README.md", "something else\n");
    expect_current(true);
}

static void change_configuration(void)
{
    test_run_file(tf_run, "main.tf", "# other\n");
}
static void add_configuration(void)
{
    test_run_file(tf_run, "other.tf", "# other\n");
}
static void change_module(void)
{
    test_run_file(tf_run, "mods/m/main.tf", "# other\n");
}
static void add_json(void)
{
    test_run_file(tf_run, "mods/m/x.tf.json", "{}");
}
static void add_tofu(void)
{
    test_run_file(tf_run, "main.tofu", "");
}
static void change_lock_file(void)
{
    test_run_file(tf_run, ".terraform.lock.hcl", "# other\n");
}
static void change_backend(void)
{
    free(tf_run->order.spec.backend_config);
    tf_run->order.spec.backend_config = mem_dup("{\"key\":\"other\"}");
}
static void change_workspace(void)
{
    free(tf_run->order.spec.workspace);
    tf_run->order.spec.workspace = mem_dup("prod");
}
static void change_binary(void)
{
    test_run_script(tf_run, MODULES_SCRIPT(LOCAL_MODULE) "; : changed");
}
static void change_cli_configuration(void)
{
    tf_put("shared", "cli.tfrc", "# other\n");
}
static void any_change_of_what_init_saw_needs_it_again(void **state)
{
    static const struct {
        void (*change)(void);
        const char *name;
    } changes[] = {
        {change_configuration, "configuration"},
        {add_configuration, "new file"},
        {change_module, "module"},
        {add_json, "JSON in a module"},
        {add_tofu, "tofu file"},
        {change_lock_file, "lock file"},
        {change_backend, "backend"},
        {change_workspace, "workspace"},
        {change_binary, "binary"},
        {change_cli_configuration, "CLI"},
    };
    AUTO(auto_free) char *cli = mem_fmt("TF_CLI_CONFIG_FILE=%s/cli.tfrc", tf_run->shared);
    const char *const with_cli[] = {"PATH=/usr/bin:/bin", cli, NULL};

    (void)state;
    tf_environment = with_cli;
    tf_put("shared", "cli.tfrc", "# first\n");
    test_run_script(tf_run, MODULES_SCRIPT(LOCAL_MODULE));
    test_run_file(tf_run, "mods/m/main.tf", "# module\n");
    tf_begin();
    tf_init_and_prove();
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        expect_current(true);
        changes[i].change();
        tf_begin();
        if (terraform_init_current(tf_used))
            fail_msg("%s: not noticed", changes[i].name);
        tf_init_and_prove();
    }
    tf_environment = tf_few;
}

static void a_failed_init_forgets_the_last_good_one(void **state)
{
    struct child_result result;
    struct err err;

    (void)state;
    test_run_script(tf_run, "test -e $SHARED/broken && exit 1; :");
    tf_begin();
    tf_init_and_prove();
    expect_current(true);
    tf_put("shared", "broken", "");
    assert_int_equal(terraform_init(tf_used, tf_soon(), &result, &err), 0);
    assert_int_equal(result.code, 1);
    expect_current(false);
}

static void an_unproved_workspace_is_not_remembered(void **state)
{
    (void)state;
    tf_begin();
    tf_init();
    expect_current(false);
}

#define REMOTE(source, more)                                                             \
    ",{\"Key\":\"r\",\"Source\":\"" source "\",\"Dir\":\".terraform/modules/r\"" more "}"

static void only_pinned_remote_modules_let_init_be_skipped(void **state)
{
    static const struct {
        const char *script;
        bool skipped;
    } rows[] = {
        {MODULES_SCRIPT(REMOTE("git::https://h/r.git?ref=v1.2.3", "")), true},
        {MODULES_SCRIPT(REMOTE("git::https://h/r.git?ref=main", "")), false},
        {MODULES_SCRIPT(REMOTE("git::https://h/r.git", "")), false},
        {MODULES_SCRIPT(REMOTE("registry.terraform.io/a/b/c", ",\"Version\":\"1.0\"")),
         false},
        {MODULES_SCRIPT(",{\"Key\":\"m\",\"Source\":\"../../x\",\"Dir\":\"../../x\"}"),
         false},
        {MODULES_SCRIPT(",{\"Key\":\"m\"}"), false},
        {"case $1 in init) mkdir -p $TF_DATA_DIR/modules;"
         "echo broken >$TF_DATA_DIR/modules/modules.json ;; esac",
         false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        test_run_script(tf_run, rows[i].script);
        tf_begin();
        tf_init_and_prove();
        tf_begin();
        if (terraform_init_current(tf_used) != rows[i].skipped)
            fail_msg("%s", rows[i].script);
    }
}

static void a_registry_module_with_a_version_is_pinned(void **state)
{
    (void)state;
    test_run_script(tf_run, MODULES_SCRIPT(REMOTE("registry.terraform.io/a/b/c",
                                                  ",\"Version\":\"1.0.4\"")));
    test_run_file(tf_run, "main.tf",
                  "module \"r\" {\n  source = \"a/b/c\"\n"
                  "  version = \"~> 1.0\"\n}\n");
    tf_begin();
    tf_init_and_prove();
    expect_current(true);
}

static void moving_modules_are_fetched_anew(void **state)
{
    (void)state;
    test_run_script(tf_run,
                    "case $1 in init) ls $TF_DATA_DIR/modules 2>/dev/null;"
                    "mkdir -p $TF_DATA_DIR/modules;"
                    "echo '{\"Modules\":[{\"Key\":\"r\",\"Source\":\"git::x?ref=main\","
                    "\"Dir\":\"x\"}]}' >$TF_DATA_DIR/modules/modules.json ;; esac");
    tf_begin();
    tf_init_and_prove();
    tf_begin();
    tf_init_and_prove();
    assert_string_equal(buf_text(&tf_output), "");
}

/* ---- the plugin cache ---- */

static int hold_cache(void)
{
    AUTO(auto_free) char *path = path_join(tf_run->conf.data_dir, "plugins.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

static void init_waits_for_the_plugin_cache_until_its_deadline(void **state)
{
    AUTO(auto_close) int fd = -1;
    struct child_result result;
    struct err err;

    (void)state;
    tf_begin();
    fd = hold_cache();
    assert_int_equal(terraform_init(tf_used, clock_mono_ms() + 100, &result, &err), 0);
    assert_true(result.timed_out);
    tf_wish = 1;
    assert_int_equal(terraform_init(tf_used, tf_soon(), &result, &err), 0);
    assert_true(result.stopped);
    assert_false(result.timed_out);
    tf_wish = 0;
    flock(fd, LOCK_UN);
    assert_int_equal(terraform_init(tf_used, tf_soon(), &result, &err), 0);
    assert_int_equal(result.code, 0);
}

/* Says which cache it was given, and puts a provider into the one that all share. */
#define POISON_SCRIPT                                                                    \
    "case $1 in init) echo \"cache=$TF_PLUGIN_CACHE_DIR\";"                              \
    "cache=${TF_DATA_DIR%%/data/*}/data/plugins; touch $cache/poison 2>/dev/null; : ;; " \
    "esac"

static void providers_of_a_repository_stay_out_of_the_shared_cache(void **state)
{
    AUTO(auto_free) char *poison = path_join(tf_run->conf.data_dir, "plugins/poison");
    AUTO(auto_free) char *link = path_join(tf_run->work, "tf/providers/linked");
    struct err err;

    (void)state;
    test_run_script(tf_run, POISON_SCRIPT);
    tf_begin();
    tf_init();
    tf_expect("/plugins\n");
    assert_int_equal(path_exists(poison), true);
    assert_int_equal(path_remove_tree(poison, &err), 0);
    assert_int_equal(path_mkdirs(link, 0700, &err), 0);
    test_run_file(tf_run, "terraform.d/plugins/registry.terraform.io/x.zip",
                  "a provider");
    tf_begin();
    tf_init();
    assert_true(tf_printed("cache=\n"));
    assert_false(path_exists(link));
    if (sandbox_abi() > 0)
        assert_false(path_exists(poison));
}

/* The directory that they are in may be read. */
static void files_that_hold_the_workers_secrets_cannot_be_read(void **state)
{
    AUTO(auto_free) char *etc = path_join(tf_run->top, "etc");
    AUTO(auto_free) char *variable = mem_fmt("KEDGE_GITHUB_TOKEN_FILE=%s/token", etc);
    AUTO(auto_free) char *read = TAKE(tf_run->conf.sandbox_read);
    AUTO(auto_free)
    char *redis = mem_fmt(SPAWN_HIDDEN_FILE "=%s/redis", etc);
    AUTO(auto_free) char *key = mem_fmt(SPAWN_HIDDEN_KEY "=%s/key", etc);
    AUTO(auto_free)
    char *script = mem_fmt("cd %s; cat other token redis key 2>/dev/null; :", etc);
    const char *const environment[] = {"PATH=/usr/bin:/bin", variable, redis, key, NULL};

    if (sandbox_abi() == 0)
        skip();
    (void)state;
    tf_put("etc", "token", "t-secret");
    tf_put("etc", "redis", "r-secret");
    tf_put("etc", "key", "k-secret");
    tf_put("etc", "other", "readable");
    tf_run->conf.sandbox_read = mem_fmt("%s:%s", read, etc);
    test_run_script(tf_run, script);
    tf_environment = environment;
    tf_begin();
    tf_plan();
    assert_string_equal(buf_text(&tf_output), "readable");
}

static void init_begins_with_an_empty_home_each_time(void **state)
{
    (void)state;
    test_run_script(tf_run, "case $1 in plan) echo 'credentials_helper \"mine\" {}' "
                            ">$HOME/.terraformrc ;; init) ls -A $HOME ;; esac");
    tf_begin();
    tf_plan();
    tf_init();
    assert_string_equal(buf_text(&tf_output), "");
}

/* ---- what the configuration reads ---- */
static void expect_reads(const char *wanted)
{
    AUTO(auto_free) char *reads = NULL;

    tf_begin();
    tf_init_and_prove();
    reads = terraform_reads(tf_used);
    if (wanted == NULL) {
        assert_null(reads);
        return;
    }
    assert_non_null(reads);
    assert_string_equal(reads, wanted);
}

static void work_in(const char *directory)
{
    free(tf_run->order.spec.directory);
    tf_run->order.spec.directory = mem_dup(directory);
}

static void a_configuration_alone_reads_its_directory(void **state)
{
    (void)state;
    expect_reads(".");
    test_run_file(tf_run, "env/a/main.tf", "# a\n");
    work_in("env/a");
    expect_reads("env/a");
}

#define MODULE(key, source, dir)                                                         \
    ",{\"Key\":\"" key "\",\"Source\":\"" source "\",\"Dir\":\"" dir "\"}"

static void local_modules_are_read_remote_ones_are_not(void **state)
{
    (void)state;
    test_run_file(tf_run, "env/a/main.tf", "# a\n");
    test_run_file(tf_run, "modules/one/main.tf", "# one\n");
    test_run_file(tf_run, "modules/two/main.tf", "# two\n");
    work_in("env/a");
    test_run_script(
        tf_run, MODULES_SCRIPT(
                    MODULE("m", "../../modules/one", "../../modules/one")
                        MODULE("n", "../../modules/one", "../../modules/one")
                            MODULE("m.x", "../two", "../../modules/two")
                                MODULE("r", "git::https://h/r.git", ".terraform/r")
                                    MODULE("r.y", "./y", "/elsewhere/.terraform/r/y")));
    expect_reads("env/a\nmodules/one\nmodules/two");
}

static void a_module_that_cannot_be_found_makes_all_unknown(void **state)
{
    (void)state;
    test_run_script(tf_run, MODULES_SCRIPT(MODULE("m", "../out", "../../../..")));
    expect_reads(NULL);
    test_run_script(tf_run, MODULES_SCRIPT(MODULE("m", "./gone", "gone")));
    expect_reads(NULL);
    test_run_script(tf_run, MODULES_SCRIPT(",{\"Key\":\"m\"}"));
    expect_reads(NULL);
    test_run_script(tf_run, MODULES_SCRIPT(",oops"));
    expect_reads(NULL);
}

static void links_are_followed_to_what_is_read(void **state)
{
    AUTO(auto_free) char *link = path_join(tf_run->work, "src/link");
    AUTO(auto_free) char *reads = NULL;

    (void)state;
    test_run_file(tf_run, "modules/one/main.tf", "# one\n");
    test_run_script(tf_run, MODULES_SCRIPT(MODULE("m", "./link", "link")));
    tf_begin();
    assert_int_equal(symlink("modules/one", link), 0);
    tf_init_and_prove();
    reads = terraform_reads(tf_used);
    assert_string_equal(reads, ".\nmodules/one");
}

static void var_files_are_read(void **state)
{
    struct run_spec *spec = &tf_run->order.spec;

    (void)state;
    test_run_file(tf_run, "env/a/main.tf", "# a\n");
    test_run_file(tf_run, "env/a/x.tfvars", "");
    work_in("env/a");
    spec->var_files = mem_new(1, sizeof *spec->var_files);
    spec->var_files[0] = mem_dup("x.tfvars");
    spec->var_file_count = 1;
    expect_reads("env/a\nenv/a/x.tfvars");
}

static void a_list_that_is_too_long_is_none(void **state)
{
    AUTO(buf_done) struct buf name = BUF_INIT(1 << 16);
    AUTO(buf_done) struct buf list = BUF_INIT(1 << 16);

    (void)state;
    for (int i = 0; i < 30; i++) {
        AUTO(buf_done) struct buf dir = BUF_INIT(1 << 10);

        buf_fmt(&dir, "%0200d", i);
        buf_fmt(&list, " %s", buf_text(&dir));
        buf_fmt(&name, MODULE("m%d", "./%s", "%s"), i, buf_text(&dir), buf_text(&dir));
    }
    AUTO(auto_free)
    char *script =
        mem_fmt("case $1 in init) mkdir -p $TF_DATA_DIR/modules%s;"
                "echo '{\"Modules\":[{\"Key\":\"\",\"Source\":\"\",\"Dir\":\".\"}%s]}' "
                ">$TF_DATA_DIR/modules/modules.json ;; esac",
                buf_text(&list), buf_text(&name));
    test_run_script(tf_run, script);
    expect_reads(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, tf_set_up, tf_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_lock_file_of_init_is_put_back),
        TEST(a_changed_lock_file_of_the_commit_wins),
        TEST(a_link_in_place_of_the_lock_file_is_refused),
        TEST(init_is_skipped_while_nothing_it_saw_has_changed),
        TEST(any_change_of_what_init_saw_needs_it_again),
        TEST(a_failed_init_forgets_the_last_good_one),
        TEST(an_unproved_workspace_is_not_remembered),
        TEST(only_pinned_remote_modules_let_init_be_skipped),
        TEST(a_registry_module_with_a_version_is_pinned),
        TEST(moving_modules_are_fetched_anew),
        TEST(init_waits_for_the_plugin_cache_until_its_deadline),
        TEST(providers_of_a_repository_stay_out_of_the_shared_cache),
        TEST(files_that_hold_the_workers_secrets_cannot_be_read),
        TEST(init_begins_with_an_empty_home_each_time),
        TEST(a_configuration_alone_reads_its_directory),
        TEST(local_modules_are_read_remote_ones_are_not),
        TEST(a_module_that_cannot_be_found_makes_all_unknown),
        TEST(links_are_followed_to_what_is_read),
        TEST(var_files_are_read),
        TEST(a_list_that_is_too_long_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
