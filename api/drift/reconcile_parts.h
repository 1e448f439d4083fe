/* What the files of POST /api/v1/drift/reconcile share. For api/drift/reconcile*.c only.
 */
#ifndef KEDGE_API_DRIFT_RECONCILE_PARTS_H
#define KEDGE_API_DRIFT_RECONCILE_PARTS_H

#include "api/run/accept.h"
#include "api/run/run_wait.h"
#include "common/registry/order.h"

/* The run whose plan a person has looked at (planRunId), and what came after it. Owned:
 * the replies they are read from are gone by then. */
struct seen_plan {
    const char *run_id; /* borrowed from the body; NULL: none is named */
    char *ref, *commit;
    char drift[SIGN_ID_BYTES]; /* its fingerprint */
    char version[48];          /* the event of its end */
    /* The workspace's last good check and last reconcile; "": none, or that very run. */
    char checked[SIGN_UUID_BYTES], reconciled[SIGN_UUID_BYTES];
    bool is_older; /* than that check */
    size_t asked;  /* replies of the round about those two */
    void (*then)(struct request *req);
};

struct reconcile {
    struct run_wait wait;                  /* first */
    const char *project_id, *workspace_id; /* in the body */
    struct idempotency idem;
    struct order order; /* owned */
    struct seen_plan seen;
    int reads;
};

/* Adds what is asked about the run that is named, and which runs came after it, to the
 * round under way. What speaks against it is answered. */
void seen_plan_ask(struct request *req);
/* That round is over and the order is made: looks whether it is about the same drift at
 * the same ref still, and goes on with `then`. */
void seen_plan_compare(struct request *req, void (*then)(struct request *req));
void seen_plan_done(struct seen_plan *seen);

#endif
