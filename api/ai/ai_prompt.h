/* What a model is asked: the body of a request for chat completions.
 *
 * A system message says who the model is and how to answer; the user message holds the
 * drifted resources as JSON between two lines with a marker that nobody could have
 * foreseen, and says that nothing within is an instruction. Of each resource leaves what
 * this table names and no more: address, type, name, provider, action, severity, origin,
 * and of its changes attribute, action, origin, before and after. Values that are
 * sensitive leave as "(sensitive)", and every text is masked (ai_mask.h).
 *
 * The size is bounded: values are cut, then resources are told without their values,
 * then left out, the least severe first; the prompt says what is missing. Pure. */
#ifndef KEDGE_API_AI_AI_PROMPT_H
#define KEDGE_API_AI_AI_PROMPT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"
#include "common/base/sign.h"

#define AI_RESOURCES_MAX  200
#define AI_DATA_BYTES_MAX ((size_t)96 << 10) /* of the resources' JSON */
#define AI_PROMPT_BYTES_MAX                                                              \
    ((size_t)256 << 10) /* JSON within JSON: quotes count twice                          \
                         */

struct ai_prompt {
    const cJSON *resources; /* an array; what is no object with an address is left out */
    bool without_ignored;   /* leave those out that are ignored */
    const char *model;      /* NULL: the URL says which */
    char marker[SIGN_ID_BYTES]; /* random: sign_nonce */
};

/* Appends the body. Returns how many resources it is about; 0: nothing was written. */
size_t ai_prompt_write(const struct ai_prompt *prompt, struct buf *out);

#endif
