/* A temporary directory for one test. */
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/base/path.h"

int scratch_make(void **state)
{
    char *dir = mem_dup("/tmp/kedge-test-XXXXXX");

    if (mkdtemp(dir) == NULL)
        return -1;
    *state = dir;
    return 0;
}

int scratch_remove(void **state)
{
    AUTO(auto_free) char *dir = *state;
    struct err err;

    return path_remove_tree(dir, &err);
}

char *scratch_path(void **state, const char *name)
{
    return path_join(*state, name);
}

char *scratch_file(void **state, const char *name, const char *text)
{
    char *path = scratch_path(state, name);
    AUTO(auto_close)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    return path;
}
