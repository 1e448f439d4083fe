/* The ignore rules that hold for a workspace: those of its own document and those that
 * people set with POST …/ignore. Pure but for the clock. */
#ifndef KEDGE_COMMON_IGNORE_RULES_H
#define KEDGE_COMMON_IGNORE_RULES_H

#include "common/ignore.h"
#include "common/redis.h"
#include "common/registry.h"

/* Metadata is our own writing; a drifted value may be nested deeper than a request. */
#define RULES_METADATA_DEPTH_MAX 200

struct rules {
    struct ignore_rules list;
    int64_t revision; /* of whichever of the two changed last */
    int64_t active;   /* rules that have not expired: the other thing that can change */
};
void rules_done(struct rules *rules);

/* Reads the HGETALL of registry_get_ignores. */
void rules_add_ignores(struct rules *rules, const struct redisReply *reply);
/* Adds the workspace's own; a pair that is not there adds none. */
void rules_add_workspace(struct rules *rules, const struct registry_pair *pair);

/* Metadata as it is shown under these rules, appended to out; without the list of drifted
 * resources unless `with_list`. What is no object stays as it is. Returns how many
 * drifted resources count. */
int64_t rules_apply(const struct rules *rules, const char *run_id, const char *metadata,
                    size_t len, bool with_list, struct buf *out);

#endif
