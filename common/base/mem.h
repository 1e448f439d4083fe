/* Memory and ownership: allocation that aborts instead of failing, and the two words that
 * make every error path straight-line code.
 *
 * Running out of memory aborts the process on purpose: the lease re-delivers its runs.
 *
 *     AUTO(auto_free) char *text = NULL;    released when the scope ends
 *     *out = TAKE(text);                    ownership leaves the scope
 *
 * AUTO variables are initialised where they are declared; every releaser accepts the
 * empty value (NULL, -1, zeroed). */
#ifndef KEDGE_COMMON_BASE_MEM_H
#define KEDGE_COMMON_BASE_MEM_H

#include <stddef.h>

#define AUTO(release) __attribute__((cleanup(release), unused))
#define TAKE(p)                                                                          \
    __extension__({                                                                      \
        __typeof__(p) take_ = (p);                                                       \
        (p) = NULL;                                                                      \
        take_;                                                                           \
    })
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Zeroed; never NULL. The product count * size is checked for overflow. */
void *mem_new(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* As realloc of count * size bytes; never NULL. */
void *mem_grow(void *ptr, size_t count, size_t size) __attribute__((returns_nonnull));
/* A copy the caller frees; NULL gives NULL. */
char *mem_dup(const char *text);
/* The first `len` bytes and a NUL; the caller frees. */
char *mem_dup_n(const char *bytes, size_t len) __attribute__((returns_nonnull));
/* printf into a new string the caller frees. */
char *mem_fmt(const char *format, ...)
    __attribute__((format(printf, 1, 2), returns_nonnull));

/* Releasers for AUTO. */
void auto_free(void *ptr_to_pointer);
void auto_close(const int *fd); /* closes unless -1; never retries close */

#endif
