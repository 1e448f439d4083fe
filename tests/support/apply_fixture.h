/* Runs that apply, for their tests: a terraform that is a shell script, and the worker's
 * side of the question whether the apply may begin. On top of runner_fixture.h. */
#ifndef KEDGE_TESTS_SUPPORT_APPLY_FIXTURE_H
#define KEDGE_TESTS_SUPPORT_APPLY_FIXTURE_H

#include "tests/support/runner_fixture.h"

/* rf_set_up for a run of kind apply, with a shared backend. */
int af_set_up(void **state);
/* Terraform's plan has one resource to add until the file `applied` is in the shared
 * directory; `apply` is what its apply does. The plan file is $plan in either. */
void af_script(const char *apply);
/* The same, with something else for the second plan. */
void af_script_after(const char *apply, const char *second_plan);
/* A new run directory, and its runner started. */
pid_t af_start(void);
/* Waits until the runner asks with that serial. */
void af_await_ask(int64_t serial);
/* Marks the run and says go. */
void af_go(int64_t serial);
/* Start, ask, go, end. */
void af_apply(void);
/* A line to the runner. */
void af_tell(const char *line);
/* How often a line of <shared>/calls begins so. */
int af_calls(const char *command);
/* How many bytes that file of the shared directory has. */
size_t af_bytes(const char *name);

#endif
