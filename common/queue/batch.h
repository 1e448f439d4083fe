/* A batch: one request that becomes a run per project.
 *
 * It begins as a run of kind `resolve`, in which a worker looks at the repository and
 * finds the projects; `expand` (queue_batch.h) then makes a run of each, and the batch
 * ends when the last of them has. A batch of kind check knows its workspaces and begins
 * with them.
 *
 * - queued: its resolve run waits; running: that runs, or some of its runs have not ended
 * - success, partial, failed: all, some, none of its runs came to their end; a batch
 *   without runs is a success
 * - error: it could not be resolved; cancelled: somebody stopped it
 *
 * A batch's id is a UUID like a run's, and is accepted wherever a run's is. This module
 * is the request as it travels from the api to the worker: pure; no I/O. */
#ifndef KEDGE_COMMON_QUEUE_BATCH_H
#define KEDGE_COMMON_QUEUE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/sign.h"
#include "common/queue/run.h"

/* Runs of one batch, and targets of one request, at most. */
#define BATCH_RUNS_MAX 500

enum batch_kind {
    BATCH_PLAN,
    BATCH_APPLY,
    BATCH_DETECT,
    BATCH_REMEDIATE,
    BATCH_CHECK,
    BATCH_KINDS
};
enum batch_status {
    BATCH_QUEUED,
    BATCH_RUNNING,
    BATCH_SUCCESS, /* this and what follows are ends */
    BATCH_PARTIAL,
    BATCH_FAILED,
    BATCH_ERROR,
    BATCH_CANCELLED,
    BATCH_STATUSES
};
const char *batch_kind_name(enum batch_kind kind);
int batch_kind_parse(const char *text, enum batch_kind *out);
const char *batch_status_name(enum batch_status status);
int batch_status_parse(const char *text, enum batch_status *out);
bool batch_status_ended(enum batch_status status);

/* A directory and a Terraform workspace. Owned, never NULL once it is in a request: what
 * was not given is "." and "default". */
struct batch_path {
    char *directory; /* normalised */
    char *workspace;
};
struct batch_paths {
    struct batch_path *list; /* owned */
    size_t count;
};
/* Copies both. */
void batch_paths_add(struct batch_paths *paths, const char *directory,
                     const char *workspace);
bool batch_paths_have(const struct batch_paths *paths, const char *directory,
                      const char *workspace);

struct batch_names {
    char **list; /* owned */
    size_t count;
};
void batch_names_add(struct batch_names *names, const char *name);
bool batch_names_have(const struct batch_names *names, const char *name);

/* What was asked for. Strings are owned. */
struct batch_request {
    char id[SIGN_UUID_BYTES]; /* the batch's */
    enum batch_kind kind;
    bool apply; /* remediate: apply, not only plan */
    enum vcs_type type;
    char *repository;         /* as the user wrote it */
    char *ref;                /* of a pull request: the branch it is to be merged into */
    int64_t pull_request;     /* 0: none */
    struct batch_names names; /* projects of atlantis.yaml */
    struct batch_paths paths; /* after those; of remediate also what the store knows */
    /* remediate: of the named projects only those in one of these workspaces; none: all
     */
    struct batch_names workspaces;
    bool drifted_only; /* remediate: of the named projects only those in `drifted` */
    struct batch_paths drifted;
    char *project_id; /* check: the v1 project; NULL else */
};
/* Nothing named and no path: detect means every project, remediate none. */
void batch_request_done(struct batch_request *request);
/* JSON; what is not set is left out. */
void batch_request_print(const struct batch_request *request, struct buf *out);
/* ERR_PERM, naming the member. Members of a newer version are passed over. */
int batch_request_parse(const char *json, size_t len, struct batch_request *out,
                        struct err *err);

/* The kind of the runs it becomes. */
enum run_kind batch_run_kind(const struct batch_request *request);
/* The id of its index-th run: always the same, so that a repeated expand makes no second
 * one. */
void batch_run_id(const char *batch_id, int64_t index, char id[SIGN_UUID_BYTES]);

#endif
