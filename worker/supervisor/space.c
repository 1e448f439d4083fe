/* Disk space: measuring, choosing what to evict, and removing it. */
#include "worker/supervisor/space.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/parse.h"
#include "common/base/path.h"
#include "worker/rundir/rundir.h"
#include "worker/supervisor/journal.h"

#define FREE_WANTED_PERCENT 10
#define FULL_PERCENT        2
#define FULL_BYTES          (INT64_C(16) * 1024 * 1024)
#define LOCK_SUFFIX         ".lock"
/* plugins/<host>/<namespace>/<type>/<version> */
#define PLUGIN_DEPTH 3

enum victim_kind { VICTIM_WORK, VICTIM_GIT, VICTIM_PLUGIN };
static const char *const kind_names[] = {"work", "git", "plugin"};

struct victim {
    enum victim_kind kind;
    char *path;
    int64_t used_s; /* wall clock: when it was last used */
};

struct sweep {
    const struct conf *conf;
    struct journal journal; /* only its directory; the worker holds the lock */
    char *data_dir;
    int64_t bytes; /* of everything below data_dir */
    struct victim *victims;
    size_t count, cap;
};

static int64_t free_percent(const char *dir, int64_t *free_bytes)
{
    struct statvfs fs;

    if (statvfs(dir, &fs) < 0 || fs.f_blocks == 0) {
        *free_bytes = INT64_MAX;
        return 100;
    }
    *free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    return (int64_t)((double)fs.f_bavail * 100 / (double)fs.f_blocks);
}

bool space_is_full(const char *dir)
{
    int64_t free_bytes;
    int64_t percent = free_percent(dir, &free_bytes);

    return percent < FULL_PERCENT || free_bytes < FULL_BYTES;
}

static bool enough_room(const struct sweep *sweep)
{
    int64_t free_bytes;

    return sweep->bytes <= sweep->conf->data_max_bytes &&
           free_percent(sweep->data_dir, &free_bytes) >= FREE_WANTED_PERCENT;
}

/* ---- what could go ---- */
static void add_victim(struct sweep *sweep, enum victim_kind kind, char *path)
{
    struct stat info;

    if (lstat(path, &info) < 0 || !S_ISDIR(info.st_mode)) {
        free(path);
        return;
    }
    if (sweep->count == sweep->cap) {
        sweep->cap = sweep->cap ? sweep->cap * 2 : 16;
        sweep->victims = mem_grow(sweep->victims, sweep->cap, sizeof *sweep->victims);
    }
    sweep->victims[sweep->count++] =
        (struct victim){.kind = kind, .path = path, .used_s = info.st_mtime};
}

static void auto_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

/* The directories `depth` levels below those in `parent`. Symbolic links are no
 * directories of ours. */
static void add_entries(struct sweep *sweep, enum victim_kind kind, const char *parent,
                        int depth)
{
    AUTO(auto_dir) DIR *dir = opendir(parent);
    struct stat info;
    const struct dirent *entry;

    if (lstat(parent, &info) < 0 || !S_ISDIR(info.st_mode))
        return;
    while (dir && (entry = readdir(dir))) {
        AUTO(auto_free) char *path = path_join(parent, entry->d_name);

        if (entry->d_name[0] == '.')
            continue;
        if (depth > 0)
            add_entries(sweep, kind, path, depth - 1);
        else
            add_victim(sweep, kind, TAKE(path));
    }
}

static int older_first(const void *a, const void *b)
{
    const struct victim *x = a, *y = b;

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->used_s > y->used_s) - (x->used_s < y->used_s);
}

static void collect(struct sweep *sweep)
{
    AUTO(auto_free) char *work = path_join(sweep->journal.dir, "work");
    AUTO(auto_free) char *git = path_join(sweep->data_dir, "git");
    AUTO(auto_free) char *plugins = path_join(sweep->data_dir, "plugins");

    add_entries(sweep, VICTIM_WORK, work, 0);
    add_entries(sweep, VICTIM_GIT, git, 0);
    add_entries(sweep, VICTIM_PLUGIN, plugins, PLUGIN_DEPTH);
    if (sweep->count > 0)
        qsort(sweep->victims, sweep->count, sizeof *sweep->victims, older_first);
}

/* ---- what must stay ---- */
/* Has it a run of that target (NULL: any) that is not over and acknowledged? */
static bool holds_target(const struct journal *journal, const char *target)
{
    size_t count;
    char **runs = journal_runs(journal, &count);
    bool held = false;

    for (size_t i = 0; i < count && !held; i++) {
        AUTO(auto_free) char *dir = journal_run_dir(journal, runs[i]);
        AUTO(run_order_done) struct run_order order = {0};
        struct err err;

        if (journal_is_settled(dir) && !rundir_alive(dir))
            continue;
        /* One that cannot be read may be of any target. */
        held = !target || rundir_read_order(dir, &order, &err) < 0 ||
               strcmp(order.target, target) == 0;
    }
    parse_list_free(runs, count);
    return held;
}

static bool any_worker_holds_a_run(const struct sweep *sweep)
{
    for (int n = 0; n < JOURNAL_WORKERS_MAX; n++) {
        AUTO(auto_free) char *dir = mem_fmt("%s/w%d", sweep->data_dir, n);
        const struct journal other = {.dir = dir, .lock_fd = -1, .poke_fd = -1};

        if (!path_exists(dir))
            return false;
        if (holds_target(&other, NULL))
            return true;
    }
    return false;
}

/* The cache's lock, as checkout and init take it; -1 while somebody has it. */
static int lock_cache(const char *path)
{
    AUTO(auto_free) char *name = mem_fmt("%s" LOCK_SUFFIX, path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* ---- removing ---- */
static int move_away(struct sweep *sweep, const struct victim *victim, struct err *err)
{
    AUTO(auto_free) char *plugins = path_join(sweep->data_dir, "plugins");
    AUTO(auto_close) int lock = -1;

    switch (victim->kind) {
    case VICTIM_WORK:
        lock = journal_lock_targets(sweep->journal.dir);
        if (lock < 0 || holds_target(&sweep->journal, strrchr(victim->path, '/') + 1))
            return 1;
        break;
    case VICTIM_GIT:
        lock = lock_cache(victim->path);
        if (lock < 0)
            return 1;
        break;
    case VICTIM_PLUGIN:
        lock = lock_cache(plugins);
        if (lock < 0 || any_worker_holds_a_run(sweep))
            return 1;
        break;
    }
    return journal_trash(&sweep->journal, victim->path, err);
}

/* What is in it, never itself: somebody may be moving something there. */
static void empty_trash(const struct sweep *sweep)
{
    AUTO(auto_free) char *trash = path_join(sweep->journal.dir, "trash");
    AUTO(auto_dir) DIR *dir = NULL;
    const struct dirent *entry;
    struct err err;

    if (path_mkdirs(trash, 0700, &err) < 0)
        log_error("sweep_failed", "error=%s", err.message);
    dir = opendir(trash);
    while (dir && (entry = readdir(dir))) {
        AUTO(auto_free) char *path = path_join(trash, entry->d_name);

        if (entry->d_name[0] != '.' && path_remove_tree(path, &err) < 0)
            log_error("sweep_failed", "error=%s", err.message);
    }
}

static void evict(struct sweep *sweep)
{
    for (size_t i = 0; i < sweep->count && !enough_room(sweep); i++) {
        const struct victim *victim = &sweep->victims[i];
        int64_t bytes = path_tree_bytes(victim->path);
        struct err err;
        int moved = move_away(sweep, victim, &err);

        if (moved < 0)
            log_error("sweep_failed", "error=%s", err.message);
        if (moved != 0)
            continue;
        empty_trash(sweep);
        sweep->bytes -= bytes;
        log_info("evicted", "kind=%s path=%s bytes=%" PRId64, kind_names[victim->kind],
                 victim->path, bytes);
    }
}

int space_main(const struct conf *conf, const char *worker_dir)
{
    AUTO(auto_free) char *dir = mem_dup(worker_dir);
    AUTO(auto_free) char *data_dir = mem_dup(worker_dir);
    struct sweep sweep = {.conf = conf,
                          .journal = {.dir = dir, .lock_fd = -1, .poke_fd = -1},
                          .data_dir = data_dir};
    char *slash = strrchr(data_dir, '/');

    if (!slash)
        return EX_USAGE;
    *slash = '\0';
    empty_trash(&sweep);
    sweep.bytes = path_tree_bytes(data_dir);
    if (!enough_room(&sweep)) {
        collect(&sweep);
        evict(&sweep);
    }
    for (size_t i = 0; i < sweep.count; i++)
        free(sweep.victims[i].path);
    free(sweep.victims);
    return EX_OK;
}
