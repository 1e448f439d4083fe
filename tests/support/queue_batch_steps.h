/* Batches of the queue, for tests: the commands as one call each, and a worker that
 * holds whatever it can get. Batch "b" has the resolve run "r"; a run's target and scope
 * are named as itself. */
#ifndef KEDGE_TESTS_SUPPORT_QUEUE_BATCH_STEPS_H
#define KEDGE_TESTS_SUPPORT_QUEUE_BATCH_STEPS_H

#include "common/queue/queue_batch.h"
#include "tests/support/queue_steps.h"

/* A plan of repository "repo" with its resolve run, without limits. */
struct batch_open step_batch(void);
struct batch_run step_run(const char *run_id, int64_t stage, const char *deps);
struct enqueued step_batch_open(struct queue_fixture *fixture,
                                const struct batch_open *open);
/* Opens "b" and claims "r". */
struct queue_hold step_resolving(struct queue_fixture *fixture);
enum hold_outcome step_expand(struct queue_fixture *fixture,
                              const struct queue_hold *hold, const struct batch_run *runs,
                              size_t count, bool abort);
enum hold_outcome step_orphan(struct queue_fixture *fixture,
                              const struct queue_hold *hold);
/* Status, total, outstanding, ok, failed: "running 3 2 1 0". "none": no such batch. The
 * next call reuses the buffer. */
const char *step_batch_state(struct queue_fixture *fixture, const char *batch_id);

/* The statuses that the stream of events tells of an id: "queued running success ". The
 * next call reuses the buffer. */
const char *step_told(struct queue_fixture *fixture, const char *id);

/* Claims all that can be; the holds are found by run. Forgotten by step_worker_new. */
void step_worker_new(void);
int step_claim_all(struct queue_fixture *fixture);
struct queue_hold step_hold_of(const char *run_id); /* run_id "": it has none */
/* The end of a run that it holds; claims first what can be. */
enum hold_outcome step_end(struct queue_fixture *fixture, const char *run_id,
                           enum run_status status);

#endif
