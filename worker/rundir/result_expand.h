/* What a resolve run found, as the supervisor sends it: expand.json, which the runner
 * left in the run directory, made into the expand command. */
#ifndef KEDGE_WORKER_RUNDIR_RESULT_EXPAND_H
#define KEDGE_WORKER_RUNDIR_RESULT_EXPAND_H

#include "common/base/json.h"
#include "common/queue/queue_batch.h"

struct expansion {
    struct batch_expand batch; /* its text lives as long as this */
    struct batch_run *runs;    /* owned; what batch.runs is */
    char **specs;              /* owned, one of each run */
    size_t bytes;              /* of them */
    cJSON *doc;                /* owned */
};

/* ERR_PERM: it is not there, or broken. */
int expansion_read(const char *run_dir, struct expansion *out, struct err *err);
void expansion_done(struct expansion *expansion);

#endif
