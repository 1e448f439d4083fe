/* Canonical JSON: one text for equal values, for digests and comparisons.
 *
 * Compact, members sorted by the bytes of their keys at every depth; arrays keep their
 * order. Pure. */
#ifndef KEDGE_COMMON_BASE_CANONICAL_H
#define KEDGE_COMMON_BASE_CANONICAL_H

#include "common/base/json.h"

/* Appends the canonical text of `node`; NULL is null. Recurses as deep as the document,
 * which json_parse limits. */
void canonical_print(const cJSON *node, struct buf *out);
/* The same for an object given as text, which must be one; nothing is appended for NULL
 * and for an object without members: both say "none". */
void canonical_print_object(const char *json, struct buf *out);

#endif
