/* Free memory from /proc/meminfo and the cgroup limits above this process. */
#include "worker/supervisor/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"

#define FILE_MAX_BYTES ((size_t)64 * 1024)

/* Version 1 shows "no limit" as the largest multiple of a page. */
#define UNLIMITED_BYTES (INT64_C(1) << 60)

struct cgroup_files {
    const char *limit, *usage;
    const char *inactive; /* the line of memory.stat, with its blank */
};
static const struct cgroup_files version_1 = {
    .limit = "memory.limit_in_bytes",
    .usage = "memory.usage_in_bytes",
    .inactive = "total_inactive_file ",
};
static const struct cgroup_files version_2 = {
    .limit = "memory.max",
    .usage = "memory.current",
    .inactive = "inactive_file ",
};

static bool file_text(const char *dir, const char *name, struct buf *text)
{
    AUTO(auto_free) char *path = path_join(dir, name);
    struct err err;

    return path_read(path, text, &err) == 0;
}

/* The number after `label` where that starts a line; -1 when there is none. */
static int64_t labelled_number(const char *text, const char *label)
{
    size_t len = strlen(label);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, label, len) == 0) {
            char *end;
            int64_t number = strtoll(line + len, &end, 10);

            return end == line + len ? -1 : number;
        }
    }
    return -1;
}

static int64_t file_number(const char *dir, const char *name, const char *label)
{
    AUTO(buf_done) struct buf text = BUF_INIT(FILE_MAX_BYTES);

    if (!file_text(dir, name, &text))
        return -1;
    /* "max" is version 2's word for no limit. */
    if (strncmp(buf_text(&text), "max", 3) == 0)
        return -1;
    return labelled_number(buf_text(&text), label);
}

static int64_t group_free_bytes(const char *dir, const struct cgroup_files *files)
{
    int64_t limit = file_number(dir, files->limit, "");
    int64_t usage, inactive, left;

    if (limit < 0 || limit >= UNLIMITED_BYTES)
        return INT64_MAX;
    usage = file_number(dir, files->usage, "");
    if (usage < 0)
        return INT64_MAX;
    inactive = file_number(dir, "memory.stat", files->inactive);
    left = limit - usage + (inactive > 0 ? inactive : 0);
    return left > 0 ? left : 0;
}

/* From the group `path` below `mount` up to the mount itself. In a container the path is
 * often the host's and not there: then the mount alone is what limits us. */
static int64_t groups_free_bytes(const char *mount, const char *path,
                                 const struct cgroup_files *files)
{
    AUTO(auto_free) char *dir = mem_fmt("%s%s", mount, path);
    int64_t least = INT64_MAX;

    for (;;) {
        int64_t left = group_free_bytes(dir, files);
        char *slash;

        if (left < least)
            least = left;
        slash = strrchr(dir, '/');
        if (strlen(dir) <= strlen(mount) || !slash)
            return least;
        *slash = '\0';
    }
}

/* A line of /proc/self/cgroup: "hierarchy:controllers:path". */
static int64_t line_free_bytes(const char *cgroups, const char *line)
{
    AUTO(auto_free) char *memory = path_join(cgroups, "memory");
    AUTO(auto_free) char *unified = path_join(cgroups, "unified");
    const char *controllers = strchr(line, ':');
    const char *path = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!path)
        return INT64_MAX;
    if (strncmp(line, "0::", 3) == 0)
        return groups_free_bytes(path_exists(unified) ? unified : cgroups, path + 1,
                                 &version_2);
    if (strncmp(controllers, ":memory:", strlen(":memory:")) == 0)
        return groups_free_bytes(memory, path + 1, &version_1);
    return INT64_MAX;
}

int64_t memory_free_below(const char *proc, const char *cgroups)
{
    AUTO(buf_done) struct buf text = BUF_INIT(FILE_MAX_BYTES);
    int64_t available_kib = file_number(proc, "meminfo", "MemAvailable:");
    int64_t least = available_kib < 0 ? INT64_MAX : available_kib * 1024;
    char **lines;
    size_t count;

    if (!file_text(proc, "self/cgroup", &text))
        return least;
    lines = parse_list(buf_text(&text), '\n', &count);
    for (size_t i = 0; i < count; i++) {
        int64_t left = line_free_bytes(cgroups, lines[i]);

        if (left < least)
            least = left;
    }
    parse_list_free(lines, count);
    return least;
}

int64_t memory_free_bytes(void)
{
    return memory_free_below("/proc", "/sys/fs/cgroup");
}
