/* A temporary directory for one test. */
#ifndef KEDGE_TESTS_SUPPORT_SCRATCH_H
#define KEDGE_TESTS_SUPPORT_SCRATCH_H

/* cmocka set-up and tear-down: *state is the directory's path. */
int scratch_make(void **state);
int scratch_remove(void **state);
/* The path of `name` in the directory; the caller frees. */
char *scratch_path(void **state, const char *name);
/* The same, after `text` was written there. */
char *scratch_file(void **state, const char *name, const char *text);

#endif
