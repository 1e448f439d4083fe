/* HCL text as words: just enough of the language to find blocks and arguments in it.
 * Comments, strings with their templates and heredocs are passed over, so what stands in
 * them is never taken for a word. Broken text ends sooner or has other words, no more.
 * Pure; linear. Source: the HCL native syntax specification. */
#ifndef KEDGE_WORKER_TEXT_HCL_H
#define KEDGE_WORKER_TEXT_HCL_H

#include <stdbool.h>
#include <stddef.h>

enum hcl_token { HCL_END, HCL_NAME, HCL_STRING, HCL_NEWLINE, HCL_OTHER };

/* Begin with `at` and `end`; the text is borrowed. */
struct hcl_scanner {
    const char *at, *end;
    const char *text; /* of the last name, string (without quotes) or other character */
    size_t len;
};
enum hcl_token hcl_next(struct hcl_scanner *s);
/* Is that the last name or string? */
bool hcl_is(const struct hcl_scanner *s, const char *text);
/* How the last word changes the depth of brackets: 1, 0 or -1. */
int hcl_step(const struct hcl_scanner *s, enum hcl_token token);

#endif
