/* Results: what the runner left, as the finish command has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/test_run.h"
#include "worker/process/file.h"
#include "worker/rundir/result.h"

static void put(const struct test_run *run, const char *name)
{
    struct err err;

    assert_int_equal(file_put_durable(run->dir, name, name, strlen(name), 0600, &err), 0);
}

static void expect(const struct buf *part, const char *text)
{
    assert_string_equal(buf_text(part), text);
}

static bool has(const struct redis_cmd *cmd, const char *text)
{
    return memmem(cmd->body.data, cmd->body.len, text, strlen(text)) != NULL;
}

static void every_part_is_read_and_sent(void **state)
{
    static const char *const names[] = {"output.z", "apply.z", "log.z", "head",
                                        "metadata.json"};
    char reads[] = "env\nmodules/a";
    const struct run_outcome outcome = {.status = RUN_APPLIED, .reads = reads};
    struct test_run *run = test_run_new();
    struct redis_cmd cmd = {0};
    struct result result;
    struct err err;

    (void)state;
    test_run_again(run);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        put(run, names[i]);
    assert_int_equal(rundir_write_outcome(run->dir, &outcome, &err), 0);
    assert_int_equal(result_read(&run->conf, run->dir, &result, &err), 0);
    assert_true(result.present);
    expect(&result.output, "output.z");
    expect(&result.applied, "apply.z");
    expect(&result.log, "log.z");
    assert_int_equal(result_bytes(&result),
                     strlen("output.zapply.zlog.zheadmetadata.json"));
    result_command(&cmd, "k:", &run->order.hold, &result);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_true(has(&cmd, names[i]));
    assert_true(has(&cmd, reads));
    redis_cmd_done(&cmd);
    result_done(&result);
    test_run_free(run);
}

static void an_apply_that_was_not_begun_has_no_second_output(void **state)
{
    const struct run_outcome outcome = {.status = RUN_CLEAN};
    struct test_run *run = test_run_new();
    struct result result;
    struct err err;

    (void)state;
    test_run_again(run);
    put(run, "output.z");
    assert_int_equal(rundir_write_outcome(run->dir, &outcome, &err), 0);
    assert_int_equal(result_read(&run->conf, run->dir, &result, &err), 0);
    assert_int_equal(result.applied.len, 0);
    result_done(&result);
    test_run_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_read_and_sent),
        cmocka_unit_test(an_apply_that_was_not_begun_has_no_second_output),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
