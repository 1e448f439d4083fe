/* A list of strings that ends with NULL, as exec wants an argv or an environment.
 * The strings are owned and wiped when they go: an environment holds secrets. */
#ifndef KEDGE_WORKER_PROCESS_STRINGS_H
#define KEDGE_WORKER_PROCESS_STRINGS_H

#include <stddef.h>

struct strings {
    char **list; /* NULL-terminated; NULL while nothing was added */
    size_t count;
};

void strings_done(struct strings *strings);
void strings_add(struct strings *strings, const char *text);
void strings_addf(struct strings *strings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* For an environment: "name=value", in place of an earlier one of that name. */
void strings_set(struct strings *strings, const char *name, const char *value);
/* Borrowed until the next change; NULL: not there. */
const char *strings_value(const struct strings *strings, const char *name);
/* Adds a copy of each. */
void strings_add_all(struct strings *strings, const struct strings *more);

#endif
