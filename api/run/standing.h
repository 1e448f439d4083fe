/* How a workspace stands, judged from its runs.
 *
 * The newest check, even a queued one, tells whether one is under way; the last that came
 * to an answer or an error gives the status; the last that came to an answer gives the
 * counts. The last two may also be a check or plan of the Atlantis family: of a plain
 * workspace (struct order) it would have been the same, and the drift records of the
 * repository name its run. And a reconcile that left no drift: its second plan is as good
 * as a clean check. They are often one and the same run.
 *
 *     standing_take_last, standing_take_record …     which runs
 *     standing_take_run of each of those             in any order
 *     standing_settle                                then the rest may be asked
 *
 * Pure. */
#ifndef KEDGE_API_RUN_STANDING_H
#define KEDGE_API_RUN_STANDING_H

#include "api/run/run_json.h"

enum standing_role {
    STANDING_NEWEST, /* the first four in the order of queue_get_last */
    STANDING_ENDED,
    STANDING_GOOD,
    STANDING_RECONCILED,
    STANDING_RECORD_GOOD, /* what the drift records name */
    STANDING_RECORD_ERROR,
    STANDING_ROLES
};

struct standing {
    char ids[STANDING_ROLES][SIGN_UUID_BYTES]; /* "": none */
    struct run_note notes[STANDING_ROLES];     /* id "": no such run */
    bool left_nothing;  /* the reconcile: no drift was there after it */
    bool older_goes_on; /* the newest was cancelled, one before it was not */
};

/* Reads the reply of queue_get_last; forgets everything else. */
void standing_take_last(struct standing *standing, const struct redisReply *reply);
/* A drift record, good or failed: the run it names. NULL or broken ones name none. */
void standing_take_record(struct standing *standing, const char *json, size_t len);
/* The role that has the same run, and comes before this one; else the role itself. */
enum standing_role standing_first(const struct standing *standing,
                                  enum standing_role role);
/* run->id NULL: it is not there any more. */
void standing_take_run(struct standing *standing, enum standing_role role,
                       const struct run_record *run);
/* All runs are read. Says whose run each of STANDING_ENDED and STANDING_GOOD now is:
 * their notes are those of the role that is told. */
struct standing_settled {
    enum standing_role ended, good;
};
struct standing_settled standing_settle(struct standing *standing);

/* Is the good run a reconcile? What it found it has mended: nothing of its metadata
 * counts as drift. */
bool standing_is_mended(const struct standing *standing);
/* never_run, running, clean, drift_detected or error. `counted`: drifted resources of the
 * good run that are not ignored; -1: not known. */
const char *standing_status(const struct standing *standing, int64_t counted);

#endif
