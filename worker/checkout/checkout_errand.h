/* The runner's side of an errand to the checkout's child: what it is told, what it may
 * touch, and its answer. */
#ifndef KEDGE_WORKER_CHECKOUT_CHECKOUT_ERRAND_H
#define KEDGE_WORKER_CHECKOUT_CHECKOUT_ERRAND_H

#include "common/base/buf.h"
#include "common/base/json.h"
#include "worker/checkout/checkout.h"
#include "worker/process/strings.h"

struct errand {
    const struct checkout *checkout; /* borrowed */
    char *url, *host, *cache, *lock; /* owned */
    const char *cert_file;           /* NULL: the system's */
    const char *work_tree;           /* NULL: nothing is laid out */
    struct strings env;              /* the request: all that the child gets */
    struct buf answer;
};

/* Finds the repository, makes the cache's directories, and tells the child what every
 * errand needs. Errors as checkout_run. */
int errand_prepare(struct errand *errand, const struct checkout *checkout,
                   struct err *err);
void errand_done(struct errand *errand);
/* KEDGE_CHECKOUT_<name>=<value>, unless that is NULL. */
void errand_tell(struct errand *errand, const char *name, const char *value);
/* The same for a text that may be longer than one variable can be. ERR_PERM: it is longer
 * than a whole environment can be. */
int errand_tell_long(struct errand *errand, const char *name, const char *text,
                     struct err *err);
/* Runs the child. The answer (the caller frees), which has a commit, or NULL: out->error
 * and err say why. */
cJSON *errand_run(struct errand *errand, struct checked_out *out, struct err *err);

#endif
