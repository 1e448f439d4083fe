/* The worker's own environment. */
#include "worker/process/own_variable.h"

#include <string.h>
#include <unistd.h>

const char *own_variable(const char *name)
{
    size_t len = strlen(name);

    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, name, len) == 0 && (*variable)[len] == '=')
            return *variable + len + 1;
    return NULL;
}
