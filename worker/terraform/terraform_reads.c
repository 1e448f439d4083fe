/* What of the repository a run has read: its directory, the local modules that init
 * found, its var files. */
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/path.h"
#include "common/queue/queue.h"
#include "worker/terraform/module_list.h"
#include "worker/terraform/terraform_parts.h"

/* A path below the checkout, without it; "." for the checkout itself; NULL: outside. */
static const char *inside(const char *top, const char *path)
{
    size_t len = strlen(top);

    if (strncmp(path, top, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return NULL;
    return path[len] == '\0' ? "." : path + len + 1;
}

static bool has(const struct strings *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->list[i], text) == 0)
            return true;
    return false;
}

/* Where `path`, relative to the directory of the run, really is. False: outside of the
 * checkout, or not there. */
static bool add(const struct terraform *t, const char *top, const char *path,
                struct strings *reads)
{
    AUTO(auto_free) char *full = path_join(t->cwd, path);
    AUTO(auto_free) char *real = realpath(full, NULL);
    const char *found = real != NULL ? inside(top, real) : NULL;

    if (found == NULL)
        return false;
    if (!has(reads, found))
        strings_add(reads, found);
    return true;
}

static bool add_all(const struct terraform *t, struct strings *reads)
{
    AUTO(auto_free) char *top = realpath(t->src, NULL);
    AUTO(strings_done) struct strings modules = {0};
    bool known = top != NULL && module_list_local(t->tf, &modules);

    strings_add(reads, t->spec->directory);
    known = known && add(t, top, ".", reads);
    for (size_t i = 0; known && i < modules.count; i++)
        known = add(t, top, modules.list[i], reads);
    for (size_t i = 0; known && i < t->spec->var_file_count; i++)
        known = add(t, top, t->spec->var_files[i], reads);
    return known;
}

char *terraform_reads(const struct terraform *t)
{
    AUTO(strings_done) struct strings reads = {0};
    struct buf text = BUF_INIT(QUEUE_READS_BYTES);
    bool known = add_all(t, &reads);

    for (size_t i = 0; i < reads.count; i++) {
        known = known && strchr(reads.list[i], '\n') == NULL;
        if (i > 0)
            buf_char(&text, '\n');
        buf_str(&text, reads.list[i]);
    }
    if (known && !text.over)
        return buf_take(&text);
    buf_done(&text);
    return NULL;
}
