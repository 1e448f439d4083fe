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
 * - huge     ends clean with a summary that Redis refuses */
#ifndef KEDGE_TESTS_SUPPORT_FAKE_RUNNER_H
#define KEDGE_TESTS_SUPPORT_FAKE_RUNNER_H

#define FAKE_RUNNER_LINE "a line of the log\n"

/* Returns the exit status. Nothing it starts lives longer than half a minute. */
int fake_runner_main(const char *dir);

#endif
