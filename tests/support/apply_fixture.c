/* Runs that apply, for their tests. */
#include "tests/support/apply_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

#define POLL_US 2000

#define PLAN_JSON                                                                        \
    "{\"format_version\":\"1.2\",\"resource_changes\":[{\"address\":\"terraform_data."   \
    "a\","                                                                               \
    "\"mode\":\"managed\",\"type\":\"terraform_data\",\"name\":\"a\",\"change\":{"       \
    "\"actions\":[\"create\"],\"before\":null,\"after\":{\"input\":\"x\"},"              \
    "\"after_unknown\":{},\"before_sensitive\":false,\"after_sensitive\":{}}}]}"

int af_set_up(void **state)
{
    int rc = rf_set_up(state);

    rf_run->order.spec.kind = RUN_APPLY;
    rf_run->order.spec.create_workspace = true;
    return rc;
}

void af_script_after(const char *apply, const char *second_plan)
{
    AUTO(auto_free)
    char *text = mem_fmt(
        "for plan in \"$@\"; do :; done\n"
        "case $1 in\n" RF_VERSION_CASE "init) echo '{\"backend\":{\"type\":\"s3\"}}' "
        ">$TF_DATA_DIR/terraform.tfstate ;;\n"
        "plan) plan=${plan#-out=}\n"
        "  if test -e $SHARED/applied; then\n%s\nfi\n"
        "  echo 'the plan' >$plan; echo; echo 'Plan: 1 to add.'; exit 2 ;;\n"
        "show) cat $plan >>$SHARED/shown; echo '" PLAN_JSON "' ;;\n"
        "apply)\n%s\n;;\nesac\n",
        second_plan, apply);

    test_run_script(rf_run, text);
}

void af_script(const char *apply)
{
    af_script_after(apply, "echo 'No changes.'; exit 0");
}

pid_t af_start(void)
{
    test_run_again(rf_run);
    return test_run_start(rf_run);
}

void af_await_ask(int64_t serial)
{
    int64_t until_ms = clock_mono_ms() + RF_LONG_MS;
    struct rundir_ask ask;

    while (!rundir_read_ask(rf_run->dir, &ask) || ask.serial < serial) {
        if (clock_mono_ms() > until_ms)
            fail_msg("the runner does not ask");
        usleep(POLL_US);
    }
    assert_int_equal(ask.serial, serial);
}

void af_tell(const char *line)
{
    assert_true(rundir_tell(rf_run->dir, line));
}

void af_go(int64_t serial)
{
    AUTO(auto_free) char *line = mem_fmt("go %" PRId64, serial);
    struct err err;

    assert_int_equal(rundir_set_marked(rf_run->dir, &err), 0);
    af_tell(line);
}

void af_apply(void)
{
    pid_t pid = af_start();

    af_await_ask(1);
    af_go(1);
    test_run_wait(rf_run, pid);
    assert_int_equal(rf_run->exit_status, 0);
}

int af_calls(const char *command)
{
    AUTO(auto_free) char *calls = test_run_calls(rf_run);
    size_t len = strlen(command);
    int count = 0;

    for (const char *line = calls; line != NULL && *line != '\0';) {
        count += strncmp(line, command, len) == 0;
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return count;
}

size_t af_bytes(const char *name)
{
    AUTO(auto_free) char *text = test_run_shared(rf_run, name);

    return strlen(text);
}
