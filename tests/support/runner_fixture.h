/* A run by the real runner, for its tests. Each test program says RF_STANDS_IN once: a
 * checkout needs another program and a repository, requirements a VCS. */
#ifndef KEDGE_TESTS_SUPPORT_RUNNER_FIXTURE_H
#define KEDGE_TESTS_SUPPORT_RUNNER_FIXTURE_H

#include "common/base/json.h"
#include "tests/support/test_run.h"
#include "worker/checkout/checkout.h"
#include "worker/runner/runner_parts.h"

#define RF_COMMIT  "0123456789abcdef0123456789abcdef01234567"
#define RF_LONG_MS 30000

/* Parts of scripts. */
#define RF_VERSION_CASE "version) echo '{\"terraform_version\":\"9.9.9\"}' ;;\n"
#define RF_CLEAN_SCRIPT                                                                  \
    "case $1 in\n" RF_VERSION_CASE "plan) echo 'No changes.' ;;\n"                       \
    "esac\n"

extern struct test_run *rf_run;
/* What the checkout answers. */
struct rf_checkout {
    enum err_kind kind; /* ERR_NONE: well */
    enum run_error error;
    const char *project_name; /* NULL: none */
    const char *resolved;     /* JSON, for a run with a batch request */
    const char *tell;         /* the runner is told this meanwhile; NULL: nothing */
};
extern struct rf_checkout rf_checkout;
int rf_checkout_run(const struct checkout *checkout, struct checked_out *out,
                    struct err *err);
void rf_checked_out_done(struct checked_out *out);
/* What is not met; each is noted in rf_run->shared/required, a line each. */
struct rf_require {
    bool plan_unmet, policies_unmet, apply_unmet;
    bool wants_policies;
};
extern struct rf_require rf_require;
int rf_require_at(struct runner *runner, const char *what, bool unmet);

/* In place of checkout.c and runner_require.c. */
#define RF_STANDS_IN                                                                     \
    int checkout_run(const struct checkout *checkout, struct checked_out *out,           \
                     struct err *err)                                                    \
    {                                                                                    \
        return rf_checkout_run(checkout, out, err);                                      \
    }                                                                                    \
    void checked_out_done(struct checked_out *out)                                       \
    {                                                                                    \
        rf_checked_out_done(out);                                                        \
    }                                                                                    \
    int runner_require_plan(struct runner *runner)                                       \
    {                                                                                    \
        return rf_require_at(runner, "plan", rf_require.plan_unmet);                     \
    }                                                                                    \
    int runner_require_policies(struct runner *runner)                                   \
    {                                                                                    \
        return rf_require_at(runner, "policies", rf_require.policies_unmet);             \
    }                                                                                    \
    int runner_require_apply(struct runner *runner)                                      \
    {                                                                                    \
        return rf_require_at(runner, "apply", rf_require.apply_unmet);                   \
    }                                                                                    \
    bool runner_wants_policies(const struct runner *runner)                              \
    {                                                                                    \
        return runner != NULL && rf_require.wants_policies;                              \
    }

int rf_set_up(void **state);
int rf_tear_down(void **state);
void rf_expect_status(enum run_status status);
void rf_expect_error(enum run_error error, const char *in_message);
/* That part of the result has this text. */
void rf_expect_part(const char *name, const char *in_text);
/* The caller frees with cJSON_Delete. */
cJSON *rf_parse(const char *text);
cJSON *rf_metadata(void);
/* Until a file of that name is in the shared directory. */
void rf_wait_for_shared(const char *name);

#endif
