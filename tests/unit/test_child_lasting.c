/* Running a program that must be let to its end: its output in a file, the gentle ladder.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/process/child.h"

#define GRACE_MS     150
#define LONG_MS      20000
#define OUTPUT_BYTES ((size_t)4 * 1024 * 1024)

static struct {
    char *dir, *file;
    struct buf out;
    const char *stop_at, *force_at; /* texts of the output; NULL: never */
    struct child_result result;
} probe;

static int set_up(void **state)
{
    (void)state;
    memset(&probe, 0, sizeof probe);
    probe.dir = mem_dup("/tmp/test_child.XXXXXX");
    assert_non_null(mkdtemp(probe.dir));
    probe.file = path_join(probe.dir, "output");
    buf_init(&probe.out, OUTPUT_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    struct err err;

    (void)state;
    path_remove_tree(probe.dir, &err);
    free(probe.dir);
    free(probe.file);
    buf_done(&probe.out);
    return 0;
}

static void take_output(void *arg, const char *bytes, size_t len)
{
    buf_append(arg, bytes, len);
}

static bool printed(const char *text)
{
    return text != NULL && strstr(buf_text(&probe.out), text) != NULL;
}

static int stop_wanted(void *arg)
{
    (void)arg;
    return printed(probe.force_at) ? 2 : printed(probe.stop_at);
}

static struct child_spec spec_of(char **argv, char **envp)
{
    return (struct child_spec){
        .path = "/bin/sh",
        .argv = argv,
        .envp = envp,
        .cwd = probe.dir,
        .keep_fd = -1,
        .deadline_mono_ms = clock_mono_ms() + LONG_MS,
        .grace_ms = GRACE_MS,
        .gentle = true,
        .output_file = probe.file,
        .output = take_output,
        .stop_wanted = stop_wanted,
        .poll_fd = -1,
        .arg = &probe.out,
    };
}

/* `limit_ms`: of its deadline. */
static void run(const char *script, int64_t limit_ms)
{
    AUTO(auto_free) char *body = mem_dup(script);
    char name[] = "sh", option[] = "-c", path[] = "PATH=/usr/bin:/bin";
    char *argv[] = {name, option, body, NULL}, *envp[] = {path, NULL};
    struct child_spec spec = spec_of(argv, envp);
    struct err err;

    spec.deadline_mono_ms = clock_mono_ms() + limit_ms;
    if (child_run(&spec, &probe.result, &err) < 0)
        fail_msg("%s", err.message);
}

/* ---- the file ---- */

static void both_streams_go_into_the_file_and_are_told(void **state)
{
    AUTO(buf_done) struct buf text = BUF_INIT(100);
    struct stat st;
    struct err err;

    (void)state;
    run("echo out; echo err >&2; exit 3", LONG_MS);
    assert_int_equal(probe.result.code, 3);
    assert_string_equal(buf_text(&probe.out), "out\nerr\n");
    assert_int_equal(path_read(probe.file, &text, &err), 0);
    assert_string_equal(buf_text(&text), "out\nerr\n");
    assert_int_equal(stat(probe.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_file_is_read_while_it_grows_and_to_its_end(void **state)
{
    (void)state;
    probe.stop_at = "first";
    run("trap 'head -c 3000000 /dev/zero | tr \"\\\\0\" x; echo last; exit 0' INT;"
        "echo first; while :; do sleep 0.01; done",
        LONG_MS);
    assert_int_equal(probe.result.code, 0);
    assert_int_equal(probe.out.len, strlen("first\nlast\n") + 3000000);
    assert_memory_equal(probe.out.data + probe.out.len - 5, "last\n", 5);
}

static void what_was_read_of_it_takes_no_room(void **state)
{
    struct stat info;

    (void)state;
    probe.out.max = 64; /* it is counted by the file */
    run("head -c 33554432 /dev/zero; sleep 0.2", LONG_MS);
    assert_int_equal(probe.result.code, 0);
    assert_int_equal(stat(probe.file, &info), 0);
    assert_int_equal(info.st_size, 33554432);
    assert_true(info.st_blocks * 512 < 4 * 1024 * 1024);
}

static void what_had_the_files_name_is_left_alone(void **state)
{
    AUTO(auto_free) char *other = path_join(probe.dir, "other");
    AUTO(buf_done) struct buf text = BUF_INIT(100);
    struct err err;

    (void)state;
    assert_int_equal(path_write_atomic(other, "mine", 4, 0600, &err), 0);
    assert_int_equal(symlink(other, probe.file), 0);
    run("echo out", LONG_MS);
    assert_int_equal(path_read(other, &text, &err), 0);
    assert_string_equal(buf_text(&text), "mine");
    assert_string_equal(buf_text(&probe.out), "out\n");
}

static void a_file_that_cannot_be_made_is_an_error(void **state)
{
    char name[] = "sh";
    char *argv[] = {name, NULL}, *envp[] = {NULL};
    struct child_spec spec = spec_of(argv, envp);
    struct child_result result;
    struct err err;

    (void)state;
    spec.output_file = "/proc/none/output";
    assert_int_equal(child_run(&spec, &result, &err), -1);
    assert_int_equal(err.kind, ERR_PERM);
    assert_non_null(strstr(err.message, "/proc/none/output"));
}

/* ---- the gentle ladder ---- */

#define STUBBORN "trap 'echo no' INT; echo ready; "

static void a_stop_is_one_sigint_and_never_another(void **state)
{
    (void)state;
    probe.stop_at = "ready";
    run(STUBBORN "n=0; while test $n -lt 60; do sleep 0.01; n=$((n+1)); done; echo end",
        LONG_MS);
    assert_true(probe.result.stopped);
    assert_int_equal(probe.result.end, CHILD_EXITED);
    assert_string_equal(buf_text(&probe.out), "ready\nno\nend\n");
    assert_true(probe.result.elapsed_ms > 3 * GRACE_MS);
}

static void the_deadline_is_one_sigint_and_never_another(void **state)
{
    (void)state;
    run(STUBBORN "n=0; while test $n -lt 60; do sleep 0.01; n=$((n+1)); done; echo end",
        100);
    assert_true(probe.result.timed_out);
    assert_string_equal(buf_text(&probe.out), "ready\nno\nend\n");
}

static void force_goes_on_with_a_second_and_then_kills(void **state)
{
    (void)state;
    probe.stop_at = "ready";
    probe.force_at = "no";
    run(STUBBORN "while :; do sleep 0.01; done", LONG_MS);
    assert_int_equal(probe.result.end, CHILD_SIGNALED);
    assert_int_equal(probe.result.code, SIGKILL);
    assert_string_equal(buf_text(&probe.out), "ready\nno\nno\n");
    assert_true(probe.result.elapsed_ms >= GRACE_MS);
}

/* A second one too close to the first would be lost. */
static void force_from_the_start_is_two_signals(void **state)
{
    (void)state;
    probe.force_at = "ready";
    run(STUBBORN "while :; do sleep 0.01; done", LONG_MS);
    assert_int_equal(probe.result.code, SIGKILL);
    assert_string_equal(buf_text(&probe.out), "ready\nno\nno\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_streams_go_into_the_file_and_are_told),
        TEST(a_file_is_read_while_it_grows_and_to_its_end),
        TEST(what_was_read_of_it_takes_no_room),
        TEST(what_had_the_files_name_is_left_alone),
        TEST(a_file_that_cannot_be_made_is_an_error),
        TEST(a_stop_is_one_sigint_and_never_another),
        TEST(the_deadline_is_one_sigint_and_never_another),
        TEST(force_goes_on_with_a_second_and_then_kills),
        TEST(force_from_the_start_is_two_signals),
    };

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
