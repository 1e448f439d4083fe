/* A worker for a test: the real supervisor in a process of its own, a real Redis, and
 * this test program as its runner (fake_runner.h). One at a time; what does not work
 * fails the test. Whatever is waited for has a deadline. */
#ifndef KEDGE_TESTS_SUPPORT_WORKER_FIXTURE_H
#define KEDGE_TESTS_SUPPORT_WORKER_FIXTURE_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/conf/conf.h"
#include "common/queue/queue.h"
#include "tests/support/redis_server.h"

#define WORKER_PREFIX "{kedge}:"
#define RUN_1         "00000000-0000-7000-8000-000000000001"
#define RUN_2         "00000000-0000-7000-8000-000000000002"
#define RUN_3         "00000000-0000-7000-8000-000000000003"

struct worker_fixture {
    struct redis_server server; /* keeps an append-only file */
    struct redis *redis;
    char *data_dir;
    struct conf conf; /* of the next worker_start */
    pid_t pid;        /* 0: not running */
};
extern struct worker_fixture worker_fixture;

/* The main of such a test: plays the runner when it is started as one. */
int worker_test_main(int argc, char **argv, int (*tests)(void));
/* cmocka set-up and tear-down: Redis, a data directory and settings; no worker yet. */
int worker_set_up(void **state);
int worker_tear_down(void **state);

void worker_start(void);
int worker_wait(void);  /* for its end: the exit status, or minus the signal */
void worker_stop(void); /* SIGTERM; it must end well */
void worker_kill(void); /* SIGKILL */

/* Queues a drift check. `ref` is what the fake runner does. */
void worker_enqueue(const char *run_id, const char *ref, const char *target);
void worker_enqueue_apply(const char *run_id, const char *ref, const char *target);
void worker_cancel(const char *run_id);
/* Makes a file in the run's directory. */
void worker_touch(const char *run_id, const char *name);
/* Lets a run whose ref is `wait` or `apply` end. */
void worker_let_go_on(const char *run_id);

/* Sends it and frees it; the reply is the caller's. */
struct redisReply *worker_call(struct redis_cmd *cmd);
/* A plain command of words parted by blanks, the second a key without prefix; its reply
 * as text, "" for nil. The caller frees. */
char *worker_ask(const char *words);
/* A field of the run; the caller frees. */
char *worker_field(const char *run_id, const char *name);
void worker_assert(const char *run_id, const char *name, const char *wanted);
void worker_assert_part(const char *run_id, const char *name, const char *part);
void worker_until(const char *run_id, const char *name, const char *wanted);

/* What the run's worker holds it by. */
struct queue_hold worker_hold(const char *run_id);

/* A file of the run's directory in w0, or that itself (""); the caller frees. */
char *worker_run_path(const char *run_id, const char *name);
void worker_until_file(const char *run_id, const char *name, bool there);
void worker_until_started(const char *run_id); /* its runner plays */

/* ---- applies; of RUN_1, on target t1 ---- */
/* Queues it, starts a worker, and waits for a file in its directory. */
void worker_start_until(const char *ref, const char *file);
void worker_kill_runner(void); /* and whatever else holds its lock */
/* Sends a command as its holder; it must be done. */
void worker_as_holder(void (*build)(struct redis_cmd *cmd, const char *prefix,
                                    const struct queue_hold *hold));
bool worker_has(const char *run_id, const char *name); /* a file in its directory */
void worker_set(const char *words);                    /* worker_ask without a reply */

#endif
