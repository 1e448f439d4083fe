/* Env files: KEY=VALUE lines. */
#include "worker/terraform/env_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/parse.h"
#include "worker/process/file.h"

static const char *const refused[] = {
    "TF_CLI_ARGS*",     "TF_LOG*", "TF_DATA_DIR", "TF_WORKSPACE", "TF_INPUT",
    "TF_PLUGIN_CACHE*", "LD_*",    "PATH",        "HOME",
};

bool env_refused(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (parse_glob(refused[i], key, false))
            return true;
    return false;
}

static bool is_name(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    while (isalnum((unsigned char)*text) || *text == '_')
        text++;
    return *text == '\0';
}

/* Takes the quotes off, in place. */
static char *unquote(char *value)
{
    size_t len = strlen(value);
    char quote = value[0];
    char *to = value;

    if (len < 2 || (quote != '"' && quote != '\'') || value[len - 1] != quote)
        return value;
    value[len - 1] = '\0';
    if (quote == '\'')
        return value + 1;
    for (const char *from = value + 1; *from != '\0'; from++) {
        if (*from != '\\' || strchr("n\"\\", from[1]) == NULL || from[1] == '\0')
            *to++ = *from;
        else
            *to++ = *++from == 'n' ? '\n' : *from;
    }
    *to = '\0';
    return value;
}

static char *trim(char *text)
{
    size_t len;

    while (isblank((unsigned char)*text))
        text++;
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

/* 0: a variable; 1: none on this line; -1: neither. Works in place. */
static int split(char *line, char **key, char **value)
{
    char *equals;

    line = trim(line);
    if (*line == '\0' || *line == '#')
        return 1;
    if (strncmp(line, "export ", 7) == 0)
        line = trim(line + 7);
    equals = strchr(line, '=');
    if (equals == NULL)
        return -1;
    *equals = '\0';
    *key = line;
    *value = unquote(equals + 1);
    return is_name(line) ? 0 : -1;
}

int env_file_read(const char *dir, const char *name,
                  int (*set)(void *arg, const char *key, const char *value,
                             struct err *err),
                  void *arg, struct err *err)
{
    AUTO(buf_done) struct buf text = BUF_INIT(ENV_FILE_MAX_BYTES);
    int found = file_get(dir, name, &text);
    char *next = text.data, *line, *key, *value;
    int rc = 0;

    if (found < 0 || (found > 0 && memchr(text.data, '\0', text.len) != NULL))
        return err_set(err, ERR_PERM, "%s/%s cannot be read as an env file", dir, name);
    for (int number = 1; found > 0 && rc == 0 && (line = strsep(&next, "\n")); number++) {
        int kind = split(line, &key, &value);

        if (kind < 0)
            rc = err_set(err, ERR_PERM, "%s/%s line %d is not KEY=VALUE", dir, name,
                         number);
        else if (kind == 0 && (rc = set(arg, key, value, err)) < 0)
            err_wrap(err, "%s/%s line %d", dir, name, number);
    }
    if (found > 0)
        explicit_bzero(text.data, text.len);
    return rc;
}
