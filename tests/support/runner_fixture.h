/* A run by the real runner, for its tests. Each test program defines checkout_run as
 * rf_checkout_run: a checkout needs another program, and a repository. */
#ifndef KEDGE_TESTS_SUPPORT_RUNNER_FIXTURE_H
#define KEDGE_TESTS_SUPPORT_RUNNER_FIXTURE_H

#include "common/json.h"
#include "tests/support/test_run.h"
#include "worker/checkout.h"

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
};
extern struct rf_checkout rf_checkout;
int rf_checkout_run(const struct checkout *checkout, struct checked_out *out,
                    struct err *err);

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
