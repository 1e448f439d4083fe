/* Memory: allocation that aborts instead of failing. */
#include "common/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_abort(void *ptr)
{
    if (ptr == NULL)
        abort();
    return ptr;
}

void *mem_new(size_t count, size_t size)
{
    return or_abort(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *mem_grow(void *ptr, size_t count, size_t size)
{
    return or_abort(reallocarray(ptr, count > 0 ? count : 1, size > 0 ? size : 1));
}

char *mem_dup(const char *text)
{
    return text == NULL ? NULL : or_abort(strdup(text));
}

char *mem_dup_n(const char *bytes, size_t len)
{
    char *copy = mem_new(len + 1, 1);

    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

char *mem_fmt(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    return or_abort(text);
}

void auto_free(void *ptr_to_pointer)
{
    void *ptr;

    memcpy(&ptr, ptr_to_pointer, sizeof ptr);
    free(ptr);
}

void auto_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
