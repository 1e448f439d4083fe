/* A run as the runner sees it. */
#include "tests/support/test_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/base/zip.h"
#include "worker/process/file.h"
#include "worker/runner/runner.h"
#include "worker/terraform/terraform_parts.h"

#define TARGET         "00112233445566778899aabbccddeeff"
#define FILES_MAX      16
#define PART_MAX_BYTES ((size_t)16 * 1024 * 1024)

static struct {
    char *name, *text;
} files[FILES_MAX];
static int runs_made;

static void no_files(void)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        free(TAKE(files[i].name));
        free(TAKE(files[i].text));
    }
}

static char *make_dir(const char *top, const char *name)
{
    char *path = path_join(top, name);
    struct err err;

    if (path_mkdirs(path, 0700, &err) < 0)
        fail_msg("%s", err.message);
    return path;
}

static void put(const char *dir, const char *name, const char *text, mode_t mode)
{
    struct err err;

    if (file_put(dir, name, text, strlen(text), mode, &err) < 0)
        fail_msg("%s", err.message);
}

static void fill_conf(struct test_run *run)
{
    run->conf = (struct conf){
        .data_dir = make_dir(run->top, "data"),
        .run_timeout_ms = 120000,
        .cancel_grace_ms = 5000,
        .sandbox = SANDBOX_AUTO,
        .sandbox_read = mem_dup("/usr:/lib:/lib64:/etc:/opt:/bin"),
        .sandbox_write = mem_dup(run->shared),
        .env_pass = mem_dup("TF_CLI_CONFIG_FILE"),
        .repo_allowlist = mem_dup("github.com/owner/*"),
        .github_url = mem_dup("https://github.com"),
        .gitlab_url = mem_dup("https://gitlab.com"),
    };
}

static void fill_order(struct run_order *order)
{
    *order = (struct run_order){
        .hold = {.run_id = "01890000-0000-7000-8000-000000000001",
                 .fence = "1-1",
                 .nonce = "aa"},
        .target = TARGET,
        .attempt = 1,
        .queued_at_ms = 1000,
        .started_at_ms = 1250,
        .spec = {.kind = RUN_DRIFT_CHECK,
                 .type = VCS_GITHUB,
                 .repository = mem_dup("owner/repo"),
                 .ref = mem_dup("main"),
                 .directory = mem_dup("."),
                 .workspace = mem_dup("default"),
                 .project_id = mem_dup("p1"),
                 .workspace_id = mem_dup("w1")},
    };
}

struct test_run *test_run_new(void)
{
    struct test_run *run = mem_new(1, sizeof *run);
    char top[] = "/tmp/kedge-run-XXXXXX";

    assert_non_null(mkdtemp(top));
    no_files();
    run->top = mem_dup(top);
    run->shared = make_dir(top, "shared");
    run->work = make_dir(top, "data/w1/work/" TARGET);
    fill_conf(run);
    fill_order(&run->order);
    return run;
}

void test_run_free(struct test_run *run)
{
    struct err err;

    path_remove_tree(run->top, &err);
    conf_done(&run->conf);
    run_order_done(&run->order);
    run_outcome_done(&run->outcome);
    free(run->top);
    free(run->shared);
    free(run->work);
    free(run->dir);
    free(run);
    no_files();
}

void test_run_file(struct test_run *run, const char *name, const char *text)
{
    size_t i = 0;

    (void)run;
    while (i < FILES_MAX - 1 && files[i].name != NULL && strcmp(files[i].name, name) != 0)
        i++;
    free(files[i].name);
    free(files[i].text);
    files[i].name = mem_dup(name);
    files[i].text = mem_dup(text);
}

void test_run_lay_out(const char *tree)
{
    struct err err;

    path_remove_tree(tree, &err);
    assert_int_equal(path_mkdirs(tree, 0700, &err), 0);
    for (size_t i = 0; i < FILES_MAX && files[i].name != NULL; i++) {
        AUTO(auto_free) char *path = path_join(tree, files[i].name);
        char *slash = strrchr(path, '/');

        *slash = '\0';
        assert_int_equal(path_mkdirs(path, 0700, &err), 0);
        put(path, slash + 1, files[i].text, 0600);
    }
}

/* ---- terraform ---- */

void test_run_script(struct test_run *run, const char *body)
{
    AUTO(auto_free)
    char *text = mem_fmt("#!/bin/sh\nSHARED=%s\necho \"$*\" >>$SHARED/calls\n%s\n",
                         run->shared, body);

    put(run->top, "terraform.sh", text, 0700);
    free(run->conf.terraform);
    run->conf.terraform = path_join(run->top, "terraform.sh");
}

static const char *path_of_ours(void)
{
    for (char **variable = environ; *variable != NULL; variable++)
        if (strncmp(*variable, "PATH=", 5) == 0)
            return *variable + 5;
    return "";
}

bool test_run_real(struct test_run *run)
{
    AUTO(auto_free) char *real = NULL;
    AUTO(auto_free) char *body = NULL;
    const struct conf conf = {0};
    bool pinned;
    struct err err;

    if (binary_find(&conf, NULL, path_of_ours(), &real, &pinned, &err) < 0) {
        print_message("skipped: %s\n", err.message);
        return false;
    }
    body = mem_fmt("exec %s \"$@\"", real);
    test_run_script(run, body);
    return true;
}

char *test_run_calls(const struct test_run *run)
{
    return test_run_shared(run, "calls");
}

/* ---- running ---- */

void test_run_again(struct test_run *run)
{
    AUTO(auto_free) char *name = mem_fmt("data/w1/runs/%d", ++runs_made);
    struct err err;

    run_outcome_done(&run->outcome);
    free(run->dir);
    run->dir = path_join(run->top, name);
    if (rundir_create(run->dir, &run->order, &err) < 0)
        fail_msg("%s", err.message);
}

pid_t test_run_start(struct test_run *run)
{
    pid_t pid;

    if (run->dir == NULL)
        test_run_again(run);
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        exit(runner_main(&run->conf, run->dir)); /* not _exit: leaks are looked for */
    return pid;
}

void test_run_wait(struct test_run *run, pid_t pid)
{
    int status = 0;
    struct err err;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    run->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    run_outcome_done(&run->outcome);
    if (rundir_read_outcome(run->dir, &run->outcome, &err) < 0)
        fail_msg("%s", err.message);
}

void test_run_go(struct test_run *run)
{
    test_run_again(run);
    test_run_wait(run, test_run_start(run));
    if (run->exit_status != 0)
        fail_msg("the runner ended with status %d", run->exit_status);
}

/* ---- looking ---- */

static char *read_file(const char *dir, const char *name)
{
    struct buf text = BUF_INIT(PART_MAX_BYTES);

    if (file_get(dir, name, &text) < 0)
        fail_msg("cannot read %s/%s", dir, name);
    return buf_take(&text);
}

char *test_run_part(const struct test_run *run, const char *name)
{
    AUTO(buf_done) struct buf zipped = BUF_INIT(PART_MAX_BYTES);
    struct buf text = BUF_INIT(PART_MAX_BYTES);
    struct err err;

    if (strstr(name, ".z") == NULL)
        return read_file(run->dir, name);
    if (file_get(run->dir, name, &zipped) <= 0)
        fail_msg("there is no %s", name);
    if (zip_inflate(zipped.data, zipped.len, &text, &err) < 0)
        fail_msg("%s: %s", name, err.message);
    return buf_take(&text);
}

char *test_run_shared(const struct test_run *run, const char *name)
{
    return read_file(run->shared, name);
}

void test_run_put_shared(const struct test_run *run, const char *name, const char *text)
{
    put(run->shared, name, text, 0600);
}
