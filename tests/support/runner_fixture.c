/* A run by the real runner, for its tests. */
#include "tests/support/runner_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/path.h"

struct test_run *rf_run;
struct rf_checkout rf_checkout;
struct rf_require rf_require;

int rf_checkout_run(const struct checkout *checkout, struct checked_out *out,
                    struct err *err)
{
    *out = (struct checked_out){.error = rf_checkout.error};
    if (rf_checkout.tell != NULL)
        assert_true(rundir_tell(rf_run->dir, rf_checkout.tell));
    if (rf_checkout.kind != ERR_NONE)
        return err_set(err, rf_checkout.kind, "the checkout's sentence");
    if (checkout->batch == NULL)
        test_run_lay_out(checkout->work_tree);
    else
        out->resolved = mem_dup(rf_checkout.resolved);
    out->project_name = mem_dup(rf_checkout.project_name);
    memcpy(out->commit, RF_COMMIT, sizeof out->commit);
    return 0;
}

void rf_checked_out_done(struct checked_out *out)
{
    free(TAKE(out->project_name));
    free(TAKE(out->resolved));
}

int rf_require_at(struct runner *runner, const char *what, bool unmet)
{
    AUTO(auto_free) char *path = path_join(rf_run->shared, "required");
    FILE *file = fopen(path, "a");

    assert_non_null(file);
    fprintf(file, "%s\n", what);
    fclose(file);
    return unmet ? runner_fail(runner, RUN_ERR_REQUIREMENT_UNMET, "%s: not met", what)
                 : 0;
}

int rf_set_up(void **state)
{
    (void)state;
    rf_checkout = (struct rf_checkout){.kind = ERR_NONE};
    rf_require = (struct rf_require){.plan_unmet = false};
    rf_run = test_run_new();
    test_run_file(rf_run, "main.tf", "# nothing\n");
    return 0;
}

int rf_tear_down(void **state)
{
    (void)state;
    test_run_free(rf_run);
    return 0;
}

void rf_expect_error(enum run_error error, const char *in_message)
{
    assert_string_equal(run_status_name(rf_run->outcome.status), "error");
    assert_string_equal(run_error_name(rf_run->outcome.error), run_error_name(error));
    if (strstr(rf_run->outcome.error_message, in_message) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", in_message, rf_run->outcome.error_message);
}

void rf_expect_status(enum run_status status)
{
    if (rf_run->outcome.error_message != NULL)
        print_message("error: %s\n", rf_run->outcome.error_message);
    assert_string_equal(run_status_name(rf_run->outcome.status), run_status_name(status));
}

void rf_expect_part(const char *name, const char *in_text)
{
    AUTO(auto_free) char *text = test_run_part(rf_run, name);

    if (strstr(text, in_text) == NULL)
        fail_msg("\"%s\" is not in %s: %s", in_text, name, text);
}

cJSON *rf_parse(const char *text)
{
    struct err err;
    cJSON *doc = json_parse(text, strlen(text), 100, false, &err);

    if (doc == NULL)
        fail_msg("%s: %s", err.message, text);
    return doc;
}

cJSON *rf_metadata(void)
{
    AUTO(auto_free) char *text = test_run_part(rf_run, "metadata.json");

    return rf_parse(text);
}

void rf_wait_for_shared(const char *name)
{
    AUTO(auto_free) char *path = path_join(rf_run->shared, name);
    int64_t until_ms = clock_mono_ms() + RF_LONG_MS;

    while (!path_exists(path))
        if (clock_mono_ms() > until_ms)
            fail_msg("%s did not appear", name);
}
