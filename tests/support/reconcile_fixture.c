/* Runs that reconcile, for their tests. */
#include "tests/support/reconcile_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"

#define POLL_US         2000
#define STATE_BYTES     ((size_t)64 * 1024)
#define SHOW_PLAN       "cat $SHARED/plan.json"
#define APPLY_AND_LEAVE ":"

int rc_set_up(void **state)
{
    int rc = af_set_up(state);

    rf_run->order.spec.kind = RUN_RECONCILE;
    return rc;
}

/* A plan file is a zip that has the state twice. */
#define PLAN                                                                             \
    "plan) n=before; if test -e $SHARED/applied; then n=after; fi\n"                     \
    "  if test -e $SHARED/$n.state; then\n"                                              \
    "    cd $TMPDIR; cp $SHARED/$n.state tfstate-prev; cp tfstate-prev tfstate\n"        \
    "    if test -e $SHARED/$n.found; then cp $SHARED/$n.found tfstate; fi\n"            \
    "    /usr/bin/python3 -m zipfile -c ${plan#-out=} tfstate-prev tfstate\n"            \
    "  else echo 'the plan' >${plan#-out=}; fi\n"                                        \
    "  if test -e $SHARED/clean || { test $n = after && ! test -e $SHARED/still; }\n"    \
    "  then echo 'No changes.'; exit 0; fi\n"                                            \
    "  echo; echo 'Plan: 0 to add, 1 to change, 0 to destroy.'; exit 2 ;;\n"

void rc_script(const char *show, const char *apply)
{
    AUTO(auto_free)
    char *text = mem_fmt(
        "for plan in \"$@\"; do :; done\n"
        "case $1 in\n" RF_VERSION_CASE "init) echo '{\"backend\":{\"type\":\"s3\"}}' "
        ">$TF_DATA_DIR/terraform.tfstate ;;\n" PLAN "show) %s ;;\n"
        "apply) : >$SHARED/applied; %s ;;\n"
        "untaint) if test -e $SHARED/locked; then cat $SHARED/locked; fi; exit 1 ;;\n"
        "esac\n",
        show, apply);

    test_run_script(rf_run, text);
}

void rc_plan_is(const char *resources)
{
    AUTO(auto_free)
    char *json =
        mem_fmt("{\"format_version\":\"1.2\",\"resource_changes\":[%s]}", resources);

    rc_script(SHOW_PLAN, APPLY_AND_LEAVE);
    test_run_put_shared(rf_run, "plan.json", json);
}

char *rc_resource(const char *address, const char *actions, const char *more)
{
    return mem_fmt("{\"address\":\"%s\",\"mode\":\"managed\",\"type\":\"t\","
                   "\"name\":\"n\",%s\"change\":{\"actions\":[%s],\"before\":{},"
                   "\"after\":{}}}",
                   address, more, actions);
}

void rc_plan_has(const char *address, const char *actions, const char *more)
{
    AUTO(auto_free) char *text = rc_resource(address, actions, more);

    rc_plan_is(text);
}

void rc_state_has(const char *name, int resources)
{
    AUTO(buf_done) struct buf text = BUF_INIT(STATE_BYTES);

    buf_str(&text, "{\"version\":4,\"resources\":[");
    for (int i = 0; i < resources; i++)
        buf_fmt(&text, "%s{\"mode\":\"managed\",\"instances\":[{}]}", i > 0 ? "," : "");
    buf_str(&text, "]}");
    test_run_put_shared(rf_run, name, buf_text(&text));
}

void rc_protect(const char *glob)
{
    struct run_spec *spec = &rf_run->order.spec;

    if (spec->protected == NULL)
        spec->protected = mem_new(1, sizeof(char *));
    free(spec->protected[0]);
    spec->protected[0] = mem_dup(glob);
    spec->protected_count = 1;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};

    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    return info.si_pid == pid;
}

void rc_reconcile(void)
{
    AUTO(auto_free) char *applied = path_join(rf_run->shared, "applied");
    int64_t until_ms = clock_mono_ms() + RF_LONG_MS;
    struct rundir_ask ask = {0};
    pid_t pid;

    unlink(applied);
    pid = af_start();
    while (!rundir_read_ask(rf_run->dir, &ask) && !has_ended(pid)) {
        if (clock_mono_ms() > until_ms)
            fail_msg("the runner neither asks nor ends");
        usleep(POLL_US);
    }
    if (ask.serial > 0)
        af_go(ask.serial);
    test_run_wait(rf_run, pid);
    assert_int_equal(rf_run->exit_status, 0);
}

bool rc_was_applied(void)
{
    AUTO(auto_free) char *path = path_join(rf_run->shared, "applied");

    return path_exists(path);
}

void rc_expect_refused(enum run_error error, const char *in_message)
{
    AUTO(auto_free) char *asked = path_join(rf_run->dir, "ask");

    rf_expect_error(error, in_message);
    assert_false(rc_was_applied());
    assert_false(path_exists(asked));
    assert_int_equal(af_calls("apply"), 0);
}

void rc_expect_applied(const char *what)
{
    if (!rc_was_applied())
        fail_msg("%s: %s", what, rf_run->outcome.error_message);
    rf_expect_status(RUN_APPLIED);
}
