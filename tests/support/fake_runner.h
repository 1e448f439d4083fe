/* A stand-in for the runner, for tests of the supervisor: a test program that is started
 * as `<program> --runner DIR` plays it. The run's `ref` says what it does:
 *
 * - clean    prints a line and ends clean, with all parts of a result
 * - drift    ends drift_detected, with a drift record
 * - wait     goes on until it is told: a cancel ends it cancelled, an interrupt without a
 *            result; or until a file `go` appears in its directory: then clean
 * - deaf     goes on for good, whatever it is told
 * - die      kills itself
 * - leave    leaves a process that holds the lock, and kills itself
 * - quit     ends with status 3 and no result
 * - retry    asks for a retry
 * - flood    prints 64 KiB and ends clean
 * - huge     ends clean with a summary that Redis refuses
 * - apply    asks for its mark until it is answered. At a go it makes the file
 * `applying`, goes on until a file `go` appears, or it is interrupted (then it makes the
 * file `interrupted`), and ends applied. At a no it makes the file `said-<why>`, and ends
 * frozen, cancelled or without a result
 * - gated    the same, but asks only once there is a file `may-ask`; and hears interrupts
 *            before that
 * - orphan   as apply; at the go it leaves a process that holds the lock until a file
 * `go` appears and then makes the file `applied`, and kills itself
 * - expand   goes on until a file `go` appears, then asks for one run: FAKE_EXPAND_RUN */
#ifndef KEDGE_TESTS_SUPPORT_FAKE_RUNNER_H
#define KEDGE_TESTS_SUPPORT_FAKE_RUNNER_H

#include "common/queue/run.h"

#define FAKE_RUNNER_LINE "a line of the log\n"
#define FAKE_EXPAND_RUN  "00000000-0000-7000-8000-0000000000ee"
#define FAKE_LIFE_S      30

/* Returns the exit status. Nothing it starts lives longer than half a minute. */
int fake_runner_main(const char *dir);

/* ---- for fake_apply.c ---- */
void fake_runner_put(const char *dir, const char *name, const char *text);
int fake_runner_end(const char *dir, enum run_status status, enum run_error error);
/* Plays apply, gated, orphan and expand; -1: another part. */
int fake_apply_play(const char *dir, const char *part, int ctl_fd);

#endif
