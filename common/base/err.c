/* Errors: formatting into the caller's struct, and adding context in front. */
#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[ERR_KINDS] = {
    [ERR_NONE] = "none", [ERR_INPUT] = "input", [ERR_TEMP] = "temp",
    [ERR_PERM] = "perm", [ERR_LOST] = "lost",
};

const char *err_kind_name(enum err_kind kind)
{
    return kind_names[kind];
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    va_list args;

    err->kind = kind;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return -1;
}

int err_sys(struct err *err, enum err_kind kind, int errnum, const char *format, ...)
{
    va_list args;
    size_t used;

    err->kind = kind;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, ": %s",
             strerrordesc_np(errnum));
    return -1;
}

int err_wrap(struct err *err, const char *format, ...)
{
    char inner[ERR_MESSAGE_BYTES];
    va_list args;
    size_t used;

    memcpy(inner, err->message, sizeof inner);
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, ": %s", inner);
    return -1;
}
