/* How programs start: in a child, because conf_start prints and reads the environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/conf/conf.h"
#include "tests/support/environ.h"
#include "tests/support/scratch.h"

#define TEXT_MAX (1 << 20)

struct started {
    int status;
    struct buf out, log;
};

/* An argument that stands for conf_start_part, which has none. */
static const char part[] = "a part";

static void start_child(const char *argument, const char *const *list, const char *out,
                        const char *log)
{
    char **argv = environ_copy((const char *const[]){"kedge-api", argument, NULL});
    struct conf conf;
    int status;

    if (dup2(open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO) < 0 ||
        dup2(open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO) < 0)
        _exit(99);
    environ = environ_copy(list);
    status = argument == part
                 ? conf_start_part(&conf, PROGRAM_API)
                 : conf_start(&conf, PROGRAM_API, argument != NULL ? 2 : 1, argv);
    if (status < 0)
        conf_done(&conf);
    _exit(status < 0 ? 100 : status);
}

static struct started start(void **state, const char *argument, const char *const *list)
{
    AUTO(auto_free) char *out = scratch_path(state, "out");
    AUTO(auto_free) char *log = scratch_path(state, "log");
    struct started started = {.out = BUF_INIT(TEXT_MAX), .log = BUF_INIT(TEXT_MAX)};
    struct err err;
    int status;

    if (fork() == 0)
        start_child(argument, list, out, log);
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(path_read(out, &started.out, &err), 0);
    assert_int_equal(path_read(log, &started.log, &err), 0);
    started.status = WEXITSTATUS(status);
    return started;
}

static void options_and_settings_decide_how_a_program_starts(void **state)
{
    static const char *const bad[] = {"KEDGE_LISTEN=x", "KEDGE_MAX_QUEUED=x", NULL};
    static const char *const odd[] = {"KEDGE_ODD=1", NULL};
    static const struct {
        const char *argument;
        const char *const *list;
        int status;
        const char *out, *log;
    } rows[] = {
        {NULL, odd, 100, "", "\"event\":\"config_warning\",\"message\":\"KEDGE_ODD: "},
        {NULL, bad, EX_CONFIG, "",
         "\"event\":\"config_problem\",\"message\":\"KEDGE_MAX_QUEUED: "},
        {"--check-config", odd, 0, "", "kedge-api: warning: KEDGE_ODD: "},
        {"--check-config", bad, EX_CONFIG, "", "kedge-api: problem: KEDGE_MAX_QUEUED: "},
        {"--print-config", odd, 0, "KEDGE_LISTEN=127.0.0.1:4141\n", "warning"},
        {"--print-config", bad, EX_CONFIG, "", "kedge-api: problem: KEDGE_LISTEN: "},
        {"--help", bad, 0, "KEDGE_LISTEN", ""},
        {"--version", bad, 0, "kedge-api ", ""},
        {"--verbose", odd, EX_USAGE, "", "usage: kedge-api "},
        {"", odd, EX_USAGE, "", "usage: kedge-api "},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct started started = start(state, rows[i].argument, rows[i].list);

        if (started.status != rows[i].status)
            fail_msg("row %zu: %d", i, started.status);
        assert_non_null(strstr(buf_text(&started.out), rows[i].out));
        assert_non_null(strstr(buf_text(&started.log), rows[i].log));
        if (*rows[i].out == '\0')
            assert_int_equal(started.out.len, 0);
        buf_done(&started.out);
        buf_done(&started.log);
    }
}

static void a_part_of_a_program_tells_problems_but_no_warnings_again(void **state)
{
    static const char *const odd[] = {"KEDGE_ODD=1", NULL};
    static const char *const bad[] = {"KEDGE_ODD=1", "KEDGE_LISTEN=x", NULL};
    struct started well = start(state, part, odd);
    struct started badly = start(state, part, bad);

    assert_int_equal(well.status, 100);
    assert_int_equal(well.log.len, 0);
    assert_int_equal(badly.status, EX_CONFIG);
    assert_non_null(strstr(buf_text(&badly.log), "KEDGE_LISTEN: "));
    assert_null(strstr(buf_text(&badly.log), "KEDGE_ODD"));
    buf_done(&well.out);
    buf_done(&well.log);
    buf_done(&badly.out);
    buf_done(&badly.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(options_and_settings_decide_how_a_program_starts,
                                        scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(
            a_part_of_a_program_tells_problems_but_no_warnings_again, scratch_make,
            scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
