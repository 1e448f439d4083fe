/* Runs that reconcile, for their tests: what terraform plans is a list of resources, and
 * whoever asks may apply it. On top of apply_fixture.h. */
#ifndef KEDGE_TESTS_SUPPORT_RECONCILE_FIXTURE_H
#define KEDGE_TESTS_SUPPORT_RECONCILE_FIXTURE_H

#include "tests/support/apply_fixture.h"

int rc_set_up(void **state);
/* Terraform is a script that shows the plan so. Its plan has changes until it is applied;
 * with a file `still` in the shared directory also then, with `clean` never. The states
 * that the plans have are the files `before.state` and `after.state` there, if any; what
 * they found of it is the same, or `before.found`. */
void rc_script(const char *show, const char *apply);
/* What it plans: these members of "resource_changes". */
void rc_plan_is(const char *resources);
/* A resource and what happens to it; the caller frees. */
char *rc_resource(const char *address, const char *actions, const char *more);
void rc_plan_has(const char *address, const char *actions, const char *more);
/* A state of so many resources. */
void rc_state_has(const char *name, int resources);
void rc_protect(const char *glob);
/* A run, which may apply if it asks. */
void rc_reconcile(void);
bool rc_was_applied(void);
/* It did not even ask. */
void rc_expect_refused(enum run_error error, const char *in_message);
void rc_expect_applied(const char *what);

#endif
