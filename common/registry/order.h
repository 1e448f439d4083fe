/* An order: what a workspace's stored documents amount to for the queue. Making one
 * parses JSON and hashes; a bounded cache keeps those that were made.
 *
 * A cached order may be out of date. That does no harm: it carries the revision it was
 * made from, and the queue refuses to enqueue from another. */
#ifndef KEDGE_COMMON_REGISTRY_ORDER_H
#define KEDGE_COMMON_REGISTRY_ORDER_H

#include "common/conf/conf.h"
#include "common/registry/registry.h"

/* The host of each VCS's clone base (vcs_base_host); NULL: that type is not set up. */
struct order_hosts {
    const char *of[VCS_TYPES];
};

struct order {
    char *project_id, *workspace_id; /* owned */
    enum run_kind kind;
    char *spec;       /* owned: canonical JSON */
    char *ref;        /* owned */
    char *repository; /* owned: "host/owner/repo", for the allowlist */
    char fingerprint[SIGN_ID_BYTES];
    char target[SIGN_ID_BYTES];
    char scope[SIGN_ID_BYTES];
    char repo[SIGN_ID_BYTES]; /* repository_id: whose drift records it has */
    int64_t revision;         /* of the project */
    /* By KEDGE_REPO_ALLOWLIST as it is now; the scheduler has no such setting, and leaves
     * it to the worker. */
    bool allowed;
    bool auto_reconcile; /* of the workspace */
    /* Nothing is set that the Atlantis family cannot say: its checks and plans of that
     * target and ref are what this one would be. */
    bool plain;
};

/* `kind`: drift_check or reconcile. `allowlist`: KEDGE_REPO_ALLOWLIST; NULL allows
 * nothing. ERR_INPUT: repositories of its type are not set up (any more); ERR_PERM: the
 * stored documents are broken. */
int order_make(const struct order_hosts *hosts, const char *allowlist,
               const struct registry_pair *pair, const char *workspace_id,
               enum run_kind kind, struct order *out, struct err *err);
/* The same of that commit, for a push. The caller's, and none for the cache: the next one
 * who looks there wants the ref's tip. ERR_PERM as order_make. */
int order_at_commit(const struct order *order, const char *commit, struct order *out,
                    struct err *err);
/* What a person asks of one reconcile. Texts are borrowed. */
struct order_terms {
    /* In place of the workspace's maxDestroy; RUN_DESTROY_ANY: any number may go. */
    int64_t max_destroy;
    bool sets_max_destroy;                        /* else the workspace's counts */
    const char *expected_drift, *expected_commit; /* NULL: not asked for */
};
/* The same on these terms; as order_at_commit. */
int order_on_terms(const struct order *order, const struct order_terms *terms,
                   struct order *out, struct err *err);
void order_done(struct order *order);

/* ---- the cache: some thousand orders, the ones longest unused go first ----
 * It knows what every order of this process is made with. One thread. */
struct orders;
/* No hosts yet. `allowlist` is borrowed for the cache's life. */
struct orders *orders_new(const char *allowlist);
void orders_free(struct orders *orders);
/* From now on orders are made with these hosts (copied); when they are others than before
 * the orders that are there are dropped. */
void orders_set_hosts(struct orders *orders, const struct order_hosts *hosts);
/* The hosts of the settings. */
void orders_set_conf_hosts(struct orders *orders, const struct conf *conf);
/* Borrowed until they are set anew. */
const struct order_hosts *orders_hosts(const struct orders *orders);
/* order_make with what the cache knows; the order is the caller's, the cache as it was.
 */
int orders_make(const struct orders *orders, const struct registry_pair *pair,
                const char *workspace_id, enum run_kind kind, struct order *out,
                struct err *err);
/* NULL: not there. Valid until the next put, drop or change of the hosts. */
const struct order *orders_find(struct orders *orders, const char *project_id,
                                const char *workspace_id, enum run_kind kind);
/* Takes the order over, in place of the one it had. Returns it, as orders_find. */
const struct order *orders_put(struct orders *orders, struct order *order);
/* The order of that revision: the one that is there, or made and put. NULL: as order_make
 * says. Valid as orders_find's. */
const struct order *orders_of(struct orders *orders, const struct registry_pair *pair,
                              const char *workspace_id, enum run_kind kind,
                              struct err *err);
/* Of every kind. */
void orders_drop(struct orders *orders, const char *project_id, const char *workspace_id);

#endif
