/* An order: what a workspace's stored documents amount to for the queue. Making one
 * parses JSON and hashes; a bounded cache keeps those that were made.
 *
 * A cached order may be out of date. That does no harm: it carries the revision it was
 * made from, and the queue refuses to enqueue from another. */
#ifndef KEDGE_API_ORDER_H
#define KEDGE_API_ORDER_H

#include "common/conf.h"
#include "common/registry.h"

struct order {
    char *project_id, *workspace_id; /* owned */
    char *spec;                      /* owned: canonical JSON */
    char *ref;                       /* owned */
    char fingerprint[SIGN_ID_BYTES];
    char target[SIGN_ID_BYTES];
    char scope[SIGN_ID_BYTES];
    char repo[SIGN_ID_BYTES]; /* repository_id: whose drift records it has */
    int64_t revision;         /* of the project */
    bool allowed;             /* by KEDGE_REPO_ALLOWLIST as it is now */
    /* Nothing is set that the Atlantis family cannot say: its checks and plans of that
     * target and ref are what this one would be. */
    bool plain;
};

/* Of a drift check. ERR_INPUT: repositories of its type are not set up (any more);
 * ERR_PERM: the stored documents are broken. */
int order_make(const struct conf *conf, const struct registry_pair *pair,
               const char *workspace_id, struct order *out, struct err *err);
void order_done(struct order *order);

/* ---- the cache: some thousand orders, the ones longest unused go first ---- */
struct orders;
struct orders *orders_new(void);
void orders_free(struct orders *orders);
/* NULL: not there. Valid until the next put or drop. */
const struct order *orders_find(struct orders *orders, const char *project_id,
                                const char *workspace_id);
/* Takes the order over, in place of the one it had. Returns it, as orders_find. */
const struct order *orders_put(struct orders *orders, struct order *order);
/* The order of that revision: the one that is there, or made and put. NULL: as order_make
 * says. Valid as orders_find's. */
const struct order *orders_of(struct orders *orders, const struct conf *conf,
                              const struct registry_pair *pair, const char *workspace_id,
                              struct err *err);
void orders_drop(struct orders *orders, const char *project_id, const char *workspace_id);

#endif
