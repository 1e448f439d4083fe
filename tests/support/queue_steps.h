/* The queue's commands as one call each, for tests: build, send, read, free. */
#ifndef KEDGE_TESTS_SUPPORT_QUEUE_STEPS_H
#define KEDGE_TESTS_SUPPORT_QUEUE_STEPS_H

#include "tests/support/queue_fixture.h"

/* A drift check of target "t" in scope "s", in no project, without limits. */
struct enqueue step_check(const char *run_id);
enum enqueue_outcome step_enqueue(struct queue_fixture *fixture,
                                  const struct enqueue *req);
struct enqueued step_enqueued(struct queue_fixture *fixture, const struct enqueue *req);
/* A run of that kind of "t", enqueued and claimed by worker "w". */
struct queue_hold step_running(struct queue_fixture *fixture, const char *run_id,
                               enum run_kind kind);
/* The hold's run_id is "" when there was nothing to claim. */
struct queue_hold step_claim(struct queue_fixture *fixture, const char *worker,
                             const char *nonce);
enum claim_outcome step_claim_outcome(struct queue_fixture *fixture, const char *worker,
                                      const char *nonce);
struct hold_news step_heartbeat(struct queue_fixture *fixture, const char *worker,
                                const struct queue_hold *hold);
enum hold_outcome step_mark(struct queue_fixture *fixture, const struct queue_hold *hold);
enum hold_outcome step_release(struct queue_fixture *fixture,
                               const struct queue_hold *hold);
enum hold_outcome step_retry(struct queue_fixture *fixture, const struct queue_hold *hold,
                             enum retry_reason reason);
enum hold_outcome step_reassert(struct queue_fixture *fixture, const char *worker,
                                const struct queue_hold *hold);
enum hold_outcome step_finish(struct queue_fixture *fixture,
                              const struct queue_hold *hold, enum run_status status);
enum hold_outcome step_finish_with(struct queue_fixture *fixture,
                                   const struct queue_hold *hold,
                                   const struct finish *result);
enum cancel_outcome step_cancel(struct queue_fixture *fixture, const char *run_id,
                                bool force);
enum resolve_outcome step_resolve(struct queue_fixture *fixture, const char *run_id,
                                  enum run_status status, bool force);
struct queue_reaped step_reap(struct queue_fixture *fixture);
/* Reaps each second of the fixture's clock. The sum. */
struct queue_reaped step_reap_for(struct queue_fixture *fixture, int64_t ms);
int64_t step_promote(struct queue_fixture *fixture);
int64_t step_fsck(struct queue_fixture *fixture);
int64_t step_trim(struct queue_fixture *fixture, int64_t keep_runs, int64_t keep_days,
                  int64_t store_max_bytes);
/* As stored, "none" when there is no such run. */
const char *step_status(struct queue_fixture *fixture, const char *run_id);

#endif
