/* The sandbox, seen from a program in it. Programs are shell scripts that say what they
 * could do; the layout is that of a worker with two runs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/process/child.h"
#include "worker/process/sandbox.h"

#define ABI_SCOPES 6

static char *top; /* scratch directory of all tests */

static char path_variable[] = "PATH=/usr/bin:/bin";
static char *environment[] = {path_variable, NULL};

static void take(void *arg, const char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
}

static char *below(const char *name)
{
    return path_join(top, name);
}

static void make_file(const char *name, const char *text)
{
    AUTO(auto_free) char *path = below(name);
    struct err err;

    assert_int_equal(path_write_atomic(path, text, strlen(text), 0600, &err), 0);
}

static void make_dir(const char *name)
{
    AUTO(auto_free) char *path = below(name);
    struct err err;

    assert_int_equal(path_mkdirs(path, 0700, &err), 0);
}

/* run1 may be written, code and shown are read-only, env is hidden in shown. */
static int set_up(void **state)
{
    (void)state;
    top = mem_dup("/tmp/test_sandbox.XXXXXX");
    assert_non_null(mkdtemp(top));
    make_dir("run1");
    make_dir("run2");
    make_dir("code");
    make_dir("shown/kedge/env");
    make_dir("shown/other");
    make_file("run1/mine", "mine");
    make_file("run2/theirs", "secret");
    make_file("code/main.tf", "code");
    make_file("shown/plain", "plain");
    make_file("shown/other/deep", "deep");
    make_file("shown/kedge/conf", "conf");
    make_file("shown/kedge/env/default.env", "secret");
    return 0;
}

static int tear_down(void **state)
{
    struct err err;

    (void)state;
    path_remove_tree(top, &err);
    free(top);
    return 0;
}

static void auto_sandbox(struct sandbox *sandbox)
{
    sandbox_done(sandbox);
}

static void allow(struct sandbox *sandbox)
{
    static const char *const system[] = {"/usr", "/lib", "/lib64", "/bin"};
    AUTO(auto_free) char *run = below("run1");
    AUTO(auto_free) char *code = below("code");
    AUTO(auto_free) char *shown = below("shown");
    AUTO(auto_free) char *env = below("shown/kedge/env");
    const char *hidden[] = {env, "/nowhere/at/all", NULL};
    struct err err;

    if (sandbox_abi() == 0) {
        print_message("skipped: this kernel has no Landlock\n");
        skip();
    }
    assert_int_equal(sandbox_init(sandbox, &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(system); i++)
        assert_int_equal(sandbox_allow_read(sandbox, system[i], &err), 0);
    assert_int_equal(sandbox_allow_basics(sandbox, &err), 0);
    assert_int_equal(sandbox_allow_read(sandbox, code, &err), 0);
    assert_int_equal(sandbox_allow_read_around(sandbox, shown, hidden, &err), 0);
    assert_int_equal(sandbox_allow_write(sandbox, run, &err), 0);
}

/* What the script prints. It runs in the scratch directory. */
static char *inside(const char *script)
{
    AUTO(auto_sandbox) struct sandbox sandbox = SANDBOX_INIT;
    AUTO(auto_free) char *text = mem_dup(script);
    char shell[] = "sh", flag[] = "-c";
    char *argv[] = {shell, flag, text, NULL};
    struct buf out = BUF_INIT(1 << 16);
    struct child_spec spec = {
        .path = "/bin/sh",
        .argv = argv,
        .envp = environment,
        .cwd = top,
        .sandbox = &sandbox,
        .keep_fd = -1,
        .deadline_mono_ms = clock_mono_ms() + 20000,
        .grace_ms = 100,
        .output = take,
        .poll_fd = -1,
        .arg = &out,
    };
    struct child_result result;
    struct err err;

    allow(&sandbox);
    if (child_run(&spec, &result, &err) < 0)
        fail_msg("child_run: %s", err.message);
    return buf_take(&out);
}

static void expect(const char *script, const char *printed)
{
    AUTO(auto_free) char *got = inside(script);

    assert_string_equal(got, printed);
}

static void refused(const char *script)
{
    AUTO(auto_free) char *got = inside(script);

    if (strstr(got, "Permission denied") == NULL)
        fail_msg("%s: was not refused: %s", script, got);
}

static void its_own_directory_can_be_used_in_every_way(void **state)
{
    (void)state;
    expect("cat run1/mine && cd run1 && echo x >new && mkdir -p d/e && mv new d/e/ &&"
           "ln -s d/e/new link && cat link && : >link && mkfifo pipe && rm -r d pipe &&"
           "echo done",
           "minex\ndone\n");
}

static void programs_of_the_system_can_be_run(void **state)
{
    (void)state;
    expect("/usr/bin/printf '%s\\n' ran", "ran\n");
}

static void a_program_in_its_own_directory_can_be_run(void **state)
{
    (void)state;
    expect("printf '#!/bin/sh\\necho provider\\n' >run1/p; chmod +x run1/p; run1/p",
           "provider\n");
}

static void the_devices_work(void **state)
{
    (void)state;
    expect(
        "echo x >/dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c",
        "3\n3\n");
}

static void other_runs_are_out_of_reach(void **state)
{
    (void)state;
    refused("cat run2/theirs");
    refused("ls run2");
    refused("ls .");
    refused("echo x >run2/new");
    expect("ln run2/theirs run1/stolen 2>/dev/null; test -e run1/stolen || echo none",
           "none\n");
    refused("mv run2/theirs run1/stolen");
}

static void what_may_be_read_may_not_be_written(void **state)
{
    (void)state;
    expect("cat code/main.tf", "code");
    refused("echo x >code/main.tf");
    refused("echo x >code/new");
    refused("rm code/main.tf");
    refused("mkdir code/new");
}

static void a_link_does_not_lead_out(void **state)
{
    (void)state;
    refused("ln -s ../run2/theirs run1/way; cat run1/way");
}

static void the_environment_of_the_parent_cannot_be_read(void **state)
{
    (void)state;
    refused("cat /proc/$PPID/environ");
    refused("cat /proc/1/environ");
}

static void hidden_paths_are_left_out_of_a_tree(void **state)
{
    (void)state;
    expect("cat shown/plain shown/other/deep shown/kedge/conf; ls shown/other",
           "plaindeepconfdeep\n");
    refused("cat shown/kedge/env/default.env");
    refused("ls shown/kedge/env");
}

static void without_a_ruleset_there_are_still_no_new_privileges(void **state)
{
    const struct sandbox none = SANDBOX_INIT;
    pid_t pid = fork();
    int status = 0;

    (void)state;
    if (pid == 0)
        _exit(sandbox_enter(&none) == 0 ? prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) : 99);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 1);
}

/* The exit status of what a process does in a sandbox without a ruleset. */
static int filtered(int (*act)(pid_t parent))
{
    const struct sandbox none = SANDBOX_INIT;
    pid_t parent = getpid(), pid = fork();
    int status = 0;

    if (pid == 0)
        _exit(setpgid(0, 0) == 0 && sandbox_enter(&none) == 0 ? act(parent) : 99);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static int leave_group(pid_t parent)
{
    pid_t group = getpgrp(), pid = fork();
    int status = 0;

    (void)parent;
    if (pid == 0)
        _exit(setsid() >= 0 && setpgid(0, 0) == 0 && getpgrp() == group ? 1 : 2);
    return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 98;
}

/* However fast it forks: one kill of the group ends it. */
static void nobody_leaves_the_process_group_and_who_tries_goes_on(void **state)
{
    (void)state;
    assert_int_equal(filtered(leave_group), 1);
}

static int set_limits(pid_t parent)
{
    const struct rlimit files = {.rlim_cur = 64, .rlim_max = 64};

    if (prlimit(parent, RLIMIT_NOFILE, &files, NULL) == 0 || errno != EPERM)
        return 2;
    return prlimit(0, RLIMIT_NOFILE, &files, NULL) == 0 ? 1 : 3;
}

/* RLIMIT_CPU kills, too. */
static void limits_can_be_set_for_oneself_alone(void **state)
{
    (void)state;
    assert_int_equal(filtered(set_limits), 1);
}

static void the_parent_cannot_be_signalled(void **state)
{
    (void)state;
    if (sandbox_abi() < ABI_SCOPES) {
        print_message("skipped: needs Landlock ABI %d\n", ABI_SCOPES);
        skip();
    }
    expect("kill -0 $PPID 2>/dev/null && echo reached; kill -0 $$ && echo itself",
           "itself\n");
}

static void enter_reports_why_it_failed(void **state)
{
    const struct sandbox broken = {.ruleset_fd = 1000000};
    pid_t pid = fork();
    int status = 0;

    (void)state;
    if (pid == 0)
        _exit(sandbox_enter(&broken));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), EBADF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_own_directory_can_be_used_in_every_way),
        cmocka_unit_test(programs_of_the_system_can_be_run),
        cmocka_unit_test(a_program_in_its_own_directory_can_be_run),
        cmocka_unit_test(the_devices_work),
        cmocka_unit_test(other_runs_are_out_of_reach),
        cmocka_unit_test(what_may_be_read_may_not_be_written),
        cmocka_unit_test(a_link_does_not_lead_out),
        cmocka_unit_test(the_environment_of_the_parent_cannot_be_read),
        cmocka_unit_test(hidden_paths_are_left_out_of_a_tree),
        cmocka_unit_test(without_a_ruleset_there_are_still_no_new_privileges),
        cmocka_unit_test(nobody_leaves_the_process_group_and_who_tries_goes_on),
        cmocka_unit_test(limits_can_be_set_for_oneself_alone),
        cmocka_unit_test(the_parent_cannot_be_signalled),
        cmocka_unit_test(enter_reports_why_it_failed),
    };

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
