/* A NULL-terminated list of owned strings. */
#include "worker/process/strings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"

static void wipe(char *text)
{
    explicit_bzero(text, strlen(text));
    free(text);
}

void strings_done(struct strings *strings)
{
    for (size_t i = 0; i < strings->count; i++)
        wipe(strings->list[i]);
    free(strings->list);
    *strings = (struct strings){0};
}

static void add_owned(struct strings *strings, char *text)
{
    strings->list = mem_grow(strings->list, strings->count + 2, sizeof strings->list[0]);
    strings->list[strings->count++] = text;
    strings->list[strings->count] = NULL;
}

void strings_add(struct strings *strings, const char *text)
{
    add_owned(strings, mem_dup(text));
}

void strings_addf(struct strings *strings, const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        abort();
    va_end(args);
    add_owned(strings, text);
}

/* The place of "name=…"; NULL: none. */
static char **find(const struct strings *strings, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < strings->count; i++)
        if (strncmp(strings->list[i], name, len) == 0 && strings->list[i][len] == '=')
            return &strings->list[i];
    return NULL;
}

void strings_set(struct strings *strings, const char *name, const char *value)
{
    char **place = find(strings, name);

    if (place == NULL) {
        strings_addf(strings, "%s=%s", name, value);
        return;
    }
    wipe(*place);
    *place = mem_fmt("%s=%s", name, value);
}

const char *strings_value(const struct strings *strings, const char *name)
{
    char **place = find(strings, name);

    return place == NULL ? NULL : *place + strlen(name) + 1;
}

void strings_add_all(struct strings *strings, const struct strings *more)
{
    for (size_t i = 0; i < more->count; i++)
        strings_add(strings, more->list[i]);
}
