/* What of a run's drift counts: the drifted resources that no rule ignores. Pure. */
#ifndef KEDGE_SCHEDULER_DRIFT_SET_H
#define KEDGE_SCHEDULER_DRIFT_SET_H

#include "common/hook/outbox.h"
#include "common/registry/ignore_rules.h"

struct drift_set {
    cJSON *metadata;    /* owned; NULL: none is stored */
    const cJSON **list; /* of what counts, worst first; owned, elements in metadata */
    size_t count;       /* of the list */
    int64_t counted;    /* of all, also those that were cut from it */
    /* Fingerprint of what drifted and how (address, action); "" when nothing counts. */
    char id[SIGN_ID_BYTES];
    struct rule_match *matches; /* rules that ignored something of it; owned */
    size_t match_count;
};
/* Under the rules of that moment. The caller releases with drift_set_done. */
void drift_set_read(const struct outbox_entry *entry, struct drift_set *out);
void drift_set_done(struct drift_set *set);
/* Severity of the worst one that is listed; NULL: none is. */
const char *drift_set_severity(const struct drift_set *set);

#endif
