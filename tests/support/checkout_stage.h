/* A stage for tests of the checkout: repositories, a git server in front of them, a
 * worker's data directory and a work tree, all in one temporary directory.
 *
 * checkout_run starts the program it is in again, as `… --checkout`: main of such a test
 * answers that with checkout_main. Setup and teardown are stage_open and stage_close. */
#ifndef KEDGE_TESTS_SUPPORT_CHECKOUT_STAGE_H
#define KEDGE_TESTS_SUPPORT_CHECKOUT_STAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/support/script_server.h"
#include "worker/checkout/checkout.h"

#define STAGE_TOKEN      "s3cret-token-value"
#define STAGE_REPOSITORY "team/infra"

/* A directory with bare/team/infra.git, the clone `work` that commits are made in, data
 * (the worker's) and src (the work tree); and a git server in front of bare. */
struct stage {
    char dir[64];
    char *src;
    struct script_server server;
    struct conf conf;
    struct run_spec spec;
    int64_t deadline_ms;
    bool stop;
    const char *small_disk; /* its size; NULL: the real one */
    const char *batch;      /* a batch request; NULL: a work tree is wanted */
    const char *tip_of;     /* asks for checkout_contains_tip of that ref */
    struct stage_result {
        int rc;
        struct checked_out out; /* its strings are in `project` and `resolved` */
        struct err err;
        bool contains;
        char tip[41];
        char project[64]; /* "": none */
        char resolved[256 * 1024];
    } result;
};

int stage_open(void **state);
int stage_close(void **state);

/* A shell script in the stage's directory; it must succeed. */
void stage_sh(const struct stage *stage, const char *script);
/* What it prints, without the last line's end; the caller frees. */
char *stage_said(const struct stage *stage, const char *script);
void assert_said(const struct stage *stage, const char *script, const char *expected);

/* tests/support/git_http.py; its log is the file `requests`. */
void stage_start_server(struct stage *stage);
void stage_stop_server(struct stage *stage);

/* Takes over `base`. */
void stage_use_base(struct stage *stage, char *base);
void stage_use_file(struct stage *stage);
/* What the server does is the first segment: "plain", "auth", "status/500" … */
void stage_use_http(struct stage *stage, const char *kind);
void stage_use_ref(struct stage *stage, const char *ref);
void stage_set_commit(struct stage *stage, const char *commit);

/* A checkout in a process of its own, and its end. */
pid_t stage_start_checkout(struct stage *stage, int *answer);
struct stage_result stage_end_checkout(pid_t pid, int answer);
/* Both, into stage->result; the return value of checkout_run. */
int stage_checkout(struct stage *stage);
void assert_checks_out(struct stage *stage, const char *revision);
/* The result's `resolved` has this text. */
void assert_resolved(const struct stage *stage, const char *text);
void assert_fails(struct stage *stage, enum err_kind kind, enum run_error error,
                  const char *words);

#endif
