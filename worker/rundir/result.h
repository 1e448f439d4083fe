/* A run's result as the supervisor sends it: what the runner left in the run directory,
 * made into the finish command. */
#ifndef KEDGE_WORKER_RUNDIR_RESULT_H
#define KEDGE_WORKER_RUNDIR_RESULT_H

#include <stdbool.h>

#include "common/conf/conf.h"
#include "common/queue/queue.h"
#include "worker/rundir/rundir.h"

struct result {
    struct run_outcome outcome;
    bool present; /* the runner wrote one; else outcome is what result_none made */
    char *drift_field;
    char drift_repo[SIGN_ID_BYTES];
    struct buf output, applied, log, head, metadata; /* empty: none */
};

/* Reads result.json and its parts. A broken one is ERR_PERM; one that is not there is
 * fine, with `present` false. */
int result_read(const struct conf *conf, const char *run_dir, struct result *out,
                struct err *err);
/* The result of a run that left none: an error with its sentence (copied). */
void result_none(struct result *out, enum run_error error, const char *message);
void result_done(struct result *result);
/* What its parts take in memory. */
size_t result_bytes(const struct result *result);
/* The finish command, sent as often as needed. */
void result_command(struct redis_cmd *cmd, const char *prefix,
                    const struct queue_hold *hold, const struct result *result);

#endif
