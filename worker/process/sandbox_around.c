/* Reading a tree but for some paths in it, such as /etc without the credentials below. */
#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "worker/process/sandbox.h"

static void auto_closedir(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

/* Is `path` the directory `top` or below it? Both are resolved. */
static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);

    if (strcmp(top, "/") == 0)
        return true;
    return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* How `path` lies to the hidden ones: 0 apart, 1 above one, 2 hidden itself. */
static int overlap(const char *path, const char *const *hidden)
{
    int most = 0;

    for (; *hidden != NULL; hidden++) {
        AUTO(auto_free) char *real = realpath(*hidden, NULL);

        if (real == NULL)
            continue;
        if (is_below(path, real))
            return 2;
        if (is_below(real, path))
            most = 1;
    }
    return most;
}

/* `path` is resolved. Links are left out: what they lead to has a path of its own. */
static int allow_around(struct sandbox *sandbox, const char *path,
                        const char *const *hidden, struct err *err)
{
    int kind = overlap(path, hidden);
    const struct dirent *entry;

    if (kind == 2)
        return 0;
    if (kind == 0)
        return sandbox_allow_read(sandbox, path, err);
    AUTO(auto_closedir) DIR *dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        AUTO(auto_free) char *inner = NULL;

        if (entry->d_type == DT_LNK || strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0)
            continue;
        inner = strcmp(path, "/") == 0 ? mem_fmt("/%s", entry->d_name)
                                       : path_join(path, entry->d_name);
        if (allow_around(sandbox, inner, hidden, err) < 0)
            return -1;
    }
    return 0;
}

int sandbox_allow_read_around(struct sandbox *sandbox, const char *path,
                              const char *const *hidden, struct err *err)
{
    AUTO(auto_free) char *real = realpath(path, NULL);

    return real == NULL ? 0 : allow_around(sandbox, real, hidden, err);
}
