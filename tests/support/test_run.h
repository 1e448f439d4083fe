/* A run as the runner sees it, for tests of terraform and the runner: a worker's data
 * directory with one run in it, a repository made of literals, and a terraform that is a
 * shell script or the real one behind a script that counts its calls. */
#ifndef KEDGE_TESTS_SUPPORT_TEST_RUN_H
#define KEDGE_TESTS_SUPPORT_TEST_RUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/conf/conf.h"
#include "worker/rundir/rundir.h"

struct test_run {
    char *top;        /* scratch directory */
    char *shared;     /* below it: what terraform may write besides its own directories */
    char *dir, *work; /* of the run and its target */
    struct conf conf;
    struct run_order order;
    struct run_outcome outcome; /* of the last test_run_go */
    int exit_status;
};

/* The whole layout, with a run of kind drift_check in directory ".". One at a time. */
struct test_run *test_run_new(void);
void test_run_free(struct test_run *run);
/* Adds a file to the repository, in place of one of that name. */
void test_run_file(struct test_run *run, const char *name, const char *text);
/* Makes the tree be the repository, as a checkout does. */
void test_run_lay_out(const char *tree);
/* Terraform is this shell script; "$SHARED" in it is the shared directory. */
void test_run_script(struct test_run *run, const char *body);
/* The real one, behind a script that notes each call in <shared>/calls; false: there is
 * none on PATH. */
bool test_run_real(struct test_run *run);
/* The noted calls, one line each; the caller frees. */
char *test_run_calls(const struct test_run *run);
/* A new run directory for the same target. */
void test_run_again(struct test_run *run);
/* Starts the runner in a process of its own. */
pid_t test_run_start(struct test_run *run);
/* Waits for it and reads the outcome. */
void test_run_wait(struct test_run *run, pid_t pid);
void test_run_go(struct test_run *run); /* both */
/* A file of the run directory, inflated if its name ends in .z; the caller frees. */
char *test_run_part(const struct test_run *run, const char *name);
char *test_run_shared(const struct test_run *run, const char *name);
void test_run_put_shared(const struct test_run *run, const char *name, const char *text);

#endif
