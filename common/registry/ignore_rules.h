/* The ignore rules that hold for a workspace: those of its own document and those that
 * people set with POST …/ignore. Pure but for the clock. */
#ifndef KEDGE_COMMON_REGISTRY_IGNORE_RULES_H
#define KEDGE_COMMON_REGISTRY_IGNORE_RULES_H

#include "common/redis/redis.h"
#include "common/registry/ignore.h"
#include "common/registry/registry.h"

/* Metadata is our own writing; a drifted value may be nested deeper than a request. */
#define RULES_METADATA_DEPTH_MAX 200

struct rules {
    struct ignore_rules list;
    int64_t revision; /* of whichever of the two changed last */
    int64_t active;   /* rules that have not expired: the other thing that can change */
};
void rules_done(struct rules *rules);

/* The id by which people name rule `index`. One of a request has its own; one of the
 * workspace's document has it from its address and attribute (and, of several that are
 * alike in both, its place among those), so it stays the same when others come and go. */
void rules_id(const struct rules *rules, size_t index, char id[SIGN_ID_BYTES]);

/* Reads the HGETALL of registry_get_ignores. */
void rules_add_ignores(struct rules *rules, const struct redisReply *reply);
/* Adds the workspace's own; a pair that is not there adds none. */
void rules_add_workspace(struct rules *rules, const struct registry_pair *pair);

/* How many resources of one run a rule ignored. */
struct rule_match {
    char id[SIGN_ID_BYTES];
    int64_t count; /* ≥ 1 */
};
/* ignore_apply_counting; *matches are those rules that ignored something, at most
 * REGISTRY_MATCHED_MAX, which the caller frees. */
int64_t rules_apply_counting(const struct rules *rules, const char *run_id,
                             int64_t now_ms, cJSON *metadata, struct rule_match **matches,
                             size_t *count);

/* Metadata as it is shown under these rules, appended to out; without the list of drifted
 * resources unless `with_list`. What is no object stays as it is. Returns how many
 * drifted resources count. */
int64_t rules_apply(const struct rules *rules, const char *run_id, const char *metadata,
                    size_t len, bool with_list, struct buf *out);

#endif
