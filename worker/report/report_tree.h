/* JSON values seen as trees: equality, digests and ordered members, none of them
 * quadratic in the number of members. null and a missing value (NULL) are the same. */
#ifndef KEDGE_WORKER_REPORT_REPORT_TREE_H
#define KEDGE_WORKER_REPORT_REPORT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/json.h"

/* NULL for a null value, else the value. */
const cJSON *tree_value(const cJSON *node);
bool tree_equal(const cJSON *a, const cJSON *b);
/* Equal values have equal digests. Not for a security decision: confirm with tree_equal.
 */
uint64_t tree_digest(const cJSON *node);
/* Is there a `true` anywhere in it? */
bool tree_has_true(const cJSON *node);
bool tree_is_container(const cJSON *node); /* an object or array with something in it */

/* The children of an object, sorted by key, or of an array, in order; none of anything
 * else. `list` is owned, what it points to belongs to the document. */
struct tree_children {
    const cJSON **list;
    size_t count;
};
void tree_children_init(struct tree_children *children, const cJSON *node);
void tree_children_done(struct tree_children *children);

#endif
