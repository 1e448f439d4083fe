/* Environments, and other lists of strings, made from literals. */
#ifndef KEDGE_TESTS_SUPPORT_ENVIRON_H
#define KEDGE_TESTS_SUPPORT_ENVIRON_H

/* A copy that may be written to, as environ and argv may; both end with NULL. The caller
 * frees it with environ_free. */
char **environ_copy(const char *const *list);
void environ_free(char **list);

#endif
