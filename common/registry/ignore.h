/* Ignoring drift: which drifted resources do not count, decided whenever a run is read.
 *
 * Stored metadata is never changed: rules are applied to the copy that is answered, so a
 * new rule judges old runs too. A delete or replace is never hidden. Pure. */
#ifndef KEDGE_COMMON_REGISTRY_IGNORE_H
#define KEDGE_COMMON_REGISTRY_IGNORE_H

#include "common/base/json.h"

struct ignore_rule {
    char *id;        /* set by a request; NULL: the rule stands in the workspace */
    char *address;   /* glob over resource addresses */
    char *attribute; /* glob; NULL: all. A resource is ignored when all its changes are */
    char *run_id;    /* set by scope "run": that run, and others whose drift of it is
                        `drift` */
    char *drift;     /* fingerprint of the resource's drift, with run_id */
    char *reason;    /* NULL: none is given */
    char *created_by;   /* name of a token; NULL: not known */
    int64_t created_ms; /* 0: not known */
    int64_t expires_ms; /* 0: never */
    bool exact;         /* address is the address itself: it may hold a '*' of its own */
};
struct ignore_rules {
    struct ignore_rule *list;
    size_t count;
};

void ignore_rules_done(struct ignore_rules *rules);
/* Adds one rule from its JSON {address, attribute?, runId?, drift?, reason?, expiresAt?,
 * exact?, createdAtMs?, createdBy?}; broken ones are skipped: they hide nothing. A rule
 * with runId is exact. id: see the struct; copied. */
void ignore_rules_add(struct ignore_rules *rules, const char *id, const cJSON *rule);
/* A rule holds until its time, and no longer from that millisecond on. */
bool ignore_rule_is_expired(const struct ignore_rule *rule, int64_t now_ms);
/* May a resource be ignored at all? Its action is one that takes nothing away: create,
 * update, import or forget, which leaves the thing itself alone. */
bool ignore_is_allowed(const cJSON *resource);
/* Fingerprint of what drifted in one resource: its action and its changes (attribute,
 * before, after) in whatever order. Two values that are both sensitive, or both unknown
 * before the apply, look the same. */
void ignore_drift_id(const cJSON *resource, char id[33]);
/* Is all that the fingerprint is made of there? Not when values or changes were left out
 * of a report that was too long: then drifts that differ could look the same. */
bool ignore_has_drift_id(const cJSON *resource);
/* Sets `ignored` of each resource and `driftedCount` in metadata (an object with
 * driftedResources), which keeps counting resources that were cut from the list; of
 * metadata with neither it makes none. Returns how many are left that count. May be
 * called again with other rules. */
int64_t ignore_apply(const struct ignore_rules *rules, const char *run_id, int64_t now_ms,
                     cJSON *metadata);
/* The same, and adds to matches[i] how many resources rule i ignored. Each resource
 * counts for the first rule that covers all of it; where it takes several, for each of
 * those. */
int64_t ignore_apply_counting(const struct ignore_rules *rules, const char *run_id,
                              int64_t now_ms, cJSON *metadata, int64_t *matches);

#endif
