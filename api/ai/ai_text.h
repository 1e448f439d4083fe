/* Text of a model, put together from pieces: UTF-8 whatever the pieces are.
 *
 * A piece may end within a character, and JSON may part a surrogate pair: its halves come
 * as three bytes each (as CESU-8 writes them) and leave as one character. What is no
 * character, and control characters but tab, line feed and carriage return, become
 * U+FFFD. Pure. */
#ifndef KEDGE_API_AI_AI_TEXT_H
#define KEDGE_API_AI_AI_TEXT_H

#include <stddef.h>

#include "common/base/buf.h"

#define AI_HELD_BYTES 8

struct ai_text {
    char held[AI_HELD_BYTES]; /* the beginning of a character */
    size_t len;
};

void ai_text_add(struct ai_text *text, const char *bytes, size_t len, struct buf *out);
void ai_text_end(struct ai_text *text, struct buf *out);

/* In the text of a JSON document: escapes of half a surrogate pair, which parsers refuse,
 * become the three bytes of above, and \u0000 becomes U+FFFD. Returns the new length. */
size_t ai_text_repair_json(char *json, size_t len);

#endif
