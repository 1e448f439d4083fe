/* Schedules in a queue for a test: their commands as one call each, and a workspace for
 * them, "prod" of project "net". */
#ifndef KEDGE_TESTS_SUPPORT_SCHEDULE_STEPS_H
#define KEDGE_TESTS_SUPPORT_SCHEDULE_STEPS_H

#include "common/schedule/schedule_store.h"
#include "tests/support/queue_steps.h"

#define STEP_PROJECT   "net"
#define STEP_WORKSPACE "prod"
/* Of schedule number n, counted from 0. The next call reuses the buffer. */
const char *step_schedule_id(int n);
/* Of "net" and "prod"; the next call reuses the buffer. */
const char *step_scope(void);

/* Stores the project and the workspace. Returns the project's revision. */
int64_t step_register(struct queue_fixture *fixture);

/* Number n, new: checks each hour in UTC, its tick a minute from now. */
struct schedule step_schedule(const struct queue_fixture *fixture, int n);
enum schedule_outcome step_put(struct queue_fixture *fixture,
                               const struct schedule *schedule, int64_t old_tick_ms);
/* As it is now; its texts live until the next call. id NULL: there is none. */
struct schedule step_get(struct queue_fixture *fixture, const char *id);
/* Number 0, put; due now. */
struct schedule step_due(struct queue_fixture *fixture);
enum schedule_outcome step_delete(struct queue_fixture *fixture, const char *id);

/* Of a check of "prod" (or of a reconcile) with target "t"; nothing in it is owned. */
struct order step_order(enum run_kind kind, int64_t revision);
enum fire_outcome step_fire(struct queue_fixture *fixture, const struct fire *fire);

#endif
