/* Terraform as a run uses it, step by step, for its tests. What it prints is in
 * tf_output; what does not go well fails the test. */
#ifndef KEDGE_TESTS_SUPPORT_TERRAFORM_FIXTURE_H
#define KEDGE_TESTS_SUPPORT_TERRAFORM_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "tests/support/test_run.h"
#include "worker/terraform/terraform.h"

extern struct test_run *tf_run;
extern struct buf tf_output; /* of the last init or plan */
extern int tf_wish;          /* what stop_wanted answers */
extern struct terraform *tf_used;
extern const char *const *tf_environment; /* of the worker */
extern const char *const tf_few[];        /* hardly any: what it is at first */

int tf_set_up(void **state);
int tf_tear_down(void **state);
/* terraform_new for the checkout that is there. */
struct terraform *tf_make(struct err *err);
/* As a run does: checkout, then terraform_new. */
void tf_begin(void);
/* The same, which must fail with this in its message. */
void tf_refuse(const char *sentence);
int64_t tf_soon(void); /* a deadline that is not met */
void tf_init(void);
void tf_init_and_prove(void); /* and the Terraform workspace is there */
void tf_plan(void);
bool tf_printed(const char *text);
void tf_expect(const char *text); /* must have been printed */
/* A file below the scratch directory; `name` may have directories. */
void tf_put(const char *dir, const char *name, const char *text);

#endif
