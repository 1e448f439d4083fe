/* What must not reach a model: values that are secrets by their name, and what looks like
 * a secret within a text.
 *
 * This is the second line: Terraform marks what its providers know to be sensitive, and
 * none of that is ever sent. Here is judged by name and by form, on the careful side: a
 * text that is masked without need costs the model a detail. docs/OPERATIONS.md tells
 * what is sent. Pure. */
#ifndef KEDGE_API_AI_AI_MASK_H
#define KEDGE_API_AI_AI_MASK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"

#define AI_MASK "(masked)"

/* Of an attribute's path ("env[0].DB_PASSWORD"), a key, a variable: is its value a
 * secret? Letter case and '-' for '_' make no difference. */
bool ai_mask_is_secret_name(const char *name);
/* Is the attribute of such a resource what the resource is there to hide? */
bool ai_mask_is_secret_of(const char *type, const char *attribute);

/* Appends the text with AI_MASK in place of: PEM blocks, users and passwords of URLs,
 * tokens of known services, values that are assigned to a secret name ("password=x",
 * "api_key: x", "--token x"), and long runs that look random. */
void ai_mask_text(const char *text, size_t len, struct buf *out);

#endif
