/* What the ai_mask*.c files share. */
#ifndef KEDGE_API_AI_AI_MASK_SCAN_H
#define KEDGE_API_AI_AI_MASK_SCAN_H

#include <stddef.h>

struct ai_mask_prefix {
    const char *text;
    size_t more; /* characters behind it, at least */
};
/* Of a run of token characters; NULL: none. */
const struct ai_mask_prefix *ai_mask_find_prefix(const char *text, size_t len);

#endif
